//! What the hub tells the gateway: answers to commands, and what happened by itself.

use std::rc::Rc;

use crate::clients::ClientKey;
use crate::position::Position;
use crate::publication::Publication;
use crate::refusal::Refusal;

/// Something for the gateway to act on, in the order in which it happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The one answer to the command that was given with this token.
    Answer {
        /// The token of the command.
        token: u64,
        /// What became of it.
        answer: Answer,
    },
    /// The hub found that a member would miss a publication, and has ended the subscription. The gateway tells the client
    /// "insufficient state" (unsubscribe code 2500), and it comes back with its position.
    Lost {
        /// Who.
        client: ClientKey,
        /// From what.
        channel: Rc<str>,
    },
}

/// What became of a command.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The client is a subscriber; publications newer than this answer follow by delivery.
    Subscribed(Subscribed),
    /// The client is not a subscriber (any more).
    Unsubscribed,
    /// Published; the position when the publication is in the stream.
    Published {
        /// Its offset and the stream's epoch.
        position: Option<Position>,
    },
    /// A page of the log.
    History(History),
    /// The log was emptied.
    HistoryRemoved,
    /// Channels with subscribers.
    Channels(Listing),
    /// Subscribers of a channel.
    Members(Membership),
    /// It was not done.
    Refused(Refusal),
}

/// The answer to a subscribe command.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// Who.
    pub client: ClientKey,
    /// To what.
    pub channel: Rc<str>,
    /// The top of the stream at the moment from which deliveries follow; `None` when the channel has no history. (When
    /// recovered, the protocol wants the client's own offset echoed instead: that is the gateway's to do.)
    pub position: Option<Position>,
    /// The client asked to recover.
    pub was_recovering: bool,
    /// All that was missed is in `publications`.
    pub recovered: bool,
    /// What was missed, oldest first; empty unless recovered.
    pub publications: Vec<Publication>,
}

impl Subscribed {
    /// Whether the channel keeps positions, so that a later subscription may recover.
    pub fn recoverable(&self) -> bool {
        self.position.is_some()
    }
}

/// A page of a channel's log.
#[derive(Clone, Debug)]
pub struct History {
    /// In the order asked for.
    pub publications: Vec<Publication>,
    /// The top of the stream.
    pub position: Position,
}

/// One channel of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelCount {
    /// The channel's name.
    pub name: Box<str>,
    /// Its subscribers.
    pub clients: u64,
}

/// The channels that have subscribers, of all cores, sorted by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listing {
    /// Each channel once.
    pub channels: Vec<ChannelCount>,
    /// A core had more than `Limits::listing_page` of them, and the rest is not here.
    pub truncated: bool,
}

/// One subscriber of a channel.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct MemberOf {
    /// The core it is connected to.
    pub core: u16,
    /// Its key there.
    pub client: ClientKey,
    /// What its gateway gave at `connect`.
    pub sink: u64,
}

/// The subscribers of a channel, of all cores.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Membership {
    /// Up to `Limits::listing_page` of each core.
    pub members: Vec<MemberOf>,
    /// How many there are in all.
    pub total: u64,
}
