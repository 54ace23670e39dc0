use rustix::event::{EventfdFlags, eventfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::*;

const HELLO: Hello = Hello { kind: Kind::Welcome, queues: 3, sizes: RingSizes::DEFAULT };

fn sockets() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

#[test]
fn a_message_arrives_with_its_descriptors() {
    let (one, other) = sockets();
    assert!(Hello::receive(other.as_fd()).unwrap().is_none());
    for count in [0, 1, DESCRIPTORS_MAX] {
        let bells: Vec<OwnedFd> = (0..count).map(|_| eventfd(0, EventfdFlags::NONBLOCK).unwrap()).collect();
        let borrowed: Vec<_> = bells.iter().map(AsFd::as_fd).collect();
        HELLO.send(one.as_fd(), &borrowed).unwrap();
        let (hello, received) = Hello::receive(other.as_fd()).unwrap().unwrap();
        assert_eq!((hello, received.len()), (HELLO, count));
        for (sent, received) in bells.iter().zip(&received) {
            rustix::io::write(received, &1_u64.to_ne_bytes()).unwrap();
            assert_eq!(rustix::io::read(sent, &mut [0; 8]), Ok(8), "they are the same, in order");
        }
    }
}

#[test]
fn every_message_is_read_back_and_every_other_is_refused_with_a_reason() {
    for kind in [Kind::Join, Kind::Welcome, Kind::Busy] {
        let hello = Hello { kind, ..HELLO };
        assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
    }
    let mut other_version = HELLO.encode();
    other_version[7] = b'2';
    assert_eq!(Hello::decode(&other_version), Err("it speaks another version"));
    let mut other_kind = HELLO.encode();
    other_kind[8] = 9;
    assert_eq!(Hello::decode(&other_kind), Err("its greeting is of an unknown kind"));
    for bytes in [&HELLO.encode()[..23], &[0; 25]] {
        assert_eq!(Hello::decode(bytes), Err("its greeting has a different length"));
    }
}

#[test]
fn nonsense_and_a_closed_socket_are_errors_and_leak_no_descriptors() {
    let (one, other) = sockets();
    rustix::io::write(&one, &[1; 100]).unwrap();
    assert_eq!(Hello::receive(other.as_fd()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    drop(one);
    assert_eq!(Hello::receive(other.as_fd()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}
