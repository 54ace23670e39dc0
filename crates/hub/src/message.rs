//! What the shards say to each other, in two lanes.
//!
//! *Requests* go from the core of a client to the home of a channel (or, for listings, to every core); *replies* go back:
//! answers and publications in one stream a pair of cores. Taking a request may produce replies, taking a reply produces
//! neither, so two full lanes never wait for each other. Both are plain data and may cross threads; their content is the
//! hub's own business.

use std::fmt;

use crore_base::payload::Parcel;

use crate::answer::{ChannelCount, MemberOf};
use crate::command::ChannelOptions;
use crate::position::{Epoch, Position, Since};
use crate::publication::Publication;
use crate::refusal::Refusal;

/// A message of the lane from clients' cores to homes. Deliver it to `Hub::on_request` there.
pub struct Request(pub(crate) Ask);

/// A message of the lane back. Deliver it to `Hub::on_reply` there.
pub struct Reply(pub(crate) Tell);

/// What a request asks.
pub(crate) enum Ask {
    /// Join a channel: send its publications to the asking core from now on.
    Join(Box<Join>),
    /// No subscriber is left on the asking core. Keys of the channel there and here.
    Leave {
        home: u64,
        local: u64,
    },
    Publish(Box<PublishAsk>),
    History(Box<HistoryAsk>),
    HistoryRemove {
        token: u64,
        channel: Box<str>,
    },
    /// The channels that have subscribers on this core.
    Channels {
        gather: u64,
        pattern: Option<Box<str>>,
    },
    /// The subscribers of a channel on this core.
    Members {
        gather: u64,
        channel: Box<str>,
    },
}

pub(crate) struct Join {
    pub(crate) token: u64,
    pub(crate) channel: Box<str>,
    /// The asking core's key of the channel.
    pub(crate) local: u64,
    /// The asking core's handle of the subscription.
    pub(crate) subscription: u64,
    pub(crate) client: u64,
    pub(crate) since: Option<Since>,
    pub(crate) reject_unrecovered: bool,
    pub(crate) options: ChannelOptions,
}

pub(crate) struct PublishAsk {
    pub(crate) token: u64,
    pub(crate) channel: Box<str>,
    pub(crate) data: Parcel,
    pub(crate) info: Option<Parcel>,
    pub(crate) tags: Option<Parcel>,
    pub(crate) options: ChannelOptions,
    pub(crate) skip_history: bool,
    pub(crate) idempotency_key: Option<Box<str>>,
}

pub(crate) struct HistoryAsk {
    pub(crate) token: u64,
    pub(crate) channel: Box<str>,
    pub(crate) limit: i32,
    pub(crate) since: Option<Since>,
    pub(crate) reverse: bool,
    pub(crate) options: ChannelOptions,
}

/// What a reply tells.
pub(crate) enum Tell {
    Joined(Box<Joined>),
    /// One publication for the members of a channel on this core.
    Deliver(Box<Delivery>),
    Published {
        token: u64,
        result: Result<Option<Position>, Refusal>,
    },
    History {
        token: u64,
        result: Result<Page, Refusal>,
    },
    HistoryRemoved {
        token: u64,
    },
    Channels {
        gather: u64,
        channels: Vec<ChannelCount>,
        truncated: bool,
    },
    Members {
        gather: u64,
        members: Vec<MemberOf>,
        total: u64,
    },
}

pub(crate) struct Joined {
    pub(crate) token: u64,
    pub(crate) local: u64,
    pub(crate) subscription: u64,
    pub(crate) client: u64,
    pub(crate) was_recovering: bool,
    pub(crate) result: Result<Admission, Refusal>,
}

/// How a join was granted.
pub(crate) struct Admission {
    /// The home's key of the channel.
    pub(crate) home: u64,
    /// The number of the last publication that is not to be delivered any more.
    pub(crate) sequence: u64,
    pub(crate) position: Option<Position>,
    pub(crate) recovered: bool,
    pub(crate) publications: Vec<Publication>,
}

pub(crate) struct Delivery {
    pub(crate) local: u64,
    pub(crate) numbered: Numbered,
}

/// A publication with the number that orders it among all of its channel, also those that are not in the stream.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) sequence: u64,
    pub(crate) epoch: Epoch,
    pub(crate) publication: Publication,
}

/// A page of a log.
pub(crate) struct Page {
    pub(crate) publications: Vec<Publication>,
    pub(crate) position: Position,
}

impl Ask {
    /// The payload bytes that the message holds on to.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Ask::Publish(ask) => ask.data.len() as u64,
            _ => 0,
        }
    }
}

impl Tell {
    /// The payload bytes that the message holds on to.
    pub(crate) fn bytes(&self) -> u64 {
        let sum = |publications: &[Publication]| publications.iter().map(Publication::weight).sum();
        match self {
            Tell::Deliver(delivery) => delivery.numbered.publication.weight(),
            Tell::Joined(joined) => joined.result.as_ref().map_or(0, |join| sum(&join.publications)),
            Tell::History { result, .. } => result.as_ref().map_or(0, |page| sum(&page.publications)),
            _ => 0,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Ask::Join(_) => "Request::Join",
            Ask::Leave { .. } => "Request::Leave",
            Ask::Publish(_) => "Request::Publish",
            Ask::History(_) => "Request::History",
            Ask::HistoryRemove { .. } => "Request::HistoryRemove",
            Ask::Channels { .. } => "Request::Channels",
            Ask::Members { .. } => "Request::Members",
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Tell::Joined(_) => "Reply::Joined",
            Tell::Deliver(_) => "Reply::Deliver",
            Tell::Published { .. } => "Reply::Published",
            Tell::History { .. } => "Reply::History",
            Tell::HistoryRemoved { .. } => "Reply::HistoryRemoved",
            Tell::Channels { .. } => "Reply::Channels",
            Tell::Members { .. } => "Reply::Members",
        })
    }
}

/// Both lanes cross threads, and a message is small enough to lie in a ring.
const _: () = {
    const fn crosses_threads<T: Send>() {}
    crosses_threads::<Request>();
    crosses_threads::<Reply>();
    assert!(size_of::<Request>() <= 32 && size_of::<Reply>() <= 64);
};
