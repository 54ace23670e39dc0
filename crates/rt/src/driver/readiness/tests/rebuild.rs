//! Registrations that outlived their descriptors, which the models of epoll(7) cannot end but by starting again.

use rustix::io::dup;

use super::*;
use crate::limits::FRUITLESS_WAITS_MIN;
use crate::selector::Ended;

#[test]
fn a_closed_connection_whose_socket_lives_on_elsewhere_is_rid_of_by_a_rebuild_and_the_others_stay() {
    for model in [Model::Epoll, Model::EpollLt] {
        rebuilds(model);
    }
}

fn rebuilds(model: Model) {
    let mut stage = Stage::new(model);
    let (near, mut far) = UnixStream::pair().expect("a pair");
    let (alive, mut waker) = UnixStream::pair().expect("a pair");
    let watched = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    let watched_at = watched.local_addr().expect("it is bound");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let listening_at = listener.local_addr().expect("it is bound");

    // As a child that was forked with it would keep it.
    let copy = dup(&near).expect("a descriptor is free");
    let closed = stage.adopt(near);
    let open = stage.adopt(alive);
    let watch = stage.driver.watch(watched.into()).expect("it can be registered");
    let listener = stage.driver.listen_on(listener.into(), 1000, false).expect("it can be registered");
    stage.turn();
    stage.driver.close(closed, Close::Abort);

    // At the edge a wake-up needs an event: here each byte that comes for the one that is gone.
    let mut bytes = 0;
    while stage.count(stats::SELECTOR_REBUILDS) == 0 {
        far.write_all(b"x").expect("there is room");
        stage.turn();
        rustix::io::read(&copy, &mut [0; 1]).expect("it has just come");
        bytes += 1;
        assert!(bytes <= FRUITLESS_WAITS_MIN, "{bytes} wake-ups for nobody");
    }
    assert_eq!(bytes, FRUITLESS_WAITS_MIN);
    stage.turn();
    stage.driver.connections.get_mut(open).expect("it is open").flags &= !connection::READABLE;
    far.write_all(b"x").expect("there is room");
    let mut events = Vec::with_capacity(8);
    stage.driver.poller.wait(Some(Duration::ZERO), &mut events);
    assert!(events.is_empty(), "it is heard of no more");
    drop(copy);

    // Whoever lives was registered again.
    stage.driver.listeners[listener as usize].as_mut().expect("it is open").ready = false;
    stage.driver.watches.get_mut(watch).expect("it is watched").readable = false;
    waker.write_all(b"x").expect("there is room");
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    sender.send_to(b"x", watched_at).expect("loopback takes it");
    let _client = std::net::TcpStream::connect(listening_at).expect("somebody listens");
    stage.turn();
    assert!(stage.driver.connections.get(open).expect("it is open").has(connection::READABLE));
    assert!(stage.driver.watches.get_mut(watch).expect("it is watched").readable);
    assert!(stage.driver.listeners[listener as usize].as_ref().expect("it is open").ready);
    rustix::io::write(stage.place.core(0).bell(), &1_u64.to_ne_bytes()).expect("the counter has room");
    assert_eq!(stage.driver.poller.wait(None, &mut events), Ended::WithEvents);
    assert_eq!(stage.count(stats::SELECTOR_REBUILDS), 1);
}

#[test]
fn what_another_driver_attends_to_at_its_level_is_no_wake_up_in_vain() {
    let mut stage = Stage::new(Model::Epoll);
    let (device, mut wire) = UnixStream::pair().expect("a pair");
    stage.driver.attend(std::os::fd::AsFd::as_fd(&device)).expect("it can be registered");
    wire.write_all(b"a frame").expect("there is room");
    for _ in 0..4 * FRUITLESS_WAITS_MIN {
        stage.turn();
    }
    assert_eq!(stage.count(stats::SELECTOR_REBUILDS), 0);
}
