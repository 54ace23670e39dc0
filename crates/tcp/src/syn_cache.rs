//! Half-open passive connections: SYNs that were answered and wait for the third segment of the handshake (RFC 4987 section
//! 3.5). A small record each, bounded in number; there is no control block before the handshake is complete.
//!
//! An unanswered SYN-ACK is due to be sent again after 1, 2, 4, 8 and 16 s, and after another 32 s the record is gone. Since
//! records that were sent equally often wait equally long, each number of retransmissions has a line of its own, and what
//! is due is at the front of one of them.
//!
//! Invariants: a record is in the line of its `retransmissions`; deadlines in a line do not decrease; `waiting` counts the
//! records of each listener. Every operation but [`of_listener`](SynCache::of_listener) takes constant time.

use crore_base::slab::Slab;
use crore_base::time::{Duration, Instant};
use crore_wire::ethernet::Mac;
use crore_wire::seq::Seq;
use zerocopy::FromZeros;

use crate::fifo::{Fifo, Linked, Links};
use crate::tuple::Tuple;

/// Seconds that a SYN-ACK waits for its answer, by how often it was sent again: RFC 6298's doubling from its initial second.
/// Five retransmissions and 63 s in all, as in Linux: a peer on a very bad path gets through, a flood is forgotten soon.
const WAITS_SECS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Listeners that one engine can have at most: their numbers index the counts of their records.
const LISTENERS_MAX: u32 = 1 << 16;

/// Bytes of one record at most, everything included.
const RECORD_BYTES_MAX: usize = 96;

/// Bytes of a generation in a slab.
const GENERATION_BYTES: usize = 4;

const _: () = assert!(size_of::<Slot>() + GENERATION_BYTES <= RECORD_BYTES_MAX);

/// What is remembered of a SYN and of the SYN-ACK that answered it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromZeros)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) tuple: Tuple,
    /// Where the SYN came from on the link, and answers go.
    pub(crate) mac: Mac,
    /// The segment size that the peer asked for, or its default.
    pub(crate) mss: u16,
    /// Our initial sequence number.
    pub(crate) iss: Seq,
    /// The peer's.
    pub(crate) irs: Seq,
    /// The timestamp of the SYN.
    pub(crate) ts_recent: u32,
    /// What is added to the clock to make our timestamps.
    pub(crate) ts_offset: u32,
    /// Whose backlog it is in.
    pub(crate) listener: u32,
    /// The peer's window scale, if it has one.
    pub(crate) scale: Scale,
    /// The peer understands SACK.
    pub(crate) sack: bool,
    /// The peer offered timestamps, and we took them.
    pub(crate) timestamps: bool,
    /// How often the SYN-ACK was sent again by the timer.
    pub(crate) retransmissions: u8,
}

/// A window scale that may be absent, in one byte. All zero bytes: absent.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromZeros)]
#[repr(transparent)]
pub(crate) struct Scale(u8);

impl From<Option<u8>> for Scale {
    fn from(scale: Option<u8>) -> Self {
        Self(scale.map_or(0, |scale| scale.saturating_add(1)))
    }
}

impl Scale {
    /// The scale, `None` if the SYN had none.
    pub(crate) fn get(self) -> Option<u8> {
        self.0.checked_sub(1)
    }
}

/// What is to be done with a record whose SYN-ACK was not answered in time.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Send the SYN-ACK again. The record stays.
    Resend,
    /// It was sent often enough. The record is gone.
    Expired,
}

/// A record in its line.
#[derive(Copy, Clone, FromZeros)]
#[repr(C)]
struct Slot {
    record: Record,
    links: Links,
    deadline_nanos: u64,
}

impl Linked for Slot {
    #[inline]
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// The half-open passive connections of one engine.
pub(crate) struct SynCache {
    slots: Slab<Slot>,
    lines: [Fifo; WAITS_SECS.len()],
    /// Records of each listener, by its number.
    waiting: Vec<u32>,
    /// The latest time that was ever given: deadlines are counted from it, so they stay in order.
    latest: Instant,
}

impl SynCache {
    /// Room for `limit` records, which take memory as they come.
    pub(crate) fn new(limit: u32, now: Instant) -> Self {
        let lines = [Fifo::EMPTY; WAITS_SECS.len()];
        Self { slots: Slab::new(limit), lines, waiting: Vec::new(), latest: now }
    }

