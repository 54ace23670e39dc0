//! How much may be in flight: slow start, congestion avoidance, fast retransmit and fast recovery (RFC 5681), with an
//! initial window of ten segments (RFC 6928), counting bytes instead of acknowledgments (RFC 3465), limited transmit (RFC
//! 3042) and NewReno's partial acknowledgments (RFC 6582).
//!
//! A [`Window`] is told what happened and says what must be sent again. It keeps no timer and sends nothing. After a timeout
//! it expects the sender to start over at the oldest unacknowledged byte, as far as the window allows.
//!
//! Invariants: outside of recovery `recover` is not before `snd_una - 1` and `filled` not before `snd_una`, so that neither
//! goes stale when sequence numbers wrap; both are at most `snd_nxt`. Windows never exceed [`CWND_BYTES_MAX`].

use crore_wire::seq::Seq;
use zerocopy::FromZeros;

/// Bytes that may ever be in flight on one connection: what the largest scaled window can express (RFC 7323 section 2.3).
const CWND_BYTES_MAX: u32 = 1 << 30;

/// Segments of the initial window (RFC 6928).
const INITIAL_SEGMENTS: u32 = 10;

/// Bytes of the initial window, unless two segments are more: ten segments of Ethernet (RFC 6928).
const INITIAL_BYTES_MAX: u32 = 14_600;

/// Duplicate acknowledgments that are taken for a loss (RFC 5681 section 3.2).
const DUPLICATES_OF_A_LOSS: u8 = 3;

/// Segments by which one acknowledgment may widen the window in slow start: L of RFC 3465. Two make up for delayed
/// acknowledgments; more would let one acknowledgment send a burst.
const SEGMENTS_PER_ACK_MAX: u32 = 2;

/// Segments by which an acknowledgment may advance that still counts as a sign of single losses (RFC 6582 section 4.1).
const SMALL_ADVANCE_SEGMENTS: u32 = 4;

/// What the sender has to do now.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing but what the window allows.
    Nothing,
    /// Send the first unacknowledged segment again, whatever the window allows. After a partial acknowledgment the timer is
    /// restarted as after any other (the variant that RFC 6582 calls slow but steady).
    RetransmitFirst,
}

/// Whether a loss is being repaired.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, FromZeros)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Slow start or congestion avoidance.
    #[default]
    Open,
    /// Fast recovery: from the third duplicate acknowledgment until all is acknowledged that was sent before it.
    Recovery,
}

/// The congestion state of one connection. All zero bytes are the window of a connection without data, which may have
/// timeouts of its SYN; data starts with [`initial`](Self::initial) or [`resumed`](Self::resumed).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, FromZeros)]
#[repr(C)]
pub(crate) struct Window {
    /// Bytes that may be in flight. Read [`limit`](Self::limit) to know what may be sent.
    pub(crate) cwnd: u32,
    /// Bytes below which the window grows exponentially.
    pub(crate) ssthresh: u32,
    /// One after the highest byte sent before the last loss was noticed.
    recover: Seq,
    /// One after the highest byte that was in flight when the window was last full. Its acknowledgments widen the window;
    /// those of a sender that does not fill it say nothing about a larger one.
    filled: Seq,
    /// Bytes acknowledged since the window last grew, in congestion avoidance.
    acked_bytes: u32,
    /// Bytes acknowledged by the last acknowledgment.
    last_advance: u32,
    /// Outside of recovery: bytes that were in flight at the first duplicate acknowledgment. In recovery: bytes by which
    /// further ones may still inflate the window.
    outstanding: u32,
    phase: Phase,
    /// Duplicate acknowledgments in a row, outside of recovery.
    duplicates: u8,
    /// Segments beyond the window that limited transmit allows now.
    extra_segments: u8,
    /// The timer expired, and nothing was acknowledged since.
    timed_out: bool,
}

const _: () = assert!(size_of::<Window>() == 32);

impl Window {
    /// The window of a connection that has just been established and has `snd_una` as its next byte to be acknowledged.
    pub(crate) fn initial(mss: u32, snd_una: Seq) -> Self {
        Self::resumed(initial_window(mss), CWND_BYTES_MAX, snd_una)
    }

    /// The window of a connection whose handshake lost segments more than once: one segment (RFC 5681 section 3.1; RFC 6928
    /// section 2 lets a single loss pass).
    pub(crate) fn after_lost_handshake(mss: u32, snd_una: Seq) -> Self {
        assert!(mss > 0, "a segment has room for a byte");
        Self::resumed(mss, CWND_BYTES_MAX, snd_una)
    }

