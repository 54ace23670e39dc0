//! One queue at work: frames in and out of the rings, and what is lent to the kernel.
//!
//! Invariants, between calls:
//! - `in_fill` frames are lent to receive into: in the fill ring, with the kernel, or in the receive ring.
//! - `in_transmit` frames are lent to be sent: in the transmit ring, with the device, or in the completion ring. They
//!   are never more than the completion ring holds, so the kernel always has room to give one back.
//! - A frame that the kernel names is ours only if this queue has lent it. A confused driver can lose frames, no more.

use std::io;
use std::sync::Arc;

use crore_base::frame::{Frame, FramePool};
use crore_base::limits::FRAME_BYTES;
use crore_base::time::Instant;

use crate::limits::{ETHERNET_HEADER_BYTES, XDP_FILL_PART, XDP_KICK_FRAMES, XDP_POOL_FRAMES_MIN};
use crate::packet_io::Link;

use super::error::XdpError;
use super::loans::Loans;
use super::ring::Entry;
use super::socket::{Kick, Rings, Socket};
use super::watch::{Inspector, Stall, XdpKernelStatistics, XdpStatistics};

const FRAME: u64 = FRAME_BYTES as u64;

/// See the opening comment of the file.
pub(super) struct Queue {
    socket: Arc<Socket>,
    rings: Rings,
    loans: Loans,
    /// Bytes of a whole frame at most, to send.
    frame_bytes_max: usize,
    /// Entries of each ring.
    ring_frames: u32,
    queue: u16,
    queues: u16,
    /// Frames that the kernel shall have to receive into.
    fill_target: u32,
    in_fill: u32,
    in_transmit: u32,
    now: Instant,
    link: Link,
    /// The interface has gone for good.
    is_gone: bool,
    /// Something that is no frame may have woken it since the last receive.
    asleep: bool,
    /// The last call of transmit left frames behind.
    left_behind: bool,
    inspector: Inspector,
    stall: Stall,
    statistics: XdpStatistics,
}

impl Queue {
    /// Ties a socket to a pool and to queue `channel` of an interface, and gives the kernel frames to receive into.
    ///
    /// The queue is `queue` of our `queues`.
    pub(super) fn new(
        socket: Arc<Socket>,
        frames: &mut FramePool,
        (interface, channel): (u32, u32),
        (queue, queues): (u16, u16),
        mtu: u16,
        ring_frames: u32,
        force_copy: bool,
    ) -> Result<Self, XdpError> {
        assert!(queue < queues, "queue {queue} is not one of {queues}");
        let capacity = frames.capacity();
        if capacity < XDP_POOL_FRAMES_MIN {
            return Err(XdpError::Pool { frames: capacity });
        }
        let rings = socket.bind(frames, interface, channel, ring_frames, force_copy)?;
        let mut this = Self {
            socket,
            rings,
            loans: Loans::new(frames),
            frame_bytes_max: ETHERNET_HEADER_BYTES + usize::from(mtu),
            ring_frames,
            queue,
            queues,
            fill_target: ring_frames.min(capacity / XDP_FILL_PART),
            in_fill: 0,
            in_transmit: 0,
            now: Instant::ZERO,
            link: Link::Up,
            is_gone: false,
            asleep: false,
            left_behind: false,
            inspector: Inspector::new(),
            stall: Stall::new(),
            statistics: XdpStatistics::default(),
        };
        this.refill(frames);
        Ok(this)
    }

    pub(super) fn zero_copy(&self) -> bool {
        self.rings.zero_copy
    }

    pub(super) fn link(&self) -> Link {
        self.link
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) fn look_at(&mut self, frames: u32) {
        self.inspector.look_at(frames);
    }

    /// # Panics
    /// If it is tied to another pool.
    #[inline]
    pub(super) fn assert_same(&self, frames: &FramePool) {
        self.loans.assert_same(frames);
    }

    /// Frames of the pool that the kernel has.
    pub(super) fn lent(&self) -> u32 {
        self.in_fill + self.in_transmit
    }

