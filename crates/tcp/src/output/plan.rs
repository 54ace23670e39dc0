//! The one place that decides what a connection sends next. (RFC 9293 sections 3.7 and 3.8, RFC 5681.)

use crate::cold::Sending;
use crate::conn::Conn;
use crate::tcb::{Flags, State};

/// A segment to be sent now.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    /// Our SYN, with an ACK if the peer's has come.
    Syn,
    /// The first unacknowledged segment once more: `len` bytes of data, and the FIN if it belongs to it.
    Again {
        /// Bytes of data.
        len: u32,
        /// With our FIN.
        fin: bool,
    },
    /// The next `len` bytes, and our FIN if they are the last.
    Next {
        /// Bytes of data.
        len: u32,
        /// With our FIN.
        fin: bool,
    },
    /// One byte beyond the peer's closed window.
    WindowProbe,
}

impl Conn<'_> {
    /// What to send next, data, SYN or FIN; `None` if nothing may leave now. Pure: it changes nothing.
    #[inline]
    pub(crate) fn plan(&self) -> Option<Plan> {
        if self.tcb.sending.is_none() {
            return None;
        }
        let part = self.cx.sending.of(self.tcb.sending);
        match self.tcb.state {
            State::SynSent | State::SynReceived => {
                (part.resend_first || self.tcb.in_flight() == 0).then_some(Plan::Syn)
            }
            State::Closed | State::TimeWait | State::FinWait2 => None,
            _ if part.resend_first && (part.next > 0 || part.queued == 0) => Some(self.plan_again(part)),
            _ => self.plan_next(part),
        }
    }

    fn plan_again(&self, part: &Sending) -> Plan {
        let len = part.queued.min(u32::from(self.tcb.mss)).min(part.next);
        let fin = self.tcb.is(Flags::FIN_SENT) && len == part.queued;
        Plan::Again { len, fin }
    }

    #[inline]
    fn plan_next(&self, part: &Sending) -> Option<Plan> {
        let unsent = part.unsent();
        let fin = self.tcb.is(Flags::FIN_WANTED) && !part.fin_left;
        if unsent == 0 {
            // A FIN takes no room in a window of bytes; a closed window holds it back only behind data.
            return fin.then_some(Plan::Next { len: 0, fin: true });
        }
        if self.tcb.is(Flags::PROBE) && self.tcb.snd_wnd <= part.next {
            return Some(Plan::WindowProbe);
        }
        let window = self.tcb.snd_wnd.min(part.window.limit(u32::from(self.tcb.mss)));
        // RFC 9293 MUST-34: what is in flight may be more than a window that was pulled back.
        let usable = window.saturating_sub(part.next);
        let mss = u32::from(self.tcb.mss);
        let len = unsent.min(usable).min(mss);
        let fin = fin && len == unsent;
        let leaves = len > 0 && (len == mss || self.may_leave_small(part, len, unsent, fin));
        leaves.then_some(Plan::Next { len, fin })
    }

    /// RFC 9293 MUST-38: no silly windows from the sender (section 3.8.6.2.1). A segment that is not full leaves if it is all
    /// there is and nobody (Nagle) wants it to wait, if it is half of the largest window ever offered, or when it has waited
    /// long enough.
    #[inline]
    fn may_leave_small(&self, part: &Sending, len: u32, unsent: u32, fin: bool) -> bool {
        let all = len == unsent;
        // RFC 9293 MUST-17: Nagle's algorithm can be turned off, and is.
        let nagle = !self.profile().options.nodelay && part.next > 0 && !fin;
        !nagle && (all || len >= self.tcb.snd_wnd_max / 2) || self.tcb.is(Flags::PROBE)
    }
}
