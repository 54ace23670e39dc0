//! Functions that one core asks another to run, more than their ring holds, while the other sleeps.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::AtomicU64;
use loom::thread;

use super::model::{Sleep, check, sleep, sleep_without_looking_again};
use crate::control::mesh;
use crate::executor::shared::SharedCore;

const FUNCTIONS: u64 = 2;

fn every_function_runs(fall_asleep: Sleep) {
    // The cores of a runtime live for ever, and those of a model, too: some bytes for each order of its steps.
    let core = || &*Box::leak(Box::new(SharedCore::new().expect("a model has a descriptor")));
    let (here, there) = (core(), core());
    let mut controls = mesh(&[here, there]).into_iter();
    let (mut sending, mut running) = (controls.next().expect("of two"), controls.next().expect("of two"));
    let ran = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&ran);
    let runner = thread::spawn(move || {
        while counted.load(Relaxed) < FUNCTIONS {
            // As `Worker::has_work`: what waits at either end keeps the core awake.
            if running.has_work() {
                there.wake_up();
            } else {
                fall_asleep(there);
            }
            there.take(|_| {});
            while let Some(function) = running.next() {
                function();
            }
        }
    });
    for number in 0..FUNCTIONS {
        let ran = Arc::clone(&ran);
        let function = move || assert_eq!(ran.fetch_add(1, Relaxed), number, "in order");
        sending.send(1, Box::new(function));
    }
    while sending.has_work() {
        assert!(sending.next().is_none(), "nobody sends to this core");
        thread::yield_now();
    }
    runner.join().expect("it does not panic");
}

#[test]
fn functions_run_on_a_core_that_sleeps_and_in_order() {
    check(2, || every_function_runs(sleep));
}

#[test]
#[should_panic(expected = "exceeded maximum number of branches")]
fn planted_a_core_that_does_not_look_again_never_runs_them() {
    check(2, || every_function_runs(sleep_without_looking_again));
}
