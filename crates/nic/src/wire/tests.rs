//! One wire within one process. What two processes do to each other is in `tests/wire_processes.rs`.

mod garbage;
mod named;
mod sleep;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::limits::RING_BYTES_MIN;
use crate::steering::queue_of;
use crate::steering::tests::ipv4;

use super::*;

const SMALL: RingSizes = RingSizes { main: RING_BYTES_MIN, cross: RING_BYTES_MIN };

/// A queue with the pool of its core.
struct Port {
    wire: Wire,
    frames: FramePool,
    /// Frames not sent yet.
    outbox: Vec<Frame>,
}

impl Port {
    fn new(wire: Wire) -> Self {
        Self { wire, frames: FramePool::new(1024, 0).unwrap(), outbox: Vec::new() }
    }

    /// Queues a frame to be sent.
    fn push(&mut self, bytes: &[u8]) {
        let mut frame = self.frames.alloc().unwrap();
        self.frames.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
        frame.set_len(bytes.len());
        self.outbox.push(frame);
    }

    fn flush(&mut self) -> usize {
        self.wire.transmit(&mut self.frames, &mut self.outbox).unwrap()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.push(bytes);
        assert_eq!(self.flush(), 1);
    }

    /// At most `max` frames.
    fn receive(&mut self, max: usize) -> Vec<Vec<u8>> {
        let mut burst = Vec::new();
        let count = self.wire.receive(&mut self.frames, &mut burst, max).unwrap();
        assert_eq!(count, burst.len());
        let bytes = burst.iter().map(|frame| self.frames.bytes(frame).to_vec()).collect();
        burst.into_iter().for_each(|frame| self.frames.free(frame));
        bytes
    }

    /// Everything that waits.
    fn receive_all(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let some = self.receive(64);
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// Whether the descriptor becomes readable within a time.
    fn is_rung(&self, within_millis: i64) -> bool {
        let descriptor = self.wire.descriptor().unwrap();
        let timeout = Timespec { tv_sec: within_millis / 1000, tv_nsec: within_millis % 1000 * 1_000_000 };
        poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&timeout)).unwrap() > 0
    }
}

fn ports(queues: u16, other_queues: u16, sizes: RingSizes) -> (Vec<Port>, Vec<Port>) {
    let (one, other) = Wire::pair_of(queues, other_queues, sizes).unwrap();
    // Every queue takes a turn in which it finds its rings.
    let settled = |wire: Wire| {
        let mut port = Port::new(wire);
        assert!(port.receive(0).is_empty());
        assert!(!port.wire.prepare_sleep(), "the link is news");
        port
    };
    (one.into_iter().map(settled).collect(), other.into_iter().map(settled).collect())
}

fn port_pair() -> (Port, Port) {
    let (mut one, mut other) = ports(1, 1, SMALL);
    (one.pop().unwrap(), other.pop().unwrap())
}

#[test]
fn frames_go_both_ways_in_order_and_no_frame_leaks() {
    let (mut a, mut b) = port_pair();
    for number in 0..1_000_u32 {
        let there = vec![number as u8; 60 + number as usize];
        a.send(&there);
        b.send(&number.to_le_bytes());
        assert_eq!((b.receive_all(), a.receive_all()), (vec![there], vec![number.to_le_bytes().to_vec()]));
    }
    assert_eq!((a.frames.in_use(), b.frames.in_use()), (0, 0));
    assert_eq!((a.wire.statistics(), b.wire.statistics()), Default::default());
}

#[test]
fn the_queues_of_an_end_share_an_address_and_the_ends_do_not() {
    let (one, other) = Wire::pair(3, 2).unwrap();
    let names: Vec<_> = one.iter().map(|wire| (wire.capabilities().queue, wire.capabilities().queues)).collect();
    assert_eq!(names, [(0, 3), (1, 3), (2, 3)]);
    let mac = |wire: &Wire| wire.capabilities().mac;
    assert_eq!(mac(&one[0]), mac(&one[2]));
    assert_ne!(mac(&one[0]), mac(&other[0]));
    assert!(!mac(&one[0]).is_group());
    assert_eq!((one[0].link(), other[1].link(), one[0].capabilities().mtu), (Link::Up, Link::Up, 1500));
}

