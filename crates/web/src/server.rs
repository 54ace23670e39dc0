//! Accepts connections on one core and serves an application on them.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crore_http::HttpError;
use crore_rt::net::{StreamOption, TcpListener, TcpStream, TlsServer};
use crore_rt::{spawn_detached, time};

use crate::answer::Pen;
use crate::application::Application;
use crate::connection::Connection;
use crate::counts::{Counter, Counts};
use crate::date::DateLine;
use crate::drain::Drain;
use crate::limits::ServerOptions;
use crate::rate::Bucket;
use crate::wire::Failure;

/// An application and how it is served, on one core; clones are the same server, for another listener.
pub struct Server<S> {
    shared: Rc<Shared<S>>,
    tls: Option<TlsServer>,
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Server { shared: Rc::clone(&self.shared), tls: self.tls.clone() }
    }
}

/// What all connections of a server share.
pub(crate) struct Shared<S> {
    pub(crate) application: Application<S>,
    pub(crate) options: ServerOptions,
    pub(crate) drain: Drain,
    pub(crate) counter: Counter,
    pub(crate) date: DateLine,
    /// Where answers are gathered, for one connection at a time.
    pub(crate) output: Cell<Vec<u8>>,
}

impl<S> Shared<S> {
    /// What writes heads of responses.
    pub(crate) fn pen(&self) -> Pen<'_> {
        Pen { date: &self.date, clock: self.options.wall_clock }
    }

    /// Counts why a connection is no longer served.
    pub(crate) fn note(&self, failure: &Failure) {
        tracing::debug!(?failure, "a connection is no longer served");
        self.counter.add(|counts| match failure {
            Failure::Refused(HttpError::HeadTimeout { .. } | HttpError::BodyTimeout { .. }) => &mut counts.timed_out,
            Failure::Refused(_) => &mut counts.refused,
            Failure::Gone => &mut counts.gone,
            Failure::Abandoned => &mut counts.abandoned,
            Failure::SlowReader => &mut counts.slow_readers,
            Failure::Panicked => &mut counts.panics,
            Failure::Truncated => &mut counts.truncated,
        });
    }
}

impl<S: 'static> Server<S> {
    /// A server that nobody can reach yet.
    pub fn new(application: Application<S>, options: ServerOptions) -> Self {
        let (drain, counter, date) = (Drain::default(), Counter::default(), DateLine::default());
        let output = Cell::default();
        Server { shared: Rc::new(Shared { application, options, drain, counter, date, output }), tls: None }
    }

    /// The same server, which speaks TLS to those whom this value takes: `https` and `wss`. Other clones go on as they were. The
    /// handshake is part of the time for the first head, so who is slow in it is cut off like who is slow in asking.
    pub fn secured(self, tls: TlsServer) -> Self {
        Server { tls: Some(tls), ..self }
    }

    /// Takes connections until the drain starts, at most as fast as the options say; then closes the listener.
    ///
    /// # Errors
    /// Only when the listener is broken. Running out of descriptors makes it rest.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let rate = self.shared.options.accepts_per_second;
        let mut bucket = rate.map(|per_second| Bucket::new(per_second, time::now()));
        let drain = &self.shared.drain;
        loop {
            while let Some(Err(due)) = bucket.as_mut().map(|bucket| bucket.take(time::now())) {
                if drain.while_accepting(time::sleep_until(due)).await.is_none() {
                    return Ok(());
                }
            }
            match drain.while_accepting(listener.accept()).await {
                None => return Ok(()),
                Some(accepted) => self.begin(accepted?),
            }
        }
    }

    /// Serves one connection that was accepted elsewhere.
    pub fn begin(&self, stream: TcpStream) {
        let counter = &self.shared.counter;
        counter.add(|counts| &mut counts.accepted);
        let limit = StreamOption::SendLimit(self.shared.options.send_queue_bytes);
        if stream.set(limit).is_err() {
            // Gone already.
            return;
        }
        if let Some(error) = self.tls.as_ref().and_then(|tls| stream.secure_as_server(tls).err()) {
            tracing::error!(%error, "a connection cannot be secured");
            return;
        }
        if spawn_detached(Connection::new(stream, Rc::clone(&self.shared))).is_err() {
            counter.add(|counts| &mut counts.dropped_full);
        }
    }

    /// The handle to its graceful shutdown.
    pub fn drain(&self) -> Drain {
        self.shared.drain.clone()
    }

    /// What it has counted.
    pub fn counts(&self) -> Counts {
        self.shared.counter.read()
    }

    /// The application's state.
    pub fn state(&self) -> &Rc<S> {
        self.shared.application.state()
    }
}
