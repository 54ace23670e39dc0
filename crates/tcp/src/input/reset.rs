//! Second: does it reset the connection? (RFC 9293 section 3.10.7.4, RFC 5961 section 3.)

use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::counter::Counter;
use crate::event::CloseReason;
use crate::input::segment::{Segment, Step, Verdict};
use crate::tcb::State;

impl Conn<'_> {
    pub(super) fn check_reset(&mut self, segment: &Segment) -> Step {
        if !segment.has(Bits::RST) {
            return Ok(());
        }
        // RFC 5961 RST-EXACT: only the very next number resets; another within the window is challenged.
        if segment.header.seq != self.tcb.rcv_nxt {
            self.challenge();
            return Err(Verdict::Dropped(Counter::DroppedReset));
        }
        // RFC 9293 MUST-11: a connection that we opened is refused; one that a peer opened is a record of the SYN cache
        // until it is established, and goes without a word.
        Err(Verdict::Ends(match self.tcb.state {
            State::SynReceived => CloseReason::Refused,
            _ => CloseReason::Reset,
        }))
    }
}
