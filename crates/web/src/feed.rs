//! A request's body while it comes: decoded, timed, and handed to who reads it.
//!
//! Its time grows with what has come: a peer that sends no faster than the slowest rate allowed is cut, however large its body, and one
//! that sends faster may send for as long as it takes.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crore_base::time::{Duration, Instant};
use crore_http::{BodyDecoder, Headers, HttpError, Limits, RequestHead};
use crore_rt::time::{self, Sleep};

use crate::body::Hatch;
use crate::limits::ServerOptions;

/// The body of the request that is being served.
pub(crate) struct Feed {
    decoder: BodyDecoder,
    hatch: Rc<Hatch>,
    /// The end was laid down, or there is nobody to lay down for.
    has_ended: bool,
    /// The client waits for `100 Continue`, and was not told yet.
    expects: bool,
    begun: Instant,
    timeout: Duration,
    bytes_per_second_min: u64,
    received: u64,
    late: Option<Sleep>,
}

impl Feed {
    /// The body that follows `head`, of at most `bytes_max`.
    ///
    /// # Errors
    /// It is announced to be longer.
    pub(crate) fn new(head: &RequestHead, bytes_max: u64, options: &ServerOptions) -> Result<Feed, HttpError> {
        let limits = Limits { body_bytes: bytes_max, ..options.http };
        Ok(Feed {
            decoder: BodyDecoder::new(head.body(), &limits)?,
            hatch: Rc::default(),
            has_ended: false,
            expects: head.expects_continue(),
            begun: time::now(),
            timeout: options.body_timeout,
            bytes_per_second_min: u64::from(options.body_bytes_per_second_min.max(1)),
            received: 0,
            late: None,
        })
    }

    /// Where a handler takes the pieces.
    pub(crate) fn hatch(&self) -> &Rc<Hatch> {
        &self.hatch
    }

    /// All of the body was decoded.
    pub(crate) fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// The handler was told of the end.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether the client has to be told to send; true once, and only before anything has come.
    pub(crate) fn asks_for_it(&mut self) -> bool {
        std::mem::take(&mut self.expects) && self.received == 0
    }

    /// Decodes what has come, up to the end of a run of data, and adds the data to `out`: bytes consumed.
    ///
    /// # Errors
    /// What [`BodyDecoder::on_input`] says.
    pub(crate) fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, HttpError> {
        let step = self.decoder.on_input(input)?;
        assert!(step.consumed > 0, "something of what has come is consumed");
        out.extend_from_slice(&input[step.data]);
        self.received += step.consumed as u64;
        Ok(step.consumed)
    }

    /// What followed a body that is done.
    pub(crate) fn take_trailers(&mut self) -> Option<Headers> {
        self.decoder.take_trailers()
    }

    /// Lays a piece down for the handler; an empty one is the end.
    pub(crate) fn put(&mut self, piece: Vec<u8>) {
        self.has_ended = piece.is_empty();
        if self.has_ended {
            self.hatch.put_trailers(self.decoder.take_trailers());
        }
        self.hatch.put(piece);
    }

    /// Ready when the peer has been too slow.
    pub(crate) fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<HttpError> {
        loop {
            let grown = Duration::from_millis(self.received.saturating_mul(1_000) / self.bytes_per_second_min);
            let deadline = self.begun + self.timeout + grown;
            let sleep = self.late.get_or_insert_with(|| time::sleep_until(deadline));
            ready!(Pin::new(sleep).poll(context));
            self.late = None;
            if time::now() >= deadline {
                return Poll::Ready(HttpError::BodyTimeout { limit_ms: self.timeout.as_millis() });
            }
        }
    }
}
