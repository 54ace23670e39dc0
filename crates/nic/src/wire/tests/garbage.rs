//! An end that breaks the rules is hung up on, and nothing else happens.

use std::sync::atomic::Ordering;

use super::*;

/// The memory of a wire, with a place in it by name, for writing garbage.
fn spoil(port: &Port, place: impl Fn(&layout::Layout) -> usize, value: u64) {
    let (_, plug) = port.wire.end.plug();
    let plug = plug.unwrap();
    plug.memory[place(&plug.layout)].store(value, Ordering::SeqCst);
}

/// Lets queue 0 of an end look after its socket.
fn tend(port: &mut Port) {
    (0..WIRE_TEND_CALLS).for_each(|_| drop(port.receive(0)));
}

#[test]
fn an_impossible_index_hangs_up_and_both_ends_see_it() {
    let (mut a, mut b) = port_pair();
    a.send(&[1; 60]);
    assert_eq!(b.receive_all().len(), 1);
    spoil(&a, |layout| layout.ring(layout::Side::Host, 0, 0).tail, 12_345);
    assert_eq!(b.receive(10), Vec::<Vec<u8>>::new());
    assert_eq!(b.wire.statistics().violations, 1);
    b.receive(0);
    tend(&mut a);
    assert_eq!((a.wire.link(), b.wire.link()), (Link::Lost, Link::Lost));
    b.send(&[2; 60]);
    assert_eq!(b.wire.statistics().lost, 1);
}

#[test]
fn garbage_found_by_any_queue_while_receiving_sending_or_falling_asleep_hangs_up() {
    type Step = fn(&mut Port);
    let tail: fn(&layout::Layout) -> usize = |layout| layout.ring(layout::Side::Host, 0, 1).tail;
    let head: fn(&layout::Layout) -> usize = |layout| layout.ring(layout::Side::Guest, 1, 0).head;
    let receive: Step = |port| drop(port.receive(1));
    let sleep: Step = |port| assert!(!port.wire.prepare_sleep());
    let send: Step = |port| {
        (0..100).for_each(|_| port.push(&[0; 1000]));
        port.flush();
    };
    for (place, step) in [(tail, receive), (tail, sleep), (head, send)] {
        let (mut one, mut other) = ports(1, 2, SMALL);
        other[1].receive(0);
        spoil(&one[0], place, 0xffff_ffff_ffff_ffc0);
        step(&mut other[1]);
        assert_eq!(other[1].wire.statistics().violations, 1);
        assert_eq!(other[1].wire.link(), Link::Up, "only queue 0 hangs up");
        assert!(other[0].is_rung(0), "and it is told");
        tend(&mut other[0]);
        tend(&mut one[0]);
        assert_eq!((other[1].wire.link(), one[0].wire.link()), (Link::Lost, Link::Lost));
        other[1].flush();
        assert_eq!((other[1].outbox.len(), other[1].frames.in_use()), (0, 0));
    }
}

#[test]
fn garbage_in_the_sleep_flags_only_rings_or_silences_doorbells() {
    let (mut a, mut b) = port_pair();
    a.receive(0);
    for value in [2, u64::MAX, 1] {
        spoil(&a, |layout| layout.sleep_flag(layout::Side::Guest, 0), value);
        a.send(&[1; 60]);
        assert_eq!(b.receive_all().len(), 1);
    }
    assert_eq!((a.wire.statistics().doorbells, b.wire.link()), (1, Link::Up));
}

#[test]
fn something_said_on_the_silent_socket_hangs_up() {
    let (a, mut b) = port_pair();
    let end = a.wire.end.clone();
    let keeper = a.wire.keeper.as_ref().unwrap();
    keeper.say_nonsense();
    tend(&mut b);
    assert_eq!(b.wire.link(), Link::Lost);
    assert_eq!(end.link(), Link::Up, "the one who spoke has not looked yet");
}
