//! All rings of one queue of a wire: one from and one to each queue of the other end, and who must be woken.
//!
//! **Nobody sleeps through a frame.** A queue that is about to sleep raises its flag, then looks at its rings once
//! more; one that has published a burst looks at the flag after that. With a full fence between the two steps on both
//! sides, at least one of them sees the other (Dekker). In the same way a queue that found a ring full is woken when
//! the other side has emptied another half of it. So doorbells, which are system calls, are rung only for sleepers.

use std::os::fd::OwnedFd;
use std::sync::atomic::{Ordering, fence};

use crore_base::frame::{Frame, FramePool};

use crate::limits::QUEUES_MAX;
use crate::steering::queue_of;

use super::end::{Plug, ring};
use super::ring::{Consumer, Producer, Violation};

const _: () = assert!(QUEUES_MAX as u32 <= u64::BITS, "queues of the other end are bits of one word");

/// The rings of one queue, see the opening comment of the file.
pub(super) struct Rings {
    plug: Plug,
    queue: u16,
    /// From each queue of the other end.
    incoming: Vec<Consumer>,
    /// To each queue of the other end; empty once it is gone.
    outgoing: Vec<Producer>,
    /// Where the next receive begins, so that no ring starves behind others.
    first: usize,
    /// The ring that had no room for a frame of this length.
    blocked: Option<(u16, usize)>,
    /// Doorbells rung, each a system call.
    pub(super) doorbells: u64,
}

impl Rings {
    /// The rings of a queue of this end, in memory that nobody has used yet.
    pub(super) fn new(plug: Plug, queue: u16) -> Self {
        let peers = plug.layout.queues(plug.side.other());
        let from = |peer| plug.layout.ring(plug.side.other(), peer, queue);
        let to = |peer| plug.layout.ring(plug.side, queue, peer);
        let incoming = (0..peers).map(|peer| Consumer::new(plug.memory.clone(), from(peer))).collect();
        let outgoing = (0..peers).map(|peer| Producer::new(plug.memory.clone(), to(peer))).collect();
        Self { plug, queue, incoming, outgoing, first: 0, blocked: None, doorbells: 0 }
    }

    /// The other end is gone: what it has sent can still be received, and nothing can be sent.
    pub(super) fn hang_up(&mut self) {
        self.outgoing.clear();
        self.blocked = None;
    }

    /// Whether somebody reads what is sent.
    pub(super) fn is_connected(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Takes at most `max` frames, beginning with another ring each time.
    pub(super) fn receive(
        &mut self,
        frames: &mut FramePool,
        into: &mut Vec<Frame>,
        max: usize,
    ) -> Result<(), Violation> {
        let end = into.len().saturating_add(max);
        let peers = self.incoming.len();
        let mut passed_half = 0;
        for step in 0..peers {
            let peer = (self.first + step) % peers;
            let ring = &mut self.incoming[peer];
            while into.len() < end {
                let Some(len) = ring.peek()? else {
                    break;
                };
                let Some(mut frame) = frames.alloc() else {
                    break;
                };
                ring.take(len, frames.buffer_mut(&mut frame));
                frame.set_len(len);
                into.push(frame);
            }
            passed_half |= u64::from(ring.publish()) << peer;
        }
        self.first = (self.first + 1) % peers;
        if passed_half != 0 {
            self.wake(passed_half);
        }
        Ok(())
    }

    /// Copies frames from the front of `from` into the rings of their flows, as many as there is room for in order, and
    /// returns how many. The frames themselves stay where they are.
    ///
    /// Those that `fits` refuses are passed over.
    pub(super) fn transmit(
        &mut self,
        frames: &FramePool,
        from: &[Frame],
        fits: impl Fn(&Frame) -> bool,
    ) -> Result<usize, Violation> {
        assert!(self.is_connected(), "there is nobody to send to");
        let peers = self.outgoing.len() as u16;
        self.blocked = None;
        let mut sent = from.len();
        for (number, frame) in from.iter().enumerate() {
            if let Some(next) = from.get(number + 1) {
                frames.prefetch(next);
            }
            if !fits(frame) {
                continue;
            }
            let bytes = frames.bytes(frame);
            let peer = queue_of(bytes, peers);
            if !self.outgoing[usize::from(peer)].push(bytes)? {
                self.blocked = Some((peer, bytes.len()));
                sent = number;
                break;
            }
        }
        let published = self.outgoing.iter_mut().enumerate();
        let published = published.fold(0, |all, (peer, ring)| all | u64::from(ring.publish()) << peer);
        if published != 0 {
            self.wake(published);
        }
        Ok(sent)
    }

    /// Raises this queue's flag. False, with the flag down again, if there is something to do already.
    pub(super) fn prepare_sleep(&mut self) -> Result<bool, Violation> {
        self.set_sleeping(true);
        fence(Ordering::SeqCst);
        let mut quiet = true;
        for ring in &mut self.incoming {
            quiet &= ring.is_empty()?;
        }
        if let Some((peer, len)) = self.blocked {
            quiet &= !self.outgoing[usize::from(peer)].has_room(len)?;
        }
        if !quiet {
            self.set_sleeping(false);
        }
        Ok(quiet)
    }

    /// Lowers this queue's flag, or raises it.
    pub(super) fn set_sleeping(&self, sleeping: bool) {
        let flag = self.plug.layout.sleep_flag(self.plug.side, self.queue);
        self.plug.memory[flag].store(u64::from(sleeping), Ordering::Relaxed);
    }

    /// Rings the doorbells of those of these queues of the other end that sleep.
    #[inline]
    fn wake(&mut self, mut peers: u64) {
        fence(Ordering::SeqCst);
        while peers != 0 {
            let peer = peers.trailing_zeros() as u16;
            peers &= peers - 1;
            let flag = self.plug.layout.sleep_flag(self.plug.side.other(), peer);
            let flag = &self.plug.memory[flag];
            // The swap makes this one ring a sleep, however many of our queues see the flag.
            if flag.load(Ordering::Relaxed) == 1 && flag.swap(0, Ordering::Relaxed) == 1 {
                self.doorbells += 1;
                let bell: &OwnedFd = &self.plug.bells[usize::from(peer)];
                ring(bell);
            }
        }
    }
}
