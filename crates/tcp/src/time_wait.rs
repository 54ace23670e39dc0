//! Connections in TIME-WAIT (RFC 9293 section 3.6.1): small records, bounded in number, that answer what the peer may still
//! send and keep old duplicates out of a new connection of the same 4-tuple. An orphan that waits for its peer's FIN after
//! the application has gone (FIN-WAIT-2) is one of them too.
//!
//! All wait equally long, so they stand in one line and what is over is at its front. A full table gives up its oldest
//! record for a new one. What an arriving segment means is in `time_wait/judge.rs`.
//!
//! Invariants: every record is in the line, and those in it were entered in this order; `latest_ms` is not before any
//! `entered_ms`, and no record outlives its time by the 49 days in which those wrap. Every operation takes constant time.

mod judge;

use crore_base::slab::Slab;
use crore_base::time::{Duration, Instant};
use crore_wire::ip::Ip;
use crore_wire::seq::Seq;
use zerocopy::FromZeros;

use crate::fifo::{Fifo, Linked, Links};

pub(crate) use judge::Judgement;

/// Nanoseconds of the unit in which records remember times.
const MILLI_NANOS: u64 = 1_000_000;

/// Milliseconds that a record can last: two maximum segment lifetimes of RFC 9293 are 4 minutes; a wrapping clock of 32 bits
/// of milliseconds allows far more.
const LASTING_MS_MAX: u64 = 24 * 3600 * 1000;

/// What is remembered of a connection.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromZeros)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) remote: Ip,
    pub(crate) remote_port: u16,
    pub(crate) local_port: u16,
    /// The number of our address.
    pub(crate) local: u16,
    /// The number of the neighbour to whom answers go.
    pub(crate) hop: u16,
    /// One after our FIN: all that we ever sent is before it.
    pub(crate) snd_nxt: Seq,
    /// What the peer sends next; in TIME-WAIT, one after its FIN.
    pub(crate) rcv_nxt: Seq,
    /// The peer's latest timestamp.
    pub(crate) ts_recent: u32,
    /// What is added to the clock to make our timestamps.
    pub(crate) ts_offset: u32,
    /// When its time began, in milliseconds, rounded up and wrapping. Set by the table.
    pub(crate) entered_ms: u32,
    /// Both sides agreed on timestamps.
    pub(crate) timestamps: bool,
    pub(crate) substate: Substate,
}

const _: () = assert!(size_of::<Record>() == 48);

/// What a record waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromZeros)]
#[repr(u8)]
pub(crate) enum Substate {
    /// For the end of its time.
    TimeWait,
    /// For the peer's FIN. The application is gone, and ours is acknowledged.
    FinWait2,
}

impl Substate {
    /// The window field of what a record sends. While the peer may still send it is open, although nobody takes anything: a
    /// peer that a closed window holds back would send nothing, and never hear the RST that tells it so. Nor does the right
    /// edge move left that way (RFC 9293 SHLD-14).
    pub(crate) fn window(self) -> u16 {
        match self {
            Self::TimeWait => 0,
            Self::FinWait2 => u16::MAX,
        }
    }
}

/// A record in its line.
#[derive(Copy, Clone, FromZeros)]
#[repr(C)]
struct Slot {
    record: Record,
    links: Links,
}

impl Linked for Slot {
    #[inline]
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// The connections in TIME-WAIT of one engine. 60 bytes a record.
pub(crate) struct TimeWait {
    slots: Slab<Slot>,
    line: Fifo,
    lasting_ms: u64,
    /// The latest time that was ever given, in milliseconds, rounded up.
    latest_ms: u64,
}

impl TimeWait {
    /// Room for `limit` records, each for `lasting` (2 MSL), exact to a millisecond and never too short. They take memory as
    /// they come.
    ///
    /// # Panics
    /// If the limit is zero, or `lasting` longer than a day.
    pub(crate) fn new(limit: u32, lasting: Duration) -> Self {
        let lasting_ms = lasting.as_nanos().div_ceil(MILLI_NANOS);
        assert!(limit > 0, "without room for one record there is no TIME-WAIT");
        assert!(lasting_ms <= LASTING_MS_MAX, "{lasting} is too long for a TIME-WAIT; a day is the most");
        Self { slots: Slab::new(limit), line: Fifo::EMPTY, lasting_ms, latest_ms: 0 }
    }

