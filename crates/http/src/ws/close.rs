//! Close codes: which exist, and which may be on the wire.

/// Close codes with a name (RFC 6455, section 7.4.1, and the IANA registry).
pub mod close_code {
    /// The purpose is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// The endpoint goes away: a server shuts down, a page is left.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A kind of message that this endpoint does not take.
    pub const UNSUPPORTED: u16 = 1003;
    /// Text that is not UTF-8.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// A rule of this endpoint was broken.
    pub const POLICY: u16 = 1008;
    /// A message too large.
    pub const TOO_LARGE: u16 = 1009;
    /// The server failed.
    pub const INTERNAL_ERROR: u16 = 1011;
    /// The server restarts: come back, after a random while.
    pub const SERVICE_RESTART: u16 = 1012;
    /// The server is overloaded: come back later.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// Whether a close frame may hold this code. 1004, 1005, 1006 and 1015 are for local use only; 3000 to 3999 are
/// registered by libraries, 4000 to 4999 are private.
pub const fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
