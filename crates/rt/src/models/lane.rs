//! One ring of the mesh between two cores that sleep when they cannot go on: the receiver when it is empty, the sender when it
//! is full.

use std::sync::Arc;

use loom::thread;

use super::model::{Sleep, check, sleep, sleep_without_looking_again};
use crate::channel::mesh::lane;
use crate::executor::shared::SharedCore;

fn everything_arrives_in_order(values: u32, capacity: usize, fall_asleep: Sleep) {
    let core = || Arc::new(SharedCore::new().expect("a model has a descriptor"));
    let (here, there) = (core(), core());
    let (mut outgoing, mut incoming) = lane(capacity);
    let sender = {
        let (here, there) = (Arc::clone(&here), Arc::clone(&there));
        thread::spawn(move || {
            for value in 0..values {
                while outgoing.try_send(value, &there).is_err() {
                    sleep(&here);
                    here.take(|_| {});
                }
            }
        })
    };
    for expected in 0..values {
        let value = loop {
            if let Some(value) = incoming.try_recv(&here) {
                break value;
            }
            fall_asleep(&there);
            there.take(|_| {});
        };
        assert_eq!(value, expected);
    }
    sender.join().expect("it does not panic");
    assert!(incoming.is_empty());
}

#[test]
fn a_full_ring_never_leaves_both_ends_asleep() {
    check(2, || everything_arrives_in_order(3, 1, sleep));
}

#[test]
fn a_ring_with_room_needs_nobody_to_be_told_of_it() {
    check(2, || everything_arrives_in_order(2, 2, sleep));
}

#[test]
#[should_panic(expected = "deadlock")]
fn planted_a_receiver_that_does_not_look_again_sleeps_for_ever() {
    check(2, || everything_arrives_in_order(3, 1, sleep_without_looking_again));
}
