//! The client's side of the opening handshake (RFC 6455, section 4.1).

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::deflate::{self, DeflateOptions, DeflateTerms};
use super::handshake::accept_key;
use crate::fields::{FieldError, Fields};
use crate::response::ResponseHead;
use crate::{ConnectionField, Framing, Status, encode_request};

/// A handshake that waits for its response.
#[derive(Clone, Debug)]
pub struct ClientHandshake {
    accept: [u8; 28],
    protocols: Vec<String>,
    deflate: Option<DeflateOptions>,
}

/// Why a response does not begin a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// Another status than 101; the response may say why.
    Status(Status),
    /// `Upgrade` or `Connection` are not as they must be.
    NotAnUpgrade,
    /// `Sec-WebSocket-Accept` does not fit the key: somebody else's answer.
    Accept,
    /// A subprotocol that was not asked for, or more than one.
    Protocol(String),
    /// An extension that was not asked for, or not as it was asked for.
    Extension(String),
}

impl ClientHandshake {
    /// The handshake and the request to send. The nonce must be random; `fields` are further headers, like `Origin`.
    ///
    /// # Errors
    /// A target, host or protocol that cannot be sent.
    pub fn new(
        host: &str,
        target: &str,
        protocols: &[&str],
        fields: &Fields,
        nonce: [u8; 16],
    ) -> Result<(Self, Vec<u8>), FieldError> {
        ClientHandshake::offering(host, target, protocols, fields, nonce, None)
    }

    /// As [`ClientHandshake::new`], and offers compression if there are options for it.
    ///
    /// # Errors
    /// As [`ClientHandshake::new`].
    pub fn offering(
        host: &str,
        target: &str,
        protocols: &[&str],
        fields: &Fields,
        nonce: [u8; 16],
        deflate: Option<DeflateOptions>,
    ) -> Result<(Self, Vec<u8>), FieldError> {
        let key = STANDARD.encode(nonce);
        let mut all = Fields::new();
        all.push("Upgrade", "websocket")?;
        all.push("Sec-WebSocket-Version", "13")?;
        all.push("Sec-WebSocket-Key", &key)?;
        if !protocols.is_empty() {
            all.push("Sec-WebSocket-Protocol", &protocols.join(", "))?;
        }
        if let Some(options) = &deflate {
            all.push(deflate::FIELD, deflate::offer(options))?;
        }
        all.append(fields);
        let request = encode_request("GET", target, host, &all, Framing::None, ConnectionField::Upgrade)?;
        let protocols = protocols.iter().map(|&protocol| protocol.to_owned()).collect();
        Ok((ClientHandshake { accept: accept_key(key.as_bytes()), protocols, deflate }, request))
    }

    /// Checks the response; returns the subprotocol that the server chose.
    ///
    /// # Errors
    /// Whatever [`HandshakeError`] names; end the connection then, unless the status is another and the body of
    /// interest.
    pub fn check(&self, head: &ResponseHead) -> Result<Option<&str>, HandshakeError> {
        if head.status() != Status::SWITCHING_PROTOCOLS {
            return Err(HandshakeError::Status(head.status()));
        }
        let headers = head.headers();
        if !headers.lists("upgrade", "websocket") || !headers.lists("connection", "upgrade") {
            return Err(HandshakeError::NotAnUpgrade);
        }
        if !headers.values("sec-websocket-accept").eq([&self.accept[..]]) {
            return Err(HandshakeError::Accept);
        }
        self.deflate(head)?;
        let mut chosen = headers.values("sec-websocket-protocol");
        let Some(protocol) = chosen.next() else {
            return Ok(None);
        };
        let asked = self.protocols.iter().find(|asked| asked.as_bytes() == protocol);
        match (asked, chosen.next()) {
            (Some(asked), None) => Ok(Some(asked)),
            _ => Err(HandshakeError::Protocol(String::from_utf8_lossy(protocol).into_owned())),
        }
    }

    /// How messages are compressed, by a response that was checked; none: not at all.
    ///
    /// # Errors
    /// [`HandshakeError::Extension`].
    pub fn deflate(&self, head: &ResponseHead) -> Result<Option<DeflateTerms>, HandshakeError> {
        deflate::check(head.headers(), self.deflate.as_ref())
            .map_err(|value| HandshakeError::Extension(String::from_utf8_lossy(value).into_owned()))
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Status(status) => write!(f, "the server answered {status} instead of 101: not a WebSocket"),
            HandshakeError::NotAnUpgrade => f.write_str("the server's 101 does not upgrade to websocket"),
            HandshakeError::Accept => f.write_str("the server's Sec-WebSocket-Accept does not fit the key"),
            HandshakeError::Protocol(protocol) => {
                write!(f, "the server chose {protocol:?}, which was not asked for")
            }
            HandshakeError::Extension(extension) => {
                write!(f, "the server uses {extension:?}, which was not asked for so")
            }
        }
    }
}

impl std::error::Error for HandshakeError {}
