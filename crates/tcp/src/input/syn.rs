//! Third: a SYN on a connection that has had its own. (RFC 9293 section 3.10.7.4, RFC 5961 section 4.)

use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::counter::Counter;
use crate::input::segment::{Segment, Step, Verdict};

impl Conn<'_> {
    /// RFC 5961 SYN-CHALLENGE: whatever its number. A peer that really started anew answers the challenge with an RST.
    pub(super) fn check_syn(&mut self, segment: &Segment) -> Step {
        if !segment.has(Bits::SYN) {
            return Ok(());
        }
        self.challenge();
        Err(Verdict::Dropped(Counter::DroppedSyn))
    }
}
