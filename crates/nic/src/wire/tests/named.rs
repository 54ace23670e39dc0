//! Ends that meet by name, within one process.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A name that no other test has.
fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn open(name: &str, queues: u16, role: Role) -> Result<Vec<Port>, OpenError> {
    Ok(Wire::open(name, queues, role)?.into_iter().map(Port::new).collect())
}

/// Opens a guest while the host takes its turns.
fn join(host: &mut [Port], name: &str, queues: u16, role: Role) -> Result<Vec<Port>, OpenError> {
    std::thread::scope(|scope| {
        let guest = scope.spawn(|| open(name, queues, role));
        while !guest.is_finished() {
            host.iter_mut().for_each(|port| drop(port.receive(0)));
        }
        guest.join().unwrap()
    })
}

#[test]
fn a_host_waits_for_its_guest_and_they_talk() {
    let name = fresh_name();
    let mut host = open(&name, 2, Role::Host).unwrap();
    assert_eq!(host[0].wire.link(), Link::Waiting);
    assert!(host[0].receive(10).is_empty());
    host[1].send(&[0; 60]);
    assert_eq!(host[1].wire.statistics().lost, 1, "nobody is there yet");

    let mut guest = join(&mut host, &name, 3, Role::Guest).unwrap();
    assert_eq!((host[1].wire.link(), guest[2].wire.link()), (Link::Up, Link::Up));
    assert_eq!(guest[0].wire.capabilities().name, format!("wire:{name}"));
    guest[2].send(&[1; 60]);
    assert_eq!(host[0].receive_all(), [vec![1; 60]]);
    host[1].send(&[2; 60]);
    assert_eq!(guest[0].receive_all(), [vec![2; 60]]);
}

#[test]
fn a_sleeping_host_wakes_up_for_its_guest_and_for_its_going() {
    let name = fresh_name();
    let mut host = open(&name, 2, Role::Host).unwrap();
    host.iter_mut().for_each(|port| assert!(port.wire.prepare_sleep() && !port.is_rung(0)));
    let guest = std::thread::scope(|scope| {
        let guest = scope.spawn(|| open(&name, 1, Role::Guest));
        while host[0].wire.link() != Link::Up {
            assert!(host[0].is_rung(10_000));
            host[0].receive(0);
            let _quiet = host[0].wire.prepare_sleep();
        }
        guest.join().unwrap().unwrap()
    });
    assert!(host[1].is_rung(0), "the other queue is told");
    host.iter_mut().for_each(|port| drop(port.receive(0)));
    for port in &mut host {
        while !port.wire.prepare_sleep() {
            port.receive(0);
        }
    }
    drop(guest);
    assert!(host[0].is_rung(10_000));
    while host[0].wire.link() == Link::Up {
        host[0].receive(0);
        let _quiet = host[0].wire.prepare_sleep();
    }
    assert!(host[1].is_rung(0));
}

#[test]
fn one_guest_after_the_other_gets_a_fresh_wire() {
    let name = fresh_name();
    let mut host = open(&name, 1, Role::Host).unwrap();
    for round in 0..20 {
        let mut guest = join(&mut host, &name, 1, Role::Guest).unwrap();
        host[0].send(&[round; 100]);
        guest[0].send(&[round + 100; 100]);
        assert_eq!(guest[0].receive_all(), [vec![round; 100]]);
        assert_eq!(host[0].receive_all(), [vec![round + 100; 100]]);
        drop(guest);
        (0..WIRE_TEND_CALLS).for_each(|_| drop(host[0].receive(0)));
        assert_eq!(host[0].wire.link(), Link::Lost);
    }
}

#[test]
fn a_third_end_is_told_that_the_wire_is_taken() {
    let name = fresh_name();
    let mut host = open(&name, 1, Role::Either).unwrap();
    let mut guest = join(&mut host, &name, 1, Role::Either).unwrap();
    for role in [Role::Guest, Role::Either] {
        let third = join(&mut host, &name, 1, role);
        assert!(matches!(third, Err(OpenError::Taken { name: taken }) if taken == format!("wire:{name}")));
    }
    assert!(matches!(open(&name, 1, Role::Host), Err(OpenError::Taken { .. })));
    guest[0].send(&[1; 60]);
    assert_eq!(host[0].receive_all().len(), 1, "the two are not disturbed");
}

#[test]
fn a_guest_without_a_host_is_told_which_wires_there_are() {
    let name = fresh_name();
    let _host = open(&name, 1, Role::Host).unwrap();
    let other = fresh_name();
    let Err(OpenError::Nobody { name: missing, others }) = open(&other, 1, Role::Guest) else {
        panic!("nobody is there");
    };
    assert_eq!(missing, format!("wire:{other}"));
    assert!(others.contains(&format!("wire:{name}")), "{others:?}");
}

#[test]
fn a_host_that_does_not_answer_is_not_waited_for_for_ever() {
    let name = fresh_name();
    let _host = open(&name, 1, Role::Host).unwrap();
    let end = Arc::new(End::new(&format!("wire:{name}"), random_mac(), 1).unwrap());
    let timeout = crore_base::time::Duration::from_millis(50);
    let joined = Keeper::join(end, timeout);
    assert!(matches!(joined, Err(OpenError::Silent { .. })));
}

#[test]
fn a_newcomer_that_talks_nonsense_is_let_go_and_the_next_one_is_served() {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
    let name = fresh_name();
    let mut host = open(&name, 1, Role::Host).unwrap();
    let address = meeting::address(&format!("wire:{name}")).unwrap();
    let mut silent = Vec::new();
    for words in [&b""[..], b"hello", &[0; 24], &[0xff; 4000]] {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        connect(&socket, &address).unwrap();
        if !words.is_empty() {
            rustix::io::write(&socket, words).unwrap();
        }
        silent.push(socket);
        (0..2 * WIRE_TEND_CALLS).for_each(|_| drop(host[0].receive(0)));
        assert_eq!(host[0].wire.link(), Link::Waiting);
    }
    let mut guest = join(&mut host, &name, 1, Role::Guest).unwrap();
    guest[0].send(&[1; 60]);
    assert_eq!(host[0].receive_all().len(), 1);
}
