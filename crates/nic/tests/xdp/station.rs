//! A queue with its pool, and frames to send through it.

use std::time::{Duration, Instant};

use crore_base::frame::{Frame, FramePool};
use crore_nic::{PacketIo, Xdp};
use crore_wire::checksum::Sum;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long anything may take before it counts as not happening.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// One queue as a core has it.
pub(super) struct Station<T = Xdp> {
    pub(super) device: T,
    pub(super) frames: FramePool,
    /// What has come in, as bytes.
    pub(super) heard: Vec<Vec<u8>>,
    started: Instant,
}

impl Station {
    /// The queues of a device, each with a pool, ready to be used.
    pub(super) fn all(queues: Vec<Xdp>) -> Vec<Self> {
        let station = |device| {
            let mut station = Self::new(device);
            station.device.attach(&mut station.frames).unwrap();
            station
        };
        queues.into_iter().map(station).collect()
    }

    /// Closes the queue; every frame must be back then.
    pub(super) fn close(mut self) {
        self.device.close(&mut self.frames);
        assert_eq!(self.frames.in_use(), 0, "a queue that is closed has no frames");
    }
}

impl<T: PacketIo> Station<T> {
    pub(super) fn new(device: T) -> Self {
        Self { device, frames: FramePool::new(512, 16).unwrap(), heard: Vec::new(), started: Instant::now() }
    }

    /// One turn: frames of these bytes out, whatever waits in. Returns how many the device took.
    pub(super) fn turn(&mut self, out: &[Vec<u8>]) -> usize {
        let now = crore_base::time::Instant::from_nanos(self.started.elapsed().as_nanos() as u64);
        self.device.on_time(now);
        let mut burst = Vec::new();
        self.device.receive(&mut self.frames, &mut burst, 64).unwrap();
        for frame in burst.drain(..) {
            self.heard.push(self.frames.bytes(&frame).to_vec());
            self.frames.free(frame);
        }
        burst.extend(out.iter().map(|bytes| frame_of(&mut self.frames, bytes)));
        let sent = self.device.transmit(&mut self.frames, &mut burst).unwrap();
        burst.drain(..).for_each(|frame| self.frames.free(frame));
        self.device.recycle(&mut self.frames);
        sent
    }

    /// Sleeps until something may have happened, as a core does.
    pub(super) fn sleep(&mut self) {
        if self.device.prepare_sleep() {
            let mut descriptors = [PollFd::from_borrowed_fd(self.device.descriptor().unwrap(), PollFlags::IN)];
            poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 20_000_000 })).unwrap();
        }
    }
}

/// Turns all stations until one has heard such a frame, which is taken out: its station and its bytes.
pub(super) fn hear<T: PacketIo>(stations: &mut [Station<T>], is_it: impl Fn(&[u8]) -> bool) -> (usize, Vec<u8>) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        for (number, station) in stations.iter_mut().enumerate() {
            station.turn(&[]);
            if let Some(at) = station.heard.iter().position(|bytes| is_it(bytes)) {
                return (number, station.heard.remove(at));
            }
        }
        for station in stations.iter_mut() {
            station.sleep();
        }
    }
    let heard: Vec<_> = stations.iter().map(|station| &station.heard).collect();
    panic!("nothing such was heard, but {heard:02x?}");
}

/// Waits for a condition.
pub(super) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it never came to {what}");
        std::thread::yield_now();
    }
}

pub(super) fn frame_of(frames: &mut FramePool, bytes: &[u8]) -> Frame {
    let mut frame = frames.alloc().unwrap();
    frames.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    frame
}

/// A UDP datagram over IPv4 that a kernel takes.
pub(super) fn udp(macs: [[u8; 6]; 2], hosts: [[u8; 4]; 2], ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let total = 20 + 8 + payload.len() as u16;
    let mut header = vec![0x45, 0];
    header.extend(total.to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    header.extend(hosts.concat());
    let checksum = Sum::of(&header).finish();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = [macs[1], macs[0]].concat();
    frame.extend([0x08, 0]);
    frame.extend(header);
    frame.extend(ports.map(u16::to_be_bytes).concat());
    frame.extend((8 + payload.len() as u16).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// Whether a frame is TCP or UDP over IPv4 to this port.
pub(super) fn is_to_port(frame: &[u8], protocol: u8, port: u16) -> bool {
    frame.len() >= 38 && frame[12..14] == [8, 0] && frame[23] == protocol && frame[36..38] == port.to_be_bytes()
}