    /// Remembers a SYN that is being answered now; returns its index. `None` if there is no room: answer with a cookie then.
    ///
    /// # Panics
    /// If the record has retransmissions, or its listener's number is not below 65,536.
    pub(crate) fn insert(&mut self, now: Instant, record: Record) -> Option<u32> {
        assert!(record.retransmissions == 0, "a record begins with the first SYN-ACK");
        assert!(record.listener < LISTENERS_MAX, "listener {} is not below {LISTENERS_MAX}", record.listener);
        // RFC 4987 CACHE-BOUNDED: the slab has a limit, and a slot is all there is of a half-open connection.
        let slot = Slot { record, links: Links::ALONE, deadline_nanos: 0 };
        let index = self.slots.insert(slot)?.index();
        let listener = record.listener as usize;
        if listener >= self.waiting.len() {
            self.waiting.resize(listener + 1, 0);
        }
        self.waiting[listener] += 1;
        self.stand_in_line(now, index);
        Some(index)
    }

    /// The record at `index`, if there is one.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Record> {
        self.slots.at(index).map(|slot| &slot.record)
    }

    /// Asks for the memory of a record that is wanted soon.
    #[inline]
    pub(crate) fn prefetch(&self, index: u32) {
        self.slots.prefetch(index);
    }

    /// Takes the record at `index` out, if there is one: its handshake is complete, or was called off.
    pub(crate) fn remove(&mut self, index: u32) -> Option<Record> {
        let handle = self.slots.handle_at(index)?;
        let record = self.slots.get(handle)?.record;
        self.lines[usize::from(record.retransmissions)].unlink(&mut self.slots, index);
        self.slots.remove(handle);
        let waiting = &mut self.waiting[record.listener as usize];
        assert!(*waiting > 0, "every record was counted for its listener");
        *waiting -= 1;
        Some(record)
    }

    /// How many records this listener has: its backlog in use.
    pub(crate) fn waiting(&self, listener: u32) -> u32 {
        self.waiting.get(listener as usize).copied().unwrap_or(0)
    }

    /// The indexes of a listener's records, for when it stops listening. Looks at every record.
    pub(crate) fn of_listener(&self, listener: u32) -> impl Iterator<Item = u32> {
        let records = self.slots.iter().filter(move |(_, slot)| slot.record.listener == listener);
        records.map(|(handle, _)| handle.index())
    }

    /// Hands out records that are due at `now`, at most `max`, and says what is to be done with each. Whether there are more.
    pub(crate) fn expire(&mut self, now: Instant, max: usize, due: &mut impl FnMut(u32, &Record, Fate)) -> bool {
        let mut left = max;
        // Those that waited most first: what they give up is room for others.
        for sent_again in (0..WAITS_SECS.len()).rev() {
            while let Some((index, deadline)) = self.front(sent_again)
                && deadline <= now
            {
                if left == 0 {
                    return true;
                }
                left -= 1;
                self.pass_on(now, index, due);
            }
        }
        false
    }

    /// When [`expire`](Self::expire) has something to do next. Looks at the first of each line.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (0..WAITS_SECS.len()).filter_map(|sent_again| self.front(sent_again)).map(|(_, deadline)| deadline).min()
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> u32 {
        self.slots.len()
    }

    /// The next to fall due among those that were sent again so often.
    fn front(&self, sent_again: usize) -> Option<(u32, Instant)> {
        let index = self.lines[sent_again].first()?;
        let slot = self.slots.at(index)?;
        Some((index, Instant::from_nanos(slot.deadline_nanos)))
    }

    /// Moves a record that is due to the next line, or takes it out of the last.
    fn pass_on(&mut self, now: Instant, index: u32, due: &mut impl FnMut(u32, &Record, Fate)) {
        let record = self.get(index).copied();
        let mut record = record.expect("a record in line exists");
        if usize::from(record.retransmissions) + 1 == WAITS_SECS.len() {
            self.remove(index);
            due(index, &record, Fate::Expired);
            return;
        }
        self.lines[usize::from(record.retransmissions)].unlink(&mut self.slots, index);
        record.retransmissions += 1;
        let slot = self.slots.at_mut(index);
        slot.expect("a record in line exists").record = record;
        self.stand_in_line(now, index);
        due(index, &record, Fate::Resend);
    }

    /// Puts a record whose SYN-ACK leaves at `now` into the line that it belongs to.
    fn stand_in_line(&mut self, now: Instant, index: u32) {
        self.latest = self.latest.max(now);
        let slot = self.slots.at_mut(index).expect("a record that stands in line exists");
        let sent_again = usize::from(slot.record.retransmissions);
        // RFC 6298 BACKOFF, RFC 9293 MUST-22: a SYN-ACK waits twice as long each time.
        let deadline = self.latest + Duration::from_secs(WAITS_SECS[sent_again]);
        slot.deadline_nanos = deadline.as_nanos();
        self.lines[sent_again].push(&mut self.slots, index);
    }
}

#[cfg(test)]
mod tests;
