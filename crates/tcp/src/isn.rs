//! Where the numbers of a new connection start: sequence numbers (RFC 6528) and timestamps.
//!
//! Both are hidden behind a hash of the 4-tuple whose key nobody outside knows, so that what one peer sees says nothing
//! about what another will. A process that starts anew must come with a new seed; the numbers of its predecessor say
//! nothing about its own then, and old segments are as unlikely to fit as any that are made up.

use crore_base::hash::HashKey;
use crore_base::time::Instant;
use crore_wire::seq::Seq;

use crate::tuple::Tuple;

/// Microseconds in which the clock of initial sequence numbers advances by one (RFC 9293 section 3.4.1): once around in
/// 4.8 hours.
const CLOCK_MICROS: u64 = 4;

/// The secrets behind the first numbers of connections.
#[derive(Debug)]
pub(crate) struct Isn {
    sequence: HashKey,
    timestamps: HashKey,
}

impl Isn {
    /// The secrets of this seed, which must come from the system's entropy at each start.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            sequence: key_for(seed, b"initial sequence numbers"),
            timestamps: key_for(seed, b"offsets of timestamps"),
        }
    }

    /// The sequence number with which a connection opened at `now` starts. For one tuple it advances with the clock, so a
    /// later connection starts behind an earlier one, unless that sent more than the 250 kB/s that the clock allows for.
    #[inline]
    pub(crate) fn initial_sequence(&self, now: Instant, tuple: &Tuple) -> Seq {
        // RFC 9293 MUST-8: a clock with ticks of four microseconds. RFC 6528 MONOTONIC: and the same hash ever after.
        let clock = (now.as_micros() / CLOCK_MICROS) as u32;
        // RFC 9293 MUST-9, SHLD-1: plus a hash that cannot be computed without the key. RFC 6528 KEYED-HASH.
        Seq(tuple.hash(&self.sequence) as u32) + clock
    }

    /// What a connection adds to the clock in milliseconds to make its timestamps. It is the same for all connections of
    /// one tuple, so timestamps never step back between them, which is what lets a peer in TIME-WAIT take a new connection
    /// for new (RFC 6191).
    #[inline]
    pub(crate) fn timestamp_offset(&self, tuple: &Tuple) -> u32 {
        tuple.hash(&self.timestamps) as u32
    }
}

/// A key of its own for each purpose: whoever learns one key of a seed does not learn the others, nor the seed.
pub(crate) fn key_for(seed: u64, purpose: &[u8]) -> HashKey {
    HashKey::from_seed(HashKey::from_seed(seed).hash(purpose))
}

#[cfg(test)]
mod tests;
