//! Error codes of replies and disconnect codes (sections 8 and 10 of the protocol): one list for wire, counters and log.

/// Why a command was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    Internal,
    UnknownChannel,
    PermissionDenied,
    BadRequest,
    NotAvailable,
    TokenExpired,
    /// The hub's own reason.
    Hub(crore_hub::Refusal),
}

impl ErrorCode {
    pub(crate) fn code(self) -> u32 {
        match self {
            ErrorCode::Internal => 100,
            ErrorCode::UnknownChannel => 102,
            ErrorCode::PermissionDenied => 103,
            ErrorCode::BadRequest => 107,
            ErrorCode::NotAvailable => 108,
            ErrorCode::TokenExpired => 109,
            ErrorCode::Hub(refusal) => refusal.code(),
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            ErrorCode::Internal => "internal server error",
            ErrorCode::UnknownChannel => "unknown channel",
            ErrorCode::PermissionDenied => "permission denied",
            ErrorCode::BadRequest => "bad request",
            ErrorCode::NotAvailable => "not available",
            ErrorCode::TokenExpired => "token expired",
            ErrorCode::Hub(refusal) => refusal.message(),
        }
    }

    pub(crate) fn temporary(self) -> bool {
        match self {
            ErrorCode::Internal => true,
            ErrorCode::Hub(refusal) => refusal.temporary(),
            _ => false,
        }
    }
}

/// Why a client is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disconnect {
    Shutdown,
    Expired,
    Slow,
    NoPong,
    InvalidToken,
    BadRequest,
    Stale,
    ConnectionLimit,
    InappropriateProtocol,
    NotAvailable,
}

impl Disconnect {
    pub(crate) const ALL: [Disconnect; 10] = [
        Disconnect::Shutdown,
        Disconnect::Expired,
        Disconnect::Slow,
        Disconnect::NoPong,
        Disconnect::InvalidToken,
        Disconnect::BadRequest,
        Disconnect::Stale,
        Disconnect::ConnectionLimit,
        Disconnect::InappropriateProtocol,
        Disconnect::NotAvailable,
    ];

    pub(crate) fn code(self) -> u16 {
        match self {
            Disconnect::Shutdown => 3001,
            Disconnect::Expired => 3005,
            Disconnect::Slow => 3008,
            Disconnect::NoPong => 3012,
            Disconnect::InvalidToken => 3500,
            Disconnect::BadRequest => 3501,
            Disconnect::Stale => 3502,
            Disconnect::ConnectionLimit => 3504,
            Disconnect::InappropriateProtocol => 3506,
            Disconnect::NotAvailable => 3508,
        }
    }

    pub(crate) fn reason(self) -> &'static str {
        match self {
            Disconnect::Shutdown => "shutdown",
            Disconnect::Expired => "connection expired",
            Disconnect::Slow => "slow",
            Disconnect::NoPong => "no pong",
            Disconnect::InvalidToken => "invalid token",
            Disconnect::BadRequest => "bad request",
            Disconnect::Stale => "stale",
            Disconnect::ConnectionLimit => "connection limit",
            Disconnect::InappropriateProtocol => "inappropriate protocol",
            Disconnect::NotAvailable => "not available",
        }
    }

    /// The reason as a label of counters.
    pub(crate) fn label(self) -> String {
        self.reason().replace(' ', "_")
    }

    /// Whether what waits for the client is still sent before it goes (section 10 of the protocol).
    pub(crate) fn flushes(self) -> bool {
        self != Disconnect::Slow
    }
}
