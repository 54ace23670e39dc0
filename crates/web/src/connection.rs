//! The task of a connection that speaks HTTP.
//!
//! While it waits it is this struct and nothing else: no parser, no buffer. When bytes come, an [`exchange`] is boxed and
//! polled until the connection waits again. Written by hand and not as an `async fn`, because its size is what ten
//! million connections pay, and every local that lives across an await would be in it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crore_base::time::Instant;
use crore_rt::net::{Lease, TcpStream};
use crore_rt::time::{self, Sleep};

use crate::exchange::exchange;
use crate::server::Shared;

/// One connection, from accept until it closes or is taken over.
pub(crate) struct Connection<S> {
    shared: Rc<Shared<S>>,
    state: State,
    /// Our place in the drain, once the task runs.
    place: Option<u32>,
}

enum State {
    /// For a first request, until the deadline of its head.
    New {
        stream: TcpStream,
        deadline: Instant,
        sleep: Sleep,
    },
    /// For another request.
    Idle {
        stream: TcpStream,
        sleep: Sleep,
    },
    Serving(Pin<Box<dyn Future<Output = Option<TcpStream>>>>),
    Over,
}

impl<S: 'static> Connection<S> {
    pub(crate) fn new(stream: TcpStream, shared: Rc<Shared<S>>) -> Self {
        let deadline = time::now() + shared.options.head_timeout;
        let state = State::New { stream, deadline, sleep: time::sleep_until(deadline) };
        Connection { shared, state, place: None }
    }

    /// Starts serving the bytes that have come.
    fn begin(&mut self, first: Lease) {
        let (stream, deadline) = match std::mem::replace(&mut self.state, State::Over) {
            State::New { stream, deadline, .. } => (stream, deadline),
            State::Idle { stream, .. } => (stream, time::now() + self.shared.options.head_timeout),
            State::Serving(_) | State::Over => unreachable!("only a connection that waits begins"),
        };
        let shared = Rc::clone(&self.shared);
        self.state = State::Serving(Box::pin(exchange(stream, first, deadline, shared)));
    }
}

impl<S: 'static> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.place.is_none() {
            this.place = Some(this.shared.drain.enter(context.waker()));
        }
        loop {
            let (stream, sleep) = match &mut this.state {
                State::New { stream, sleep, .. } | State::Idle { stream, sleep } => (stream, sleep),
                State::Serving(exchange) => match ready!(exchange.as_mut().poll(context)) {
                    None => return Poll::Ready(()),
                    Some(stream) => {
                        let sleep = time::sleep(this.shared.options.idle_timeout);
                        this.state = State::Idle { stream, sleep };
                        continue;
                    }
                },
                State::Over => return Poll::Ready(()),
            };
            if this.shared.drain.is_started() {
                return Poll::Ready(());
            }
            // Waiting to receive has no state of its own, so the future may be made anew for each poll.
            let received = pin!(stream.recv()).poll(context);
            match received {
                Poll::Ready(Ok(lease)) if !lease.is_empty() => this.begin(lease),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    ready!(Pin::new(sleep).poll(context));
                    let is_new = matches!(this.state, State::New { .. });
                    this.shared.counter.add(|counts| match is_new {
                        true => &mut counts.timed_out,
                        false => &mut counts.idle_closed,
                    });
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.shared.drain.leave(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_waits_costs_its_struct() {
        let size = size_of::<Connection<()>>();
        println!("a connection that waits for a request: {size} bytes");
        assert!(size <= 96, "{size}");
    }

    fn size_of_future<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_request_under_way_costs_one_box_of_bounded_size() {
        let size = size_of_future(exchange::<()>);
        println!("a request under way: {size} bytes, its head, body and handler apart");
        assert!(size <= 2048, "{size}");
    }
}
