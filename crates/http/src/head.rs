//! Request heads: from bytes to a [`RequestHead`].
//!
//! A head that comes in one input and is as heads usually are is read in one pass (`plain.rs`). For every other, [`HeadReader`] lets
//! the scan find its end and check its form; only then is the whole head parsed, once. A head that comes in one input is copied once,
//! into the `RequestHead`; one that comes in parts is collected, up to [`Limits::head_bytes`]. Not here: bodies ([`BodyDecoder`](crate::BodyDecoder)), routes.

use core::mem::MaybeUninit;

use crate::framing::{self, BodyLength, Version};
use crate::headers::{Headers, Lines, Span, parse_error};
use crate::limits::HEADERS_CEILING;
use crate::scan::Scanner;
use crate::target;
use crate::{HttpError, Limits};
use plain::Plain;

mod plain;
#[cfg(test)]
mod tests;

/// Reads request heads, one after the other. Cheap to make: allocates nothing until a head comes in parts.
#[derive(Debug)]
pub struct HeadReader {
    limits: Limits,
    scanner: Scanner,
    partial: Vec<u8>,
}

/// What an input has led to.
#[derive(Debug)]
pub enum Progress {
    /// All of the input was taken; the head goes on.
    Partial,
    /// The head is complete.
    Complete {
        /// How many bytes of this input belong to the head; the body or the next head follows.
        consumed: usize,
        /// The head.
        head: RequestHead,
    },
}

/// The head of a request. Owns its bytes; one allocation, two where it has more than a dozen header lines.
#[derive(Clone, Debug)]
pub struct RequestHead {
    headers: Headers,
    method: Span,
    target: Span,
    authority: Span,
    path: Span,
    query: Option<Span>,
    version: Version,
    body: BodyLength,
    keep_alive: bool,
}

impl HeadReader {
    /// A reader that waits for the first byte of a head. A [`Limits::headers`] above 128 counts as 128.
    pub fn new(limits: &Limits) -> Self {
        let limits = Limits { headers: limits.headers.min(HEADERS_CEILING as u16), ..*limits };
        HeadReader { scanner: Scanner::request(&limits), limits, partial: Vec::new() }
    }

    /// Whether no byte of a head was seen since the last one, so that the reader may be dropped.
    pub fn is_idle(&self) -> bool {
        self.scanner.examined() == 0
    }

    /// Bytes looked at since the last complete head: never more than came in.
    pub fn examined(&self) -> u32 {
        self.scanner.examined()
    }

    /// Takes bytes that follow those of earlier calls. After [`Progress::Complete`] the reader is idle again.
    ///
    /// # Errors
    /// Whatever [`HttpError`] names for heads; the reader is of no use afterwards.
    pub fn on_input(&mut self, input: &[u8]) -> Result<Progress, HttpError> {
        if self.is_idle()
            && let Some(plain) = plain::read(input, &self.limits)
        {
            let consumed = plain.length;
            return Ok(Progress::Complete { consumed, head: RequestHead::of_plain(plain, &input[..consumed])? });
        }
        let Some(consumed) = self.scanner.scan(input)? else {
            self.partial.extend_from_slice(input);
            assert!(self.partial.len() < usize::from(self.limits.head_bytes), "the scan has kept the limit");
            return Ok(Progress::Partial);
        };
        assert!(consumed <= input.len(), "the scan stays within its input");
        self.scanner = Scanner::request(&self.limits);
        let bytes = if self.partial.is_empty() {
            Box::from(&input[..consumed])
        } else {
            let mut bytes = core::mem::take(&mut self.partial);
            bytes.extend_from_slice(&input[..consumed]);
            bytes.into_boxed_slice()
        };
        let head = RequestHead::parse(bytes)?;
        Ok(Progress::Complete { consumed, head })
    }
}

