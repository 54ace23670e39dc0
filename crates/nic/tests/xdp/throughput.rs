//! How many frames a second go one way through one veth, between two queues on two cores.
//!
//! `cargo test --release -p crore-nic --test xdp -- --ignored --nocapture frames_a_second`

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crore_base::frame::FramePool;
use crore_nic::{PacketIo, Xdp};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::lab::Lab;
use super::station::{frame_of, udp};
use super::{FAR, NEAR, whole};

/// Frames that one call moves at most.
const BURST_FRAMES: usize = 64;
/// How long each size is measured.
const MEASURED: Duration = Duration::from_secs(3);

#[test]
#[ignore = "a measurement: it takes two cores for some seconds, and proves nothing"]
fn frames_a_second_through_one_cable() {
    let Some(lab) = Lab::new() else { return };
    for size in [66, 130, 1514] {
        let sender = lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap()).remove(0);
        let receiver = lab.at_far(|| Xdp::open("vb", &whole(FAR)).unwrap()).remove(0);
        let mode = receiver.mode();
        let over = AtomicBool::new(false);
        let (sent, received) = std::thread::scope(|scope| {
            let received = scope.spawn(|| receive(receiver, &over));
            let sent = scope.spawn(|| send(sender, size, &over)).join().unwrap();
            (sent, received.join().unwrap())
        });
        let rate = |frames: u64| frames as f64 / MEASURED.as_secs_f64() / 1e6;
        println!(
            "{size:>5} bytes: {:.3} M frames/s sent, {:.3} M/s received, native {}",
            rate(sent),
            rate(received),
            mode.native
        );
    }
}

fn send(mut device: Xdp, size: usize, over: &AtomicBool) -> u64 {
    pin(0);
    let mut frames = FramePool::new(8192, 0).unwrap();
    device.attach(&mut frames).unwrap();
    let bytes = udp([[2; 6], [4; 6]], [NEAR, FAR], [1000, 9], &vec![0; size - 42]);
    let (mut burst, mut sent) = (Vec::with_capacity(BURST_FRAMES), 0);
    let started = Instant::now();
    while started.elapsed() < MEASURED {
        while burst.len() < BURST_FRAMES && frames.available() > 0 {
            burst.push(frame_of(&mut frames, &bytes));
        }
        sent += device.transmit(&mut frames, &mut burst).unwrap() as u64;
    }
    over.store(true, Ordering::Relaxed);
    println!("       sender {:?}", device.statistics());
    sent
}

fn receive(mut device: Xdp, over: &AtomicBool) -> u64 {
    pin(1);
    let mut frames = FramePool::new(8192, 0).unwrap();
    device.attach(&mut frames).unwrap();
    let (mut burst, mut received) = (Vec::with_capacity(BURST_FRAMES), 0);
    while !over.load(Ordering::Relaxed) {
        received += device.receive(&mut frames, &mut burst, BURST_FRAMES).unwrap() as u64;
        burst.drain(..).for_each(|frame| frames.free(frame));
    }
    println!("       receiver {:?}", device.statistics());
    received
}

fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    // On a machine of one core both take turns.
    let _pinned = sched_setaffinity(None, &cores);
}
