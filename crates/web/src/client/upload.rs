//! A request whose body is still being sent.
//!
//! The body goes into the connection's send queue piece by piece; [`Upload::write`] waits when the queue is full, and looks at each
//! piece whether the server has answered already: a final answer ends the sending (RFC 9112, section 9.3). A body that was not sent
//! as announced ends the connection with the exchange.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use crore_base::payload::Payload;
use crore_base::time::{Duration, Instant};
use crore_http::{
    ConnectionField, Fields, Framing, LAST_CHUNK, Limits, ResponseEvent, ResponseHead, ResponseReader, Status, chunk,
    encode_request,
};
use crore_rt::net::SendError;
use crore_rt::time;

use super::link::{Home, Link};
use super::{ClientError, ClientOptions, Download};
use crate::limits::{BODY_COPIED_BYTES_MAX, EXPECT_BYTES_MIN, UPLOAD_PIECE_BYTES};

/// A request under way: give it its body with [`write`](Upload::write), then [`finish`](Upload::finish). Dropping it closes the
/// connection.
#[derive(Debug)]
pub struct Upload<'a> {
    link: Link,
    home: Home<'a>,
    reader: ResponseReader,
    body: Outgoing,
    /// The final answer's head, once it has come.
    head: Option<ResponseHead>,
    /// The server has said `100 Continue`.
    continued: bool,
    /// At least one byte of an answer was received.
    heard: bool,
    times: Times,
    limits: Limits,
    to_head: bool,
}

/// What of the body is still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Length { whole: u64, sent: u64 },
    Chunks,
    Complete,
}

/// The deadlines of one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) whole: Instant,
    head: Duration,
    proceed: Duration,
}

impl Times {
    pub(super) fn of(options: &ClientOptions) -> Times {
        let whole = time::now() + options.response_timeout;
        Times { whole, head: options.head_timeout, proceed: options.continue_timeout }
    }
}

/// A request as it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Ask<'r> {
    pub(super) method: &'r str,
    pub(super) target: &'r str,
    pub(super) host: &'r str,
    pub(super) fields: &'r Fields,
}

impl<'r> Ask<'r> {
    fn encode(&self, framing: Framing) -> Result<Vec<u8>, ClientError> {
        let Ask { method, target, host, fields } = *self;
        let with_expect;
        let is_large = match framing {
            Framing::Length(length) => length >= EXPECT_BYTES_MIN,
            Framing::Chunked => true,
            Framing::None | Framing::UntilClose => false,
        };
        let fields = match is_large {
            false => fields,
            true => {
                let mut more = fields.clone();
                more.push("Expect", "100-continue")?;
                with_expect = more;
                &with_expect
            }
        };
        Ok(encode_request(method, target, host, fields, framing, ConnectionField::Implied)?)
    }
}

impl<'a> Upload<'a> {
    /// Sends the head, with a body behind it that is there as a whole. An empty body is announced for `POST`, `PUT` and `PATCH` only.
    ///
    /// # Errors
    /// The request cannot be sent. That the connection is gone shows when the answer is waited for.
    pub(super) fn begin_whole(
        link: Link,
        home: Home<'a>,
        ask: Ask<'_>,
        body: &[u8],
        times: Times,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let framing = match (body.len(), ask.method) {
            (0, "POST" | "PUT" | "PATCH") => Framing::Length(0),
            (0, _) => Framing::None,
            (length, _) => Framing::Length(length as u64),
        };
        let mut bytes = ask.encode(framing)?;
        let mut outgoing = Outgoing::Length { whole: body.len() as u64, sent: 0 };
        if body.len() <= BODY_COPIED_BYTES_MAX {
            bytes.extend_from_slice(body);
            outgoing = Outgoing::Complete;
        }
        Ok(Upload::begin(link, home, bytes, outgoing, ask.method == "HEAD", times, options))
    }

    /// Sends the head of a request whose body follows: of `length` bytes, or in chunks.
    ///
    /// # Errors
    /// As [`begin_whole`](Upload::begin_whole), and what waiting for `100 Continue` meets.
    pub(super) async fn begin_streamed(
        link: Link,
        home: Home<'a>,
        ask: Ask<'_>,
        length: Option<u64>,
        times: Times,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let bytes = ask.encode(length.map_or(Framing::Chunked, Framing::Length))?;
        let outgoing = length.map_or(Outgoing::Chunks, |whole| Outgoing::Length { whole, sent: 0 });
        let mut upload = Upload::begin(link, home, bytes, outgoing, ask.method == "HEAD", times, options);
        if length.is_none_or(|length| length >= EXPECT_BYTES_MIN) {
            upload.proceed().await?;
        }
        Ok(upload)
    }

    fn begin(
        link: Link,
        home: Home<'a>,
        head: Vec<u8>,
        body: Outgoing,
        to_head: bool,
        times: Times,
        options: &ClientOptions,
    ) -> Self {
        // A connection that is gone says so when the answer is waited for; there it is known whether one began.
        let _ = link.stream.send(head);
        // What is read piece by piece needs no room, so it has no limit; what is collected has.
        let reader = ResponseReader::new(to_head, &Limits { body_bytes: u64::MAX, ..options.http });
        let limits = options.http;
        Upload { link, home, reader, body, head: None, continued: false, heard: false, times, limits, to_head }
    }

