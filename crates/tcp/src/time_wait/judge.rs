//! What a segment means to a connection that is only remembered.

use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags, Header};

use super::{Record, Substate};

/// How far beyond what it expects a record takes segments for the peer's. It does not remember its window; this is the
/// largest without scaling.
const NOMINAL_WINDOW_BYTES: u32 = 65_535;

/// How far behind our last number a new connection of the tuple starts, at least. More than an unscaled window, so that no
/// old duplicate is acceptable to the peer.
const REOPEN_GAP: u32 = 65_535 + 2;

/// What is to be done about a segment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Judgement {
    /// A SYN that is newer than all of the old connection: forget the record and open anew, with a sequence number from
    /// [`Record::reopened_at`].
    Reopen,
    /// Tell the peer where we are, and nothing else.
    Acknowledge,
    /// The peer's FIN again: acknowledge it, and begin the time of the record anew.
    Restart,
    /// The peer's FIN, waited for: [`Record::finish`], acknowledge it, and begin the time of the record anew.
    Finish,
    /// The peer has reset a connection that it had not finished: forget the record.
    Close,
    /// Data for nobody: answer with a reset and forget the record.
    Reset,
    /// Nothing.
    Drop,
}

impl Record {
    /// What a segment of this tuple with `payload_len` bytes of data means. Never an answer to what could itself be an
    /// answer without data, so two records cannot keep each other talking.
    pub(crate) fn judge(&self, header: &Header, payload_len: u32) -> Judgement {
        let flags = header.flags;
        if flags.contains(Flags::RST) {
            // RFC 7323 PAWS-NOT-RST: before timestamps are looked at.
            return self.judge_reset(header.seq);
        }
        if flags.contains(Flags::SYN) {
            return self.judge_syn(header);
        }
        if !flags.contains(Flags::ACK) || header.ack.is_after(self.snd_nxt) {
            return Judgement::Drop;
        }
        let len = header.sequence_len(payload_len);
        match (self.timestamps, header.options.timestamps) {
            // RFC 7323 section 3.2: what lacks its timestamp is not of this connection.
            (true, None) => return Judgement::Drop,
            // RFC 7323 PAWS: an old duplicate is acknowledged and no more.
            (true, Some(theirs)) if is_older(theirs.value, self.ts_recent) => return acknowledge_if(len > 0),
            _ => {}
        }
        match self.substate {
            Substate::TimeWait => self.judge_late(header, len),
            Substate::FinWait2 => self.judge_awaited(header, payload_len, len),
        }
    }

    /// Where a new connection of this tuple starts: at `proposed`, or behind all that the old one sent, whichever is later
    /// (RFC 9293 MAY-2).
    pub(crate) fn reopened_at(&self, proposed: Seq) -> Seq {
        Seq::later_of(proposed, self.snd_nxt + REOPEN_GAP)
    }

    /// The peer's FIN has come: the record is in TIME-WAIT now.
    pub(crate) fn finish(&mut self, header: &Header) {
        assert!(self.substate == Substate::FinWait2, "a peer finishes once");
        assert!(header.flags.contains(Flags::FIN) && !header.seq.is_after(self.rcv_nxt), "this is not the FIN awaited");
        self.rcv_nxt += 1;
        self.substate = Substate::TimeWait;
        self.heard(header);
    }

    /// Remembers the timestamp of a segment that is answered, if it is the latest: what a new connection's must exceed.
    pub(crate) fn heard(&mut self, header: &Header) {
        // RFC 7323 RECENT: from nothing ahead of what we acknowledge. From nothing far behind it either, or half of all made-up
        // segments could make the peer's own look old.
        let oldest = self.rcv_nxt - NOMINAL_WINDOW_BYTES;
        if let (true, Some(theirs)) = (self.timestamps, header.options.timestamps)
            && header.seq.is_within(oldest, NOMINAL_WINDOW_BYTES + 1)
            && is_older(self.ts_recent, theirs.value)
        {
            self.ts_recent = theirs.value;
        }
    }

    fn judge_reset(&self, seq: Seq) -> Judgement {
        match self.substate {
            // RFC 1337 NO-ASSASSINATION: the connection is over; what is left is only there to keep its tuple free of ghosts.
            Substate::TimeWait => Judgement::Drop,
            // RFC 5961 RST-EXACT, RST-CHALLENGE: as for any connection that is open on one side.
            Substate::FinWait2 if seq == self.rcv_nxt => Judgement::Close,
            Substate::FinWait2 => acknowledge_if(seq.is_within(self.rcv_nxt, NOMINAL_WINDOW_BYTES)),
        }
    }

    fn judge_syn(&self, header: &Header) -> Judgement {
        if header.flags.contains(Flags::FIN) {
            return Judgement::Drop;
        }
        if header.flags.contains(Flags::ACK) || self.substate == Substate::FinWait2 {
            // RFC 5961 SYN-CHALLENGE: if the peer has lost its connection it resets ours now, with the number we tell it.
            return Judgement::Acknowledge;
        }
        // RFC 6191 REUSE, RFC 9293 SHLD-4: newer by its clock if both have one; by its number otherwise.
        let newer_number = header.seq.is_at_or_after(self.rcv_nxt);
        let is_newer = match (self.timestamps, header.options.timestamps) {
            (true, Some(theirs)) if theirs.value == self.ts_recent => newer_number,
            (true, Some(theirs)) => is_older(self.ts_recent, theirs.value),
            (true, None) | (false, None) => newer_number,
            (false, Some(_)) => true,
        };
        if is_newer { Judgement::Reopen } else { Judgement::Drop }
    }

    /// In TIME-WAIT the peer's FIN is the last number there is, so all that can come is old.
    fn judge_late(&self, header: &Header, len: u32) -> Judgement {
        let is_the_fin = header.flags.contains(Flags::FIN) && header.seq + len == self.rcv_nxt;
        // RFC 9293 MUST-13: section 3.10.7.4, the time starts over when the FIN comes again.
        if is_the_fin { Judgement::Restart } else { acknowledge_if(len > 0) }
    }

    /// In FIN-WAIT-2 the peer may still send; nobody reads it.
    fn judge_awaited(&self, header: &Header, payload_len: u32, len: u32) -> Judgement {
        if len == 0 {
            // A keep-alive probe asks for an answer; any other bare acknowledgment may be one.
            return acknowledge_if(header.seq + 1 == self.rcv_nxt);
        }
        // The peer has acknowledged our FIN, so whatever it sends now says so: a stranger would have to guess that number.
        let is_theirs = header.ack == self.snd_nxt && !header.seq.is_after(self.rcv_nxt + NOMINAL_WINDOW_BYTES);
        let end = header.seq + payload_len;
        if is_theirs && end.is_after(self.rcv_nxt) && payload_len > 0 {
            // RFC 9293 SHLD-3: data that will never be read.
            return Judgement::Reset;
        }
        let is_the_fin = header.flags.contains(Flags::FIN) && end == self.rcv_nxt;
        if is_theirs && is_the_fin { Judgement::Finish } else { Judgement::Acknowledge }
    }
}

/// Whether timestamp `a` is before `b`, going around as sequence numbers do.
fn is_older(a: u32, b: u32) -> bool {
    Seq(a).is_before(Seq(b))
}

fn acknowledge_if(condition: bool) -> Judgement {
    if condition { Judgement::Acknowledge } else { Judgement::Drop }
}