#[test]
fn what_does_not_fit_the_ring_stays_in_order_and_goes_later() {
    let (mut a, mut b) = port_pair();
    (0..200_u8).for_each(|number| a.push(&[number; 1000]));
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < 200 {
        let now = a.flush();
        assert!(now > 0 || sent == 200, "each round makes room");
        sent += now;
        assert_eq!(a.outbox.len(), 200 - sent);
        received.extend(b.receive(17));
    }
    let expected: Vec<Vec<u8>> = (0..200).map(|number| vec![number; 1000]).collect();
    assert_eq!(received, expected);
    assert_eq!((a.frames.in_use(), b.frames.in_use()), (0, 0));
}

#[test]
fn a_receiver_without_frames_takes_none_and_finds_them_all_later() {
    let (mut a, mut b) = port_pair();
    b.frames = FramePool::new(10, 4).unwrap();
    (0..20_u8).for_each(|number| a.send(&[number; 60]));
    let mut burst = Vec::new();
    assert_eq!(b.wire.receive(&mut b.frames, &mut burst, 64).unwrap(), 6, "the reserve is not touched");
    assert_eq!(b.wire.receive(&mut b.frames, &mut burst, 64).unwrap(), 0);
    assert!(!b.wire.prepare_sleep(), "frames still wait");
    burst.drain(..).for_each(|frame| b.frames.free(frame));
    assert_eq!(b.receive_all().concat(), (6..20).flat_map(|number: u8| [number; 60]).collect::<Vec<u8>>());
}

#[test]
fn no_call_takes_more_frames_than_it_was_asked_for() {
    let (mut one, mut other) = ports(4, 1, SMALL);
    for port in &mut one {
        (0..10).for_each(|_| port.send(&[0; 60]));
    }
    let sizes: Vec<usize> = std::iter::from_fn(|| Some(other[0].receive(7).len())).take(7).collect();
    assert_eq!(sizes, [7, 7, 7, 7, 7, 5, 0]);
    assert!(other[0].receive(0).is_empty());
}

#[test]
fn every_frame_arrives_at_the_queue_of_its_flow_whichever_queue_sent_it() {
    for (queues, other_queues) in [(2, 2), (1, 4), (3, 2)] {
        let (mut one, mut other) = ports(queues, other_queues, SMALL);
        for port in 0..600_u16 {
            let there = ipv4([10, 0, 0, 1], [10, 0, 0, 2], [port, 80], 20, 6);
            let back = ipv4([10, 0, 0, 2], [10, 0, 0, 1], [80, port], 20, 6);
            let (expected, home) = (queue_of(&there, other_queues), queue_of(&back, queues));
            one[usize::from(port % queues)].send(&there);
            other[usize::from(port % other_queues)].send(&back);
            for (queue, port) in other.iter_mut().enumerate() {
                assert_eq!(
                    port.receive_all(),
                    if queue == usize::from(expected) { vec![there.clone()] } else { vec![] }
                );
            }
            for (queue, port) in one.iter_mut().enumerate() {
                assert_eq!(port.receive_all(), if queue == usize::from(home) { vec![back.clone()] } else { vec![] });
            }
            assert!(queues != other_queues || expected == home, "a flow has one queue number");
        }
    }
}

#[test]
fn frames_that_no_network_would_carry_are_thrown_away_and_counted() {
    let (mut a, mut b) = port_pair();
    for len in [0, 1515, 2048, 1514, 1] {
        a.push(&vec![len as u8; len]);
    }
    assert_eq!(a.flush(), 5);
    assert_eq!(b.receive_all().iter().map(Vec::len).collect::<Vec<_>>(), [1514, 1]);
    assert_eq!((a.wire.statistics().unfit, a.frames.in_use()), (3, 0));
}

#[test]
fn what_an_end_sent_before_it_went_still_arrives_and_what_is_sent_to_it_is_lost_and_counted() {
    let (mut one, mut other) = ports(2, 2, SMALL);
    let flow = |port: u16| ipv4([10, 0, 0, 1], [10, 0, 0, 2], [port, 80], 20, 6);
    (0..40).for_each(|port| one[0].send(&flow(port)));
    drop(one);
    for _ in 0..WIRE_TEND_CALLS {
        other[0].receive(0);
    }
    other[1].receive(0);
    assert_eq!((other[0].wire.link(), other[1].wire.link()), (Link::Lost, Link::Lost));
    let received = other[0].receive_all().len() + other[1].receive_all().len();
    assert_eq!(received, 40);
    for port in &mut other {
        port.send(&[0; 60]);
        assert_eq!((port.wire.statistics().lost, port.frames.in_use()), (1, 0));
    }
}
