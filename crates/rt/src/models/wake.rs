//! Waking tasks of a core that may be about to sleep: the wake map, and the word that says who sleeps.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::AtomicU64;
use loom::thread;

use super::model::{Sleep, check, sleep, sleep_without_looking_again};
use crate::executor::shared::SharedCore;

/// A core whose wake map has the chunk that the model needs: how a chunk comes into being is the standard library's.
fn core() -> Arc<SharedCore> {
    let core = SharedCore::new().expect("a model has a descriptor");
    core.wake(0);
    assert!(core.take(|index| assert_eq!(index, 0)));
    Arc::new(core)
}

/// Each of `wakes` is a task that another thread wakes after it wrote what the task looks for. The owner sleeps between, and
/// ends when every task has seen all that was written for it.
fn every_wake_up_arrives(wakes: [u32; 2], fall_asleep: Sleep) {
    let core = core();
    let written: Arc<[AtomicU64; 2]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let wakers = [0, 1].map(|who| {
        let (core, written) = (Arc::clone(&core), Arc::clone(&written));
        thread::spawn(move || {
            written[who].store(1, Relaxed);
            core.wake(wakes[who]);
        })
    });
    let mut seen = [false; 2];
    while seen != [true; 2] {
        fall_asleep(&core);
        core.take(|index| {
            assert!(wakes.contains(&index), "task {index} was woken by nobody");
            for who in [0, 1] {
                seen[who] |= wakes[who] == index && written[who].load(Relaxed) == 1;
            }
        });
    }
    for waker in wakers {
        waker.join().expect("it does not panic");
    }
}

#[test]
fn wake_ups_of_two_tasks_in_one_word_arrive() {
    check(2, || every_wake_up_arrives([3, 5], sleep));
}

#[test]
fn wake_ups_of_two_tasks_in_two_words_arrive() {
    check(2, || every_wake_up_arrives([3, 70], sleep));
}

#[test]
fn two_wake_ups_of_one_task_let_it_see_what_both_wrote() {
    check(2, || every_wake_up_arrives([3, 3], sleep));
}

#[test]
#[should_panic(expected = "deadlock")]
fn planted_a_core_that_does_not_look_again_sleeps_for_ever() {
    check(2, || every_wake_up_arrives([3, 5], sleep_without_looking_again));
}
