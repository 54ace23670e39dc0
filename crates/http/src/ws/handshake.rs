//! The server's side of the opening handshake (RFC 6455, section 4.2).
//!
//! [`accept`] looks at a request and says either what to answer or precisely why not. An upgrade happens only on a
//! full match: method, version, `Upgrade`, `Connection`, key, WebSocket version, no body, an origin that is welcome.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::deflate::{self, DeflateOptions, DeflateTerms};
use crate::fields::Fields;
use crate::framing::{BodyLength, Version};
use crate::token::is_whole_token;
use crate::{ConnectionField, Framing, RequestHead, Status, encode_response};

#[cfg(test)]
mod tests;

/// What the key is hashed with (RFC 6455, section 1.3).
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES: usize = 16;

/// What a server takes.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Subprotocols it speaks. The first of the *client's* that is among them is chosen; if none is, the connection
    /// is accepted without one, and the client decides.
    pub protocols: &'a [&'a str],
    /// From which pages a browser may connect.
    pub origins: Origins<'a>,
}

/// Which values of `Origin` are welcome. Programs that are not browsers send none, and are.
#[derive(Clone, Copy, Debug)]
pub enum Origins<'a> {
    /// All: only for services whose tokens do not ride on cookies.
    Any,
    /// The one whose host and port are those of the request.
    SameHost,
    /// Those listed, like `https://example.com`.
    Listed(&'a [String]),
}

/// A handshake that may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    key: [u8; 28],
    protocol: Option<&'a str>,
    deflate: Option<DeflateTerms>,
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a `GET`.
    Method,
    /// HTTP/1.0.
    OldHttp,
    /// No `Upgrade: websocket` with `Connection: Upgrade`: an ordinary request.
    NotAnUpgrade,
    /// A request with a body.
    Body,
    /// Another WebSocket version than 13.
    Version,
    /// No key, more than one, or one that is not 16 bytes in base64.
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    Protocols,
    /// A page of this origin may not connect.
    Origin,
}

/// Checks a request against what the server takes.
///
/// # Errors
/// The first reason that stands against it; answer with its [`Refusal::status`] and [`Refusal::field`].
pub fn accept<'a>(head: &RequestHead, offer: &Offer<'a>) -> Result<Accepted<'a>, Refusal> {
    if head.method() != "GET" {
        return Err(Refusal::Method);
    }
    if head.version() == Version::Http10 {
        return Err(Refusal::OldHttp);
    }
    let headers = head.headers();
    if !headers.lists("upgrade", "websocket") || !headers.lists("connection", "upgrade") {
        return Err(Refusal::NotAnUpgrade);
    }
    if head.body() != BodyLength::None {
        return Err(Refusal::Body);
    }
    if !headers.values("sec-websocket-version").eq([b"13"]) {
        return Err(Refusal::Version);
    }
    let mut keys = headers.values("sec-websocket-key");
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => key,
        _ => return Err(Refusal::Key),
    };
    if !is_welcome(head, &offer.origins) {
        return Err(Refusal::Origin);
    }
    let protocol = choose(head, offer.protocols)?;
    Ok(Accepted { key: accept_key(key), protocol, deflate: None })
}

impl Accepted<'_> {
    /// The value of `Sec-WebSocket-Accept`.
    pub fn key(&self) -> &str {
        str::from_utf8(&self.key).expect("base64 is ASCII")
    }

    /// The subprotocol that was chosen.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol
    }

    /// With compression, if the request offers it in a way that we take; else unchanged.
    #[must_use]
    pub fn with_deflate(self, head: &RequestHead, options: &DeflateOptions) -> Self {
        Accepted { deflate: deflate::agree(head, options), ..self }
    }

    /// How messages are compressed; none: not at all.
    pub fn deflate(&self) -> Option<DeflateTerms> {
        self.deflate
    }

    /// The headers of the response; its status is 101, its `Connection` says `Upgrade`.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::new();
        let pushed = fields
            .push("Upgrade", "websocket")
            .and_then(|()| fields.push("Sec-WebSocket-Accept", self.key()))
            .and_then(|()| match self.protocol {
                None => Ok(()),
                Some(protocol) => fields.push("Sec-WebSocket-Protocol", protocol),
            })
            .and_then(|()| match &self.deflate {
                None => Ok(()),
                Some(terms) => fields.push(deflate::FIELD, &deflate::response(terms)),
            });
        pushed.expect("base64, our own words, and a protocol equal to one that was read as a token, are field text");
        fields
    }

    /// The whole response. What follows it on the connection are frames.
    pub fn response(&self) -> Vec<u8> {
        let status = Status::SWITCHING_PROTOCOLS;
        encode_response(status, &self.fields(), Framing::None, ConnectionField::Upgrade)
    }
}

