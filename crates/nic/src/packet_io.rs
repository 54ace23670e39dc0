//! The one trait behind which every way of moving raw frames looks the same.

use std::io;
use std::os::fd::BorrowedFd;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Instant;
use crore_wire::ethernet::Mac;

/// One queue of a network device: whole Ethernet frames in and out, in bursts, without the frame check sequence.
///
/// A queue belongs to one core and to the one [`FramePool`] of that core: every call must be given the same pool. All
/// calls return at once. A turn of the loop calls, in this order:
///
/// 1. [`on_time`](Self::on_time), if [`next_deadline`](Self::next_deadline) has come,
/// 2. [`receive`](Self::receive),
/// 3. [`transmit`](Self::transmit), also with nothing new to send if a deadline has come: held frames leave with it,
/// 4. [`recycle`](Self::recycle),
/// 5. before sleeping, and only then, [`prepare_sleep`](Self::prepare_sleep); after sleeping, from 1.
///
/// An error of `receive` or `transmit` means that the device cannot be used any more. Another end that has gone is no
/// error but a state of the [`link`](Self::link), and a frame that the device cannot carry is dropped and counted, as
/// by a network.
pub trait PacketIo {
    /// What the device is. Constant while it lives; allocates, for set-up and reports.
    fn capabilities(&self) -> Capabilities;

    /// Whether somebody is at the other end, as far as the device can tell.
    fn link(&self) -> Link {
        Link::Up
    }

    /// Takes at most `max` waiting frames into fresh frames of the pool, appends them to `into` and returns how many.
    ///
    /// Takes fewer if the pool has no more to give (its reserve is left alone); those frames then keep waiting in the
    /// device.
    ///
    /// # Errors
    /// The device is broken; it stays broken.
    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize>;

    /// Sends frames from the front of `from`, in order, as long as there is room, and returns how many it took. Those
    /// are out of `from` and, now or with [`recycle`](Self::recycle), back in the pool; the others stay, in order.
    ///
    /// # Errors
    /// The device is broken; it stays broken. Frames may have been taken.
    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize>;

    /// Gives frames back to the pool that the device has kept until they were sent, and returns how many. Devices that
    /// copy have none.
    fn recycle(&mut self, frames: &mut FramePool) -> usize {
        let _ = frames;
        0
    }

    /// A descriptor that becomes readable when frames wait, once [`prepare_sleep`](Self::prepare_sleep) has armed it.
    /// It stays the same while the device lives. `None` if the device can only be polled.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;

    /// Arms the wake-up: from now until the next [`receive`](Self::receive), the descriptor becomes readable when
    /// frames come, when there is room again after `transmit` left frames behind, or when the [`link`](Self::link) may
    /// have changed.
    ///
    /// False if that has already happened since the last call: do not sleep, take another turn. There are no lost
    /// wake-ups between the two.
    fn prepare_sleep(&mut self) -> bool;

    /// When the device needs a turn even if nothing comes in: wrappers that delay frames. Real devices never do.
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// Tells the device what time it is. Wrappers that delay or stamp frames know no other clock.
    fn on_time(&mut self, now: Instant) {
        let _ = now;
    }
}

/// What a device is, see [`PacketIo::capabilities`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// What the user called it, such as `wire:blue`.
    pub name: String,
    /// The address of this end. All queues of a device share it.
    pub mac: Mac,
    /// Bytes of the largest IP packet that a frame may carry, which is 14 less than the largest frame.
    pub mtu: u16,
    /// Which queue of the device this is, from zero.
    pub queue: u16,
    /// How many queues the device has.
    pub queues: u16,
}

/// Whether somebody is at the other end, see [`PacketIo::link`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// Frames get through, or the device cannot tell.
    Up,
    /// Nobody has been there yet. Frames that are sent are lost.
    Waiting,
    /// Somebody was there and is gone. Frames that are sent are lost. A device that can be joined again may come up
    /// again.
    Lost,
}

impl<T: PacketIo + ?Sized> PacketIo for Box<T> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    fn link(&self) -> Link {
        (**self).link()
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        (**self).receive(frames, into, max)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        (**self).transmit(frames, from)
    }

    fn recycle(&mut self, frames: &mut FramePool) -> usize {
        (**self).recycle(frames)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (**self).descriptor()
    }

    fn prepare_sleep(&mut self) -> bool {
        (**self).prepare_sleep()
    }

    fn next_deadline(&self) -> Option<Instant> {
        (**self).next_deadline()
    }

    fn on_time(&mut self, now: Instant) {
        (**self).on_time(now);
    }
}