    /// The window of a connection that was at rest: `cwnd` and `ssthresh` as they were, nothing in flight.
    pub(crate) fn resumed(cwnd: u32, ssthresh: u32, snd_una: Seq) -> Self {
        assert!(cwnd > 0 && ssthresh > 0, "a window of {cwnd} bytes with a threshold of {ssthresh} never opens");
        let cwnd = cwnd.min(CWND_BYTES_MAX);
        Self { cwnd, ssthresh, recover: snd_una - 1, filled: snd_una, ..Self::default() }
    }

    /// Bytes that may be in flight now: the window, at least one segment, and what limited transmit allows beyond it.
    #[inline]
    pub(crate) fn limit(&self, mss: u32) -> u32 {
        self.cwnd.max(mss) + u32::from(self.extra_segments) * mss
    }

    /// `acked` bytes were acknowledged, and `snd_una` is the next one now; before, `flight` bytes were not acknowledged.
    pub(crate) fn on_ack(&mut self, acked: u32, snd_una: Seq, flight: u32, mss: u32) -> Verdict {
        assert!(acked > 0 && acked <= flight, "{acked} of {flight} bytes cannot be acknowledged");
        assert!(mss > 0, "a segment has room for a byte");
        let after = flight - acked;
        self.last_advance = acked;
        self.timed_out = false;
        match self.phase {
            Phase::Open => {
                self.grow(acked, snd_una, flight, mss);
                self.keep_up(snd_una);
                Verdict::Nothing
            }
            // RFC 6582 PARTIAL-ACK: some of what was in flight at the loss is still missing: the next hole.
            Phase::Recovery if snd_una.is_before(self.recover) => {
                self.deflate(acked, mss);
                Verdict::RetransmitFirst
            }
            Phase::Recovery => {
                // All repaired. What is left in flight says how much may follow without a burst.
                self.cwnd = self.ssthresh.min(after.max(mss).saturating_add(mss));
                self.leave_recovery();
                self.keep_up(snd_una);
                Verdict::Nothing
            }
        }
    }

    /// An acknowledgment came that says nothing new though data is in flight (RFC 5681 section 2 defines it).
    pub(crate) fn on_duplicate_ack(&mut self, snd_una: Seq, snd_nxt: Seq, flight: u32, mss: u32) -> Verdict {
        assert!(flight > 0 && flight <= snd_nxt - snd_una, "a duplicate needs something in flight, not {flight} bytes");
        assert!(mss > 0, "a segment has room for a byte");
        if self.phase == Phase::Recovery {
            self.inflate(mss);
            return Verdict::Nothing;
        }
        self.duplicates = self.duplicates.saturating_add(1);
        if self.duplicates == 1 {
            self.outstanding = flight;
        }
        // RFC 6582 section 3.2 step 2: duplicates that follow a timeout or a recovery may be echoes of what was sent twice.
        let is_news = snd_una.is_after(self.recover);
        if self.duplicates < DUPLICATES_OF_A_LOSS {
            // RFC 3042: each of the first two has freed the place of a segment, so a new one keeps acknowledgments coming.
            self.extra_segments = if is_news { self.duplicates } else { 0 };
            return Verdict::Nothing;
        }
        // RFC 6582 section 4.1: after an acknowledgment that advanced by little, they rather mean another loss.
        let is_hole = self.cwnd > mss && self.last_advance <= SMALL_ADVANCE_SEGMENTS.saturating_mul(mss);
        if self.duplicates > DUPLICATES_OF_A_LOSS || !is_news && !is_hole {
            return Verdict::Nothing;
        }
        // RFC 5681 FAST-RETRANSMIT: three in a row are a loss.
        self.enter_recovery(snd_nxt, flight, mss);
        Verdict::RetransmitFirst
    }

    /// The retransmission timer expired with `flight` bytes unacknowledged, from `snd_una` on. The sender starts over there.
    pub(crate) fn on_timeout(&mut self, snd_una: Seq, snd_nxt: Seq, flight: u32, mss: u32) {
        assert!(flight <= snd_nxt - snd_una, "{flight} bytes in flight were never sent");
        assert!(mss > 0, "a segment has room for a byte");
        // RFC 5681 LOSS-THRESHOLD: held while the same segment is lost over and over.
        if !self.timed_out {
            self.ssthresh = threshold_after_loss(flight, mss);
        }
        self.leave_recovery();
        self.timed_out = true;
        self.cwnd = mss;
        self.recover = snd_nxt;
        self.filled = snd_una;
        self.last_advance = 0;
    }

