//! What a client or the server API asks of the hub.
//!
//! Names and keys are borrowed: the hub copies them only when they have to travel or to stay.

use crore_base::payload::Parcel;
use crore_base::time::Duration;

use crate::clients::ClientKey;
use crate::position::Since;

/// What the namespace of a channel says about it. It is sent along with each request, and the channel's home applies the
/// latest, so a changed configuration reaches a channel with the next request.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct ChannelOptions {
    /// How many publications are kept at most; 0 switches history off.
    pub history_size: u32,
    /// How long a publication is kept at most; 0 switches history off.
    pub history_ttl: Duration,
}

impl ChannelOptions {
    /// History needs both bounds: it is on when neither is 0.
    pub fn has_history(&self) -> bool {
        self.history_size > 0 && self.history_ttl > Duration::ZERO
    }
}

/// A publication on its way in.
#[derive(Clone, Debug)]
pub struct Publish<'a> {
    /// Where to.
    pub channel: &'a str,
    /// Raw JSON on one line. At most `Limits::publication_bytes`.
    pub data: Parcel,
    /// The publisher's ClientInfo as JSON.
    pub info: Option<Parcel>,
    /// Tags as a JSON object.
    pub tags: Option<Parcel>,
    /// What the namespace says.
    pub options: ChannelOptions,
    /// Deliver only: the publication gets no offset and is not kept.
    pub skip_history: bool,
    /// A second publication with the same key to the same channel within five minutes is not published; it answers what
    /// the first one answered. At most 255 bytes.
    pub idempotency_key: Option<&'a str>,
}

/// One command. Each that is given is answered by exactly one [`Event::Answer`](crate::Event::Answer) with its token.
#[derive(Clone, Debug)]
pub enum Command<'a> {
    /// Makes a client a subscriber. Answers `Subscribed`, or refuses: 105 when it is subscribed (or being subscribed)
    /// already, 106 over a limit, 107 for a bad name, 112 as below.
    Subscribe {
        /// Who.
        client: ClientKey,
        /// To what.
        channel: &'a str,
        /// Ask for what was missed since then (section 12 of the protocol).
        since: Option<Since>,
        /// Refuse with 112, instead of subscribing without recovery, when `since` cannot be recovered.
        reject_unrecovered: bool,
        /// What the namespace says.
        options: ChannelOptions,
    },
    /// Ends a subscription, or one under way. Answers `Unsubscribed` at once, also when there was none.
    Unsubscribe {
        /// Who.
        client: ClientKey,
        /// From what.
        channel: &'a str,
    },
    /// Publishes. Answers `Published`.
    Publish(Publish<'a>),
    /// Reads the log. Answers `History`, or refuses: 107 for `reverse` from offset 0, 108 without history, 112 for
    /// another epoch.
    History {
        /// Of what.
        channel: &'a str,
        /// How many at most; 0: only the position; negative or over `Limits::history_page`: that many.
        limit: i32,
        /// Only those after it (before it when reversed).
        since: Option<Since>,
        /// The newest first.
        reverse: bool,
        /// What the namespace says.
        options: ChannelOptions,
    },
    /// Forgets the kept publications, not the position. Answers `HistoryRemoved`.
    HistoryRemove {
        /// Of what.
        channel: &'a str,
    },
    /// Lists channels that have subscribers on any core. Answers `Channels`. Expensive: visits every channel.
    Channels {
        /// `*` stands for any characters, `?` for one, a backslash takes the next character as it is; `None`: all.
        pattern: Option<&'a str>,
    },
    /// Lists the subscribers of a channel on all cores. Answers `Members`.
    Members {
        /// Of what.
        channel: &'a str,
    },
}
