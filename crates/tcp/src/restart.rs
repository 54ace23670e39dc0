//! The congestion window of a connection across its rests: kept in the control block while nothing is in flight.

use crore_base::time::Duration;

use crate::congestion::Window;
use crate::conn::Conn;

impl Conn<'_> {
    /// The first window of a connection whose SYN was just answered.
    pub(crate) fn start_congestion(&mut self) {
        let (mss, next) = (u32::from(self.tcb.mss), self.tcb.snd_nxt);
        let Some(part) = self.sending() else { return };
        // RFC 5681 section 3.1 with RFC 6928: a SYN lost more than once says that the path is full.
        part.window =
            if part.backoff > 1 { Window::after_lost_handshake(mss, next) } else { Window::initial(mss, next) };
    }

    /// The window to go on with after a rest.
    pub(crate) fn restore_congestion(&mut self) {
        let mss = u32::from(self.tcb.mss);
        if mss == 0 {
            return;
        }
        let una = self.tcb.snd_una;
        let mut window = match self.tcb.cwnd {
            0 => Window::initial(mss, una),
            cwnd => Window::resumed(cwnd, self.tcb.ssthresh, una),
        };
        // RFC 5681 RESTART: after a timeout in which we sent nothing nobody knows what the path carries. That the peer has sent
        // meanwhile, a request as often as not, says nothing about our direction.
        if self.has_rested_since(self.tcb.sent_ms) {
            window.after_idle(mss);
        }
        self.cx.sending.of_mut(self.tcb.sending).window = window;
    }

    /// Whether a retransmission timeout has passed since `then`, a time of the clock in milliseconds.
    #[inline]
    pub(crate) fn has_rested_since(&self, then: u32) -> bool {
        let rest = Duration::from_millis(self.cx.clock.ms_since(then).into());
        rest > self.cx.rto_bounds.min && rest > self.tcb.rtt.rto(&self.cx.rto_bounds)
    }

    /// Keeps the window for after the rest.
    pub(crate) fn keep_congestion(&mut self) {
        let Some(part) = self.sending() else { return };
        let window = part.window;
        if window.cwnd > 0 {
            self.tcb.cwnd = window.cwnd;
            self.tcb.ssthresh = window.ssthresh;
        }
    }
}
