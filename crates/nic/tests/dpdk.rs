//! Devices of DPDK that need neither hardware nor rights, in a program with the Cargo feature `dpdk`.
//!
//! `net_ring` is a ring in memory: what is sent comes back. `net_memif` has another device at the other end.
#![cfg(feature = "dpdk")]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crore_base::frame::{Frame, FramePool};
use crore_nic::{DeviceName, Dpdk, Link, PacketIo};

/// One test at a time: rings and pools of DPDK are the whole process's.
static ALONE: Mutex<()> = Mutex::new(());

/// The `number`th frame, of a length of its own.
fn frame(frames: &mut FramePool, number: u32) -> Frame {
    let mut frame = frames.alloc().expect("the pool is large enough");
    let length = length(number);
    let bytes = &mut frames.buffer_mut(&mut frame)[..length];
    bytes.fill(number as u8);
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    frame.set_len(length);
    frame
}

fn length(number: u32) -> usize {
    60 + (number as usize * 97) % 1_455
}

/// Checks that these are the frames from `first` on, whole and in order, and gives them back.
fn check(frames: &mut FramePool, came: &mut Vec<Frame>, first: u32) {
    for (number, frame) in (first..).zip(came.drain(..)) {
        let bytes = frames.bytes(&frame);
        assert_eq!((bytes.len(), &bytes[..4]), (length(number), &number.to_le_bytes()[..]), "frame {number}");
        assert!(bytes[4..].iter().all(|byte| *byte == number as u8), "frame {number}");
        frames.free(frame);
    }
}

/// Receives what is there, until so many frames are enough.
fn receive_until(
    dpdk: &mut Dpdk,
    frames: &mut FramePool,
    into: &mut Vec<Frame>,
    mut enough: impl FnMut(&mut FramePool, usize) -> bool,
) {
    let latest = Instant::now() + Duration::from_secs(20);
    while !enough(frames, into.len()) {
        assert!(Instant::now() < latest, "{} frames have come", into.len());
        dpdk.receive(frames, into, 256).unwrap();
    }
}

fn only(device: &str) -> Dpdk {
    Dpdk::open(device, 1).unwrap_or_else(|error| panic!("{error}")).pop().unwrap()
}

#[test]
fn frames_come_back_from_a_ring_unchanged_in_order_and_what_does_not_fit_waits() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ring = only("net_ring0");
    let capabilities = ring.capabilities();
    assert_eq!((capabilities.name.as_str(), capabilities.mtu), ("dpdk:net_ring0", 1500));
    assert_ne!(capabilities.mac.0, [0; 6], "a device without an address gets one");
    assert!(ring.descriptor().is_none() && !ring.prepare_sleep());

    let mut frames = FramePool::new(4_096, 0).unwrap();
    let (mut sending, mut came) = (Vec::new(), Vec::new());
    let (mut next, mut seen) = (0, 0);
    for _ in 0..20 {
        while sending.len() < 1_500 {
            sending.push(frame(&mut frames, next));
            next += 1;
        }
        let taken = ring.transmit(&mut frames, &mut sending).unwrap();
        assert!(taken > 0 && !sending.is_empty(), "a ring has fewer places than that, and was empty: {taken}");
        receive_until(&mut ring, &mut frames, &mut came, |_, count| count >= taken);
        assert_eq!(came.len(), taken, "nothing comes that was not sent");
        check(&mut frames, &mut came, seen);
        seen += taken as u32;
    }
    assert_eq!(ring.statistics(), Default::default());
    sending.into_iter().for_each(|frame| frames.free(frame));
    assert_eq!(frames.in_use(), 0);
}

#[test]
fn a_pool_without_frames_leaves_them_in_the_device_and_frames_that_fit_nowhere_are_counted() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ring = only("net_ring1");
    let mut frames = FramePool::new(64, 0).unwrap();
    let mut sending: Vec<Frame> = (0..20).map(|number| frame(&mut frames, number)).collect();
    let mut large = frames.alloc().unwrap();
    large.set_len(1_515);
    sending.insert(7, large);
    sending.insert(0, frames.alloc().unwrap());
    assert_eq!(ring.transmit(&mut frames, &mut sending).unwrap(), 22);
    assert_eq!((ring.statistics().unfit, frames.in_use()), (2, 0));

    let held: Vec<Frame> = (0..56).map(|_| frames.alloc().unwrap()).collect();
    let mut came = Vec::new();
    assert_eq!(ring.receive(&mut frames, &mut came, 256).unwrap(), 8, "as many as the pool has");
    assert_eq!(ring.receive(&mut frames, &mut came, 256).unwrap(), 0);
    check(&mut frames, &mut came, 0);
    held.into_iter().for_each(|frame| frames.free(frame));
    assert_eq!(ring.receive(&mut frames, &mut came, 5).unwrap(), 5);
    assert_eq!(ring.receive(&mut frames, &mut came, 256).unwrap(), 7);
    check(&mut frames, &mut came, 8);
}

#[test]
fn two_ends_of_a_memif_move_frames_both_ways_once_both_are_there() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let socket = std::env::temp_dir().join(format!("crore-memif-{}", std::process::id()));
    let device = |number: u32, role: &str| format!("net_memif{number},role={role},socket={}", socket.display());
    let mut frames = FramePool::new(4_096, 0).unwrap();
    let mut server = only(&device(0, "server"));
    assert_eq!(server.link(), Link::Waiting);
    let mut sending = vec![frame(&mut frames, 0)];
    assert_eq!(server.transmit(&mut frames, &mut sending).unwrap(), 1, "a cable without another end loses frames");
    assert_eq!((server.statistics().lost, frames.in_use()), (1, 0));

    let mut client = only(&device(1, "client"));
    let latest = Instant::now() + Duration::from_secs(20);
    while server.link() != Link::Up || client.link() != Link::Up {
        assert!(Instant::now() < latest, "the ends do not meet");
        std::thread::yield_now();
    }
    for turn in 0..50 {
        let (from, to) = if turn % 2 == 0 { (&mut server, &mut client) } else { (&mut client, &mut server) };
        sending.extend((0..100).map(|number| frame(&mut frames, number)));
        let mut came = Vec::new();
        receive_until(to, &mut frames, &mut came, |frames, came| {
            // The other end has to look before there is room for the first.
            from.transmit(frames, &mut sending).unwrap();
            came >= 100
        });
        check(&mut frames, &mut came, 0);
    }
    drop((server, client));
    let _ = std::fs::remove_file(&socket);
}

#[test]
fn what_a_device_cannot_do_is_said_with_value_and_limit() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |device: &str, queues| Dpdk::open(device, queues).err().expect(device).to_string();
    let error = refused("net_of_no_driver", 1);
    assert!(error.contains("dpdk:net_of_no_driver: cannot open it"), "{error}");
    assert!(error.contains("failed to parse device \"net_of_no_driver\""), "DPDK's own words: {error}");
    let error = refused("net_ring2", 40);
    assert!(error.contains("queue") && error.contains("40 workers") && error.contains("--workers"), "{error}");
    let ring = only("net_ring3");
    let error = refused("net_ring3", 1);
    assert!(error.contains("busy"), "{error}");
    drop(ring);
    drop(only("net_ring3"));
    assert!(refused("net_ring2", 0).contains("0 queues"));
    assert!(refused("tap 0", 1).contains("device string"));
    let error = refused("0000:03:00.0", 1);
    assert!(error.contains("PCI"), "{error}");
    assert_eq!("dpdk:net_ring0,x=1".parse::<DeviceName>().unwrap().to_string(), "dpdk:net_ring0,x=1");
}
