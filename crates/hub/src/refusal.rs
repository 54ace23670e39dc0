//! Why a command was not done: one list for answers, counters and logs, so that the three cannot disagree.
//!
//! Codes and texts are those of section 8 of the push protocol.

use std::fmt;

/// The reason of a refusal.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// The client is subscribed to the channel, or is being subscribed.
    AlreadySubscribed,
    /// The client has as many subscriptions as it may.
    SubscriptionLimit,
    /// The core has as many channels as it may, and none that can be forgotten.
    ChannelLimit,
    /// The channel name is empty, too long or not ASCII.
    BadChannel,
    /// The publication, a key or a pattern is too long, or the request contradicts itself.
    BadRequest,
    /// The channel has no history.
    NoHistory,
    /// The position is of another epoch, or what follows it is not kept any more.
    Unrecoverable,
    /// Queues are at their bounds; the same command may succeed a little later.
    Overloaded,
    /// The client was gone before the command was done: nobody to tell.
    ClientGone,
    /// The subscription was ended before it began.
    Cancelled,
}

impl Refusal {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Refusal; 10] = [
        Refusal::AlreadySubscribed,
        Refusal::SubscriptionLimit,
        Refusal::ChannelLimit,
        Refusal::BadChannel,
        Refusal::BadRequest,
        Refusal::NoHistory,
        Refusal::Unrecoverable,
        Refusal::Overloaded,
        Refusal::ClientGone,
        Refusal::Cancelled,
    ];

    /// The error code of the protocol.
    pub fn code(self) -> u32 {
        match self {
            Refusal::AlreadySubscribed => 105,
            Refusal::SubscriptionLimit | Refusal::ChannelLimit => 106,
            Refusal::BadChannel | Refusal::BadRequest => 107,
            Refusal::NoHistory => 108,
            Refusal::Unrecoverable => 112,
            Refusal::Overloaded | Refusal::ClientGone | Refusal::Cancelled => 100,
        }
    }

    /// The text of the protocol that goes with the code.
    pub fn message(self) -> &'static str {
        match self.code() {
            105 => "already subscribed",
            106 => "limit exceeded",
            107 => "bad request",
            108 => "not available",
            112 => "unrecoverable position",
            _ => "internal server error",
        }
    }

    /// Whether the same command may succeed when it is sent again: the protocol's `temporary`.
    pub fn temporary(self) -> bool {
        self.code() == 100
    }

    /// The reason as a label of counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::AlreadySubscribed => "already_subscribed",
            Refusal::SubscriptionLimit => "subscription_limit",
            Refusal::ChannelLimit => "channel_limit",
            Refusal::BadChannel => "bad_channel",
            Refusal::BadRequest => "bad_request",
            Refusal::NoHistory => "no_history",
            Refusal::Unrecoverable => "unrecoverable",
            Refusal::Overloaded => "overloaded",
            Refusal::ClientGone => "client_gone",
            Refusal::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message(), self.code(), self.name())
    }
}

impl std::error::Error for Refusal {}
