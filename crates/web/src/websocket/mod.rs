//! A WebSocket in a task's hands: the same for a server's session and a client.
//!
//! Bytes come from the stream below and go through a decoder, which exists only while a message is incomplete; messages go to
//! the stream's send queue as whole frames. Pings and the peer's goodbye are answered here, while the owner receives. While it
//! waits a WebSocket is its few words and nothing else: no decoder, no buffer, no compressor.
//!
//! Not here: timeouts and pings of our own. A session that wants them has `time::timeout` and [`WebSocket::ping`].

use std::cell::RefCell;
use std::rc::Rc;

use crore_http::ws::{DeflateSide, History, Role};
use crore_rt::net::TcpStream;

use receiving::Pending;

mod compression;
mod error;
mod keys;
mod receiving;
mod sending;
mod upgrade;

#[cfg(test)]
mod tests;

pub use compression::Compression;
pub use crore_http::WsLimits;
pub use crore_http::ws::{DeflateOptions, DeflateTerms, Event, Opcode, close_code};
pub use error::WebSocketError;
pub use keys::Keys;
pub use upgrade::{AllowedOrigins, Upgrade, UpgradeOptions, websocket};

/// An open WebSocket. Dropping it ends the connection without a closing handshake; [`WebSocket::finish`] is polite.
#[derive(Debug)]
pub struct WebSocket {
    stream: TcpStream,
    side: Rc<Side>,
    /// Only while something has come and was not taken.
    pending: Option<Box<Pending>>,
    /// Only where contexts are kept.
    received: Option<Box<History>>,
    sent: Option<Box<RefCell<History>>>,
    terms: Option<DeflateTerms>,
    /// Which of the side's.
    protocol: Option<u16>,
    peer_code: Option<u16>,
    /// We have sent a close frame.
    is_closing: bool,
    /// Nothing is received any more.
    is_over: bool,
}

/// What all WebSockets of the same making share.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) role: Role,
    pub(crate) limits: WsLimits,
    /// A client's; servers do not mask.
    pub(crate) keys: Option<Keys>,
    pub(crate) compression: Option<Compression>,
    pub(crate) protocols: Vec<String>,
}

/// What a handshake has led to.
#[derive(Debug)]
pub(crate) struct Agreed<'a> {
    /// One of the side's.
    pub(crate) protocol: Option<&'a str>,
    pub(crate) deflate: Option<DeflateTerms>,
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl WebSocket {
    /// A connection whose handshake is done; `unread` came behind it.
    pub(crate) fn begin(stream: TcpStream, unread: Box<[u8]>, side: Rc<Side>, agreed: &Agreed<'_>) -> WebSocket {
        assert_eq!(side.role == Role::Client, side.keys.is_some(), "clients mask, servers do not");
        assert!(agreed.deflate.is_none() || side.compression.is_some(), "what was agreed on was offered");
        let context = |side: DeflateSide| side.keeps_context.then(|| History::new(side));
        let (received, sent) = agreed
            .deflate
            .map_or((None, None), |terms| (context(terms.received_by(side.role)), context(terms.sent_by(side.role))));
        let unread = unread.into_vec();
        let pending = (!unread.is_empty()).then(|| Box::new(Pending { unread, ..Pending::default() }));
        let is_chosen = |protocol: &String| Some(&protocol[..]) == agreed.protocol;
        let protocol = side.protocols.iter().position(is_chosen).and_then(|at| u16::try_from(at).ok());
        WebSocket {
            stream,
            side,
            pending,
            received: received.map(Box::new),
            sent: sent.map(|history| Box::new(RefCell::new(history))),
            terms: agreed.deflate,
            protocol,
            peer_code: None,
            is_closing: false,
            is_over: false,
        }
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.map(|at| &self.side.protocols[usize::from(at)][..])
    }

    /// How messages are compressed; none: not at all.
    pub fn deflate(&self) -> Option<DeflateTerms> {
        self.terms
    }

    /// The code with which the peer has said goodbye, 1005 if it gave none; none if it has not.
    pub fn close_code(&self) -> Option<u16> {
        self.peer_code
    }

    /// The connection below, for its options and its name, and for frames that many share.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl Side {
    /// The mask of the next frame.
    fn key(&self) -> Option<[u8; 4]> {
        self.keys.as_ref().map(Keys::next)
    }
}
