//! How many frames a second go one way through a wire, between two processes on two cores.
//!
//! `cargo run --release -p crore-nic --example wire_throughput`
//!
//! This process is the host and receives; it starts itself once more as the guest, which sends. Both copy: the sender
//! from a frame into the ring, the receiver into a frame of its own pool. At the end both bounce one frame to and fro,
//! polling and then sleeping, for the latency.

use std::error::Error;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crore_base::frame::{Frame, FramePool};
use crore_nic::{Link, PacketIo, Role, Wire};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Sizes of frames in bytes: an ACK, a small message, a full frame.
const SIZES_BYTES: [usize; 3] = [66, 130, 1514];
/// Frames that one call moves at most.
const BURST_FRAMES: usize = 32;
/// How long each size is measured.
const MEASURED: Duration = Duration::from_secs(2);
/// The first byte of a frame that ends a measurement.
const LAST: u8 = 0xff;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    match arguments.next() {
        Some(name) => guest(&name),
        None => host(),
    }
}

fn host() -> Outcome {
    pin(0);
    let name = format!("throughput-{}", std::process::id());
    let mut wire = one_queue(&name, Role::Host)?;
    let mut guest = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let result = receive_all(&mut wire, &mut guest);
    drop(wire);
    guest.wait()?;
    result
}

fn receive_all(wire: &mut Wire, guest: &mut Child) -> Outcome {
    let mut frames = FramePool::new(4096, 0)?;
    let mut burst = Vec::with_capacity(BURST_FRAMES);
    while wire.link() == Link::Waiting {
        wire.receive(&mut frames, &mut burst, BURST_FRAMES)?;
        if let Some(status) = guest.try_wait()? {
            return Err(format!("the guest has ended: {status}").into());
        }
    }
    for size in SIZES_BYTES {
        let mut count = 0_u64;
        let mut since = None;
        let mut last = false;
        while !last {
            wire.receive(&mut frames, &mut burst, BURST_FRAMES)?;
            for frame in burst.drain(..) {
                since.get_or_insert_with(Instant::now);
                last |= frames.bytes(&frame)[0] == LAST;
                count += 1;
                frames.free(frame);
            }
        }
        let seconds = since.map_or(f64::NAN, |since| since.elapsed().as_secs_f64());
        let rate = count as f64 / seconds;
        let gigabits = rate * size as f64 * 8.0 / 1e9;
        // Tells the guest to go on; until then it sends nothing that would be counted here.
        burst.push(frame_of(&mut frames, size, LAST));
        wire.transmit(&mut frames, &mut burst)?;
        println!("{size:5} bytes: {:6.2} million frames/s, {gigabits:6.1} Gbit/s", rate / 1e6);
    }
    for sleeping in [false, true] {
        let mut last = false;
        while !last {
            wait_for_one(wire, &mut frames, &mut burst, sleeping)?;
            last = frames.bytes(&burst[0])[0] == LAST;
            wire.transmit(&mut frames, &mut burst)?;
        }
    }
    Ok(())
}

fn guest(name: &str) -> Outcome {
    pin(1);
    let mut wire = one_queue(name, Role::Guest)?;
    let mut frames = FramePool::new(4096, 0)?;
    let mut burst = Vec::with_capacity(BURST_FRAMES);
    for size in SIZES_BYTES {
        let since = Instant::now();
        while since.elapsed() < MEASURED {
            // The clock costs as much as a frame.
            for _ in 0..16 {
                let wanted = BURST_FRAMES - burst.len();
                burst.extend(std::iter::repeat_with(|| frame_of(&mut frames, size, 0)).take(wanted));
                wire.transmit(&mut frames, &mut burst)?;
            }
        }
        burst.push(frame_of(&mut frames, size, LAST));
        while !burst.is_empty() {
            wire.transmit(&mut frames, &mut burst)?;
        }
        wait_for_one(&mut wire, &mut frames, &mut burst, false)?;
        burst.drain(..).for_each(|frame| frames.free(frame));
    }
    for sleeping in [false, true] {
        burst.push(frame_of(&mut frames, SIZES_BYTES[0], 0));
        let since = Instant::now();
        let mut trips = 0_u32;
        let mut last = false;
        while !last {
            last = since.elapsed() >= MEASURED;
            if last {
                frames.bytes_mut(&mut burst[0])[0] = LAST;
            }
            wire.transmit(&mut frames, &mut burst)?;
            wait_for_one(&mut wire, &mut frames, &mut burst, sleeping)?;
            trips += 1;
        }
        let nanos = since.elapsed().as_nanos() / u128::from(trips);
        println!("round trip, {}: {nanos} ns", if sleeping { "sleeping" } else { "polling" });
        burst.drain(..).for_each(|frame| frames.free(frame));
    }
    println!("{:?}", wire.statistics());
    Ok(())
}

fn wait_for_one(wire: &mut Wire, frames: &mut FramePool, burst: &mut Vec<Frame>, sleeping: bool) -> Outcome {
    while wire.receive(frames, burst, 1)? == 0 {
        if wire.link() != Link::Up {
            return Err("the other end has gone".into());
        }
        if sleeping && wire.prepare_sleep() {
            let descriptor = wire.descriptor().ok_or("a wire has a descriptor")?;
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&second))?;
        }
    }
    Ok(())
}

fn one_queue(name: &str, role: Role) -> Result<Wire, Box<dyn Error>> {
    Wire::open(name, 1, role)?.pop().ok_or_else(|| "a wire has a queue".into())
}

/// A frame of `size` bytes, all written anew, as a stack would.
fn frame_of(frames: &mut FramePool, size: usize, first: u8) -> Frame {
    let mut frame = frames.alloc().expect("the burst is smaller than the pool");
    let buffer = frames.buffer_mut(&mut frame);
    buffer[..size].fill(0x55);
    buffer[0] = first;
    frame.set_len(size);
    frame
}

fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    if sched_setaffinity(None, &cores).is_err() {
        eprintln!("cannot run on core {core} alone: the figures will vary");
    }
}
