//! The two directions of a connection while a request is under way.
//!
//! Reading: heads and bodies, each against one absolute deadline. Writing: responses are gathered, so that those to
//! pipelined requests leave together, and enqueued before anything is waited for; the next request is not served before
//! the peer has read enough of the last responses.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crore_base::payload::Payload;
use crore_base::time::{Duration, Instant};
use crore_http::{CONTINUE, ConnectionField, Framing, HeadReader, HttpError, Progress, RequestHead};
use crore_rt::net::{SendError, TcpStream};
use crore_rt::time;

use crate::answer::{About, Pen};
use crate::feed::Feed;
use crate::input::Input;
use crate::limits::{GATHERED_BYTES_MAX, LINGER_BYTES_MAX, ServerOptions};
use crate::response::Response;

/// Why serving a connection stops.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The peer broke a rule or a limit; it is told, if it still listens.
    Refused(HttpError),
    /// The peer is gone.
    Gone,
    /// The peer went away while a handler was at work.
    Abandoned,
    /// The peer did not read, and the connection was reset.
    SlowReader,
    /// A handler panicked.
    Panicked,
    /// A body could not be written to its end, and the connection was reset.
    Truncated,
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Failure::Refused(error)
    }
}

/// A connection, what was received, and what is about to be sent.
pub(crate) struct Wire<'a> {
    stream: TcpStream,
    input: Input,
    output: Vec<u8>,
    options: &'a ServerOptions,
    pen: Pen<'a>,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(
        stream: TcpStream,
        input: Input,
        output: Vec<u8>,
        options: &'a ServerOptions,
        pen: Pen<'a>,
    ) -> Self {
        Wire { stream, input, output, options, pen }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether nothing is left to read of what was received.
    pub(crate) fn is_drained(&self) -> bool {
        self.input.is_empty()
    }

    /// The stream, and what was received and not read.
    pub(crate) fn into_parts(self) -> (TcpStream, Box<[u8]>) {
        assert!(self.output.is_empty(), "what was gathered is enqueued before the stream changes hands");
        (self.stream, self.input.into_rest())
    }

    /// The next head, of which `reader` may have seen a part.
    pub(crate) async fn head(&mut self, mut reader: HeadReader, deadline: Instant) -> Result<RequestHead, Failure> {
        loop {
            if self.input.is_empty() {
                let limit_ms = self.options.head_timeout.as_millis();
                self.fill(deadline, HttpError::HeadTimeout { limit_ms }).await?;
            }
            match reader.on_input(self.input.bytes())? {
                Progress::Partial => self.input.advance(self.input.bytes().len()),
                Progress::Complete { consumed, head } => {
                    self.input.advance(consumed);
                    return Ok(head);
                }
            }
        }
    }

    /// A whole body.
    pub(crate) async fn body(&mut self, feed: &mut Feed) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        self.flush().await?;
        while !feed.is_done() {
            poll_fn(|context| self.poll_feed(feed, &mut body, context)).await?;
        }
        Ok(body)
    }

    /// Adds the next data of a body to `out`; nothing is added only at its end.
    fn poll_feed(
        &mut self,
        feed: &mut Feed,
        out: &mut Vec<u8>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        let before = out.len();
        while out.len() == before && !feed.is_done() {
            if self.input.is_empty() {
                if feed.asks_for_it() {
                    self.output.extend_from_slice(CONTINUE);
                    self.rest();
                }
                match self.stream.poll_recv(context) {
                    Poll::Ready(Ok(lease)) if !lease.is_empty() => self.input = lease.into(),
                    Poll::Ready(_) => return Poll::Ready(Err(Failure::Gone)),
                    Poll::Pending => return feed.poll_late(context).map(|late| Err(Failure::Refused(late))),
                }
            }
            let consumed = feed.take(self.input.bytes(), out)?;
            self.input.advance(consumed);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for more bytes; first sends what was gathered, for which the peer may be waiting.
    async fn fill(&mut self, deadline: Instant, late: HttpError) -> Result<(), Failure> {
        assert!(self.input.is_empty(), "nothing is received over what is not yet read");
        self.flush().await?;
        match time::deadline(deadline, self.stream.recv()).await {
            Err(_) => Err(Failure::Refused(late)),
            Ok(Ok(lease)) if !lease.is_empty() => {
                self.input = lease.into();
                Ok(())
            }
            Ok(_) => Err(Failure::Gone),
        }
    }

    /// Runs what a handler has begun. While it waits no buffer is held, and the peer is watched: if it goes away, so does the handler.
    /// With a `feed` the peer's body is read as the handler asks for it.
    pub(crate) async fn attend<T>(
        &mut self,
        mut work: Pin<Box<dyn Future<Output = T>>>,
        feed: Option<&mut Feed>,
    ) -> Result<T, Failure> {
        let (mut first, mut feed) = (true, feed);
        poll_fn(|context| {
            loop {
                match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
                    Err(_) => return Poll::Ready(Err(Failure::Panicked)),
                    Ok(Poll::Ready(output)) => return Poll::Ready(Ok(output)),
                    Ok(Poll::Pending) => {}
                }
                if std::mem::take(&mut first) {
                    self.rest();
                }
                match feed.as_deref_mut() {
                    Some(feed) if !feed.has_ended() => ready!(self.poll_hatch(feed, context))?,
                    _ => return self.watch(context),
                }
            }
        })
        .await
    }

    /// Something waits for long: no buffer is kept, and what was gathered leaves if it can. A full queue waits for the handler, as
    /// the peer does not read.
    fn rest(&mut self) {
        self.input.settle();
        if !self.output.is_empty() && self.stream.send(&self.output[..]).is_ok() {
            self.output = Vec::new();
        }
    }

    /// Lays a piece of the body down when the handler asks for one.
    fn poll_hatch(&mut self, feed: &mut Feed, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        ready!(feed.hatch().poll_asked(context));
        let mut piece = Vec::new();
        ready!(self.poll_feed(feed, &mut piece, context))?;
        self.input.settle();
        feed.put(piece);
        Poll::Ready(Ok(()))
    }

    /// Looks for the peer's end. What comes early is the next request: one lease of it is kept, then the peer is no longer watched.
    fn watch<T>(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        if self.input.is_empty() {
            match self.stream.poll_recv(context) {
                Poll::Ready(Ok(lease)) if !lease.is_empty() => {
                    self.input = lease.into();
                    self.input.settle();
                }
                Poll::Ready(_) => return Poll::Ready(Err(Failure::Abandoned)),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    /// Writes a response's head behind what is gathered.
    pub(crate) fn write_head(&mut self, response: &Response, framing: Framing, connection: ConnectionField) {
        self.pen.write(&mut self.output, response, framing, connection);
    }

    /// Writes a response that is all at hand and short behind what is gathered; false if it is not such a one.
    pub(crate) fn write_whole(&mut self, response: &Response, about: About, keeps: bool) -> bool {
        self.pen.write_whole(&mut self.output, response, about, keeps)
    }

    /// How long a peer may take to read.
    pub(crate) fn patience(&self) -> Duration {
        self.options.write_timeout
    }

    /// Enqueues what was gathered if it is much.
    pub(crate) async fn flush_much(&mut self) -> Result<(), Failure> {
        if self.output.len() >= GATHERED_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    /// Enqueues what was gathered, and a body as it is.
    pub(crate) async fn enqueue_after_output(&mut self, body: Payload) -> Result<(), Failure> {
        self.flush().await?;
        self.enqueue(body).await
    }

    /// Enqueues what was gathered.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        if self.output.is_empty() {
            return Ok(());
        }
        let payload = Payload::from(&self.output[..]);
        self.output.clear();
        self.enqueue(payload).await
    }

    /// Enqueues a payload, and waits until the peer has read enough of what is queued.
    async fn enqueue(&mut self, payload: Payload) -> Result<(), Failure> {
        let deadline = time::now() + self.options.write_timeout;
        if let Err(error) = self.stream.send(payload.clone()) {
            let SendError::Full { .. } = error else {
                return Err(Failure::Gone);
            };
            self.input.settle();
            // An empty queue takes any payload, so one wait is enough.
            self.written(time::deadline(deadline, self.stream.flushed()).await)?;
            self.stream.send(payload).map_err(|_| Failure::Gone)?;
        }
        self.written(time::deadline(deadline, self.stream.sendable()).await)
    }

    fn written(&self, waited: Result<Result<(), SendError>, time::Elapsed>) -> Result<(), Failure> {
        match waited {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::Gone),
            Err(_) => {
                self.stream.id().abort();
                Err(Failure::SlowReader)
            }
        }
    }

    /// Ends the connection after its last response: reads on for a bounded time, because closing with bytes unread would
    /// reset the connection and could take the response away from the peer.
    pub(crate) async fn linger(mut self) {
        if self.flush().await.is_err() {
            return;
        }
        self.stream.shutdown();
        self.input = Input::default();
        let deadline = time::now() + self.options.linger_timeout;
        let mut left = LINGER_BYTES_MAX;
        while let Ok(Ok(lease)) = time::deadline(deadline, self.stream.recv()).await {
            if lease.is_empty() || lease.len() > left {
                return;
            }
            left -= lease.len();
        }
    }
}