    #[inline]
    pub(super) fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.left_behind = false;
        let woken = std::mem::take(&mut self.asleep);
        let before = into.len();
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let waiting = self.rings.receive.waiting(max).min(max);
        for _ in 0..waiting {
            let Entry { address, len } = self.rings.receive.read();
            let (index, start) = ((address / FRAME) as u32, (address % FRAME) as usize);
            match self.loans.back(frames, index, start, len as usize) {
                Some(frame) => into.push(frame),
                None => self.statistics.foreign += 1,
            }
        }
        if waiting > 0 {
            self.rings.receive.release();
            self.in_fill = self.in_fill.saturating_sub(waiting);
            self.inspect(frames, &into[before..]);
        } else if self.is_gone || (woken && self.socket.is_gone()) {
            return Err(self.gone());
        }
        self.refill(frames);
        Ok(into.len() - before)
    }

    pub(super) fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        let given = from.len();
        self.reap(frames);
        if self.link == Link::Lost {
            // Nothing is put into the ring that could not be taken out again, but for a look whether it is up again.
            self.call()?;
        }
        if self.link == Link::Up {
            self.push(frames, from);
            self.kick()?;
        }
        self.left_behind = false;
        if self.link != Link::Up {
            self.statistics.lost_down += from.len() as u64;
            from.drain(..).for_each(|frame| frames.free(frame));
        } else if !from.is_empty() {
            if self.stall.full(self.now, &mut self.statistics.stalls) {
                self.statistics.lost_stuck += from.len() as u64;
                from.drain(..).for_each(|frame| frames.free(frame));
            } else {
                self.left_behind = true;
                self.statistics.waited += 1;
            }
        }
        assert!(self.in_transmit <= self.ring_frames, "the completion ring has room for all that is on its way");
        Ok(given - from.len())
    }

    pub(super) fn recycle(&mut self, frames: &mut FramePool) -> usize {
        let back = self.reap(frames);
        // What was freed in this turn can be received into while we sleep. Without this, a core whose pool was empty
        // when it last received would never hear again.
        self.refill(frames);
        back
    }

    pub(super) fn prepare_sleep(&mut self) -> bool {
        self.asleep = !self.left_behind && self.rings.receive.waiting(1) == 0;
        self.asleep
    }

    pub(super) fn statistics(&self) -> XdpStatistics {
        let kernel = self.socket.statistics().map(|kernel| XdpKernelStatistics {
            receive_dropped: kernel.rx_dropped,
            fill_invalid: kernel.rx_invalid_descs,
            transmit_invalid: kernel.tx_invalid_descs,
            receive_ring_full: kernel.rx_ring_full.unwrap_or(0),
            fill_ring_empty: kernel.rx_fill_ring_empty_descs.unwrap_or(0),
            transmit_ring_empty: kernel.tx_ring_empty_descs.unwrap_or(0),
        });
        XdpStatistics { kernel, ..self.statistics }
    }

    /// Closes the socket and gives back what was lent.
    pub(super) fn close(self, frames: &mut FramePool) {
        let Self { socket, rings, loans, .. } = self;
        // The mappings of the rings keep the socket open too. When both are gone the kernel touches no frame any more.
        drop(rings);
        assert!(Arc::into_inner(socket).is_some(), "the socket is closed here, and nobody else has it");
        loans.give_back(frames);
    }

    /// Puts frames into the transmit ring as long as there is room.
    #[inline]
    fn push(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) {
        let wanted = u32::try_from(from.len()).unwrap_or(u32::MAX).min(self.ring_frames - self.in_transmit);
        let room = self.rings.transmit.room(wanted).min(wanted);
        let mut pushed = 0;
        for frame in from.drain(..room as usize) {
            // The kernel takes an entry of no bytes for a mistake, and never gives its frame back.
            if !(ETHERNET_HEADER_BYTES..=self.frame_bytes_max).contains(&frame.len()) {
                self.statistics.unfit += 1;
                frames.free(frame);
                continue;
            }
            let (start, len) = (frame.start() as u64, frame.len() as u32);
            let address = u64::from(self.loans.lend(frames, frame)) * FRAME + start;
            self.rings.transmit.write(Entry { address, len });
            pushed += 1;
        }
        if pushed > 0 {
            self.rings.transmit.publish();
            self.in_transmit += pushed;
        }
    }

    /// Has the kernel look at the transmit ring if it waits for that: in copy mode it takes a part of it each time.
    fn kick(&mut self) -> io::Result<()> {
        for _ in 0..self.ring_frames / XDP_KICK_FRAMES {
            if self.rings.transmit.is_consumed() || !self.rings.transmit.needs_wakeup() {
                break;
            }
            let room = self.rings.transmit.room(self.ring_frames);
            self.call()?;
            let moved = self.rings.transmit.room(self.ring_frames) != room;
            if self.link != Link::Up || self.rings.zero_copy || !moved {
                break;
            }
        }
        Ok(())
    }

    fn call(&mut self) -> io::Result<()> {
        self.statistics.kicks += 1;
        self.link = match self.socket.kick()? {
            Kick::Done => Link::Up,
            Kick::Down => Link::Lost,
            Kick::Gone => return Err(self.gone()),
        };
        Ok(())
    }

    /// Takes back what has been sent.
    #[inline]
    fn reap(&mut self, frames: &mut FramePool) -> usize {
        let waiting = self.rings.completion.waiting(self.ring_frames);
        if waiting == 0 {
            return 0;
        }
        let mut back = 0;
        for _ in 0..waiting {
            let index = (self.rings.completion.read().address / FRAME) as u32;
            match self.loans.back(frames, index, 0, 0) {
                Some(frame) => {
                    frames.free(frame);
                    back += 1;
                }
                None => self.statistics.foreign += 1,
            }
        }
        self.rings.completion.release();
        self.in_transmit = self.in_transmit.saturating_sub(waiting);
        self.stall.moved();
        back
    }

    /// Gives the kernel frames to receive into, up to the target.
    #[inline]
    fn refill(&mut self, frames: &mut FramePool) {
        let wanted = self.fill_target.saturating_sub(self.in_fill);
        if wanted == 0 {
            return;
        }
        let room = self.rings.fill.room(wanted).min(wanted);
        let mut given = 0;
        while given < room {
            let Some(frame) = frames.alloc() else {
                // Half of them is enough to go on with.
                self.statistics.starved += u64::from(self.in_fill + given < self.fill_target / 2);
                break;
            };
            let address = u64::from(self.loans.lend(frames, frame)) * FRAME;
            self.rings.fill.write(Entry { address, len: 0 });
            given += 1;
        }
        if given > 0 {
            self.rings.fill.publish();
            self.in_fill += given;
            if self.rings.zero_copy && self.rings.fill.needs_wakeup() {
                self.socket.kick_receive();
            }
        }
    }

    fn inspect(&mut self, frames: &FramePool, burst: &[Frame]) {
        for frame in &burst[..self.inspector.share_of(burst.len())] {
            self.inspector.inspect(frames.bytes(frame), self.queue, self.queues, &mut self.statistics);
        }
    }

    #[cold]
    fn gone(&mut self) -> io::Error {
        self.link = Link::Lost;
        self.is_gone = true;
        io::Error::new(io::ErrorKind::NotConnected, XdpError::Gone)
    }
}
