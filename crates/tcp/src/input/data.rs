//! Sixth: the data. (RFC 9293 section 3.10.7.4.)

use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::counter::Counter;
use crate::event::Ready;
use crate::input::segment::{Segment, Step, Verdict};
use crate::reassembly::{Chunk as _, Reason};
use crate::tcb::Flags;

impl Conn<'_> {
    #[inline(always)]
    pub(super) fn take_data(&mut self, segment: &mut Segment) -> Step {
        if segment.len == 0 || !self.tcb.state.receives() {
            return Ok(());
        }
        if self.tcb.is(Flags::ORPHAN) {
            return Err(Verdict::Unwanted);
        }
        if !self.trim(segment) {
            // All of it is old: the peer missed our ACK.
            self.acknowledge_now();
            return Ok(());
        }
        self.tcb.rcv_mss = self.tcb.rcv_mss.max(segment.len as u16);
        if segment.header.seq == self.tcb.rcv_nxt { self.take_in_order(segment) } else { self.take_early(segment) }
    }

    /// Cuts off what we have already and what is beyond the window. False if nothing is left.
    fn trim(&mut self, segment: &mut Segment) -> bool {
        let Some(frame) = &mut segment.frame else { return false };
        let next = self.tcb.rcv_nxt;
        if segment.header.seq.is_before(next) {
            let old = next - segment.header.seq;
            if old >= segment.len {
                return false;
            }
            // The canary: once in a while a byte is given twice, and the simulation must find it.
            #[cfg(feature = "canary")]
            let old = old - u32::from(next.0.is_multiple_of(4));
            frame.advance(old as usize);
            segment.len -= old;
            segment.header.seq = next;
        }
        let room = self.tcb.rcv_edge - segment.header.seq;
        if segment.len > room {
            frame.truncate(room as usize);
            segment.len = room;
            segment.header.flags = segment.header.flags.without(Bits::FIN);
        }
        segment.len > 0
    }

    #[inline]
    fn take_in_order(&mut self, segment: &mut Segment) -> Step {
        if !self.start_receiving() {
            return Err(Verdict::Dropped(Counter::DroppedFull));
        }
        self.keep_what_came_first(segment);
        let Some(frame) = segment.frame.take() else { return Ok(()) };
        let chunk = match self.cx.keep(frame) {
            Ok(chunk) => chunk,
            Err(frame) => return self.no_memory_for(frame, segment),
        };
        let part = self.cx.receiving.of_mut(self.tcb.receiving);
        part.unread_bytes += segment.len;
        part.unread.push_back(chunk);
        part.duplicates_owed = 0;
        self.tcb.rcv_nxt += segment.len;
        let had_early = !part.early.is_empty();
        if had_early {
            self.take_what_fits_now();
        }
        self.owe_ack(had_early || segment.after_rest);
        self.tell(Ready::READABLE);
        Ok(())
    }

    /// Cuts off what reaches into bytes that came early: where bytes come twice the first ones stay, so that nobody can
    /// replace what was received. Where the stream ends is remembered.
    #[inline]
    fn keep_what_came_first(&mut self, segment: &mut Segment) {
        let part = self.cx.receiving.of_mut(self.tcb.receiving);
        let Some(known) = part.early.start() else { return };
        let room = known - segment.header.seq;
        debug_assert!(known.is_after(segment.header.seq), "what is in order was taken out of the store");
        let Some(frame) = segment.frame.as_mut().filter(|_| segment.len > room) else { return };
        if segment.header.flags.contains(Bits::FIN) {
            part.fin_at = Some(segment.header.seq + segment.len);
            segment.header.flags = segment.header.flags.without(Bits::FIN);
        }
        frame.truncate(room as usize);
        segment.len = room;
    }

    fn no_memory_for(&mut self, frame: crore_base::frame::Frame, segment: &mut Segment) -> Step {
        segment.frame = Some(frame);
        self.rest_receiving();
        Err(Verdict::Dropped(Counter::DroppedNoMemory))
    }

    /// What came early and is in order now.
    #[inline(never)]
    fn take_what_fits_now(&mut self) {
        let id = self.tcb.receiving;
        while let Some(chunk) = self.cx.receiving.of_mut(id).early.pop(self.tcb.rcv_nxt) {
            let len = chunk.len() as u32;
            if len == 0 {
                // The stream has passed it.
                self.cx.discard(chunk);
                continue;
            }
            let part = self.cx.receiving.of_mut(id);
            part.unread_bytes += len;
            part.unread.push_back(chunk);
            self.tcb.rcv_nxt += len;
        }
        debug_assert!(self.tcb.rcv_nxt.is_at_or_before(self.tcb.rcv_edge), "nothing was kept beyond the window");
    }

    /// Keeps what came before its time, within bounds, and tells the peer at once what is missing (RFC 5681 section 4.2).
    #[inline(never)]
    fn take_early(&mut self, segment: &mut Segment) -> Step {
        self.acknowledge_now();
        if !self.start_receiving_early() {
            return Err(Verdict::Dropped(Counter::DroppedFull));
        }
        let Some(frame) = segment.frame.take() else { return Ok(()) };
        let chunk = match self.cx.keep(frame) {
            Ok(chunk) => chunk,
            Err(frame) => return self.no_memory_for(frame, segment),
        };
        let limit = self.profile().options.receive_bytes_max as usize;
        let (next, seq) = (self.tcb.rcv_nxt, segment.header.seq);
        let part = self.cx.receiving.of_mut(self.tcb.receiving);
        let (spare, step) = match part.early.insert(next, seq, chunk, limit) {
            Ok(spare) => (spare, Ok(())),
            Err(refused) => (Some(refused.chunk), Err(Verdict::Dropped(why(refused.reason)))),
        };
        part.duplicates_owed = part.duplicates_owed.saturating_add(u16::from(step.is_ok()));
        if let Some(chunk) = spare {
            self.cx.discard(chunk);
        }
        self.rest_receiving();
        step
    }

    /// RFC 9293 MUST-40, SHLD-19, MUST-58, MUST-59: an ACK is owed, and leaves with the output pass after this burst at the earliest:
    /// at once for the second full-sized segment, when a gap was filled or after a rest, else with data or when its delay ends.
    /// Who breaks a silence gets no further use from a delay: an answer made in this turn takes the ACK along, and a peer that
    /// is only told something may forget it while everything about the connection is still in both ends' caches. Linux
    /// returns to quick ACKs after a rest too.
    fn owe_ack(&mut self, at_once: bool) {
        let unacknowledged = self.tcb.rcv_nxt - self.tcb.last_ack_sent;
        if at_once || unacknowledged >= 2 * u32::from(self.tcb.rcv_mss) {
            self.tcb.set(Flags::ACK_NOW);
        } else {
            self.tcb.set(Flags::ACK_LATER);
        }
        self.mark_dirty();
    }
}

/// Under which name a segment is counted that was not kept.
fn why(reason: Reason) -> Counter {
    match reason {
        Reason::Beyond => Counter::DroppedWindow,
        Reason::Ranges | Reason::Bytes | Reason::Chunks => Counter::DroppedNoMemory,
    }
}
