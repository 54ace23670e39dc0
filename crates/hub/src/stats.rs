//! What a shard counts. Plain numbers: the gateway adds up the cores and gives them their names.

use crate::refusal::Refusal;

/// The figures of one shard. Gauges say what is now, the others grow for ever.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Clients connected (gauge).
    pub clients: u64,
    /// Subscriptions, also those under way (gauge).
    pub subscriptions: u64,
    /// Channels with subscribers, or subscriptions under way, on this core (gauge).
    pub local_channels: u64,
    /// Channels whose home this core is (gauge).
    pub home_channels: u64,
    /// Publications kept in logs (gauge).
    pub history_publications: u64,
    /// Their bytes with overhead (gauge, at most `Limits::history_bytes`).
    pub history_bytes: u64,
    /// Publications that wait for, or are under, delivery on this core (gauge).
    pub walk_backlog: u64,
    /// Channels with such publications (gauge).
    pub walks: u64,
    /// Publications numbered by this core.
    pub publications: u64,
    /// Publications that were not published again because of their idempotency key.
    pub repeated: u64,
    /// Publications given to subscribers.
    pub deliveries: u64,
    /// Times a walk passed a subscriber that already had the publication.
    pub skipped: u64,
    /// Payloads encoded.
    pub encoded: u64,
    /// Subscriptions ended because a publication was missing.
    pub lost: u64,
    /// Channels forgotten because room was needed.
    pub evicted: u64,
    /// Publications dropped from logs before their time because `Limits::history_bytes` was reached.
    pub squeezed: u64,
    /// Answers to clients that were gone by then.
    pub late: u64,
    /// Refusals by reason, numbered as in [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
}

impl Stats {
    /// Refusals with one reason.
    pub fn refused_for(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize]
    }
}