impl RequestHead {
    fn of_plain(plain: Plain, bytes: &[u8]) -> Result<RequestHead, HttpError> {
        let Plain { length, method, target, query_at, version, lines, known } = plain;
        assert_eq!(length, bytes.len(), "a head is all that was read, and nothing else");
        let headers = lines.with(Box::from(bytes));
        let only_host = (known.hosts == 1).then(|| headers.value_at(usize::from(known.host_at)));
        if !only_host.is_some_and(framing::is_authority) {
            framing::check_host(version, &headers)?;
        }
        let body = if known.framing { framing::request_body(version, &headers)? } else { BodyLength::None };
        let keep_alive = match known.connection {
            true => framing::is_persistent(version, &headers),
            false => version == Version::Http11,
        };
        let (path, query) = match query_at {
            None => (target, None),
            Some(at) => {
                let (path, query) = target.split(at, 1);
                (path, Some(query))
            }
        };
        let (authority, _) = target.split(0, 0);
        Ok(RequestHead { headers, method, target, authority, path, query, version, body, keep_alive })
    }

    fn parse(bytes: Box<[u8]>) -> Result<RequestHead, HttpError> {
        let (Parts { method, target, version }, lines) = Parts::parse(&bytes)?;
        let headers = lines.with(bytes);
        framing::check_host(version, &headers)?;
        let body = framing::request_body(version, &headers)?;
        let keep_alive = framing::is_persistent(version, &headers);
        let (authority, path, query) = target::split(headers.part(method), headers.part(target), target)?;
        Ok(RequestHead { headers, method, target, authority, path, query, version, body, keep_alive })
    }

    /// The method, as it came: methods are case-sensitive.
    pub fn method(&self) -> &str {
        self.headers.part(self.method)
    }

    /// Whether the method is `HEAD`: its response has no body.
    pub fn is_head(&self) -> bool {
        self.headers.slice(self.method) == b"HEAD"
    }

    /// The whole request target, as it came.
    pub fn target(&self) -> &str {
        self.headers.part(self.target)
    }

    /// The path, still percent-encoded. Starts with `/`, or is `*` of `OPTIONS *`, or empty for `CONNECT`.
    pub fn path(&self) -> &str {
        let path = self.headers.part(self.path);
        if path.is_empty() && self.method() != "CONNECT" { "/" } else { path }
    }

    /// What follows the first `?` of the target, still encoded; [`query`](crate::query) reads it.
    pub fn query(&self) -> Option<&str> {
        self.query.map(|span| self.headers.part(span))
    }

    /// The host this request is for: of an absolute target, else of `Host` (RFC 9112, section 3.2.2); empty if
    /// neither says.
    pub fn host(&self) -> &str {
        match self.headers.part(self.authority) {
            "" => self.headers.value("host").unwrap_or(""),
            authority => authority,
        }
    }

    /// The value of the first header of this name; see [`Headers::value`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.value(name)
    }

    /// All headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the peer lets the connection go on after the response.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// How the body's end is known; never [`BodyLength::UntilClose`].
    pub fn body(&self) -> BodyLength {
        self.body
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.body != BodyLength::None && self.headers.lists("expect", "100-continue")
    }
}

/// The first line of a request, as ranges.
struct Parts {
    method: Span,
    target: Span,
    version: Version,
}

impl Parts {
    fn parse(bytes: &[u8]) -> Result<(Parts, Lines), HttpError> {
        let mut table = [const { MaybeUninit::uninit() }; HEADERS_CEILING];
        let mut request = httparse::Request::new(&mut []);
        let status = request
            .parse_with_uninit_headers(bytes, &mut table)
            .map_err(|error| if has_version_form(bytes) { parse_error(error) } else { HttpError::FirstLine })?;
        if status != httparse::Status::Complete(bytes.len()) {
            return Err(HttpError::FirstLine);
        }
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(HttpError::FirstLine);
        };
        let version = Version::from_minor(request.version)?;
        let (method, target) = (Span::of(bytes, method.as_bytes()), Span::of(bytes, target.as_bytes()));
        Ok((Parts { method, target, version }, Lines::of(bytes, request.headers)))
    }
}

/// Whether the first line ends in `HTTP/` digit `.` digit, so that the version is another one and not nonsense.
fn has_version_form(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let line = &start[..memchr::memchr(b'\r', start).unwrap_or(start.len())];
    let word = line.rsplit(|&byte| byte == b' ').next().unwrap_or(line);
    matches!(word, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
}
