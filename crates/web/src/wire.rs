//! The two directions of a connection while a request is under way.
//!
//! Reading: heads and bodies, each against one absolute deadline. Writing: responses are gathered, so that those to
//! pipelined requests leave together, and enqueued before anything is waited for; the next request is not served before
//! the peer has read enough of the last responses.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crore_base::payload::Payload;
use crore_base::time::Instant;
use crore_http::{
    BodyDecoder, BodyLength, CONTINUE, ConnectionField, Fields, Framing, HeadReader, HttpError, Limits, Progress,
    RequestHead, Status, append_response,
};
use crore_rt::net::{Lease, SendError, TcpStream};
use crore_rt::time;

use crate::application::Handling;
use crate::date::DateLine;
use crate::input::Input;
use crate::limits::{BODY_COPIED_BYTES_MAX, GATHERED_BYTES_MAX, LINGER_BYTES_MAX, ServerOptions};
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
    date: &'a DateLine,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(stream: TcpStream, first: Lease, options: &'a ServerOptions, date: &'a DateLine) -> Self {
        Wire { stream, input: first.into(), output: Vec::new(), options, date }
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

    /// The next head.
    pub(crate) async fn head(&mut self, deadline: Instant) -> Result<RequestHead, Failure> {
        let mut reader = HeadReader::new(&self.options.http);
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

    /// The body that follows `head`, up to `bytes_max`; asks for it first if the client waits for that.
    pub(crate) async fn body(&mut self, head: &RequestHead, bytes_max: u64) -> Result<Vec<u8>, Failure> {
        if head.body() == BodyLength::None {
            return Ok(Vec::new());
        }
        let limits = Limits { body_bytes: bytes_max, ..self.options.http };
        let mut decoder = BodyDecoder::new(head.body(), &limits)?;
        if head.expects_continue() && self.input.is_empty() {
            self.output.extend_from_slice(CONTINUE);
        }
        let deadline = time::now() + self.options.body_timeout;
        let limit_ms = self.options.body_timeout.as_millis();
        let mut body = Vec::new();
        while !decoder.is_done() {
            if self.input.is_empty() {
                self.fill(deadline, HttpError::BodyTimeout { limit_ms }).await?;
            }
            let bytes = self.input.bytes();
            let step = decoder.on_input(bytes)?;
            body.extend_from_slice(&bytes[step.data]);
            self.input.advance(step.consumed);
        }
        Ok(body)
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

    /// Runs a handler. Most are ready at once; while one is not, no buffer is held, and the peer is watched: if it goes
    /// away, so does the handler.
    pub(crate) async fn attend(&mut self, mut handling: Handling) -> Result<Response, Failure> {
        let mut first = true;
        poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context)));
            match polled {
                Err(_) => return Poll::Ready(Err(Failure::Panicked)),
                Ok(Poll::Ready(response)) => return Poll::Ready(Ok(response)),
                Ok(Poll::Pending) => {}
            }
            if std::mem::take(&mut first) {
                self.input.settle();
                // A queue with room takes it at once; without room it waits for the handler, as the peer does not read.
                if !self.output.is_empty() && self.stream.send(&self.output[..]).is_ok() {
                    self.output = Vec::new();
                }
            }
            // What comes early is the next request: one lease of it is kept, then the peer is no longer watched.
            if self.input.is_empty() {
                match pin!(self.stream.recv()).poll(context) {
                    Poll::Ready(Ok(lease)) if !lease.is_empty() => {
                        self.input = lease.into();
                        self.input.settle();
                    }
                    Poll::Ready(_) => return Poll::Ready(Err(Failure::Abandoned)),
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Gathers a response. A body that is long or shared is enqueued as it is.
    pub(crate) async fn respond(
        &mut self,
        status: Status,
        mut fields: Fields,
        framing: Framing,
        connection: ConnectionField,
        body: Outgoing,
    ) -> Result<(), Failure> {
        if let Some(clock) = self.options.wall_clock {
            self.date.append_to(&mut fields, clock);
        }
        append_response(&mut self.output, status, &fields, framing, connection);
        match body {
            Outgoing::Nothing => {}
            Outgoing::Bytes(bytes) if bytes.len() <= BODY_COPIED_BYTES_MAX => self.output.extend_from_slice(&bytes),
            Outgoing::Shared(bytes) if bytes.len() <= BODY_COPIED_BYTES_MAX => self.output.extend_from_slice(&bytes),
            Outgoing::Bytes(bytes) => return self.enqueue_after_output(bytes.into()).await,
            Outgoing::Shared(payload) => return self.enqueue_after_output(payload).await,
        }
        if self.output.len() >= GATHERED_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    async fn enqueue_after_output(&mut self, body: Payload) -> Result<(), Failure> {
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

/// A body on its way.
pub(crate) enum Outgoing {
    Nothing,
    Bytes(Vec<u8>),
    Shared(Payload),
}
