//! Why a WebSocket ends before its time.

use std::fmt;
use std::io;

use crore_http::ws::WsError;
use crore_rt::net::SendError;

/// Why a WebSocket failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketError {
    /// Sending or receiving failed.
    Io(io::Error),
    /// The peer broke a rule, and was told so; or we would have, with a close code that may not be sent.
    Rules(WsError),
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebSocketError::Io(error) => error.fmt(f),
            WebSocketError::Rules(error) => write!(f, "the rules of WebSockets are broken: {error}"),
        }
    }
}

impl std::error::Error for WebSocketError {}

impl From<io::Error> for WebSocketError {
    fn from(error: io::Error) -> Self {
        WebSocketError::Io(error)
    }
}

impl From<SendError> for WebSocketError {
    fn from(error: SendError) -> Self {
        WebSocketError::Io(error.into())
    }
}

impl From<WsError> for WebSocketError {
    fn from(error: WsError) -> Self {
        WebSocketError::Rules(error)
    }
}
