//! The linear scan: finds the end of a head and refuses what proxies are known to read in different ways.
//!
//! A state machine over the bytes of a first line and header lines, of header lines alone for trailers. It keeps its
//! place between inputs, so a head that comes byte by byte costs the same as one that comes at once; `examined` counts
//! every byte where it is looked at, and is also what the length limit compares. It stores nothing of the head.
//!
//! Guarantees about the bytes it lets through, on which the parse of the whole head relies: lines end with CR LF and
//! nothing else holds CR, LF, NUL or another control character (but for tabs in values); no folding; a name is a
//! non-empty token directly followed by its colon; method and target are visible ASCII.

use crate::HttpError;
use crate::limits::{Limits, METHOD_BYTES_MAX, VERSION_BYTES_MAX};
use crate::token::{is_forbidden, is_target_byte, token_bytes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    LeadingLineFeed,
    Method,
    Target,
    Version,
    StatusLine,
    LineFeed,
    LineStart,
    Name,
    Value,
    FinalLineFeed,
    Done,
}

/// The scan of one head or trailer section.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    state: State,
    is_response: bool,
    led_by_empty_line: bool,
    /// Bytes looked at so far.
    examined: u32,
    /// Bytes of the current method, target, version or name.
    span: u16,
    lines: u16,
    bytes_max: u16,
    target_bytes_max: u16,
    lines_max: u16,
}

impl Scanner {
    pub(crate) fn request(limits: &Limits) -> Self {
        Scanner {
            state: State::Start,
            is_response: false,
            led_by_empty_line: false,
            examined: 0,
            span: 0,
            lines: 0,
            bytes_max: limits.head_bytes,
            target_bytes_max: limits.target_bytes,
            lines_max: limits.headers,
        }
    }

    pub(crate) fn response(limits: &Limits) -> Self {
        Scanner { is_response: true, ..Scanner::request(limits) }
    }

    pub(crate) fn trailers(limits: &Limits) -> Self {
        Scanner { state: State::LineStart, bytes_max: limits.trailer_bytes, ..Scanner::request(limits) }
    }

    /// Bytes looked at so far.
    pub(crate) fn examined(&self) -> u32 {
        self.examined
    }

    /// Looks at `input`, which follows what was seen before. Returns how many of its bytes belong to the head if
    /// the head ends in it.
    pub(crate) fn scan(&mut self, input: &[u8]) -> Result<Option<usize>, HttpError> {
        assert!(self.state != State::Done, "a finished scan is not continued");
        let allowed = usize::from(self.bytes_max).saturating_sub(self.examined as usize);
        let window = &input[..input.len().min(allowed)];
        let mut at = 0;
        while at < window.len() {
            let taken = self.step(&window[at..])?;
            assert!(taken > 0 && taken <= window.len() - at, "each step moves on, within its input");
            at += taken;
            self.examined += taken as u32;
            if self.state == State::Done {
                return Ok(Some(at));
            }
        }
        if self.examined >= u32::from(self.bytes_max) {
            return Err(HttpError::HeadTooLarge { limit: self.bytes_max });
        }
        Ok(None)
    }

    /// Takes at least one byte of `rest`, which is not empty.
    fn step(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        match self.state {
            State::Start => self.start(rest),
            State::LeadingLineFeed => self.line_feed(rest, State::Start),
            State::Method => self.method(rest),
            State::Target => self.target(rest),
            State::Version => self.version(rest),
            State::StatusLine | State::Value => self.text(rest),
            State::LineFeed => self.line_feed(rest, State::LineStart),
            State::LineStart => self.line_start(rest),
            State::Name => self.name(rest),
            State::FinalLineFeed => self.line_feed(rest, State::Done),
            State::Done => unreachable!("scan() stops when done"),
        }
    }

    /// One empty line before a request is tolerated (RFC 9112, section 2.2).
    fn start(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        if rest[0] == b'\r' && !self.led_by_empty_line && !self.is_response {
            self.led_by_empty_line = true;
            self.state = State::LeadingLineFeed;
            return Ok(1);
        }
        self.span = 0;
        if self.is_response {
            self.state = State::StatusLine;
            return self.text(rest);
        }
        self.state = State::Method;
        self.method(rest)
    }