impl Refusal {
    /// The status to answer with: 405, 505, 426, 400 or 403.
    pub fn status(self) -> Status {
        match self {
            Refusal::Method => Status::METHOD_NOT_ALLOWED,
            Refusal::OldHttp => Status::VERSION_NOT_SUPPORTED,
            Refusal::NotAnUpgrade | Refusal::Version => Status::UPGRADE_REQUIRED,
            Refusal::Body | Refusal::Key | Refusal::Protocols => Status::BAD_REQUEST,
            Refusal::Origin => Status::FORBIDDEN,
        }
    }

    /// The header that the answer needs besides, as name and value.
    pub fn field(self) -> Option<(&'static str, &'static str)> {
        match self {
            Refusal::Method => Some(("Allow", "GET")),
            Refusal::NotAnUpgrade => Some(("Upgrade", "websocket")),
            Refusal::Version => Some(("Sec-WebSocket-Version", "13")),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Method => "a WebSocket begins with GET",
            Refusal::OldHttp => "a WebSocket needs HTTP/1.1",
            Refusal::NotAnUpgrade => "this is a WebSocket: send Connection: Upgrade and Upgrade: websocket",
            Refusal::Body => "a WebSocket's request has no body",
            Refusal::Version => "only WebSocket version 13 is spoken here: send Sec-WebSocket-Version: 13",
            Refusal::Key => "malformed Sec-WebSocket-Key: send 16 bytes in base64, once",
            Refusal::Protocols => "malformed Sec-WebSocket-Protocol: send a list of tokens",
            Refusal::Origin => "this origin may not connect: ask the operator to allow it",
        })
    }
}

impl std::error::Error for Refusal {}

/// The answer to a key: base64 of its SHA-1 together with a fixed text.
pub(super) fn accept_key(key: &[u8]) -> [u8; 28] {
    let hash = Sha1::new().chain_update(key).chain_update(MAGIC).finalize();
    let mut answer = [0; 28];
    let written = STANDARD.encode_slice(hash, &mut answer).expect("20 bytes are 28 in base64");
    assert_eq!(written, answer.len(), "20 bytes are 28 in base64");
    answer
}

fn is_key(key: &[u8]) -> bool {
    let mut nonce = [0; KEY_BYTES + 2];
    key.len() == 24 && STANDARD.decode_slice(key, &mut nonce) == Ok(KEY_BYTES)
}

fn is_welcome(head: &RequestHead, origins: &Origins<'_>) -> bool {
    let mut values = head.headers().values("origin");
    let Some(origin) = values.next() else {
        return true;
    };
    let only_one = values.next().is_none();
    only_one
        && match origins {
            Origins::Any => true,
            Origins::SameHost => {
                let host =
                    ["http://", "https://"].into_iter().find_map(|scheme| origin.strip_prefix(scheme.as_bytes()));
                host.is_some_and(|host| !host.is_empty() && host.eq_ignore_ascii_case(head.host().as_bytes()))
            }
            Origins::Listed(listed) => listed.iter().any(|one| origin.eq_ignore_ascii_case(one.as_bytes())),
        }
}

fn choose<'a>(head: &RequestHead, spoken: &'a [&'a str]) -> Result<Option<&'a str>, Refusal> {
    let mut chosen = None;
    for asked in head.headers().items("sec-websocket-protocol") {
        if !is_whole_token(asked) {
            return Err(Refusal::Protocols);
        }
        chosen = chosen.or_else(|| spoken.iter().copied().find(|one| one.as_bytes() == asked));
    }
    Ok(chosen)
}
