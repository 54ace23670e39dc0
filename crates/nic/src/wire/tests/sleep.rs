//! Nobody sleeps through a frame.

use std::time::{Duration, Instant};

use crore_base::random::Rng;

use super::*;

#[test]
fn a_sleeper_is_woken_once_and_whoever_is_awake_not_at_all() {
    let (mut a, mut b) = port_pair();
    for round in 1..4 {
        (0..10).for_each(|_| a.send(&[1; 60]));
        assert!(!b.wire.prepare_sleep(), "frames wait");
        assert_eq!(b.receive_all().len(), 10);
        assert!(b.wire.prepare_sleep() && !b.is_rung(0));
        (0..10).for_each(|_| a.send(&[2; 60]));
        assert!(b.is_rung(0));
        assert_eq!(b.receive_all().len(), 10);
        assert!(!b.is_rung(0), "the doorbell is silent again");
        assert_eq!(a.wire.statistics().doorbells, round);
    }
}

#[test]
fn a_sleeper_that_is_woken_by_something_else_can_sleep_again() {
    let (mut a, mut b) = port_pair();
    for _ in 0..3 {
        assert!(b.wire.prepare_sleep());
        assert!(b.receive_all().is_empty());
    }
    assert!(b.wire.prepare_sleep());
    a.send(&[1; 60]);
    assert!(b.is_rung(0));
}

#[test]
fn each_queue_has_its_own_doorbell() {
    let (mut one, mut other) = ports(1, 3, SMALL);
    for port in &mut other {
        port.receive(0);
        assert!(port.wire.prepare_sleep());
    }
    for source_port in 0..20 {
        let frame = ipv4([10, 0, 0, 1], [10, 0, 0, 2], [source_port, 80], 20, 6);
        let awaited = queue_of(&frame, 3);
        one[0].send(&frame);
        for (queue, port) in other.iter_mut().enumerate() {
            assert_eq!(port.is_rung(0), queue == usize::from(awaited));
            port.receive_all();
            assert!(port.wire.prepare_sleep());
        }
    }
}

#[test]
fn who_found_the_ring_full_is_woken_when_there_is_room_and_not_before() {
    let (mut a, mut b) = port_pair();
    (0..200).for_each(|_| a.push(&[7; 1000]));
    assert!(a.flush() < 200);
    a.receive(0);
    assert!(a.wire.prepare_sleep());
    assert_eq!(b.receive(1).len(), 1);
    assert!(!a.is_rung(0), "a single record is not worth waking for");
    b.receive(40);
    assert!(a.is_rung(0));
    a.receive(0);
    assert!(a.flush() > 0);
    // With room already there, it is told not to sleep.
    b.receive_all();
    assert!(!a.wire.prepare_sleep());
}

#[test]
fn all_queues_that_sleep_learn_that_the_other_end_has_gone() {
    let (one, mut other) = ports(1, 2, SMALL);
    for port in &mut other {
        port.receive(0);
        assert!(port.wire.prepare_sleep());
    }
    drop(one);
    let [keeper, follower] = &mut other[..] else { panic!() };
    assert!(keeper.is_rung(1_000) && !follower.is_rung(0), "queue 0 hears the socket");
    keeper.receive(1);
    assert!(follower.is_rung(0), "and tells the others");
    for port in &mut other {
        port.receive(1);
        assert_eq!(port.wire.link(), Link::Lost);
        assert!(!port.wire.prepare_sleep(), "whoever asked before it knew asks again");
        assert!(port.wire.prepare_sleep() && !port.is_rung(0));
    }
}

/// Sends and receives `total` numbered frames with pauses, sleeping whenever there is nothing to do.
fn talk(mut port: Port, total: u32, seed: u64) -> u64 {
    let mut rng = Rng::from_seed(seed);
    let (mut sent, mut received) = (0, 0);
    while sent < total || received < total || !port.outbox.is_empty() {
        // Few or many frames, small or large, so that rings are now empty and now full.
        if port.outbox.is_empty() {
            let frames_max = if rng.chance(1, 50) { 400 } else { 3 };
            for _ in 0..rng.below(frames_max).min(u64::from(total - sent)) {
                let mut bytes = vec![0; rng.range(60..1514) as usize];
                bytes[..4].copy_from_slice(&sent.to_le_bytes());
                port.push(&bytes);
                sent += 1;
            }
        }
        port.flush();
        for frame in port.receive(rng.range(1..64) as usize) {
            assert_eq!(frame[..4], received.to_le_bytes());
            received += 1;
        }
        let idle = sent == total || !port.outbox.is_empty() || rng.chance(1, 2);
        if idle && (received < total || !port.outbox.is_empty()) && port.wire.prepare_sleep() {
            // Somebody who has nothing to send waits for the other, who always goes on by itself or is woken by us.
            // Only with frames left to send of our own, and none waiting for room, is it right to wake up without a
            // reason.
            let own_work = sent < total && port.outbox.is_empty();
            let rung = port.is_rung(if own_work { 0 } else { 20_000 });
            assert!(rung || own_work, "asleep for ever: {sent} sent, {received} received of {total}");
        }
    }
    assert_eq!(port.frames.in_use(), 0);
    port.wire.statistics().doorbells
}

#[test]
fn two_threads_that_sleep_whenever_they_can_lose_no_wake_up() {
    const FRAMES: u32 = 60_000;
    let since = Instant::now();
    let mut doorbells = 0;
    for seed in 0..3 {
        let (a, b) = port_pair();
        std::thread::scope(|scope| {
            let other = scope.spawn(move || talk(b, FRAMES, 2 * seed));
            doorbells += talk(a, FRAMES, 2 * seed + 1);
            doorbells += other.join().unwrap();
        });
    }
    assert!(doorbells > 100, "they did sleep: {doorbells}");
    assert!(since.elapsed() < Duration::from_secs(60));
}
