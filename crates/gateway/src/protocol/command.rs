//! Commands of clients (section 4 of the protocol), read from one line of a message.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::present;

/// What a client asks, with the number it wants in the reply.
#[derive(Debug)]
pub(crate) enum Command<'a> {
    /// `{}`: the answer to a ping.
    Pong,
    Connect(u32, Box<Connect<'a>>),
    Subscribe(u32, Box<Subscribe<'a>>),
    Unsubscribe(u32, Cow<'a, str>),
    Publish(u32, Publish<'a>),
    History(u32, Box<History<'a>>),
    /// A new connection token.
    Refresh(u32, Cow<'a, str>),
    /// Known, but not offered here: answered with error 108.
    NotAvailable(u32),
    /// `send`, which has no reply.
    Send,
}

/// Why a line is no command: the client is sent away with 3501.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandError {
    NotJson,
    /// A number but no known request beside it, or a request but no number.
    Malformed,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Connect<'a> {
    #[serde(borrow, default)]
    pub(crate) token: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Subscribe<'a> {
    #[serde(borrow, default)]
    pub(crate) channel: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) token: Cow<'a, str>,
    #[serde(default)]
    pub(crate) recover: bool,
    #[serde(default)]
    pub(crate) offset: u64,
    #[serde(borrow, default)]
    pub(crate) epoch: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) delta: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) tf: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) flag: i64,
    #[serde(default, rename = "type")]
    pub(crate) kind: i32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Publish<'a> {
    #[serde(borrow, default)]
    pub(crate) channel: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) data: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct History<'a> {
    #[serde(borrow, default)]
    pub(crate) channel: Cow<'a, str>,
    #[serde(default)]
    pub(crate) limit: i32,
    #[serde(borrow)]
    pub(crate) since: Option<Since<'a>>,
    #[serde(default)]
    pub(crate) reverse: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Since<'a> {
    #[serde(default)]
    pub(crate) offset: u64,
    #[serde(borrow, default)]
    pub(crate) epoch: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct OfChannel<'a> {
    #[serde(borrow, default)]
    channel: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct Refresh<'a> {
    #[serde(borrow, default)]
    token: Cow<'a, str>,
}

/// The envelope. Fields that we do not know are ignored (section 2).
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    connect: Option<Connect<'a>>,
    #[serde(borrow)]
    subscribe: Option<Subscribe<'a>>,
    #[serde(borrow)]
    unsubscribe: Option<OfChannel<'a>>,
    #[serde(borrow)]
    publish: Option<Publish<'a>>,
    presence: Option<serde::de::IgnoredAny>,
    presence_stats: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    history: Option<History<'a>>,
    rpc: Option<serde::de::IgnoredAny>,
    send: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    refresh: Option<Refresh<'a>>,
    sub_refresh: Option<serde::de::IgnoredAny>,
    ping: Option<serde::de::IgnoredAny>,
}

/// Reads one command. Costs time in proportion to the text; strings are borrowed from it unless they hold escapes.
///
/// # Errors
/// See [`CommandError`].
pub(crate) fn parse(line: &str) -> Result<Command<'_>, CommandError> {
    let envelope: Envelope<'_> = serde_json::from_str(line).map_err(|_| CommandError::NotJson)?;
    let id = envelope.id;
    let asks_nothing = envelope.asks_nothing();
    let command = request(envelope);
    match command {
        Some(Command::Send) => Ok(Command::Send),
        Some(command) if id > 0 => Ok(command),
        None if id == 0 && asks_nothing => Ok(Command::Pong),
        _ => Err(CommandError::Malformed),
    }
}

impl Envelope<'_> {
    fn asks_nothing(&self) -> bool {
        self.ping.is_none()
    }
}

/// The first request that is there, in the protocol's order.
fn request(envelope: Envelope<'_>) -> Option<Command<'_>> {
    let id = envelope.id;
    if let Some(connect) = envelope.connect {
        return Some(Command::Connect(id, Box::new(connect)));
    }
    if let Some(subscribe) = envelope.subscribe {
        return Some(Command::Subscribe(id, Box::new(subscribe)));
    }
    if let Some(unsubscribe) = envelope.unsubscribe {
        return Some(Command::Unsubscribe(id, unsubscribe.channel));
    }
    if let Some(publish) = envelope.publish {
        return Some(Command::Publish(id, publish));
    }
    if envelope.presence.is_some() || envelope.presence_stats.is_some() {
        return Some(Command::NotAvailable(id));
    }
    if let Some(history) = envelope.history {
        return Some(Command::History(id, Box::new(history)));
    }
    if envelope.rpc.is_some() {
        return Some(Command::NotAvailable(id));
    }
    if envelope.send.is_some() {
        return Some(Command::Send);
    }
    if let Some(refresh) = envelope.refresh {
        return Some(Command::Refresh(id, refresh.token));
    }
    envelope.sub_refresh.is_some().then_some(Command::NotAvailable(id))
}
