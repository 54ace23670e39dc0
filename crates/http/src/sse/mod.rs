//! Server-sent events (HTML standard, section 9.2): `text/event-stream`.
//!
//! [`encode`] cannot be made to write a line of somebody else's: data is split at every line end the standard knows,
//! each part behind its own `data:`, and an id or event name with a line end is refused. [`Reader`] is the client.

use core::fmt;

use crate::RequestHead;
use crate::limits::LAST_EVENT_ID_BYTES_MAX;

mod reader;
#[cfg(test)]
mod tests;

pub use reader::{Event, Reader};

/// The media type of an event stream.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// A comment without text: what keeps a quiet stream alive in the eyes of proxies. Three bytes.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// Why an event cannot be sent, or a stream not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SseError {
    /// An event name with CR or LF.
    EventName,
    /// An id with CR, LF or NUL.
    Id,
    /// `Last-Event-ID` is too long.
    LastEventIdTooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A line, or the data of an event, is too long.
    TooLarge {
        /// The limit, in bytes.
        limit: u32,
    },
}

impl fmt::Display for SseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SseError::EventName => f.write_str("event name with a line end: remove it"),
            SseError::Id => f.write_str("event id with a line end, NUL or bytes that are not UTF-8: remove them"),
            SseError::LastEventIdTooLong { length, limit } => {
                write!(f, "Last-Event-ID of {length} bytes, the limit is {limit}: reconnect without it")
            }
            SseError::TooLarge { limit } => write!(f, "event larger than {limit} bytes: raise the limit or send less"),
        }
    }
}

impl std::error::Error for SseError {}

/// One event, ready to be sent; one allocation. An empty `event` or `id` is not the same as none: the first means
/// `message`, the second forgets the last id. `retry_ms` tells the client how long to wait before it comes back.
///
/// # Errors
/// A line end in `event`; a line end or NUL in `id`.
pub fn encode(event: Option<&str>, id: Option<&str>, data: &str, retry_ms: Option<u64>) -> Result<Vec<u8>, SseError> {
    if event.is_some_and(|event| event.contains(['\r', '\n'])) {
        return Err(SseError::EventName);
    }
    if id.is_some_and(|id| id.contains(['\r', '\n', '\0'])) {
        return Err(SseError::Id);
    }
    let name_bytes = event.map_or(0, str::len) + id.map_or(0, str::len);
    let mut out = Vec::with_capacity(name_bytes + data.len() + 64);
    for (name, value) in [("event: ", event), ("id: ", id)] {
        if let Some(value) = value {
            push_line(&mut out, name, value);
        }
    }
    if let Some(retry_ms) = retry_ms {
        push_line(&mut out, "retry: ", &retry_ms.to_string());
    }
    for line in lines(data) {
        push_line(&mut out, "data: ", line);
    }
    out.push(b'\n');
    Ok(out)
}

/// A comment, which clients ignore; line ends in `text` make it several.
pub fn comment(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for line in lines(text) {
        push_line(&mut out, ": ", line);
    }
    out.push(b'\n');
    out
}

/// Only the time to wait before coming back: what a server says before it goes.
pub fn retry(retry_ms: u64) -> Vec<u8> {
    format!("retry: {retry_ms}\n\n").into_bytes()
}

/// The id of the last event that a client has seen, as it says when it comes back; `None` if it has seen none.
///
/// # Errors
/// If it is longer than 256 bytes, or not UTF-8. What it means is for the caller to check.
pub fn last_event_id(head: &RequestHead) -> Result<Option<&str>, SseError> {
    let Some(id) = head.headers().bytes("last-event-id") else {
        return Ok(None);
    };
    if id.len() > LAST_EVENT_ID_BYTES_MAX {
        return Err(SseError::LastEventIdTooLong { length: id.len(), limit: LAST_EVENT_ID_BYTES_MAX });
    }
    match str::from_utf8(id) {
        Ok("") => Ok(None),
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(SseError::Id),
    }
}

fn push_line(out: &mut Vec<u8>, name: &str, value: &str) {
    assert!(!value.contains(['\r', '\n']), "values were checked or split");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// The lines of `text`, split at CR LF, LF and CR; always at least one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else {
            rest = None;
            return Some(text);
        };
        let skip = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[end + skip..]);
        Some(&text[..end])
    })
}
