//! The one place that computes the window we advertise. (RFC 9293 section 3.8.6.2.2, RFC 7323 section 2.)

use crate::conn::Conn;
use crate::tcb::Flags;

impl Conn<'_> {
    /// The window field of the next segment. The right edge that follows from it never moves left (RFC 9293 SHLD-14), and
    /// moves right by a segment or half of the buffer at least (RFC 9293 MUST-39: no silly windows from the receiver).
    #[inline]
    pub(crate) fn advertise(&mut self) -> u16 {
        let promised = self.tcb.rcv_wnd();
        let room = self.room_to_receive();
        let window = if room >= promised + self.window_step() { room } else { promised };
        debug_assert!(promised <= room, "no more is promised than there is room for");
        let scale = self.tcb.rcv_scale();
        // Rounding down takes back a part of what was promised, so the promise is rounded up where there is room for that.
        // Where there is none it is rounded down, and what the peer sends into the last few bytes is still taken (RFC 7323
        // section 2.4): else each odd segment would push the edge on, and bytes that nobody takes would have no limit.
        let up = promised.div_ceil(1 << scale);
        let kept = if up << scale <= room { up } else { promised >> scale };
        (window >> scale).max(kept).min(65_535) as u16
    }

    /// After the application has taken bytes: whether the peer should hear that the window is larger now.
    #[inline]
    pub(crate) fn window_has_opened(&self) -> bool {
        let promised = self.tcb.rcv_wnd();
        let limit = self.profile().options.receive_bytes_max;
        if promised > limit - limit / 2 {
            // The usual case: there cannot be half of the buffer more than that.
            return false;
        }
        // The peer hears with every ACK; by itself only when it may be running dry.
        let worth_telling = (limit / 2).max(self.window_step());
        self.tcb.state.receives()
            && !self.tcb.is(Flags::ORPHAN)
            && self.room_to_receive() >= promised + worth_telling.min(limit)
    }

    /// Bytes that the application's buffer still takes.
    #[inline]
    fn room_to_receive(&self) -> u32 {
        let limit = self.profile().options.receive_bytes_max;
        match self.tcb.receiving.is_none() {
            true => limit,
            false => limit.saturating_sub(self.cx.receiving.of(self.tcb.receiving).unread_bytes),
        }
    }

    /// The least by which the edge moves: a segment, or half of a buffer smaller than two.
    #[inline]
    fn window_step(&self) -> u32 {
        let limit = self.profile().options.receive_bytes_max;
        u32::from(self.tcb.rcv_mss.max(536)).min(limit / 2).max(1)
    }
}
