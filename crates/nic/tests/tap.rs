//! A TAP interface against the kernel's own stack, in a network namespace that ends with the test.
//!
//! The test starts itself again inside a namespace (`unshare`, with a user namespace so that it needs no root where the
//! kernel allows that). Where that cannot be done it says so and passes.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use crore_base::frame::{Frame, FramePool};
use crore_nic::{OpenError, PacketIo, Tap};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const INSIDE: &str = "CRORE_TAP_TEST_INSIDE";

#[test]
fn frames_go_both_ways_between_an_interface_and_the_kernel() {
    let inside = |program: &mut Command| program.env(INSIDE, "1").output();
    let probe = Command::new("unshare").args(["-rn", "ip", "tuntap", "add", "dev", "probe", "mode", "tap"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: needs CAP_NET_ADMIN (or user namespaces), `unshare` and `ip`");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let test = ["--ignored", "--exact", "inside_a_namespace", "--nocapture"];
    let output = inside(Command::new("unshare").arg("-rn").arg(this).args(test)).unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("the kernel has answered"), "{text}");
}

#[test]
#[ignore = "runs inside a namespace, started by the other test"]
fn inside_a_namespace() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    for queues in [1, 2] {
        let name = format!("crore{queues}");
        let mut taps = Tap::open(&name, queues).unwrap();
        ip(&["addr", "add", &format!("10.77.{queues}.1/24"), "dev", &name]);
        for queue in 0..taps.len() {
            ask_and_hear(&mut taps, queue, &[10, 77, queues as u8, 1]);
        }
        hear_first(&mut taps, &format!("10.77.{queues}.3:9"));
        refuse_what_is_no_frame(&mut taps[0]);
    }
    wrong_interfaces();
    println!("the kernel has answered");
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A frame that asks who has `address`, from a neighbour of it.
fn arp_request(tap: &Tap, address: &[u8; 4]) -> Vec<u8> {
    let mac = tap.capabilities().mac.0;
    let mut frame = vec![0xff; 6];
    frame.extend(mac);
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac);
    frame.extend([address[0], address[1], address[2], address[3] + 1]);
    frame.extend([0; 6]);
    frame.extend(address);
    frame.resize(60, 0);
    frame
}

/// Asks the kernel for its hardware address through one queue, and sleeps until it has answered through any.
fn ask_and_hear(taps: &mut [Tap], queue: usize, address: &[u8; 4]) {
    let mut frames = FramePool::new(64, 0).unwrap();
    let tap = &mut taps[queue];
    let mut burst = vec![frame_of(&mut frames, &arp_request(tap, address))];
    assert_eq!(tap.transmit(&mut frames, &mut burst).unwrap(), 1);
    let mac = tap.capabilities().mac.0;
    wait_for(taps, &mut frames, |frame| frame[..6] == mac && frame[12..14] == [8, 6] && frame[28..32] == *address);
    assert_eq!(frames.in_use(), 0);
}

/// Lets the kernel speak first: it asks who has the address to which a program sends.
fn hear_first(taps: &mut [Tap], to: &str) {
    let mut frames = FramePool::new(64, 0).unwrap();
    UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"anybody?", to).unwrap();
    wait_for(taps, &mut frames, |frame| frame[..6] == [0xff; 6] && frame[12..14] == [8, 6]);
}

fn wait_for(taps: &mut [Tap], frames: &mut FramePool, is_it: impl Fn(&[u8]) -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    let mut burst = Vec::new();
    while Instant::now() < until {
        for tap in taps.iter_mut() {
            tap.receive(frames, &mut burst, 16).unwrap();
            assert!(tap.prepare_sleep());
        }
        let found = burst.iter().any(|frame| is_it(frames.bytes(frame)));
        burst.drain(..).for_each(|frame| frames.free(frame));
        if found {
            return;
        }
        let mut descriptors: Vec<PollFd<'_>> =
            taps.iter().map(|tap| PollFd::from_borrowed_fd(tap.descriptor().unwrap(), PollFlags::IN)).collect();
        poll(&mut descriptors, Some(&Timespec { tv_sec: 1, tv_nsec: 0 })).unwrap();
    }
    panic!("the kernel did not answer");
}

/// A frame shorter than a header, and any frame while the interface is down, is dropped and counted.
fn refuse_what_is_no_frame(tap: &mut Tap) {
    let mut frames = FramePool::new(64, 0).unwrap();
    let mut burst = vec![frame_of(&mut frames, &[0; 5]), frame_of(&mut frames, &[0; 60])];
    assert_eq!(tap.transmit(&mut frames, &mut burst).unwrap(), 2);
    assert_eq!(tap.statistics().refused, 1);
    ip(&["link", "set", tap.capabilities().name.strip_prefix("tap:").unwrap(), "down"]);
    let mut burst = vec![frame_of(&mut frames, &[0; 60])];
    assert_eq!(tap.transmit(&mut frames, &mut burst).unwrap(), 1);
    assert_eq!((tap.statistics().refused, frames.in_use()), (2, 0));
}

/// Interfaces that somebody else has, that are something else, or that carry too large packets.
fn wrong_interfaces() {
    let _first = Tap::open("twice", 1).unwrap();
    assert!(matches!(Tap::open("twice", 1), Err(OpenError::Taken { .. })));
    assert!(matches!(Tap::open("lo", 1), Err(OpenError::System { .. })));
    ip(&["tuntap", "add", "dev", "jumbo", "mode", "tap"]);
    ip(&["link", "set", "jumbo", "mtu", "9000"]);
    let error = Tap::open("jumbo", 1).err().unwrap();
    assert!(matches!(error, OpenError::Mtu { .. }) && error.to_string().contains("mtu 2033"), "{error}");
}

fn frame_of(frames: &mut FramePool, bytes: &[u8]) -> Frame {
    let mut frame = frames.alloc().unwrap();
    frames.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    frame
}
