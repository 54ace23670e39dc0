//! The reactor over real descriptors: order, removal, signals, panics, and a spin that only a rebuild ends.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use super::*;
use crate::limits::FRUITLESS_WAITS_MIN;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn reactor() -> Reactor {
    Reactor::new().expect("a descriptor is free")
}

fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().expect("a descriptor is free");
    near.set_nonblocking(true).expect("it is open");
    (near, far)
}

#[test]
fn an_echo_writes_only_while_there_is_something_to_write_and_ends_with_its_peer() {
    let mut reactor = reactor();
    let (near, mut far) = pair();
    let sent: Vec<u8> = (0..500_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let copy = sent.clone();
    let client = std::thread::spawn(move || {
        let mut writer = far.try_clone().expect("a descriptor is free");
        let writing = std::thread::spawn(move || {
            writer.write_all(&copy).expect("the echo reads");
            writer.shutdown(std::net::Shutdown::Write).expect("it is open");
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).expect("the echo answers and ends");
        writing.join().expect("it does not panic");
        received
    });
    let (mut waiting, mut over) = (Vec::new(), false);
    let echo = move |handle: &mut Handle, mut stream: &UnixStream, ready: Ready| {
        let mut bytes = [0; 4096];
        if ready.readable && waiting.is_empty() {
            match stream.read(&mut bytes) {
                Ok(0) => over = true,
                Ok(count) => waiting.extend_from_slice(&bytes[..count]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        if let Ok(count) = stream.write(&waiting) {
            waiting.drain(..count);
        }
        match (waiting.is_empty(), over) {
            (true, true) => assert!(handle.remove(handle.current())),
            (true, false) => handle.modify(handle.current(), Interest::READ).expect("it is registered"),
            (false, _) => handle.modify(handle.current(), Interest::WRITE).expect("it is registered"),
        }
    };
    reactor.register(near, Interest::READ, echo).expect("it is new");
    reactor.run().expect("the selector is in order");
    assert!(reactor.is_empty());
    assert!(client.join().expect("it does not panic") == sent);
}

#[test]
fn what_is_removed_within_a_batch_is_not_called_and_a_successor_in_its_place_is_not_mistaken_for_it() {
    let mut reactor = reactor();
    let (first, mut first_peer) = pair();
    let (second, mut second_peer) = pair();
    let (third, _third_peer) = pair();
    let names = Rc::new(RefCell::new(Vec::new()));
    let called = Rc::new(Cell::new(0));
    let third = Rc::new(RefCell::new(Some(third)));
    for stream in [first, second] {
        let (names, called, third) = (Rc::clone(&names), Rc::clone(&called), Rc::clone(&third));
        let handler = {
            let names = Rc::clone(&names);
            move |handle: &mut Handle, _: &UnixStream, _: Ready| {
                called.set(called.get() + 1);
                let both: Vec<Registration> = names.borrow().clone();
                for name in both {
                    assert!(handle.remove(name), "both are there when the first is called");
                }
                let successor = third.borrow_mut().take().expect("this is called once");
                let mistaken = |_: &mut Handle, _: &UnixStream, _: Ready| panic!("nothing has come for it");
                handle.register(successor, Interest::READ, mistaken).expect("it is new");
            }
        };
        let name = reactor.register(stream, Interest::READ, handler).expect("it is new");
        names.borrow_mut().push(name);
    }
    first_peer.write_all(b"x").expect("there is room");
    second_peer.write_all(b"x").expect("there is room");
    assert_eq!(reactor.run_once(NOW).expect("the selector is in order"), 1);
    assert_eq!((called.get(), reactor.len()), (1, 1));
    assert_eq!(reactor.run_once(NOW).expect("the selector is in order"), 0);
    let error = reactor.modify(names.borrow()[0], Interest::READ).expect_err("it is gone");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(!reactor.remove(names.borrow()[1]));
}

#[test]
fn timers_are_called_in_the_order_of_their_times_and_again_as_often_as_they_say() {
    let mut reactor = reactor();
    let order = Rc::new(RefCell::new(Vec::new()));
    for after in [30, 10, 20, 0] {
        let order = Rc::clone(&order);
        let called = move |_: &mut Handle| {
            order.borrow_mut().push(after);
            None
        };
        reactor.timer(Duration::from_millis(after), called).expect("there is room");
    }
    let cancelled = reactor.timer(Duration::from_millis(15), |_| panic!("it was removed")).expect("there is room");
    reactor
        .timer(Duration::from_millis(5), move |handle| {
            assert!(handle.remove(cancelled));
            None
        })
        .expect("there is room");
    let (count, times) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&times);
    reactor
        .timer(Duration::from_millis(1), move |_| {
            count.set(count.get() + 1);
            counted.set(count.get());
            (count.get() < 5).then_some(Duration::from_millis(1))
        })
        .expect("there is room");
    let error = reactor.modify(cancelled, Interest::READ).expect_err("a timer has none");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    reactor.run().expect("it ends when nothing is registered");
    assert_eq!(*order.borrow(), [0, 10, 20, 30]);
    assert_eq!(times.get(), 5);
    assert!(reactor.is_empty());
}

#[test]
fn a_signal_is_heard_and_stops_the_loop_and_is_heard_no_more_when_removed() {
    let mut reactor = reactor();
    let heard = Rc::new(Cell::new(0));
    let count = Rc::clone(&heard);
    let signal = signal_hook::consts::SIGWINCH;
    let name = reactor
        .signal(signal, move |handle| {
            count.set(count.get() + 1);
            handle.stop();
        })
        .expect("it can be caught");
    signal_hook::low_level::raise(signal).expect("the process may signal itself");
    reactor.run().expect("the selector is in order");
    assert_eq!(heard.get(), 1);
    assert!(reactor.remove(name));
    signal_hook::low_level::raise(signal).expect("the process may signal itself");
    assert_eq!(reactor.run_once(None).expect("with nothing registered it does not sleep"), 0);
    assert_eq!(heard.get(), 1);
    assert!(reactor.signal(signal_hook::consts::SIGKILL, |_| {}).is_err(), "that cannot be caught");
    assert!(reactor.is_empty());
}

#[test]
fn the_level_is_told_again_and_the_edge_once() {
    let mut reactor = reactor();
    let (level, mut level_peer) = pair();
    let (edge, mut edge_peer) = pair();
    level_peer.write_all(b"x").expect("there is room");
    edge_peer.write_all(b"x").expect("there is room");
    let calls = Rc::new(RefCell::new(Vec::new()));
    for (stream, interest, name) in
        [(level, Interest::READ, "level"), (edge, (Interest::READ | Interest::WRITE).edge(), "edge")]
    {
        let calls = Rc::clone(&calls);
        let handler = move |_: &mut Handle, _: &UnixStream, ready: Ready| calls.borrow_mut().push((name, ready));
        reactor.register(stream, interest, handler).expect("it is new");
    }
    for _ in 0..3 {
        reactor.run_once(NOW).expect("the selector is in order");
    }
    let of =
        |wanted| calls.borrow().iter().filter(|(name, _)| *name == wanted).map(|(_, ready)| *ready).collect::<Vec<_>>();
    assert_eq!(of("level"), [Ready { readable: true, ..Ready::default() }; 3]);
    assert_eq!(of("edge"), [Ready { readable: true, writable: true, ended: false }]);
    drop(edge_peer);
    reactor.run_once(NOW).expect("the selector is in order");
    assert_eq!(of("edge").last(), Some(&Ready { readable: true, writable: true, ended: true }));
}

#[test]
fn a_handler_that_panics_is_removed_and_the_rest_of_the_batch_is_not_lost() {
    let mut reactor = reactor();
    let called = Rc::new(Cell::new(0));
    let mut peers = Vec::new();
    for _ in 0..3 {
        let (near, mut far) = pair();
        far.write_all(b"x").expect("there is room");
        peers.push(far);
        let called = Rc::clone(&called);
        let handler = move |_: &mut Handle, _: &UnixStream, _: Ready| {
            called.set(called.get() + 1);
            assert!(called.get() != 1, "the first of them");
        };
        reactor.register(near, Interest::READ.edge(), handler).expect("it is new");
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| reactor.run_once(NOW)));
    assert!(panicked.is_err(), "the panic passes through");
    assert_eq!((called.get(), reactor.len()), (1, 2));
    assert_eq!(reactor.run_once(NOW).expect("the selector is in order"), 2);
    assert_eq!(called.get(), 3);
}

/// A client that connects anew under the same name: its descriptor is another by the time it is removed.
struct Reconnecting {
    before: UnixStream,
    after: UnixStream,
    has_reconnected: Rc<Cell<bool>>,
}

impl std::os::fd::AsFd for Reconnecting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        if self.has_reconnected.get() { self.after.as_fd() } else { self.before.as_fd() }
    }
}

#[test]
fn a_loop_that_wakes_for_ever_for_somebody_who_is_gone_rebuilds_its_selector() {
    let mut reactor = reactor();
    let (before, mut old_peer) = pair();
    let (after, _new_peer) = pair();
    let (alive, mut peer) = pair();
    let copy = before.try_clone().expect("a descriptor is free");
    let has_reconnected = Rc::new(Cell::new(false));
    let source = Reconnecting { before, after, has_reconnected: Rc::clone(&has_reconnected) };
    let name = reactor.register(source, Interest::READ, |_, _, _| panic!("it is removed")).expect("it is new");
    let heard = Rc::new(Cell::new(0));
    let count = Rc::clone(&heard);
    let reader = move |_: &mut Handle, mut stream: &UnixStream, _: Ready| {
        assert_eq!(stream.read(&mut [0; 8]).expect("something has come"), 1);
        count.set(count.get() + 1);
    };
    reactor.register(alive, Interest::READ, reader).expect("it is new");

    has_reconnected.set(true);
    assert!(reactor.remove(name), "the reactor is rid of it, but the kernel is not");
    old_peer.write_all(b"x").expect("there is room");
    // Nobody is called, and still it does not sleep: with a minute for each wait, all of these would take hours.
    let minute = Some(Duration::from_secs(60));
    let mut waits = 0;
    while reactor.selector_rebuilds() == 0 {
        assert_eq!(reactor.run_once(minute).expect("a descriptor is free"), 0);
        waits += 1;
        assert!(waits <= FRUITLESS_WAITS_MIN, "{waits} wake-ups without progress");
    }
    assert_eq!(waits, FRUITLESS_WAITS_MIN);
    let mut events = Vec::with_capacity(8);
    reactor.handle.wait(NOW, &mut events).expect("the selector is in order");
    assert!(events.is_empty(), "the spin is over");
    peer.write_all(b"x").expect("there is room");
    assert_eq!(reactor.run_once(minute).expect("the selector is in order"), 1);
    assert_eq!((heard.get(), reactor.selector_rebuilds()), (1, 1), "and who is alive is still heard");
    drop(copy);
}
