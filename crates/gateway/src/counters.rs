//! What the gateway counts, per core. Gauges are set by their core, and the sum over the cores is the whole.

use crate::protocol::Disconnect;

/// The number of each counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Counter {
    /// Clients connected (gauge).
    Connections,
    /// Subscriptions (gauge).
    Subscriptions,
    /// Users with a token who are connected to this core (gauge).
    Users,
    /// Channels at home here (gauge).
    Channels,
    HistoryPublications,
    HistoryBytes,
    WalkBacklog,
    Connects,
    Messages,
    Publications,
    Deliveries,
    Skipped,
    Recovered,
    Unrecovered,
    PingsSent,
    HttpRequests,
    Refused,
    /// The first of the disconnects by reason; the others follow in the order of [`Disconnect::ALL`].
    Disconnects,
}

/// Counters of one core: those named, and one for each reason of a disconnect; the last reason is the client's own will.
pub(crate) const COUNTERS: usize = Counter::Disconnects as usize + Disconnect::ALL.len() + 1;

/// The counter of disconnects for a reason; none: the client went by itself.
pub(crate) fn disconnects(reason: Option<Disconnect>) -> usize {
    let place = |reason| Disconnect::ALL.iter().position(|&other| other == reason);
    Counter::Disconnects as usize + reason.and_then(place).unwrap_or(Disconnect::ALL.len())
}
