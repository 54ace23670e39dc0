//! How much a peer may send before it is refused, and which attack each bound stops.
//!
//! The numbers are defaults; the owner may set others within the types. Deadlines are not here, because nothing in
//! this crate knows the time: the owner keeps them and reports [`HttpError::HeadTimeout`](crate::HttpError).

/// Bytes of a request method. The longest registered one, `UPDATEREDIRECTREF`, has 17. Stops: an endless first word.
pub(crate) const METHOD_BYTES_MAX: u16 = 32;

/// Bytes of `HTTP/1.1`. Stops: an endless last word of the first line.
pub(crate) const VERSION_BYTES_MAX: u16 = 8;

/// Hexadecimal digits of a chunk size: what 64 bits can hold. Stops: overflow, and megabytes of leading zeros.
pub(crate) const CHUNK_SIZE_DIGITS_MAX: u8 = 16;

/// Decimal digits of a `Content-Length`: what 64 bits can hold. Stops: overflow.
pub(crate) const CONTENT_LENGTH_DIGITS_MAX: usize = 20;

/// Headers that a head may have at most, whatever [`Limits::headers`] says: the parser's table lives on the stack.
pub(crate) const HEADERS_CEILING: usize = 128;

/// Interim (1xx) responses before the final one. Stops: a server that never answers but keeps the client reading.
pub(crate) const INTERIM_RESPONSES_MAX: u8 = 8;

/// Payload bytes of a WebSocket control frame (RFC 6455, section 5.5).
pub(crate) const WS_CONTROL_BYTES_MAX: usize = 125;

/// How many times as long as its compressed form a WebSocket message may be, beyond [`DEFLATE_UNWATCHED_BYTES`]. DEFLATE
/// reaches 1,032; text and JSON stay below 50. Stops: a kilobyte that costs a megabyte and the time to fill it.
pub(crate) const DEFLATE_RATIO_MAX: u32 = 200;

/// Bytes of a message up to which its ratio does not matter: short messages that repeat themselves are common, and are no
/// weapon.
pub(crate) const DEFLATE_UNWATCHED_BYTES: u32 = 64 * 1024;

/// Blocks of a compressed message that may say that they are the last. A sender needs one at most; after each the window
/// is copied. Stops: two bytes that copy 32 KiB.
pub(crate) const DEFLATE_FINAL_BLOCKS_MAX: u32 = 8;

/// Bytes of a core's buffer for messages that are kept for the next message once it is [trimmed](crate::ws::Inflater::trim).
pub(crate) const DEFLATE_KEPT_BYTES_MAX: usize = 64 * 1024;

/// Bytes below which a message is sent as it is, unless the owner says otherwise: without a context so short a text hardly
/// shrinks.
pub(crate) const DEFLATE_BYTES_MIN: u32 = 128;

/// Bytes of a `Last-Event-ID` that a client may send back. Stops: ids as a store of attacker's data.
pub(crate) const LAST_EVENT_ID_BYTES_MAX: usize = 256;

/// Bounds of HTTP messages, on the server and on the client side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole head, first line and final empty line included; default 8 KiB. Beyond: 431. This is also
    /// the most that a connection's unfinished head can make the server hold. Stops: slow, huge heads.
    pub head_bytes: u16,
    /// Bytes of the request target; default 4 KiB. Beyond: 414.
    pub target_bytes: u16,
    /// Header lines of a head; default 64, at most 128. Beyond: 431. Stops: work per request growing with their number.
    pub headers: u16,
    /// Bytes of a body after decoding; default 64 KiB. Beyond: 413, and before any of it is stored when the length
    /// was declared.
    pub body_bytes: u64,
    /// Bytes of all extensions of all chunks of a body together; default 1 KiB. Stops: a body of nothing but them
    /// (CVE-2023-39326 in Go).
    pub chunk_extension_bytes: u16,
    /// Bytes of the trailer section, its final empty line included; default 4 KiB. Beyond: 431. It may have
    /// [`Limits::headers`] lines. Stops: an endless end of a body.
    pub trailer_bytes: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 8 * 1024,
            target_bytes: 4 * 1024,
            headers: 64,
            body_bytes: 64 * 1024,
            chunk_extension_bytes: 1024,
            trailer_bytes: 4 * 1024,
        }
    }
}

/// Bounds of WebSocket messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WsLimits {
    /// Bytes of a message, and so of a frame; default 64 KiB. A frame that declares more is refused with close code
    /// 1009 before anything is allocated. Stops: 14 bytes that reserve gigabytes.
    pub message_bytes: u32,
    /// Frames of one message; default 1,024. Stops: an endless run of empty continuation frames.
    pub fragments: u32,
}

impl Default for WsLimits {
    fn default() -> Self {
        WsLimits { message_bytes: 64 * 1024, fragments: 1024 }
    }
}

/// Bounds of a stream of server-sent events, for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseLimits {
    /// Bytes of one line, and of all data of one event; default 256 KiB.
    pub event_bytes: u32,
}

impl Default for SseLimits {
    fn default() -> Self {
        SseLimits { event_bytes: 256 * 1024 }
    }
}

const _: () = assert!(HEADERS_CEILING >= 64, "the default number of headers fits the parser's table");
