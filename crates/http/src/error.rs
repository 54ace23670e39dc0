//! What a peer can get wrong in an HTTP message: one reason for the answer, the counter and the log.
//!
//! After any of these the framing of the connection is unknown or untrusted, so the owner answers with
//! [`HttpError::status`] if it is a server, and closes.

use core::fmt;

/// Why a message was refused. Offsets (`at`) count bytes from the start of its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// A byte that may not stand there: NUL, another control character, a bare line feed, a non-ASCII byte.
    ForbiddenByte {
        /// The byte.
        byte: u8,
        /// Where it stands.
        at: u32,
    },
    /// A carriage return without a line feed.
    BareCarriageReturn {
        /// Where it stands.
        at: u32,
    },
    /// A header continued on the next line (`obs-fold`), which proxies read in different ways.
    Fold {
        /// Where the folded line begins.
        at: u32,
    },
    /// White space between a header's name and its colon.
    SpaceBeforeColon {
        /// Where it stands.
        at: u32,
    },
    /// The first line has another shape than its three parts.
    FirstLine,
    /// A header line without a name, or without a colon.
    HeaderLine {
        /// The byte that stands where a name or a colon should.
        byte: u8,
        /// Where it stands.
        at: u32,
    },
    /// The request's method is longer than any known one.
    MethodTooLong {
        /// The limit, in bytes.
        limit: u16,
    },
    /// The request target is none of the four forms of RFC 9112, section 3.2.
    Target,
    /// The request target is too long.
    TargetTooLong {
        /// The limit, in bytes.
        limit: u16,
    },
    /// The head is too long.
    HeadTooLarge {
        /// The limit, in bytes.
        limit: u16,
    },
    /// The head has too many header lines.
    TooManyHeaders {
        /// The limit.
        limit: u16,
    },
    /// Another version than HTTP/1.0 and HTTP/1.1.
    Version,
    /// HTTP/1.1 without `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// `Host` is not a host with an optional port.
    HostInvalid,
    /// More than one `Content-Length`, even if they agree.
    LengthRepeated,
    /// `Content-Length` is not a plain decimal number of 64 bits.
    LengthInvalid,
    /// `Content-Length` together with `Transfer-Encoding`.
    LengthAndCoding,
    /// `Transfer-Encoding` whose last coding is not `chunked`, or that has it twice.
    CodingInvalid,
    /// `Transfer-Encoding` with another coding besides `chunked`.
    CodingUnknown,
    /// `Transfer-Encoding` in HTTP/1.0.
    CodingInOldVersion,
    /// The body is too long; the bytes it has or declares at least.
    BodyTooLarge {
        /// Bytes declared or reached.
        length: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A chunk size is not a hexadecimal number.
    ChunkSize {
        /// The byte that stands where a digit, `;` or the line's end should.
        byte: u8,
    },
    /// A chunk size has more digits than 64 bits need.
    ChunkSizeTooLong {
        /// The limit, in digits.
        limit: u8,
    },
    /// The extensions of a body's chunks are too long together.
    ChunkExtensionTooLong {
        /// The limit, in bytes.
        limit: u16,
    },
    /// The data of a chunk is not followed by a line end.
    ChunkEnd {
        /// The byte found instead.
        byte: u8,
    },
    /// A trailer about framing, routing or the connection (RFC 9110, section 6.5.1).
    TrailerForbidden {
        /// Its name, in lower case.
        name: &'static str,
    },
    /// The stream ended in the middle of a message.
    Truncated,
    /// The response has no three-digit status, or 101 where no upgrade was asked for.
    ResponseStatus,
    /// Too many interim responses.
    TooManyInterim {
        /// The limit.
        limit: u8,
    },
    /// The head was not complete in time. Made by the owner of the clock.
    HeadTimeout {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The body was not complete in time. Made by the owner of the clock.
    BodyTimeout {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
}

impl HttpError {
    /// The status with which a server answers: 400, 408, 413, 414, 431, 501 or 505.
    pub fn status(&self) -> crate::Status {
        use crate::Status;
        match self {
            HttpError::HeadTimeout { .. } | HttpError::BodyTimeout { .. } => Status::REQUEST_TIMEOUT,
            HttpError::BodyTooLarge { .. } => Status::CONTENT_TOO_LARGE,
            HttpError::TargetTooLong { .. } => Status::URI_TOO_LONG,
            HttpError::HeadTooLarge { .. } | HttpError::TooManyHeaders { .. } => Status::HEADERS_TOO_LARGE,
            HttpError::MethodTooLong { .. } | HttpError::CodingUnknown => Status::NOT_IMPLEMENTED,
            HttpError::Version => Status::VERSION_NOT_SUPPORTED,
            _ => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            HttpError::ForbiddenByte { byte: b'\n', at } => {
                write!(f, "bare line feed at byte {at} of the head: end lines with CR LF")
            }
            HttpError::ForbiddenByte { byte, at } => {
                write!(f, "byte 0x{byte:02x} is not allowed at byte {at} of the head")
            }
            HttpError::BareCarriageReturn { at } => {
                write!(f, "carriage return without line feed at byte {at} of the head: end lines with CR LF")
            }
            HttpError::Fold { at } => write!(f, "folded header line at byte {at}: send each header on one line"),
            HttpError::SpaceBeforeColon { at } => {
                write!(f, "white space before the colon at byte {at}: remove it")
            }
            HttpError::FirstLine => f.write_str("malformed first line: send METHOD SP TARGET SP HTTP/1.1"),
            HttpError::HeaderLine { byte, at } => {
                write!(f, "malformed header line: byte 0x{byte:02x} at byte {at} of the head instead of name or colon")
            }
            HttpError::MethodTooLong { limit } => {
                write!(f, "method longer than {limit} bytes: no such method here")
            }
            HttpError::Target => f.write_str("malformed request target: send an absolute path"),
            HttpError::TargetTooLong { limit } => {
                write!(f, "request target longer than {limit} bytes: shorten it")
            }
            HttpError::HeadTooLarge { limit } => {
                write!(f, "head longer than {limit} bytes: send fewer or shorter headers")
            }
            HttpError::TooManyHeaders { limit } => {
                write!(f, "more than {limit} headers: send fewer")
            }
            HttpError::Version => f.write_str("unsupported HTTP version: use HTTP/1.1"),
            HttpError::HostMissing => f.write_str("no Host header: HTTP/1.1 demands exactly one"),
            HttpError::HostRepeated => f.write_str("more than one Host header: send exactly one"),
            HttpError::HostInvalid => f.write_str("malformed Host header: send host or host:port"),
            HttpError::LengthRepeated => f.write_str("more than one Content-Length: send one"),
            HttpError::LengthInvalid => f.write_str("malformed Content-Length: send one decimal number below 2^64"),
            HttpError::LengthAndCoding => {
                f.write_str("Content-Length together with Transfer-Encoding: send one of them")
            }
            HttpError::CodingInvalid => {
                f.write_str("malformed Transfer-Encoding: its last and only `chunked` must stand last")
            }
            HttpError::CodingUnknown => f.write_str("unknown transfer coding: only `chunked` is known here"),
            HttpError::CodingInOldVersion => f.write_str("Transfer-Encoding in HTTP/1.0: use HTTP/1.1"),
            HttpError::BodyTooLarge { length, limit } => {
                write!(f, "body of {length} bytes or more, the limit is {limit}: send less")
            }
            HttpError::ChunkSize { byte } => write!(f, "byte 0x{byte:02x} in a chunk size: send hexadecimal digits"),
            HttpError::ChunkSizeTooLong { limit } => {
                write!(f, "chunk size of more than {limit} digits: send fewer")
            }
            HttpError::ChunkExtensionTooLong { limit } => {
                write!(f, "chunk extensions longer than {limit} bytes: omit them")
            }
            HttpError::ChunkEnd { byte } => write!(f, "byte 0x{byte:02x} after a chunk's data: end it with CR LF"),
            HttpError::TrailerForbidden { name } => {
                write!(f, "`{name}` after a body: send it in the head")
            }
            HttpError::Truncated => f.write_str("the stream ended in the middle of a message"),
            HttpError::ResponseStatus => f.write_str("unusable response status: neither expected nor of three digits"),
            HttpError::TooManyInterim { limit } => {
                write!(f, "more than {limit} interim responses before the final one")
            }
            HttpError::HeadTimeout { limit_ms } => {
                write!(f, "head not complete after {limit_ms} ms: send it faster")
            }
            HttpError::BodyTimeout { limit_ms } => {
                write!(f, "body not complete after {limit_ms} ms: send it faster")
            }
        }
    }
}

impl std::error::Error for HttpError {}
