//! The selector alone: what counts as a wake-up without progress, and that a rebuild ends what nothing else reaches.

use std::io::Write;
use std::os::unix::net::UnixStream;

use rustix::io::dup;

use super::*;

const GONE: u64 = 7;
const ALIVE: u64 = 8;

fn waits(selector: &mut Selector, events: &mut Vec<Event>) -> Vec<u64> {
    let ended = selector.wait(Some(Duration::ZERO), events);
    assert_eq!(ended == Ended::WithEvents, !events.is_empty());
    events.iter().map(|event| event.data.u64()).collect()
}

#[test]
fn a_registration_outlives_its_descriptor_while_a_duplicate_is_open_and_only_a_rebuild_ends_it() {
    let mut selector = Selector::new().expect("a descriptor is free");
    let mut events = Vec::with_capacity(8);
    let (near, mut far) = UnixStream::pair().expect("a pair");
    let (alive, mut waker) = UnixStream::pair().expect("a pair");
    selector.add(&near, EventData::new_u64(GONE), EventFlags::IN).expect("it is new");
    selector.add(&alive, EventData::new_u64(ALIVE), EventFlags::IN).expect("it is new");
    far.write_all(b"x").expect("there is room");
    let copy = dup(&near).expect("a descriptor is free");
    drop(near);
    assert!(selector.remove(&copy).is_err(), "the kernel does not find it under another number");

    let mut rebuilt_after = 0;
    for turn in 1.. {
        assert_eq!(waits(&mut selector, &mut events), [GONE], "the kernel names it for ever");
        if selector.judge(Ended::WithEvents, 0) {
            rebuilt_after = turn;
            break;
        }
    }
    assert_eq!(rebuilt_after, FRUITLESS_WAITS_MIN);
    selector.rebuild(|new| new.add(&alive, EventData::new_u64(ALIVE), EventFlags::IN)).expect("a descriptor is free");
    assert_eq!(waits(&mut selector, &mut events), [] as [u64; 0], "the spin is over");
    waker.write_all(b"x").expect("there is room");
    assert_eq!(waits(&mut selector, &mut events), [ALIVE], "and who is alive is still heard");
}

#[test]
fn progress_starts_the_count_again_and_a_rebuild_that_does_not_help_is_not_repeated_as_soon() {
    let mut selector = Selector::new().expect("a descriptor is free");
    let fruitless = |selector: &mut Selector| (1..).find(|_| selector.judge(Ended::WithEvents, 0)).unwrap();
    for _ in 1..FRUITLESS_WAITS_MIN {
        assert!(!selector.judge(Ended::WithEvents, 0));
    }
    assert!(!selector.judge(Ended::WithEvents, 1), "one event with an owner is progress");
    assert_eq!(fruitless(&mut selector), FRUITLESS_WAITS_MIN);
    selector.rebuild(|_| Ok(())).expect("a descriptor is free");
    assert_eq!(fruitless(&mut selector), 2 * FRUITLESS_WAITS_MIN);
    let refused = selector.rebuild(|_| Err(io::Error::other("no memory")));
    assert_eq!(refused.expect_err("what cannot be registered is told").to_string(), "no memory");
    assert!(!selector.judge(Ended::InOrder, 0));
    assert_eq!(fruitless(&mut selector), FRUITLESS_WAITS_MIN);
}

#[test]
fn an_early_end_with_nothing_is_told_from_a_time_that_is_over() {
    let mut selector = Selector::new().expect("a descriptor is free");
    let mut events = Vec::with_capacity(8);
    let tick = Some(Duration::from_millis(1));
    for _ in 0..3 {
        assert_eq!(selector.wait(tick, &mut events), Ended::InOrder, "a whole sleep is no wonder");
        assert_eq!(selector.wait(Some(Duration::ZERO), &mut events), Ended::InOrder);
    }
    // What the kernel would have to do for it cannot be had from a kernel in order.
    assert_eq!(selector.on_nothing(Some(Duration::from_secs(3600))), Ended::Early);
    assert_eq!(selector.on_nothing(None), Ended::Early);
}
