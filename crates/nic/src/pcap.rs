//! Capturing what goes through a device into a file that Wireshark, tshark and tcpdump open.
//!
//! The format is pcapng (draft-ietf-opsawg-pcapng): one section, one interface, a block for each frame with its time in
//! nanoseconds and its direction. A frame is written when it is received, or when the device has taken it.
//!
//! The file is written by the thread that moves the frames, whenever some have collected, so a slow disk slows the
//! core: this is for looking closely. If writing fails or the file is full, the capture ends and the traffic goes on.

mod block;

use std::io::{self, Write};
use std::os::fd::BorrowedFd;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Instant;

use crate::faulty::Direction;
use crate::limits::PCAP_BUFFER_BYTES;
use crate::packet_io::{Capabilities, Link, PacketIo};

/// A device whose frames are written to `W`.
pub struct Pcap<T, W: Write> {
    inner: T,
    file: W,
    /// Blocks to be written.
    buffer: Vec<u8>,
    /// Where in the buffer the block of each frame of a call of transmit ends; empty between calls.
    ends: Vec<usize>,
    /// Bytes that the file may still take.
    bytes_left: u64,
    /// Nanoseconds since 1970 at [`Instant::ZERO`].
    epoch_nanos: u64,
    now: Instant,
    captured: u64,
    missed: u64,
    error: Option<io::Error>,
}

impl<T: PacketIo, W: Write> Pcap<T, W> {
    /// Captures what goes through `inner` from now on, until `file` holds `bytes_max` bytes. `epoch_nanos` is the time
    /// of day at [`Instant::ZERO`], in nanoseconds since 1970, or zero for times since the start.
    ///
    /// `file` need not be buffered. Frames that would exceed the size are counted as missed, and so is all that comes
    /// after.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(inner: T, mut file: W, bytes_max: u64, epoch_nanos: u64) -> io::Result<Self> {
        let mut buffer = Vec::with_capacity(PCAP_BUFFER_BYTES);
        block::begin(&mut buffer, &inner.capabilities());
        file.write_all(&buffer)?;
        let bytes_left = bytes_max.saturating_sub(buffer.len() as u64);
        buffer.clear();
        Ok(Self {
            inner,
            file,
            buffer,
            ends: Vec::new(),
            bytes_left,
            epoch_nanos,
            now: Instant::ZERO,
            captured: 0,
            missed: 0,
            error: None,
        })
    }

    /// Frames in the capture.
    pub fn captured(&self) -> u64 {
        self.captured
    }

    /// Frames that went through and are not in the capture, because it was full or could not be written.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Writes out what has collected.
    ///
    /// # Errors
    /// The file could not be written, now or before; the capture ended there.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_out();
        match &self.error {
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
            None => self.file.flush(),
        }
    }

    /// The device inside.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Whether frames are still captured.
    fn is_open(&self) -> bool {
        self.error.is_none() && self.bytes_left > 0
    }

    /// Collects a frame's block, if the file has room for it.
    fn collect(&mut self, bytes: &[u8], direction: Direction) {
        let nanos = self.epoch_nanos.saturating_add(self.now.as_nanos());
        block::packet(&mut self.buffer, nanos, direction, bytes);
    }

    /// Keeps the blocks behind `kept` if the file has room for them all, and counts them as `frames`.
    fn commit(&mut self, kept: usize, frames: u64) {
        let bytes = (self.buffer.len() - kept) as u64;
        if bytes > self.bytes_left {
            self.buffer.truncate(kept);
            self.missed += frames;
            // Nothing comes after a gap, or the capture would look complete and not be.
            self.bytes_left = 0;
        } else {
            self.bytes_left -= bytes;
            self.captured += frames;
        }
        if self.buffer.len() >= PCAP_BUFFER_BYTES {
            self.write_out();
        }
    }

    fn write_out(&mut self) {
        if self.error.is_none() {
            self.error = self.file.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }
}

impl<T: PacketIo, W: Write> PacketIo for Pcap<T, W> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn link(&self) -> Link {
        self.inner.link()
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let before = into.len();
        let received = self.inner.receive(frames, into, max);
        for frame in &into[before..] {
            if self.is_open() {
                let kept = self.buffer.len();
                self.collect(frames.bytes(frame), Direction::In);
                self.commit(kept, 1);
            } else {
                self.missed += 1;
            }
        }
        received
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        // The device keeps what it takes, so blocks are made before and kept only of what was taken.
        let kept = self.buffer.len();
        if self.is_open() {
            for frame in &*from {
                self.collect(frames.bytes(frame), Direction::Out);
                self.ends.push(self.buffer.len());
            }
        }
        let before = from.len();
        let sent = self.inner.transmit(frames, from);
        let taken = before - from.len();
        self.buffer.truncate(taken.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(kept));
        match self.ends.is_empty() {
            true => self.missed += taken as u64,
            false => self.commit(kept, taken as u64),
        }
        self.ends.clear();
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
        self.now = now;
        self.inner.on_time(now);
    }
}

impl<T, W: Write> Drop for Pcap<T, W> {
    fn drop(&mut self) {
        if self.error.is_none() {
            // Who wants to know calls `flush` before.
            let _written = self.file.write_all(&self.buffer).and_then(|()| self.file.flush());
        }
    }
}

#[cfg(test)]
mod tests;
