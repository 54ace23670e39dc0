//! `tap:NAME`: a network interface whose other end is the kernel's own stack.
//!
//! What the kernel sends out of the interface is received here and the other way round, as over a cable between two
//! hosts. The kernel's end gets its addresses from the operator (`ip addr add 10.0.0.1/24 dev NAME`); this end has a
//! hardware address of its own, and whatever IP addresses the stack behind it chooses.
//!
//! Each frame is a system call, so this is for interoperation and for modest loads. The kernel completes checksums and
//! cuts large packets before it hands frames over. With several queues it sends a flow's frames to the queue from which
//! that flow's last frame came, and everything else, ARP included, to any.

mod descriptor;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crore_base::frame::{Frame, FramePool};
use crore_base::limits::FRAME_BYTES;
use crore_wire::ethernet::Mac;
use rustix::io::Errno;

use crate::limits::{ETHERNET_HEADER_BYTES, INTERFACE_NAME_BYTES_MAX};
use crate::mac::random_mac;
use crate::open::{OpenError, check_name, check_queues};
use crate::packet_io::{Capabilities, PacketIo};

/// One queue of a TAP interface.
///
/// The interface goes when its last queue is dropped, unless the operator has made it persistent.
pub struct Tap {
    name: String,
    mac: Mac,
    mtu: u16,
    queue: u16,
    queues: u16,
    descriptor: OwnedFd,
    statistics: TapStatistics,
}

/// What has happened at one queue of a TAP interface beside frames that came and went.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct TapStatistics {
    /// Frames thrown away because the kernel refused them: too short, or while the interface was down.
    pub refused: u64,
    /// Frames thrown away because they were larger than a frame of ours; the interface's MTU has been raised.
    pub oversized: u64,
}

impl Tap {
    /// Opens the interface `name` with `queues` queues, in the order of their numbers, and brings it up. An interface
    /// that does not exist is made and lives as long as its queues.
    ///
    /// # Errors
    /// The name or the number of queues is not allowed; this process has not the rights; another process has the
    /// interface; it is no TAP interface, or not one with several queues; its MTU is larger than a frame holds; a
    /// system call fails.
    pub fn open(name: &str, queues: u16) -> Result<Vec<Self>, OpenError> {
        check_queues(queues)?;
        let interface = check_name(name, INTERFACE_NAME_BYTES_MAX)?;
        let name = format!("tap:{interface}");
        let failed = |what: &'static str, errno: Errno| match errno {
            Errno::PERM | Errno::ACCESS => OpenError::Rights { name: name.clone(), what },
            Errno::BUSY => OpenError::Taken { name: name.clone() },
            _ => OpenError::System { name: name.clone(), what, error: errno.into() },
        };
        let descriptors: Result<Vec<OwnedFd>, OpenError> = (0..queues)
            .map(|_| descriptor::open_queue(&interface, queues > 1).map_err(|errno| failed("open a queue", errno)))
            .collect();
        let descriptors = descriptors?;
        descriptor::bring_up(&interface).map_err(|errno| failed("bring the interface up", errno))?;
        let mtu = descriptor::mtu(&interface).map_err(|errno| failed("read the MTU", errno))?;
        let mtu_max = (FRAME_BYTES - ETHERNET_HEADER_BYTES) as u32;
        let mtu = u16::try_from(mtu).ok().filter(|mtu| u32::from(*mtu) < mtu_max);
        let mtu = mtu.ok_or_else(|| OpenError::Mtu { name: name.clone(), mtu_max: mtu_max - 1 })?;

        let mac = random_mac();
        let queue = |(queue, descriptor)| Self {
            name: name.clone(),
            mac,
            mtu,
            queue: queue as u16,
            queues,
            descriptor,
            statistics: TapStatistics::default(),
        };
        Ok(descriptors.into_iter().enumerate().map(queue).collect())
    }

    /// What has happened at this queue beside frames that came and went.
    pub fn statistics(&self) -> TapStatistics {
        self.statistics
    }
}

impl PacketIo for Tap {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: self.name.clone(), mac: self.mac, mtu: self.mtu, queue: self.queue, queues: self.queues }
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let before = into.len();
        for _ in 0..max {
            let Some(mut frame) = frames.alloc() else {
                break;
            };
            match rustix::io::read(&self.descriptor, &mut frames.buffer_mut(&mut frame)[..]) {
                // The kernel cuts what is too long without saying so; our frames have a byte more than the MTU needs.
                Ok(FRAME_BYTES..) => {
                    self.statistics.oversized += 1;
                    frames.free(frame);
                }
                Ok(len) => {
                    frame.set_len(len);
                    into.push(frame);
                }
                Err(errno) => {
                    frames.free(frame);
                    match errno {
                        Errno::AGAIN => break,
                        Errno::INTR => {}
                        _ => return Err(errno.into()),
                    }
                }
            }
        }
        Ok(into.len() - before)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        let mut sent = from.len();
        let mut broken = None;
        for (number, frame) in from.iter().enumerate() {
            match rustix::io::write(&self.descriptor, frames.bytes(frame)) {
                Ok(_) => {}
                // Too short, or the interface is down: a network loses such frames.
                Err(Errno::INVAL | Errno::IO) => self.statistics.refused += 1,
                Err(errno) => {
                    sent = number;
                    let full = matches!(errno, Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::INTR);
                    broken = if full { None } else { Some(errno) };
                    break;
                }
            }
        }
        from.drain(..sent).for_each(|frame| frames.free(frame));
        broken.map_or(Ok(sent), |errno| Err(errno.into()))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.descriptor.as_fd())
    }

    fn prepare_sleep(&mut self) -> bool {
        // The kernel keeps the descriptor readable as long as frames wait.
        true
    }
}

#[cfg(test)]
mod tests;