    /// Takes a connection in, whose time begins now; returns its index. With no room left the oldest record makes it: it
    /// comes back too, and its index is the new one's.
    ///
    /// # Panics
    /// If there is no record yet and the kernel has no memory for the first.
    pub(crate) fn insert(&mut self, now: Instant, record: Record) -> (u32, Option<Record>) {
        let entered_ms = self.turn(now);
        let slot = Slot { record: Record { entered_ms, ..record }, links: Links::ALONE };
        let (index, evicted) = match self.slots.insert(slot) {
            Some(handle) => (handle.index(), None),
            None => {
                let oldest = self.line.first().expect("a table without room holds a record");
                (oldest, self.replace(oldest, slot))
            }
        };
        self.line.push(&mut self.slots, index);
        (index, evicted)
    }

    /// The record at `index`, if there is one.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Record> {
        self.slots.at(index).map(|slot| &slot.record)
    }

    /// The record at `index`, to change, if there is one.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Record> {
        self.slots.at_mut(index).map(|slot| &mut slot.record)
    }

    /// Asks for the memory of a record that is wanted soon.
    #[inline]
    pub(crate) fn prefetch(&self, index: u32) {
        self.slots.prefetch(index);
    }

    /// Takes the record at `index` out, if there is one: its tuple is in use again, or was reset.
    pub(crate) fn remove(&mut self, index: u32) -> Option<Record> {
        let handle = self.slots.handle_at(index)?;
        self.line.unlink(&mut self.slots, index);
        self.slots.remove(handle).map(|slot| slot.record)
    }

    /// The time of the record at `index` begins again: its peer's FIN has come, or come again.
    pub(crate) fn refresh(&mut self, now: Instant, index: u32) {
        let entered_ms = self.turn(now);
        let Some(record) = self.get_mut(index) else { return };
        record.entered_ms = entered_ms;
        self.line.unlink(&mut self.slots, index);
        self.line.push(&mut self.slots, index);
    }

    /// Takes out the oldest record if its time is over. Call it until there is none.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(u32, Record)> {
        // RFC 9293 MUST-13: not before two maximum segment lifetimes.
        let deadline = self.poll_timeout()?;
        let oldest = self.line.first().filter(|_| deadline <= now)?;
        self.turn(now);
        self.remove(oldest).map(|record| (oldest, record))
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let record = self.get(self.line.first()?)?;
        let age_ms = (self.latest_ms as u32).wrapping_sub(record.entered_ms);
        assert!(u64::from(age_ms) <= self.latest_ms, "a record is not older than time");
        let over_ms = self.latest_ms - u64::from(age_ms) + self.lasting_ms;
        Some(Instant::from_nanos(over_ms.saturating_mul(MILLI_NANOS)))
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> u32 {
        self.slots.len()
    }

    /// Puts a record in the place of another, which leaves the line and comes back.
    fn replace(&mut self, index: u32, slot: Slot) -> Option<Record> {
        self.line.unlink(&mut self.slots, index);
        let place = self.slots.at_mut(index)?;
        Some(std::mem::replace(place, slot).record)
    }

    /// Moves time on, and gives what a record that is entered now remembers.
    fn turn(&mut self, now: Instant) -> u32 {
        self.latest_ms = self.latest_ms.max(now.as_nanos().div_ceil(MILLI_NANOS));
        self.latest_ms as u32
    }
}

#[cfg(test)]
mod tests;
