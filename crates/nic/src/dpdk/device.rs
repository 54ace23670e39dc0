//! A queue of a device of DPDK as a [`PacketIo`].
//!
//! Frames are copied between DPDK's mbufs and ours, a burst at a time, while the cache lines of the whole burst are on their
//! way: ours live in a pool that the engine keeps, and a device could hold them as long as it likes.

use std::ffi::CString;
use std::io;
use std::os::fd::BorrowedFd;

use crore_base::frame::{Frame, FramePool};
use crore_base::limits::FRAME_BYTES;
use crore_wire::ethernet::Mac;

use super::error::DpdkError;
use super::name::Device;
use super::shim::{Port, Queue};
use super::{DpdkDrops, DpdkStatistics, eal};
use crate::limits::{DPDK_BURST_FRAMES, ETHERNET_HEADER_BYTES};
use crate::mac::random_mac;
use crate::open::{OpenError, check_queues};
use crate::packet_io::{Capabilities, Link, PacketIo};

/// Bytes of the largest packet that fits a frame.
const MTU_MAX: u16 = (FRAME_BYTES - ETHERNET_HEADER_BYTES) as u16;

/// One queue of a device of DPDK. The device goes when its last queue is dropped.
///
/// It has no descriptor: whoever waits for frames looks again after a while.
pub struct Dpdk {
    name: String,
    mac: Mac,
    mtu: u16,
    number: u16,
    queues: u16,
    queue: Queue,
    statistics: DpdkStatistics,
}

impl Dpdk {
    /// Opens the device that `text` names (what stands behind `dpdk:`) with `queues` queues, in the order of their numbers.
    /// With the first device of a process DPDK is started, which takes half a second and memory: huge pages if enough of them
    /// are free, ordinary ones otherwise.
    ///
    /// Several queues need a device that has them. Flows are spread by a hash that is the same in both directions where the
    /// device can do that, and otherwise as its other end likes.
    ///
    /// # Errors
    /// The text or the number of queues is not allowed; DPDK cannot be started, or the device not be made, found or set up.
    pub fn open(text: &str, queues: u16) -> Result<Vec<Self>, OpenError> {
        check_queues(queues)?;
        let name = format!("dpdk:{text}");
        let about = |error| OpenError::Dpdk { name: name.clone(), error };
        let device: Device = text.parse().map_err(about)?;
        let opened = eal::with(&device, queues, || begin(&device, queues)).map_err(about)?;
        let queue = |(number, queue)| Self {
            name: name.clone(),
            mac: opened.mac,
            mtu: opened.mtu,
            number: number as u16,
            queues,
            queue,
            statistics: DpdkStatistics::default(),
        };
        Ok(opened.queues.into_iter().enumerate().map(queue).collect())
    }

    /// What has happened at this queue beside frames that came and went.
    pub fn statistics(&self) -> DpdkStatistics {
        self.statistics
    }

    /// What the device itself has dropped, at all queues together, as far as its driver counts it.
    pub fn drops(&self) -> DpdkDrops {
        self.queue.port().drops()
    }

    /// Sends a burst from the front of `burst`: how many of them are done with.
    fn send(&mut self, frames: &FramePool, burst: &[Frame]) -> usize {
        let mut lengths = [0; DPDK_BURST_FRAMES];
        lengths.iter_mut().zip(burst).for_each(|(length, frame)| *length = frame.len());
        let sent = self.queue.transmit(&lengths[..burst.len()], |place, room| {
            room.copy_from_slice(frames.bytes(&burst[place]));
        });
        assert!(sent <= burst.len(), "a device takes no more than it is given");
        if sent == 0 && !self.queue.port().is_up() {
            self.statistics.lost += burst.len() as u64;
            return burst.len();
        }
        sent
    }
}

/// A device that runs.
struct Opened {
    mac: Mac,
    mtu: u16,
    queues: Vec<Queue>,
}

fn begin(device: &Device, queues: u16) -> Result<Opened, DpdkError> {
    let zero_ended = |text: &str| CString::new(text).expect("a device string has no zero");
    let port = Port::attach(&zero_ended(device.text()), &zero_ended(device.name()))
        .map_err(|code| eal::failed("open it", code))?;
    let traits = port.traits().map_err(|code| eal::failed("learn what it is", code))?;
    if queues > traits.queues_max {
        return Err(DpdkError::Queues { asked: queues, queues_max: traits.queues_max });
    }
    // A frame has to be shorter than its room, as everywhere.
    if traits.mtu >= MTU_MAX {
        return Err(DpdkError::Mtu { mtu: traits.mtu, mtu_max: MTU_MAX - 1 });
    }
    let own = device.shares_address_with_kernel() || traits.mac() == Mac([0; 6]);
    let mac = if own { random_mac() } else { traits.mac() };
    let spread = queues > 1 && traits.spreads != 0;
    let queues = port.begin(queues, spread, own).map_err(|(what, code)| eal::failed(what, code))?;
    Ok(Opened { mac, mtu: traits.mtu, queues })
}

impl PacketIo for Dpdk {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: self.name.clone(), mac: self.mac, mtu: self.mtu, queue: self.number, queues: self.queues }
    }

    fn link(&self) -> Link {
        if self.queue.port().is_up() { Link::Up } else { Link::Waiting }
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let before = into.len();
        loop {
            let most = (max - (into.len() - before)).min(frames.available() as usize).min(DPDK_BURST_FRAMES);
            if most == 0 {
                break;
            }
            let oversized = &mut self.statistics.oversized;
            let came = self.queue.receive(most, |bytes| {
                if bytes.is_empty() || bytes.len() >= FRAME_BYTES {
                    *oversized += 1;
                    return;
                }
                let mut frame = frames.alloc().expect("no more frames are asked for than there are");
                frames.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
                frame.set_len(bytes.len());
                into.push(frame);
            });
            if came < most {
                break;
            }
        }
        Ok(into.len() - before)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        let fits = |frame: &Frame| (1..=ETHERNET_HEADER_BYTES + usize::from(self.mtu)).contains(&frame.len());
        let unfit = from.extract_if(.., |frame| !fits(frame)).map(|frame| frames.free(frame)).count();
        self.statistics.unfit += unfit as u64;
        let mut sent = 0;
        while sent < from.len() {
            let end = from.len().min(sent + DPDK_BURST_FRAMES);
            let taken = self.send(frames, &from[sent..end]);
            sent += taken;
            if sent < end {
                break;
            }
        }
        from.drain(..sent).for_each(|frame| frames.free(frame));
        Ok(unfit + sent)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn prepare_sleep(&mut self) -> bool {
        // There is no wake-up to arm.
        false
    }
}
