//! Counting what goes through a device, in each direction.

use std::io;
use std::os::fd::BorrowedFd;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Instant;

use crate::packet_io::{Capabilities, Link, PacketIo};

/// What has gone through a device. Bytes are those of whole Ethernet frames, without their check sequence.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Frames received.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Frames sent, or taken and thrown away by the device.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Frames that a call of transmit left behind for want of room. One that has to wait three calls counts three
    /// times.
    pub refused_for_room: u64,
    /// Calls of receive that brought something.
    pub bursts_in: u64,
    /// Calls of transmit that took something.
    pub bursts_out: u64,
}

/// A device that is counted.
pub struct Counted<T> {
    inner: T,
    counts: Counts,
}

impl<T: PacketIo> Counted<T> {
    /// Counts what goes through `inner` from now on.
    pub fn new(inner: T) -> Self {
        Self { inner, counts: Counts::default() }
    }

    /// What has gone through so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The device inside.
    pub fn inner(&self) -> &T {
        &self.inner
    }
}

/// Bytes of all these frames.
fn bytes_of(frames: &[Frame]) -> u64 {
    frames.iter().map(|frame| frame.len() as u64).sum()
}

impl<T: PacketIo> PacketIo for Counted<T> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn link(&self) -> Link {
        self.inner.link()
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let before = into.len();
        let received = self.inner.receive(frames, into, max);
        let fresh = &into[before..];
        self.counts.frames_in += fresh.len() as u64;
        self.counts.bytes_in += bytes_of(fresh);
        self.counts.bursts_in += u64::from(!fresh.is_empty());
        received
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        let (frames_before, bytes_before) = (from.len(), bytes_of(from));
        let sent = self.inner.transmit(frames, from);
        assert!(from.len() <= frames_before, "a device takes frames and adds none");
        self.counts.frames_out += (frames_before - from.len()) as u64;
        self.counts.bytes_out += bytes_before - bytes_of(from);
        self.counts.refused_for_room += from.len() as u64;
        self.counts.bursts_out += u64::from(from.len() < frames_before);
        sent
    }

    fn recycle(&mut self, frames: &mut FramePool) -> usize {
        self.inner.recycle(frames)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inner.descriptor()
    }

    fn prepare_sleep(&mut self) -> bool {
        self.inner.prepare_sleep()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.inner.next_deadline()
    }

    fn on_time(&mut self, now: Instant) {
        self.inner.on_time(now);
    }
}

#[cfg(test)]
mod tests;
