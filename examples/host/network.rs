//! The device, counted, behind a network that may be bad.

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_nic::{Counted, Counts, Direction, FaultCounts, Faulty, PacketIo, XdpStatistics};
use rustix::fd::BorrowedFd;

use crate::Outcome;
use crate::device::{self, Device};
use crate::faults::Both;

/// See the module.
pub(crate) struct Network(Faulty<Counted<Box<dyn Device>>>);

impl Network {
    /// Opens the device called `io`, which receives into `frames` from now on.
    pub(crate) fn open(arguments: &crate::arguments::Network, io: &str, frames: &mut FramePool) -> Outcome<Self> {
        let inner = device::open(io, arguments, frames)?;
        let faults = arguments.faults();
        Ok(Self(Faulty::new(Counted::new(inner), faults.seed, faults.incoming, faults.outgoing)))
    }

    /// The device with its faults, for the loop.
    pub(crate) fn device(&mut self) -> &mut impl PacketIo {
        &mut self.0
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.descriptor()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.0.next_deadline()
    }

    /// From now on this happens to frames. The dice roll on, so the seed does not count.
    pub(crate) fn disturb(&mut self, both: Both) {
        self.0.set_faults(Direction::In, both.incoming);
        self.0.set_faults(Direction::Out, both.outgoing);
    }

    pub(crate) fn faults(&self, direction: Direction) -> FaultCounts {
        self.0.counts(direction)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.inner().counts()
    }

    /// Frames of the pool that are with the kernel, which the pool counts as in use.
    pub(crate) fn lent(&self) -> u32 {
        self.0.inner().inner().lent()
    }

    pub(crate) fn statistics(&self) -> Option<XdpStatistics> {
        self.0.inner().inner().statistics()
    }

    /// Everything that is on its way disappears.
    pub(crate) fn clear(&mut self, frames: &mut FramePool, output: &mut Vec<Frame>) {
        self.0.clear(frames);
        output.drain(..).for_each(|frame| frames.free(frame));
    }

    /// The MTU that the engine is to use, and its hardware address.
    pub(crate) fn link(&self, mtu: Option<u16>) -> (u16, crore_wire::ethernet::Mac) {
        let capabilities = self.0.capabilities();
        (mtu.unwrap_or(capabilities.mtu).min(capabilities.mtu), capabilities.mac)
    }
}

/// How long to sleep until the first of these.
pub(crate) fn until(now: Instant, deadlines: [Option<Instant>; 3], at_most: Duration) -> Duration {
    deadlines.into_iter().flatten().map(|deadline| deadline - now).min().unwrap_or(at_most).min(at_most)
}
