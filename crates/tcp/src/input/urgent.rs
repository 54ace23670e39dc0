//! Fifth: urgent data. (RFC 9293 section 3.8.5, RFC 6093.) It stays in the stream; the application is told where it ends.

use crate::conn::Conn;
use crate::counter::Counter;
use crate::event::Ready;
use crate::input::segment::Segment;

impl Conn<'_> {
    pub(super) fn take_urgent(&mut self, segment: &Segment) {
        let Some(end) = segment.header.urgent_end() else { return };
        self.cx.counters.count(Counter::Urgent);
        // RFC 9293 MUST-30, MUST-31: any length; the pointer may lie beyond what has come.
        if !self.tcb.state.receives() || !end.is_after(self.tcb.rcv_nxt) || !self.start_receiving_early() {
            return;
        }
        // RFC 9293 MUST-32, MUST-33: the application is told at once, and can ask how much there is.
        let later = match self.receiving() {
            Some(part) if part.urgent_end.is_none_or(|known| end.is_after(known)) => {
                part.urgent_end = Some(end);
                true
            }
            _ => false,
        };
        if later {
            self.tell(Ready::URGENT);
        }
    }
}
