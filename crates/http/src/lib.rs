//! HTTP/1.1, WebSocket and server-sent events as codecs without I/O.
//!
//! Nothing here reads a clock, a socket or a random device: bytes come in as slices, masking keys and nonces as
//! arguments, and what comes out is a value or a `Vec<u8>` to send. The readers are *incremental*: any split of the
//! same bytes gives the same events, and each byte is looked at a constant number of times. A connection that waits
//! needs none of them: they are cheap to make, say when they are idle, and may be dropped then.
//!
//! | to read | to write |
//! |---|---|
//! | [`HeadReader`] → [`RequestHead`] | [`encode_request`] |
//! | [`ResponseReader`] → [`ResponseHead`] and body | [`encode_response`], [`HeadWriter`], [`chunk`] |
//! | [`BodyDecoder`] | [`Framing`] |
//! | [`ws::Decoder`] → [`ws::Event`] | [`ws::encode`], [`ws::frame_header`] |
//! | [`sse::Reader`] → [`sse::Event`] | [`sse::encode`] |
//!
//! What a peer gets wrong is an [`HttpError`] or [`ws::WsError`] that names the value and the limit and knows its
//! status or close code. Every bound is a field of [`Limits`], [`WsLimits`] or [`SseLimits`]. What is sent cannot
//! smuggle: names and values go through [`Fields`], which refuses line ends.
//!
//! Not here: HTTP/2, compression of HTTP bodies, multipart bodies.

#![forbid(unsafe_code)]

mod body;
mod conditional;
mod date;
mod error;
mod fields;
mod framing;
mod head;
mod headers;
mod limits;
pub mod query;
mod range;
mod response;
mod scan;
pub mod sse;
mod status;
mod target;
mod token;
pub mod ws;

pub use body::{BodyDecoder, Step};
pub use conditional::{Condition, Validators};
pub use date::http_date;
pub use error::HttpError;
pub use fields::{FieldError, Fields, is_field_value};
pub use framing::{BodyLength, Version};
pub use head::{HeadReader, Progress, RequestHead};
pub use headers::Headers;
pub use limits::{Limits, SseLimits, WsLimits};
pub use range::{Wanted, wanted};
pub use response::{
    CONTINUE, ConnectionField, Framing, HeadWriter, LAST_CHUNK, ResponseEvent, ResponseHead, ResponseReader, chunk,
    chunk_head, encode_request, encode_response,
};
pub use status::Status;

pub use body::{TrailerError, encode_trailers};
