//! The task of a connection that speaks HTTP.
//!
//! While it waits it is this struct and nothing else: no parser, no buffer. When bytes come, what can be answered at once [is](prompt); for
//! the rest an [`exchange`] is boxed and polled until the connection waits again. Written by hand and not as an `async fn`, because
//! its size is what ten million connections pay, and every local that lives across an await would be in it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crore_base::time::Instant;
use crore_rt::net::{Lease, TcpStream};
use crore_rt::time::{self, Sleep};

use crate::exchange::{Start, exchange};
use crate::prompt;
use crate::server::Shared;

/// One connection, from accept until it closes or is taken over.
pub(crate) struct Connection<S> {
    shared: Rc<Shared<S>>,
    state: State,
    /// Our place in the drain, once the task runs.
    place: Option<u32>,
}

enum State {
    /// For a request: the first, or another.
    Waiting {
        stream: TcpStream,
        /// When it has waited too long.
        deadline: Instant,
        /// Wakes it then, or earlier: a deadline that moves on leaves it as it is, so that a busy connection arms no timer.
        sleep: Sleep,
        is_new: bool,
    },
    Serving(Pin<Box<dyn Future<Output = Option<TcpStream>>>>),
    Over,
}

impl<S: 'static> Connection<S> {
    pub(crate) fn new(stream: TcpStream, shared: Rc<Shared<S>>) -> Self {
        let deadline = time::now() + shared.options.head_timeout;
        let state = State::Waiting { stream, deadline, sleep: time::sleep_until(deadline), is_new: true };
        Connection { shared, state, place: None }
    }

    /// Serves the bytes that have come.
    fn serve(&mut self, received: Lease, context: &mut Context<'_>) {
        let State::Waiting { stream, deadline, is_new, .. } = &mut self.state else {
            unreachable!("only a connection that waits is served");
        };
        let now = time::now();
        match prompt::serve(&self.shared, stream, received, context) {
            None => {
                *is_new = false;
                *deadline = now + self.shared.options.idle_timeout;
            }
            Some(start) => {
                let head_deadline = if *is_new { *deadline } else { now + self.shared.options.head_timeout };
                self.begin(start, head_deadline);
            }
        }
    }

    fn begin(&mut self, start: Start, head_deadline: Instant) {
        let State::Waiting { stream, .. } = std::mem::replace(&mut self.state, State::Over) else {
            unreachable!("only a connection that waits begins an exchange");
        };
        let shared = Rc::clone(&self.shared);
        self.state = State::Serving(Box::pin(exchange(stream, start, head_deadline, shared)));
    }

    /// Ready when the connection has waited too long.
    fn poll_tired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Waiting { deadline, sleep, is_new, .. } = &mut self.state else {
            unreachable!("only a connection that waits can tire");
        };
        loop {
            ready!(Pin::new(&mut *sleep).poll(context));
            if time::now() >= *deadline {
                break;
            }
            *sleep = time::sleep_until(*deadline);
        }
        let is_new = *is_new;
        self.shared.counter.add(|counts| match is_new {
            true => &mut counts.timed_out,
            false => &mut counts.idle_closed,
        });
        Poll::Ready(())
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
            let stream = match &mut this.state {
                State::Waiting { stream, .. } => stream,
                State::Serving(exchange) => match ready!(exchange.as_mut().poll(context)) {
                    None => return Poll::Ready(()),
                    Some(stream) => {
                        let deadline = time::now() + this.shared.options.idle_timeout;
                        let sleep = time::sleep_until(deadline);
                        this.state = State::Waiting { stream, deadline, sleep, is_new: false };
                        continue;
                    }
                },
                State::Over => return Poll::Ready(()),
            };
            if this.shared.drain.is_started() {
                return Poll::Ready(());
            }
            match stream.poll_recv(context) {
                Poll::Ready(Ok(lease)) if !lease.is_empty() => this.serve(lease, context),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return this.poll_tired(context),
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
