//! The cold parts of a connection, which it has only while it is busy.

mod queue;

use std::collections::VecDeque;

use crore_base::time::Instant;
use crore_base::wheel::TimerId;
use crore_wire::seq::Seq;

use crate::chunk::Chunk;
use crate::congestion::Window;
use crate::reassembly::Reassembly;
use queue::Queue;

/// What a connection has while something is queued to be sent, or sent and not acknowledged.
///
/// Offsets count bytes of data from `snd_una`; SYN and FIN are not in the queue.
#[derive(Default)]
pub(crate) struct Sending {
    /// What is to be sent, the unacknowledged first.
    pub(crate) queue: Queue,
    /// Bytes of the first payload that are acknowledged already.
    pub(crate) acknowledged: u32,
    /// Bytes in the queue, without the acknowledged ones.
    pub(crate) queued: u32,
    /// Where the next segment begins: less than what is in flight after a timeout, when all is sent again.
    pub(crate) next: u32,
    /// The payload in which `next` lies, and the offset in it, so that sending does not search.
    pub(crate) cursor: Cursor,
    pub(crate) window: Window,
    /// The first segment must leave again with the next output pass.
    pub(crate) resend_first: bool,
    /// Our FIN has left since sending last started over.
    pub(crate) fin_left: bool,
    /// Timeouts in a row without news from the peer.
    pub(crate) backoff: u8,
    pub(crate) timer: Timer,
    /// Where the wheel will look at this part: at the deadline of `timer` or before it. It stays when the timer is stopped,
    /// and when the part changes hands, because most timers are stopped long before they fire.
    pub(crate) alarm: Option<Alarm>,
    /// The slot of the connection that has this part.
    pub(crate) owner: u32,
    /// When the oldest unacknowledged byte was first sent, or the window closed: what the user timeout counts from.
    pub(crate) waiting_since: Instant,
    /// Without timestamps: the sequence number whose acknowledgment ends a measurement of the round trip, and its start.
    pub(crate) timed: Option<(Seq, Instant)>,
}

/// A place in a queue of payloads.
#[derive(Copy, Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Cursor {
    pub(crate) payload: u32,
    pub(crate) offset: u32,
}

/// A timer of the wheel that is armed for a part.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Alarm {
    pub(crate) id: TimerId,
    pub(crate) at: Instant,
}

/// The one timer of a sending connection. The deadline is part of it, so there is no kind without one.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Timer {
    /// Nothing is in flight and nothing is held back.
    #[default]
    Off,
    /// Something is in flight (RFC 6298).
    Retransmit(Instant),
    /// The window is closed, or too small for what is queued (RFC 9293 section 3.8.6.1).
    Persist(Instant),
}

impl Timer {
    pub(crate) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Off => None,
            Self::Retransmit(deadline) | Self::Persist(deadline) => Some(deadline),
        }
    }
}

impl Sending {
    /// Back to the resting state; what was allocated stays for the next user.
    pub(crate) fn reset(&mut self) {
        self.queue.clear();
        self.acknowledged = 0;
        self.queued = 0;
        self.next = 0;
        self.cursor = Cursor::default();
        self.resend_first = false;
        self.fin_left = false;
        self.backoff = 0;
        self.timer = Timer::Off;
        self.timed = None;
    }

    /// Bytes queued that have never left, or must leave again.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        debug_assert!(self.next <= self.queued, "nothing is sent that was not queued");
        self.queued - self.next
    }

    /// The `len` bytes from `from` on, if they lie in the first payload, as they nearly always do.
    #[inline]
    pub(crate) fn slice(&self, from: Cursor, len: u32) -> Option<&[u8]> {
        let first = self.queue.front().filter(|_| from.payload == 0)?;
        first.get(from.offset as usize..)?.get(..len as usize)
    }

    /// The bytes from `from` on, at most `len`, as slices of payloads.
    pub(crate) fn slices(&self, from: Cursor, len: u32) -> impl Iterator<Item = &[u8]> + Clone {
        let mut skip = from.offset as usize;
        let mut left = len as usize;
        self.queue.from(from.payload).map_while(move |payload| {
            let rest = &payload[skip..];
            let taken = &rest[..rest.len().min(left)];
            skip = 0;
            left -= taken.len();
            (!taken.is_empty()).then_some(taken)
        })
    }

    /// Moves `next` past `len` bytes that left.
    pub(crate) fn pass(&mut self, len: u32) {
        assert!(len <= self.unsent(), "{len} bytes cannot leave of {} queued", self.unsent());
        self.next += len;
        let mut left = len;
        while left > 0 {
            let payload = self.queue.len_at(self.cursor.payload) - self.cursor.offset;
            if left < payload {
                self.cursor.offset += left;
                return;
            }
            left -= payload;
            self.cursor = Cursor { payload: self.cursor.payload + 1, offset: 0 };
        }
    }

    /// The next segment begins at the first unacknowledged byte again.
    pub(crate) fn rewind(&mut self) {
        self.next = 0;
        self.fin_left = false;
        self.cursor = Cursor { payload: 0, offset: self.acknowledged };
    }

    /// Forgets the payloads that begin behind the first `len` unacknowledged bytes.
    pub(crate) fn drop_behind(&mut self, len: u32) {
        assert!(len >= self.next && len <= self.queued, "{len} bytes are in flight of {} queued", self.queued);
        let mut kept = 0;
        let mut end = 0;
        while end < self.acknowledged + len {
            end += self.queue.len_at(kept);
            kept += 1;
        }
        self.queue.truncate(kept);
        self.queued = end.saturating_sub(self.acknowledged);
    }

    /// Forgets `len` bytes at the front, which the peer has.
    pub(crate) fn acknowledge(&mut self, len: u32) {
        assert!(len <= self.queued, "{len} bytes acknowledged of {} queued", self.queued);
        self.queued -= len;
        let rewound = len > self.next;
        self.next = self.next.saturating_sub(len);
        self.acknowledged += len;
        while let Some(first) = self.queue.front()
            && self.acknowledged >= first.len() as u32
        {
            self.acknowledged -= first.len() as u32;
            self.queue.pop();
            self.cursor.payload = self.cursor.payload.saturating_sub(1);
        }
        if rewound {
            self.cursor = Cursor { payload: 0, offset: self.acknowledged };
        }
    }
}

/// What a connection has while received bytes are unread or out of order.
#[derive(Default)]
pub(crate) struct Receiving {
    /// In order, not taken by the application yet.
    pub(crate) unread: VecDeque<Chunk>,
    /// Bytes of them.
    pub(crate) unread_bytes: u32,
    /// What came too early.
    pub(crate) early: Reassembly<Chunk>,
    /// Where the stream ends, if its FIN came before its last bytes.
    pub(crate) fin_at: Option<Seq>,
    /// One after the last byte of urgent data.
    pub(crate) urgent_end: Option<Seq>,
    /// ACKs that are due for segments that came early: one for each, however many came in a burst, because the peer counts
    /// them to find a loss (RFC 5681 section 4.2). Nothing is due any more when the gap begins to fill.
    pub(crate) duplicates_owed: u16,
}

impl Receiving {
    /// Whether the connection needs this part no longer.
    pub(crate) fn is_idle(&self) -> bool {
        self.unread.is_empty() && self.early.is_empty() && self.fin_at.is_none() && self.urgent_end.is_none()
    }
}
