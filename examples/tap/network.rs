//! The device: a TAP interface, counted, captured if wanted, behind a network that may be bad.

use std::fs::File;
use std::time::{SystemTime, UNIX_EPOCH};

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_nic::{Counted, Counts, Direction, FaultCounts, Faulty, PacketIo, Pcap};
use rustix::fd::BorrowedFd;

use crate::Outcome;
use crate::faults::Both;

/// Bytes of a capture at most.
const PCAP_BYTES_MAX: u64 = 1 << 30;

/// See the module.
pub(crate) struct Network(Faulty<Counted<Box<dyn PacketIo + Send>>>);

impl Network {
    pub(crate) fn open(arguments: &crate::arguments::Network, device: &str) -> Outcome<Self> {
        let tap = crore_nic::open(device, 1)?.pop().ok_or("a device has a queue")?;
        let inner: Box<dyn PacketIo + Send> = match &arguments.pcap {
            Some(path) => {
                let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
                Box::new(Pcap::new(tap, File::create(path)?, PCAP_BYTES_MAX, epoch)?)
            }
            None => tap,
        };
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
