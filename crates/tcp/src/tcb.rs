//! The transmission control block: everything an idle established connection needs, in two cache lines.
//!
//! What only a busy connection needs is in its cold parts (`cold.rs`), which it has while bytes are in flight, unread or out
//! of order. Invariants: `sending` names a part exactly while something is queued or unacknowledged (SYN and FIN included);
//! `receiving` names one exactly while bytes are unread or out of order; `snd_una` ≤ `snd_nxt`; `rcv_nxt` ≤ `rcv_edge`, and
//! `rcv_edge` never moves left.

use crore_wire::ip::Ip;
use crore_wire::seq::Seq;
use zerocopy::FromZeros;

use crate::event::Ready;
use crate::link::{HopId, LocalId};
use crate::pool::PartId;
use crate::profile::ProfileId;
use crate::rtt::RttEstimate;

/// The hot part of one connection.
#[derive(Copy, Clone, FromZeros)]
#[repr(C, align(64))]
pub(crate) struct Tcb {
    // The first line: what every segment needs.
    pub(crate) remote: Ip,
    pub(crate) remote_port: u16,
    pub(crate) local_port: u16,
    pub(crate) local: LocalId,
    pub(crate) hop: HopId,
    pub(crate) snd_una: Seq,
    /// One after the highest sequence number ever sent.
    pub(crate) snd_nxt: Seq,
    /// The peer's window, scaled.
    pub(crate) snd_wnd: u32,
    pub(crate) rcv_nxt: Seq,
    /// The right edge of the window that we advertised.
    pub(crate) rcv_edge: Seq,
    /// RFC 7323's Last.ACK.sent.
    pub(crate) last_ack_sent: Seq,
    pub(crate) ts_recent: u32,
    pub(crate) sending: PartId,
    // The second line: what data and rarer things need.
    pub(crate) receiving: PartId,
    pub(crate) flags: Flags,
    pub(crate) state: State,
    pub(crate) profile: ProfileId,
    pub(crate) token: u32,
    /// Added to the clock in milliseconds, it is our timestamp.
    pub(crate) ts_offset: u32,
    /// Segment and acknowledgment of the last window update (SND.WL1, SND.WL2).
    pub(crate) snd_wl1: Seq,
    pub(crate) snd_wl2: Seq,
    /// The largest window that the peer has ever offered.
    pub(crate) snd_wnd_max: u32,
    pub(crate) rtt: RttEstimate,
    /// The slow-start threshold, kept for the next time that bytes are in flight.
    pub(crate) ssthresh: u32,
    /// The congestion window when bytes were last in flight.
    pub(crate) cwnd: u32,
    /// Milliseconds of the clock when something last came from the peer.
    pub(crate) heard_ms: u32,
    /// As `heard_ms`, when we last sent data.
    pub(crate) sent_ms: u32,
    /// As `heard_ms`, of the last challenge ACK.
    pub(crate) challenged_ms: u32,
    /// Most bytes of data in a segment to the peer, options already taken off.
    pub(crate) mss: u16,
    /// The largest segment seen from the peer: what counts as full-sized when ACKs are delayed.
    pub(crate) rcv_mss: u16,
    /// Shifts of the windows: the peer's in the low half, ours in the high half.
    pub(crate) scales: u8,
    /// What the application has not been told yet.
    pub(crate) ready: Ready,
    /// A `CloseReason`, or zero.
    pub(crate) reason: u8,
    /// Keep-alive probes sent without an answer.
    pub(crate) probes: u8,
    pub(crate) retransmissions: u16,
    /// Nobody has accepted it yet; until then nobody is told about it.
    pub(crate) unaccepted: bool,
}

const _: () = assert!(size_of::<Tcb>() == 128, "the hot part of a connection fits two cache lines");

impl Tcb {
    #[inline]
    pub(crate) const fn snd_scale(&self) -> u8 {
        self.scales & 15
    }

    #[inline]
    pub(crate) const fn rcv_scale(&self) -> u8 {
        self.scales >> 4
    }

