//! The trailer section: header lines after a chunked body (RFC 9112, section 7.1.2), read and written.
//!
//! Lines go through the same scan as those of a head, are collected up to [`Limits::trailer_bytes`], and are parsed once
//! when the section is complete. They stay apart from the headers: whoever merges the two lets a peer change what was
//! already acted upon. Two kinds of names have no business here (RFC 9110, section 6.5.1). Those about framing, routing and the
//! connection are refused, because only somebody who hopes for a second reader sends them. Those about authentication,
//! conditions, controls and content are dropped. A section without lines costs no allocation.

use core::fmt;

use crate::headers::{Headers, Lines, parse_error};
use crate::limits::HEADERS_CEILING;
use crate::scan::Scanner;
use crate::{Fields, HttpError, Limits};

#[cfg(test)]
mod tests;

/// Names about framing, routing and the connection: a message with one of them behind its body is refused.
const REFUSED: &[&str] =
    &["connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/// Names that are of use only before the content: authentication, cookies, conditions and other modifiers of requests,
/// controls of responses, format of content. Dropped when read, refused when written.
const DROPPED: &[&str] = &[
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "retry-after",
    "set-cookie",
    "vary",
    "warning",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// A trailer section that is coming in.
#[derive(Clone, Debug)]
pub(super) struct TrailerSection {
    scanner: Scanner,
    bytes: Vec<u8>,
}

/// Why fields cannot be sent behind a body: one of them belongs in the head (RFC 9110, section 6.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailerError {
    /// The name, as it was given.
    pub name: String,
}

impl TrailerSection {
    pub(super) fn new(limits: &Limits) -> Self {
        let limits = Limits { headers: limits.headers.min(HEADERS_CEILING as u16), ..*limits };
        TrailerSection { scanner: Scanner::trailers(&limits), bytes: Vec::new() }
    }

    /// Takes bytes that follow those of earlier calls. Returns how many belong to the section if it ends in them.
    pub(super) fn on_input(&mut self, input: &[u8]) -> Result<Option<usize>, HttpError> {
        let end = self.scanner.scan(input)?;
        let taken = end.unwrap_or(input.len());
        assert!(taken <= input.len(), "the scan stays within its input");
        self.bytes.extend_from_slice(&input[..taken]);
        Ok(end)
    }

    /// The lines of a complete section that may be kept; none if there are none.
    pub(super) fn finish(self) -> Result<Option<Headers>, HttpError> {
        assert!(self.bytes.ends_with(b"\r\n"), "the scan has found the end");
        if self.bytes.len() == 2 {
            return Ok(None);
        }
        let bytes = self.bytes.into_boxed_slice();
        let mut table = [httparse::EMPTY_HEADER; HEADERS_CEILING];
        let httparse::Status::Complete((length, lines)) =
            httparse::parse_headers(&bytes, &mut table).map_err(parse_error)?
        else {
            return Err(HttpError::FirstLine);
        };
        assert!(length == bytes.len(), "the scan and the parse agree about the end");
        if let Some(name) = lines.iter().find_map(|line| listed(REFUSED, line.name)) {
            return Err(HttpError::TrailerForbidden { name });
        }
        let kept: Vec<_> = lines.iter().filter(|line| listed(DROPPED, line.name).is_none()).copied().collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let lines = Lines::of(&bytes, &kept);
        Ok(Some(lines.with(bytes)))
    }
}

/// The end of a chunked body, with a trailer section; without fields it is [`LAST_CHUNK`](crate::LAST_CHUNK). One
/// allocation. Whether the peer cares is known from its `TE: trailers`; the head should name the fields in `Trailer`.
///
/// # Errors
/// If a field may not stand behind a body: it is about framing, routing, authentication, controls or content.
pub fn encode_trailers(trailers: &Fields) -> Result<Vec<u8>, TrailerError> {
    for line in trailers.as_bytes().split(|&byte| byte == b'\n') {
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        if listed(REFUSED, &name).or(listed(DROPPED, &name)).is_some() {
            return Err(TrailerError { name: name.into_owned() });
        }
    }
    Ok([b"0\r\n", trailers.as_bytes(), b"\r\n"].concat())
}

/// The entry of `names` that `name` is, in any case.
fn listed(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|listed| listed.eq_ignore_ascii_case(name)).copied()
}

impl fmt::Display for TrailerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} may not stand behind a body: send it in the head", self.name)
    }
}

impl std::error::Error for TrailerError {}