    /// Nothing was sent for longer than a retransmission timeout, and nothing is in flight: what the path could carry is no
    /// longer known.
    pub(crate) fn after_idle(&mut self, mss: u32) {
        // RFC 5681 RESTART: at most the initial window.
        self.cwnd = self.cwnd.min(initial_window(mss));
        self.leave_recovery();
        assert!(self.cwnd > 0, "a window never closes for good");
    }

    /// Widens the window for `acked` bytes, if the sender has filled it.
    fn grow(&mut self, acked: u32, snd_una: Seq, flight: u32, mss: u32) {
        self.duplicates = 0;
        self.extra_segments = 0;
        if flight.saturating_add(mss) > self.cwnd {
            self.filled = snd_una + (flight - acked);
        }
        if snd_una.is_after(self.filled) {
            return;
        }
        // RFC 5681 BYTE-COUNTING: by what was acknowledged, in however many pieces.
        if self.cwnd < self.ssthresh {
            // While what was lost is sent again, one acknowledgment may cover much that had arrived before (RFC 3465
            // section 2.3).
            let segments = if snd_una.is_before(self.recover) { 1 } else { SEGMENTS_PER_ACK_MAX };
            self.cwnd = self.cwnd.saturating_add(acked.min(segments.saturating_mul(mss)));
        } else {
            self.acked_bytes = self.acked_bytes.saturating_add(acked.min(self.cwnd));
            if self.acked_bytes >= self.cwnd {
                self.acked_bytes -= self.cwnd;
                self.cwnd = self.cwnd.saturating_add(mss);
            }
        }
        self.cwnd = self.cwnd.min(CWND_BYTES_MAX);
    }

    /// Keeps both marks at the stream's side while it moves on.
    fn keep_up(&mut self, snd_una: Seq) {
        self.recover = Seq::later_of(self.recover, snd_una - 1);
        self.filled = Seq::later_of(self.filled, snd_una);
    }

    fn enter_recovery(&mut self, snd_nxt: Seq, flight: u32, mss: u32) {
        assert!(self.phase == Phase::Open, "a loss is noticed once");
        // RFC 5681 LOSS-THRESHOLD: half of what was in flight, without what limited transmit has added since.
        self.ssthresh = threshold_after_loss(self.outstanding, mss);
        self.phase = Phase::Recovery;
        self.recover = snd_nxt;
        self.extra_segments = 0;
        self.acked_bytes = 0;
        let arrived = u32::from(DUPLICATES_OF_A_LOSS) * mss;
        self.cwnd = self.ssthresh.saturating_add(arrived).min(CWND_BYTES_MAX);
        self.outstanding = flight.saturating_sub(arrived);
    }

    /// A duplicate in recovery: one more segment has arrived, so one more may leave. But no more than were in flight: a peer
    /// can send as many duplicates as it likes (RFC 5681 section 3.2, last note).
    fn inflate(&mut self, mss: u32) {
        let room = mss.min(self.outstanding);
        self.outstanding -= room;
        self.cwnd = self.cwnd.saturating_add(room).min(CWND_BYTES_MAX);
    }

    /// A partial acknowledgment: takes back what was inflated for the bytes that have arrived now, but for one segment.
    fn deflate(&mut self, acked: u32, mss: u32) {
        let whole_segment = acked >= mss;
        let added = if whole_segment { mss } else { 0 };
        self.cwnd = self.cwnd.saturating_sub(acked).saturating_add(added).max(mss);
        if whole_segment {
            // What was sent in recovery makes duplicates too, about a threshold's worth in each round trip.
            self.outstanding = self.outstanding.max(self.ssthresh);
        }
    }

    /// Back to the open phase, as if no duplicate had ever been seen.
    fn leave_recovery(&mut self) {
        self.phase = Phase::Open;
        self.duplicates = 0;
        self.extra_segments = 0;
        self.acked_bytes = 0;
        self.outstanding = 0;
    }
}

/// Bytes of the initial window for segments of `mss` bytes.
fn initial_window(mss: u32) -> u32 {
    assert!(mss > 0, "a segment has room for a byte");
    // RFC 6928 INITIAL-WINDOW
    let floor = INITIAL_BYTES_MAX.max(mss.saturating_mul(2));
    mss.saturating_mul(INITIAL_SEGMENTS).min(floor)
}

/// The threshold after a loss with `flight` bytes under way (RFC 5681 equation 4).
fn threshold_after_loss(flight: u32, mss: u32) -> u32 {
    (flight / 2).max(mss.saturating_mul(2))
}

#[cfg(test)]
mod tests;
