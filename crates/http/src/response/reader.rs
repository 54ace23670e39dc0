//! The client's side: responses from bytes.
//!
//! A small machine over the scan and the body decoder: interim heads, the final head, data, the end. After a response
//! is done the same bytes' rest belongs to the next response or, after 101, to the other protocol.

use core::mem::MaybeUninit;
use core::ops::Range;

use crate::body::BodyDecoder;
use crate::framing::{self, BodyLength, Version};
use crate::headers::{Headers, Lines, parse_error};
use crate::limits::{HEADERS_CEILING, INTERIM_RESPONSES_MAX};
use crate::scan::Scanner;
use crate::{HttpError, Limits, Status};

/// The head of a response. Owns its bytes; two allocations.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    status: Status,
    version: Version,
    headers: Headers,
}

/// What happens in a response, in this order: interim heads, the head, data, the end.
#[derive(Debug)]
pub enum ResponseEvent {
    /// A 1xx response other than 101; the final one follows.
    Interim(ResponseHead),
    /// The head. With 101 the rest of the connection speaks another protocol, and [`ResponseEvent::Done`] follows.
    Head(ResponseHead),
    /// Which bytes of this input are data of the body.
    Data(Range<usize>),
    /// The response is complete.
    Done,
}

/// Reads one response.
#[derive(Debug)]
pub struct ResponseReader {
    state: State,
    limits: Limits,
    to_head: bool,
    interim: u8,
    trailers: Option<Headers>,
}

#[derive(Debug)]
enum State {
    Head { scanner: Scanner, partial: Vec<u8> },
    Body(BodyDecoder),
    Done,
}

impl ResponseHead {
    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The value of the first header of this name; see [`Headers::value`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.value(name)
    }

    /// All headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Whether the server lets the connection go on, as far as its headers say. A body until close ends it as well.
    pub fn keep_alive(&self) -> bool {
        framing::is_persistent(self.version, &self.headers)
    }

    /// How the body's end is known; `to_head` if the request's method was `HEAD`.
    ///
    /// # Errors
    /// As for requests: ambiguous lengths.
    pub fn body(&self, to_head: bool) -> Result<BodyLength, HttpError> {
        framing::response_body(self.version, self.status, to_head, &self.headers)
    }

    fn parse(bytes: Box<[u8]>) -> Result<ResponseHead, HttpError> {
        let mut table = [const { MaybeUninit::uninit() }; HEADERS_CEILING];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut response, &bytes, &mut table)
            .map_err(parse_error)?;
        if parsed != httparse::Status::Complete(bytes.len()) {
            return Err(HttpError::FirstLine);
        }
        let version = Version::from_minor(response.version)?;
        let status = response.code.and_then(Status::new).ok_or(HttpError::ResponseStatus)?;
        let lines = Lines::of(&bytes, response.headers);
        Ok(ResponseHead { status, version, headers: lines.with(bytes) })
    }
}

impl ResponseReader {
    /// A reader for the response to one request; `to_head` if its method is `HEAD`, whose responses have no body.
    pub fn new(to_head: bool, limits: &Limits) -> Self {
        let limits = Limits { headers: limits.headers.min(HEADERS_CEILING as u16), ..*limits };
        let state = State::Head { scanner: Scanner::response(&limits), partial: Vec::new() };
        ResponseReader { state, limits, to_head, interim: 0, trailers: None }
    }

    /// Takes bytes that follow those consumed before; returns how many are consumed now and what they led to. Call
    /// again with the rest, even an empty one, until there is no event; after [`ResponseEvent::Done`] there is none.
    ///
    /// # Errors
    /// Whatever [`HttpError`] names; the reader is of no use afterwards.
    pub fn on_input(&mut self, input: &[u8]) -> Result<(usize, Option<ResponseEvent>), HttpError> {
        match &mut self.state {
            State::Done => Ok((0, None)),
            State::Head { scanner, partial } => {
                let Some(consumed) = scanner.scan(input)? else {
                    partial.extend_from_slice(input);
                    return Ok((input.len(), None));
                };
                partial.extend_from_slice(&input[..consumed]);
                let bytes = core::mem::take(partial).into_boxed_slice();
                Ok((consumed, Some(self.begin(ResponseHead::parse(bytes)?)?)))
            }
            State::Body(decoder) => {
                let step = decoder.on_input(input)?;
                assert!(step.consumed <= input.len(), "the decoder stays within its input");
                if !step.data.is_empty() {
                    return Ok((step.consumed, Some(ResponseEvent::Data(step.data))));
                }
                if !step.done {
                    return Ok((step.consumed, None));
                }
                self.trailers = decoder.take_trailers();
                self.state = State::Done;
                Ok((step.consumed, Some(ResponseEvent::Done)))
            }
        }
    }

    /// Says that the stream has ended; returns whether that completed a response which was not complete before.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] in the middle of a response.
    pub fn on_end(&mut self) -> Result<bool, HttpError> {
        match &mut self.state {
            State::Done => Ok(false),
            State::Head { .. } => Err(HttpError::Truncated),
            State::Body(decoder) => {
                decoder.on_end()?;
                self.state = State::Done;
                Ok(true)
            }
        }
    }

    /// The trailers of a response that is done, if it had any that may be kept; the second call gives none. They are
    /// not headers: what they say came after the body.
    pub fn take_trailers(&mut self) -> Option<Headers> {
        self.trailers.take()
    }

    /// Whether the response is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn begin(&mut self, head: ResponseHead) -> Result<ResponseEvent, HttpError> {
        let is_upgrade = head.status == Status::SWITCHING_PROTOCOLS;
        if head.status.is_interim() && !is_upgrade {
            if self.interim == INTERIM_RESPONSES_MAX {
                return Err(HttpError::TooManyInterim { limit: INTERIM_RESPONSES_MAX });
            }
            self.interim += 1;
            self.state = State::Head { scanner: Scanner::response(&self.limits), partial: Vec::new() };
            return Ok(ResponseEvent::Interim(head));
        }
        let length = head.body(self.to_head)?;
        self.state = State::Body(BodyDecoder::new(length, &self.limits)?);
        Ok(ResponseEvent::Head(head))
    }
}
