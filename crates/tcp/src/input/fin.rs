//! Last: the peer's FIN. (RFC 9293 section 3.10.7.4.)

use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::event::Ready;
use crate::input::segment::{Segment, Step};
use crate::tcb::State;

impl Conn<'_> {
    #[inline]
    pub(super) fn take_fin(&mut self, segment: &Segment) -> Step {
        if segment.has(Bits::FIN) {
            let at = segment.header.seq + segment.len;
            if at == self.tcb.rcv_nxt {
                self.finished();
            } else if at.is_after(self.tcb.rcv_nxt) && self.tcb.state.receives() && self.start_receiving_early() {
                // It came before its last bytes. Remembered, it saves the peer a timeout.
                let part = self.cx.receiving.of_mut(self.tcb.receiving);
                part.fin_at = Some(at);
                // What comes early is acknowledged at once, data or not (RFC 5681 section 4.2).
                self.acknowledge_now();
            }
        } else if let Some(part) = self.receiving()
            && let Some(at) = part.fin_at
            && at == self.tcb.rcv_nxt
        {
            self.finished();
        }
        Ok(())
    }

    /// All that the peer sent has come.
    #[inline(never)]
    fn finished(&mut self) {
        if !self.tcb.state.receives() {
            return;
        }
        if let Some(part) = self.receiving() {
            part.fin_at = None;
            // What a broken or hostile peer has sent beyond the end of its stream.
            let beyond: Vec<_> = part.early.drain().collect();
            beyond.into_iter().for_each(|chunk| self.cx.discard(chunk));
        }
        self.rest_receiving();
        self.tcb.rcv_nxt += 1;
        if self.tcb.rcv_edge.is_before(self.tcb.rcv_nxt) {
            self.tcb.rcv_edge = self.tcb.rcv_nxt;
        }
        self.acknowledge_now();
        self.tcb.state = match self.tcb.state {
            State::Established => State::CloseWait,
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            other => unreachable!("{other:?} receives nothing"),
        };
        self.tell(Ready::FINISHED);
    }
}