    fn line_feed(&mut self, rest: &[u8], next: State) -> Result<usize, HttpError> {
        if rest[0] != b'\n' {
            return Err(HttpError::BareCarriageReturn { at: self.examined.saturating_sub(1) });
        }
        self.state = next;
        Ok(1)
    }

    fn method(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let token = token_bytes(rest);
        let limit = METHOD_BYTES_MAX;
        self.lengthen(&rest[..token], |_| false, limit, HttpError::MethodTooLong { limit })?;
        match rest.get(token) {
            None => Ok(token),
            Some(b' ') if self.span > 0 => {
                self.state = State::Target;
                self.span = 0;
                Ok(token + 1)
            }
            Some(&byte) if is_forbidden(byte) => Err(self.forbidden(byte, token)),
            Some(_) => Err(HttpError::FirstLine),
        }
    }

    fn target(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let end = memchr::memchr2(b' ', b'\r', rest).unwrap_or(rest.len());
        let limit = self.target_bytes_max;
        let is_bad = |byte: u8| !is_target_byte(byte);
        self.lengthen(&rest[..end], is_bad, limit, HttpError::TargetTooLong { limit })?;
        match rest.get(end) {
            None => Ok(end),
            Some(b' ') if self.span > 0 => {
                self.state = State::Version;
                self.span = 0;
                Ok(end + 1)
            }
            Some(_) => Err(HttpError::FirstLine),
        }
    }

    fn version(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        self.lengthen(&rest[..end], is_forbidden, VERSION_BYTES_MAX, HttpError::FirstLine)?;
        self.end_of_line(end, rest.len())
    }

    /// A status line or a header's value: text up to the line's end.
    fn text(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        let text = &rest[..end];
        // Without an early exit this is done for many bytes at a time; where the bad one stands matters to nobody else.
        if text.iter().fold(false, |bad, &byte| bad | is_forbidden(byte)) {
            let bad = text.iter().position(|&byte| is_forbidden(byte)).unwrap_or(0);
            return Err(self.forbidden(text[bad], bad));
        }
        self.end_of_line(end, rest.len())
    }

    fn line_start(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        match rest[0] {
            b'\r' => {
                self.state = State::FinalLineFeed;
                Ok(1)
            }
            b' ' | b'\t' => Err(HttpError::Fold { at: self.examined }),
            _ if self.lines >= self.lines_max => Err(HttpError::TooManyHeaders { limit: self.lines_max }),
            _ => {
                self.lines += 1;
                self.span = 0;
                self.state = State::Name;
                self.name(rest)
            }
        }
    }

    fn name(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let token = token_bytes(rest);
        self.span += token as u16;
        let at = self.examined + token as u32;
        match rest.get(token) {
            None => Ok(token),
            Some(b':') if self.span > 0 => {
                self.state = State::Value;
                Ok(token + 1)
            }
            Some(b' ' | b'\t') => Err(HttpError::SpaceBeforeColon { at }),
            Some(&byte) if is_forbidden(byte) => Err(HttpError::ForbiddenByte { byte, at }),
            Some(&byte) => Err(HttpError::HeaderLine { byte, at }),
        }
    }

    fn end_of_line(&mut self, end: usize, length: usize) -> Result<usize, HttpError> {
        if end == length {
            return Ok(end);
        }
        self.state = State::LineFeed;
        Ok(end + 1)
    }

    /// Adds `part` to the current element. Of two errors the one that stands first counts, so that no split of the
    /// input changes the reason.
    fn lengthen(
        &mut self,
        part: &[u8],
        is_bad: impl Fn(u8) -> bool,
        limit: u16,
        too_long: HttpError,
    ) -> Result<(), HttpError> {
        assert!(self.span <= limit, "what came before was within the limit");
        let room = usize::from(limit - self.span);
        let within = &part[..part.len().min(room)];
        if let Some(bad) = within.iter().position(|&byte| is_bad(byte)) {
            return Err(self.forbidden(within[bad], bad));
        }
        if part.len() > room {
            return Err(too_long);
        }
        self.span += part.len() as u16;
        Ok(())
    }

    fn forbidden(&self, byte: u8, offset: usize) -> HttpError {
        HttpError::ForbiddenByte { byte, at: self.examined + offset as u32 }
    }
}
