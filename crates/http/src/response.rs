//! Heads to send: responses of a server, requests of a client; and chunks.
//!
//! Each is one `Vec`, made with one allocation. What was read from such a response is in [`ResponseReader`].

use crate::fields::{FieldError, Fields};
use crate::framing::{Version, is_authority};
use crate::status::Status;
use crate::token::{is_field_text, is_whole_token};

mod reader;
#[cfg(test)]
mod tests;

pub use reader::{ResponseEvent, ResponseHead, ResponseReader};

/// How the message that follows a head says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body and no header about one: 1xx, 204, 304, a `GET` request.
    None,
    /// So many bytes follow. Of a response to `HEAD`: would follow.
    Length(u64),
    /// [`chunk`]s follow, then [`LAST_CHUNK`].
    Chunked,
    /// The end of the connection ends the body. Only of responses, with [`ConnectionField::Close`].
    UntilClose,
}

/// What a head says about the connection after this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionField {
    /// Nothing: HTTP/1.1 keeps it.
    Implied,
    /// `keep-alive`, which a client of HTTP/1.0 asks for and wants to hear.
    KeepAlive,
    /// `close`: this message is the last.
    Close,
    /// `Upgrade`: another protocol follows, or is asked for, as the header `Upgrade` says.
    Upgrade,
}

/// The whole answer to `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What ends a chunked body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Room for the lines that are not in [`Fields`]: status or version, length or coding, connection.
const OTHER_LINES_BYTES: usize = 112;

/// The head of a response.
///
/// # Panics
/// If the framing contradicts itself: a body of a status that has none, or one until close on a connection that goes on.
pub fn encode_response(status: Status, fields: &Fields, framing: Framing, connection: ConnectionField) -> Vec<u8> {
    let mut head = Vec::with_capacity(fields.as_bytes().len() + OTHER_LINES_BYTES);
    HeadWriter::begin(&mut head, status).fields(fields).finish(framing, connection);
    head
}

/// The head of a response as it is written, behind what a buffer holds: responses to pipelined requests leave together.
#[must_use = "a head that is not finished is not one"]
#[derive(Debug)]
pub struct HeadWriter<'a> {
    out: &'a mut Vec<u8>,
    status: Status,
}

impl<'a> HeadWriter<'a> {
    /// Writes the first line.
    pub fn begin(out: &'a mut Vec<u8>, status: Status) -> HeadWriter<'a> {
        out.reserve(OTHER_LINES_BYTES);
        match status.line() {
            Some(line) => out.extend_from_slice(line),
            None => {
                out.extend_from_slice(b"HTTP/1.1 ");
                push_decimal(out, u64::from(status.code()));
                out.extend_from_slice(b" \r\n");
            }
        }
        HeadWriter { out, status }
    }

    /// Writes header lines.
    pub fn fields(self, fields: &Fields) -> HeadWriter<'a> {
        if !fields.as_bytes().is_empty() {
            self.out.extend_from_slice(fields.as_bytes());
        }
        self
    }

    /// Writes the header `Content-Type`.
    ///
    /// # Panics
    /// If the media type holds a line end or another control character: see [`is_field_value`](crate::is_field_value).
    pub fn content_type(self, media_type: &str) -> HeadWriter<'a> {
        assert!(is_field_text(media_type.as_bytes()), "{media_type:?} is no media type: it holds a control character");
        self.out.extend_from_slice(b"Content-Type: ");
        self.out.extend_from_slice(media_type.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Ends the head.
    ///
    /// # Panics
    /// As [`encode_response`].
    pub fn finish(self, framing: Framing, connection: ConnectionField) {
        let HeadWriter { out, status } = self;
        assert!(!status.is_bodiless() || framing == Framing::None, "{status} has no body");
        assert!(
            framing != Framing::UntilClose || connection == ConnectionField::Close,
            "a body until close is the last on its connection"
        );
        finish(out, framing, connection);
    }
}

/// The head of a request, HTTP/1.1.
///
/// # Errors
/// A method that is no token, a target with white space or control characters, a host that is none. `fields` must
/// not hold `Host` again; that is not checked.
///
/// # Panics
/// With [`Framing::UntilClose`]: no server could know where the request ends.
pub fn encode_request(
    method: &str,
    target: &str,
    host: &str,
    fields: &Fields,
    framing: Framing,
    connection: ConnectionField,
) -> Result<Vec<u8>, FieldError> {
    assert!(framing != Framing::UntilClose, "a request ends before its connection");
    if !is_whole_token(method.as_bytes()) {
        return Err(FieldError::Method(method.into()));
    }
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(FieldError::Target(target.into()));
    }
    if !is_authority(host.as_bytes()) {
        return Err(FieldError::Host(host.into()));
    }
    let length = method.len() + target.len() + host.len() + fields.as_bytes().len() + OTHER_LINES_BYTES;
    let mut head = Vec::with_capacity(length);
    for part in [method, " ", target, " HTTP/1.1\r\nHost: ", host, "\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    head.extend_from_slice(fields.as_bytes());
    finish(&mut head, framing, connection);
    Ok(head)
}

fn finish(head: &mut Vec<u8>, framing: Framing, connection: ConnectionField) {
    match framing {
        Framing::None | Framing::UntilClose => {}
        Framing::Chunked => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Length(length) => {
            head.extend_from_slice(b"Content-Length: ");
            push_decimal(head, length);
            head.extend_from_slice(b"\r\n");
        }
    }
    match connection {
        ConnectionField::Implied => {}
        ConnectionField::KeepAlive => head.extend_from_slice(b"Connection: keep-alive\r\n"),
        ConnectionField::Close => head.extend_from_slice(b"Connection: close\r\n"),
        ConnectionField::Upgrade => head.extend_from_slice(b"Connection: Upgrade\r\n"),
    }
    head.extend_from_slice(b"\r\n");
}

/// `data` as one chunk of a chunked body; one copy. Empty data gives nothing, because an empty chunk would end the body.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    if data.is_empty() {
        return Vec::new();
    }
    let mut out = chunk_head(data.len());
    out.reserve_exact(data.len() + 2);
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
    out
}

/// What stands before the data of a chunk of `length` bytes, for who sends the data from where it is; CR LF follows it.
///
/// # Panics
/// If `length` is 0: an empty chunk would end the body.
pub fn chunk_head(length: usize) -> Vec<u8> {
    assert!(length > 0, "an empty chunk ends the body");
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4);
    let mut out: Vec<u8> = (0..digits).rev().map(|digit| b"0123456789abcdef"[length >> (4 * digit) & 15]).collect();
    out.extend_from_slice(b"\r\n");
    out
}

fn push_decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let (mut at, mut left) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

impl ConnectionField {
    /// What a server says after a request of this version, when it keeps the connection or not.
    pub fn answering(version: Version, keeps: bool) -> ConnectionField {
        match (keeps, version) {
            (false, _) => ConnectionField::Close,
            (true, Version::Http11) => ConnectionField::Implied,
            (true, Version::Http10) => ConnectionField::KeepAlive,
        }
    }
}