    pub(crate) fn set_scales(&mut self, snd: u8, rcv: u8) {
        assert!(snd <= 14 && rcv <= 14, "window scales {snd} and {rcv} are at most 14 (RFC 7323 section 2.3)");
        self.scales = snd | rcv << 4;
    }

    /// The window that the peer believes it has: never more than 2^30.
    #[inline]
    pub(crate) fn rcv_wnd(&self) -> u32 {
        debug_assert!(self.rcv_nxt.is_at_or_before(self.rcv_edge), "the window does not end before it begins");
        self.rcv_edge - self.rcv_nxt
    }

    /// Bytes (SYN and FIN counted) that are sent and not acknowledged.
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        self.snd_nxt - self.snd_una
    }

    #[inline]
    pub(crate) const fn is(&self, flag: Flags) -> bool {
        self.flags.0 & flag.0 != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, flag: Flags) {
        self.flags.0 |= flag.0;
    }

    #[inline]
    pub(crate) fn clear(&mut self, flag: Flags) {
        self.flags.0 &= !flag.0;
    }
}

/// The states of RFC 9293 section 3.3.2 that need a control block. LISTEN is a listener, a passive SYN-RECEIVED is a record
/// of the SYN cache, TIME-WAIT is a record of its own, CLOSED is none or a name that the application still holds.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromZeros)]
#[repr(u8)]
pub(crate) enum State {
    Closed,
    SynSent,
    /// Of an active open whose SYN met the peer's.
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    /// For the rest of the call in which it was reached; then it is a record.
    TimeWait,
}

impl State {
    /// Whether both sides know each other's sequence numbers.
    pub(crate) const fn is_synchronised(self) -> bool {
        !matches!(self, Self::Closed | Self::SynSent | Self::SynReceived)
    }

    /// Whether the peer may still send data.
    #[inline]
    pub(crate) const fn receives(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether the application may still add data.
    #[inline]
    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived | Self::Established | Self::CloseWait)
    }
}

/// Facts about a connection that are true or not.
#[derive(Copy, Clone, PartialEq, Eq, FromZeros)]
#[repr(transparent)]
pub(crate) struct Flags(u16);

impl Flags {
    /// Waiting for the output pass.
    pub(crate) const DIRTY: Self = Self(1);
    /// Waiting for `poll_event`.
    pub(crate) const TOLD: Self = Self(1 << 1);
    /// An ACK leaves with the next output pass.
    pub(crate) const ACK_NOW: Self = Self(1 << 2);
    /// An ACK is owed, and may wait for data to go with it.
    pub(crate) const ACK_LATER: Self = Self(1 << 3);
    /// Its delayed ACK is in the queue of those.
    pub(crate) const ACK_QUEUED: Self = Self(1 << 4);
    /// Both sides agreed on timestamps.
    pub(crate) const TIMESTAMPS: Self = Self(1 << 5);
    /// The peer understands selective acknowledgments.
    pub(crate) const SACK_PERMITTED: Self = Self(1 << 6);
    /// `ts_recent` is so old that it says nothing.
    pub(crate) const TS_STALE: Self = Self(1 << 7);
    /// The application has closed it: nobody reads, nobody is told.
    pub(crate) const ORPHAN: Self = Self(1 << 8);
    /// The application asked for our FIN.
    pub(crate) const FIN_WANTED: Self = Self(1 << 9);
    /// Our FIN is within `snd_nxt`.
    pub(crate) const FIN_SENT: Self = Self(1 << 10);
    /// A send was refused for want of room.
    pub(crate) const WANTS_ROOM: Self = Self(1 << 11);
    /// A keep-alive or window probe leaves with the next output pass.
    pub(crate) const PROBE: Self = Self(1 << 12);
    /// Its hop is not resolved yet.
    pub(crate) const NO_HOP: Self = Self(1 << 13);
    /// It stands in line for a cold part to send with.
    pub(crate) const STARVED: Self = Self(1 << 14);
    /// Its flow belongs to a TIME-WAIT record now, or to nobody.
    pub(crate) const NO_FLOW: Self = Self(1 << 15);
}
