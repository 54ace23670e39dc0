//! The driver and its selector: registrations that outlived their descriptors, with the kernel's own behaviour.

use std::io::Write;
use std::os::unix::net::UnixStream;

use crore_base::counters::Counters;
use rustix::io::dup;

use super::*;
use crate::executor::shared::PlaceGuard;
use crate::limits::FRUITLESS_WAITS_MIN;
use crate::stats;

/// A driver of core 0 of a runtime without workers.
fn driver(place: &PlaceGuard) -> (Epoll, std::sync::Arc<Counters>) {
    let counters = Counters::new(1, stats::COUNTERS);
    let surroundings = Surroundings {
        core: 0,
        clock: Clock::Real(std::time::Instant::now()),
        shared: place.core(0),
        counters: counters.core(0),
        connections: 8,
    };
    (Epoll::new(surroundings).expect("a descriptor is free"), counters)
}

fn turn(driver: &mut Epoll) {
    let mut woken = Vec::new();
    driver.wait(Some(Duration::ZERO), &mut woken);
    assert!(woken.iter().all(|slot| slot.is_empty()), "nobody waits in this test");
}

fn adopt(driver: &mut Epoll, socket: UnixStream) -> ConnectionId {
    socket.set_nonblocking(true).expect("it is open");
    Driver::adopt(driver, socket.into(), 1000).expect("it can be registered").expect("a slot is free")
}

#[test]
fn a_closed_connection_whose_socket_lives_on_elsewhere_is_rid_of_by_a_rebuild_and_the_others_stay() {
    let place = PlaceGuard::take(1).expect("there is room for a runtime");
    let (mut driver, counters) = driver(&place);
    let (near, mut far) = UnixStream::pair().expect("a pair");
    let (alive, mut waker) = UnixStream::pair().expect("a pair");
    let watched = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    let watched_at = watched.local_addr().expect("it is bound");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let listening_at = listener.local_addr().expect("it is bound");

    // As a child that was forked with it would keep it.
    let copy = dup(&near).expect("a descriptor is free");
    let closed = adopt(&mut driver, near);
    let open = adopt(&mut driver, alive);
    let watch = driver.watch(watched.into()).expect("it can be registered");
    let listener = driver.listen_on(listener.into(), 1000, false).expect("it can be registered");
    turn(&mut driver);
    driver.close(closed, Close::Abort);

    // At the edge a wake-up needs an event: here each byte that comes for the one that is gone.
    let rebuilds = || counters.sum(stats::SELECTOR_REBUILDS);
    let mut bytes = 0;
    while rebuilds() == 0 {
        far.write_all(b"x").expect("there is room");
        turn(&mut driver);
        rustix::io::read(&copy, &mut [0; 1]).expect("it has just come");
        bytes += 1;
        assert!(bytes <= FRUITLESS_WAITS_MIN, "{bytes} wake-ups for nobody");
    }
    assert_eq!(bytes, FRUITLESS_WAITS_MIN);
    turn(&mut driver);
    driver.connections.get_mut(open).expect("it is open").flags &= !connection::READABLE;
    far.write_all(b"x").expect("there is room");
    let mut events = Vec::with_capacity(8);
    driver.selector.wait(Some(Duration::ZERO), &mut events);
    assert!(events.is_empty(), "it is heard of no more");
    drop(copy);

    // Whoever lives was registered again.
    driver.listeners[listener as usize].as_mut().expect("it is open").ready = false;
    driver.watches[watch as usize].as_mut().expect("it is watched").readable = false;
    waker.write_all(b"x").expect("there is room");
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    sender.send_to(b"x", watched_at).expect("loopback takes it");
    let _client = std::net::TcpStream::connect(listening_at).expect("somebody listens");
    turn(&mut driver);
    assert!(driver.connections.get(open).expect("it is open").has(connection::READABLE));
    assert!(driver.watches[watch as usize].as_ref().expect("it is watched").readable);
    assert!(driver.listeners[listener as usize].as_ref().expect("it is open").ready);
    rustix::io::write(place.core(0).bell(), &1_u64.to_ne_bytes()).expect("the counter has room");
    assert_eq!(driver.selector.wait(None, &mut events), crate::selector::Ended::WithEvents);
    assert_eq!(rebuilds(), 1);
}

#[test]
fn what_another_driver_attends_to_at_its_level_is_no_wake_up_in_vain() {
    let place = PlaceGuard::take(1).expect("there is room for a runtime");
    let (mut driver, counters) = driver(&place);
    let (device, mut wire) = UnixStream::pair().expect("a pair");
    driver.attend(std::os::fd::AsFd::as_fd(&device)).expect("it can be registered");
    wire.write_all(b"a frame").expect("there is room");
    for _ in 0..4 * FRUITLESS_WAITS_MIN {
        turn(&mut driver);
    }
    assert_eq!(counters.sum(stats::SELECTOR_REBUILDS), 0);
}