    /// Sends a piece of the body; waits for room in the send queue (1 MiB unless set otherwise). One copy. True: go on. False: the
    /// server has answered already, so nothing more is sent: [`finish`](Upload::finish) gives the answer.
    ///
    /// # Errors
    /// More than was announced ([`ClientError::BodyLength`]), a connection that ended without an answer, a deadline.
    pub async fn write(&mut self, piece: &[u8]) -> Result<bool, ClientError> {
        if self.head.is_some() || piece.is_empty() {
            return Ok(self.head.is_none());
        }
        let bytes = match &mut self.body {
            Outgoing::Complete => return Err(ClientError::BodyLength { announced: 0, given: piece.len() as u64 }),
            Outgoing::Chunks => Payload::from(chunk(piece)),
            Outgoing::Length { whole, sent } => {
                let given = sent.saturating_add(piece.len() as u64);
                if given > *whole {
                    return Err(ClientError::BodyLength { announced: *whole, given });
                }
                *sent = given;
                Payload::from(piece)
            }
        };
        self.enqueue(bytes).await
    }

    /// Ends the body and waits for the head of the answer.
    ///
    /// # Errors
    /// Less was given than was announced, and the server has not answered; otherwise as [`write`](Upload::write).
    pub async fn finish(mut self) -> Result<Download<'a>, ClientError> {
        match self.body {
            Outgoing::Length { whole, sent } if sent < whole && self.head.is_none() => {
                return Err(ClientError::BodyLength { announced: whole, given: sent });
            }
            Outgoing::Length { whole, sent } if sent == whole => self.body = Outgoing::Complete,
            _ => {}
        }
        let is_open = self.body == Outgoing::Chunks && self.head.is_none();
        if is_open && self.enqueue(Payload::from(LAST_CHUNK)).await? {
            self.body = Outgoing::Complete;
        }
        self.answer().await?;
        Ok(self.into_download())
    }

    /// Sends what is left of a body that is there as a whole, and waits for the head of the answer.
    pub(super) async fn exchange(&mut self, body: &[u8]) -> Result<(), ClientError> {
        if let Outgoing::Length { whole, sent: 0 } = self.body {
            assert_eq!(whole, body.len() as u64, "the body is the one that was announced");
            if whole >= EXPECT_BYTES_MIN {
                self.proceed().await?;
            }
            let mut goes_on = self.head.is_none();
            let mut pieces = body.chunks(UPLOAD_PIECE_BYTES);
            while goes_on && let Some(piece) = pieces.next() {
                goes_on = self.write(piece).await?;
            }
            if goes_on {
                self.body = Outgoing::Complete;
            }
        }
        self.answer().await
    }

    /// Waits for `100 Continue`, for a final answer, or until it is clear that this server says neither.
    async fn proceed(&mut self) -> Result<(), ClientError> {
        let until = self.times.whole.min(time::now() + self.times.proceed);
        let said = poll_fn(|context| match self.poll_answer(context) {
            Poll::Pending if self.continued => Poll::Ready(Ok(())),
            other => other,
        });
        match time::deadline(until, said).await {
            Ok(said) => said,
            Err(_) if time::now() >= self.times.whole => Err(ClientError::TimedOut),
            Err(_) => Ok(()),
        }
    }

    /// Waits for the head of the final answer.
    async fn answer(&mut self) -> Result<(), ClientError> {
        let until = self.times.whole.min(time::now() + self.times.head);
        time::deadline(until, poll_fn(|context| self.poll_answer(context))).await?
    }

    /// Whether any byte of an answer was received.
    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }

    pub(super) fn into_home(self) -> Home<'a> {
        self.home
    }

    /// The answer, whose head has come.
    pub(super) fn into_download(self) -> Download<'a> {
        let head = self.head.expect("the caller has waited for the head");
        let goes_on =
            self.body == Outgoing::Complete && head.keep_alive() && head.status() != Status::SWITCHING_PROTOCOLS;
        Download::new(head, self.reader, self.link, self.home, goes_on, self.times.whole, self.limits, self.to_head)
    }

    async fn enqueue(&mut self, bytes: Payload) -> Result<bool, ClientError> {
        let until = self.times.whole;
        loop {
            match poll_fn(|context| Poll::Ready(self.poll_answer(context))).await {
                Poll::Ready(Ok(())) => return Ok(false),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {}
            }
            match self.link.stream.send(bytes.clone()) {
                Ok(()) => return Ok(true),
                Err(SendError::Full { limit, .. }) => {
                    let needs_all = bytes.len() > limit as usize / 2;
                    let room = poll_fn(|context| self.poll_room(needs_all, context));
                    time::deadline(until, room).await??;
                }
                // Its last words may be an answer that was sent before.
                Err(SendError::Closed) => {
                    time::deadline(until, poll_fn(|context| self.poll_answer(context))).await??;
                }
            }
        }
    }

    /// Ready when the send queue has room again, or the answer has come.
    fn poll_room(&mut self, needs_all: bool, context: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        if let Poll::Ready(answered) = self.poll_answer(context) {
            return Poll::Ready(answered);
        }
        // These waits have no state of their own, so each poll may begin another.
        let room = match needs_all {
            true => pin!(self.link.stream.flushed()).poll(context),
            false => pin!(self.link.stream.sendable()).poll(context),
        };
        // Why nothing can be sent any more, the reader is told.
        room.map(|_| Ok(()))
    }

    /// Ready when the head of the final answer is there.
    fn poll_answer(&mut self, context: &Context<'_>) -> Poll<Result<(), ClientError>> {
        while self.head.is_none() {
            let (consumed, event) = self.reader.on_input(self.link.input.bytes())?;
            self.link.input.advance(consumed);
            match event {
                Some(ResponseEvent::Head(head)) => self.head = Some(head),
                Some(ResponseEvent::Interim(head)) => self.continued |= head.status() == Status::CONTINUE,
                Some(_) => unreachable!("the head comes first"),
                None => {
                    let lease = ready!(self.link.stream.poll_recv(context))?;
                    if lease.is_empty() {
                        return Poll::Ready(Err(ClientError::Ended));
                    }
                    self.heard = true;
                    self.link.input = lease.into();
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
