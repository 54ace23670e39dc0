//! How a response goes onto the wire: what its head says of the body and of the connection.
//!
//! Pure decisions and bytes, shared by the two ways in which requests are served: at once (`prompt.rs`) and by an exchange.

use crore_http::{ConnectionField, Framing, HeadWriter, RequestHead, Version};

use crate::date::DateLine;
use crate::limits::BODY_COPIED_BYTES_MAX;
use crate::response::{Body, Response};

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) version: Version,
    pub(crate) is_head: bool,
    /// The peer keeps the connection.
    pub(crate) keeps: bool,
}

impl About {
    /// Of a request that could not be read.
    pub(crate) const NOTHING: About = About { version: Version::Http11, is_head: false, keeps: false };

    pub(crate) fn of(head: &RequestHead) -> About {
        About { version: head.version(), is_head: head.is_head(), keeps: head.keep_alive() }
    }
}

/// What writes heads of responses: the server's date.
#[derive(Clone, Copy)]
pub(crate) struct Pen<'a> {
    pub(crate) date: &'a DateLine,
    pub(crate) clock: Option<fn() -> u64>,
}

impl Pen<'_> {
    /// Writes the head of a response.
    pub(crate) fn write(self, out: &mut Vec<u8>, response: &Response, framing: Framing, connection: ConnectionField) {
        let mut head = HeadWriter::begin(out, response.status);
        if !response.content_type.is_empty() {
            head = head.content_type(&response.content_type);
        }
        self.date.write(head.fields(&response.fields), self.clock).finish(framing, connection);
    }

    /// Writes head and body of a response that is all at hand and short; `keeps` says whether the connection goes on. False, and
    /// nothing is written, if the response is not such a one.
    pub(crate) fn write_whole(self, out: &mut Vec<u8>, response: &Response, about: About, keeps: bool) -> bool {
        let body = match &response.body {
            Body::Bytes(bytes) => &bytes[..],
            Body::Shared(bytes) => &bytes[..],
            Body::Stream(_) | Body::Takeover(_) => return false,
        };
        if body.len() > BODY_COPIED_BYTES_MAX && !about.is_head {
            return false;
        }
        let has_body = !response.status.is_bodiless();
        let framing = if has_body { Framing::Length(body.len() as u64) } else { Framing::None };
        self.write(out, response, framing, ConnectionField::answering(about.version, keeps));
        if has_body && !about.is_head {
            out.extend_from_slice(body);
        }
        true
    }
}
