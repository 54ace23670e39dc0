//! Where a message ends: `Content-Length`, `Transfer-Encoding`, `Host` and `Connection`, read strictly.
//!
//! Request smuggling lives on two servers reading these in two ways, so whatever is ambiguous is refused here, even
//! where RFC 9112 (section 6.3) would let a server repair it.

use crate::headers::Headers;
use crate::limits::CONTENT_LENGTH_DIGITS_MAX;
use crate::{HttpError, Status};

/// The version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: closes after each response unless asked otherwise.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    None,
    /// Exactly so many bytes.
    Fixed(u64),
    /// Chunks (RFC 9112, section 7.1).
    Chunked,
    /// All bytes until the connection ends. Only of responses.
    UntilClose,
}

impl Version {
    pub(crate) fn from_minor(minor: Option<u8>) -> Result<Version, HttpError> {
        match minor {
            Some(0) => Ok(Version::Http10),
            Some(1) => Ok(Version::Http11),
            _ => Err(HttpError::Version),
        }
    }
}

/// Whether the connection may carry another message after this one.
pub(crate) fn is_persistent(version: Version, headers: &Headers) -> bool {
    let closes = headers.lists("connection", "close");
    match version {
        Version::Http11 => !closes,
        Version::Http10 => !closes && headers.lists("connection", "keep-alive"),
    }
}

/// The body of a request.
pub(crate) fn request_body(version: Version, headers: &Headers) -> Result<BodyLength, HttpError> {
    let declared = content_length(headers)?;
    let chunked = is_chunked(version, headers)?;
    match (declared, chunked) {
        (Some(_), true) => Err(HttpError::LengthAndCoding),
        (None, true) => Ok(BodyLength::Chunked),
        (Some(0) | None, false) => Ok(BodyLength::None),
        (Some(length), false) => Ok(BodyLength::Fixed(length)),
    }
}

/// The body of a response with this status; `to_head` if the request's method was `HEAD`.
pub(crate) fn response_body(
    version: Version,
    status: Status,
    to_head: bool,
    headers: &Headers,
) -> Result<BodyLength, HttpError> {
    if to_head || status.is_bodiless() {
        return Ok(BodyLength::None);
    }
    let declared = content_length(headers)?;
    let chunked = is_chunked(version, headers)?;
    match (declared, chunked) {
        (Some(_), true) => Err(HttpError::LengthAndCoding),
        (None, true) => Ok(BodyLength::Chunked),
        (Some(0), false) => Ok(BodyLength::None),
        (Some(length), false) => Ok(BodyLength::Fixed(length)),
        (None, false) => Ok(BodyLength::UntilClose),
    }
}

/// Digits only: `+1`, `1 `, `1, 1`, `0x1` and what does not fit in 64 bits are refused (RUSTSEC-2021-0078).
fn content_length(headers: &Headers) -> Result<Option<u64>, HttpError> {
    let mut values = headers.values("content-length");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(HttpError::LengthRepeated);
    }
    if value.is_empty() || value.len() > CONTENT_LENGTH_DIGITS_MAX || !value.iter().all(u8::is_ascii_digit) {
        return Err(HttpError::LengthInvalid);
    }
    let length = value.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    length.map(Some).ok_or(HttpError::LengthInvalid)
}

/// Whether there is exactly the one coding `chunked`.
fn is_chunked(version: Version, headers: &Headers) -> Result<bool, HttpError> {
    let (mut codings, mut chunks, mut last_is_chunked, mut has_empty) = (0, 0, false, false);
    for coding in headers.items("transfer-encoding") {
        last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        codings += 1;
        chunks += u32::from(last_is_chunked);
        has_empty |= coding.is_empty();
    }
    match codings {
        0 => Ok(false),
        _ if version == Version::Http10 => Err(HttpError::CodingInOldVersion),
        _ if !last_is_chunked || chunks > 1 || has_empty => Err(HttpError::CodingInvalid),
        1 => Ok(true),
        _ => Err(HttpError::CodingUnknown),
    }
}

/// One `Host` that is a host with an optional port; HTTP/1.0 may leave it out.
pub(crate) fn check_host(version: Version, headers: &Headers) -> Result<(), HttpError> {
    let mut values = headers.values("host");
    match (values.next(), values.next()) {
        (Some(host), None) if is_authority(host) => Ok(()),
        (Some(_), None) => Err(HttpError::HostInvalid),
        (Some(_), Some(_)) => Err(HttpError::HostRepeated),
        (None, _) if version == Version::Http10 => Ok(()),
        (None, _) => Err(HttpError::HostMissing),
    }
}

/// Whether this reads as `host`, `host:port` or `[address]:port`, with nothing that could end a host early.
/// An empty one is allowed (RFC 9110, section 7.2).
pub(crate) fn is_authority(text: &[u8]) -> bool {
    let port = if text.first() == Some(&b'[') {
        let Some(end) = memchr::memchr(b']', text) else {
            return false;
        };
        let literal = &text[1..end];
        if literal.is_empty() || !literal.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
            return false;
        }
        &text[end + 1..]
    } else {
        &text[text.iter().position(|&byte| !HOST_BYTES[usize::from(byte)]).unwrap_or(text.len())..]
    };
    port.is_empty() || (port[0] == b':' && port.len() <= 6 && port[1..].iter().all(u8::is_ascii_digit))
}

/// What may stand in a registered name or an IPv4 address (RFC 3986, section 3.2.2).
const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~%!$&'()*+,;=";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};
