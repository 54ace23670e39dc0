//! UDP over the kernel, with the standard library's blocking sockets at the other end.

#[macro_use]
mod models;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::thread;

use crore_rt::net::{Network, UdpSocket};
use crore_rt::{Runtime, spawn, spawn_detached, yield_now};

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

over_every_driver! {
    datagrams_of_every_length_come_back_from_an_echo_the_empty_one_too
    a_socket_that_knows_its_peer_hears_nobody_else_and_is_told_when_it_is_not_there
    a_datagram_larger_than_a_buffer_is_told_with_its_length_and_the_next_is_received
    who_waits_to_receive_lets_others_work_and_hears_what_comes_much_later
}

fn runtime(driver: &str) -> Runtime {
    models::builder(driver, 1).build().expect("a small runtime can be built")
}

/// A thread that asks `count` times, each time with another length, and checks the answers.
fn asking(address: SocketAddr, count: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let client = StdSocket::bind(any()).expect("loopback has free ports");
        for length in (0..count).map(|n| n * 7) {
            let sent = vec![length as u8; length];
            client.send_to(&sent, address).expect("loopback takes it");
            let mut received = [0; 16 * 1024];
            let (count, from) = client.recv_from(&mut received).expect("the echo answers");
            assert_eq!((&received[..count], from), (&sent[..], address));
        }
    })
}

async fn echo(socket: UdpSocket, count: usize) {
    for _ in 0..count {
        let (bytes, from) = socket.recv_from().await.expect("a datagram comes");
        socket.send_to(&bytes, from).await.expect("loopback takes it");
    }
}

fn datagrams_of_every_length_come_back_from_an_echo_the_empty_one_too(driver: &str) {
    runtime(driver).block_on(async {
        let socket = UdpSocket::bind(any()).expect("loopback has free ports");
        let client = asking(socket.local_addr(), 2000);
        echo(socket, 2000).await;
        client.join().expect("all came back");
    });
}

fn a_socket_that_knows_its_peer_hears_nobody_else_and_is_told_when_it_is_not_there(driver: &str) {
    runtime(driver).block_on(async {
        let (peer, stranger) = (StdSocket::bind(any()).unwrap(), StdSocket::bind(any()).unwrap());
        let mut socket = UdpSocket::bind(any()).expect("loopback has free ports");
        assert!(socket.send(b"to whom?").await.is_err());
        socket.connect(peer.local_addr().unwrap()).expect("loopback is there");
        socket.send(b"question").await.expect("loopback takes it");
        let mut bytes = [0; 16];
        let (count, from) = peer.recv_from(&mut bytes).expect("it was sent");
        assert_eq!((&bytes[..count], from), (&b"question"[..], socket.local_addr()));
        stranger.send_to(b"noise", from).expect("loopback takes it");
        peer.send_to(b"answer", from).expect("loopback takes it");
        assert_eq!(&socket.recv().await.expect("the peer answers")[..], b"answer");
        drop(peer);
        socket.send(b"anybody?").await.expect("loopback takes it");
        assert_eq!(socket.recv().await.expect_err("nobody").kind(), ErrorKind::ConnectionRefused);
    });
}

fn a_datagram_larger_than_a_buffer_is_told_with_its_length_and_the_next_is_received(driver: &str) {
    runtime(driver).block_on(async {
        let socket = UdpSocket::bind(any()).expect("loopback has free ports");
        let client = StdSocket::bind(any()).expect("loopback has free ports");
        client.send_to(&[1; 20_000], socket.local_addr()).expect("loopback takes it");
        client.send_to(&[2; 16_384], socket.local_addr()).expect("loopback takes it");
        let error = socket.recv_from().await.expect_err("it is too large");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("20000") && error.to_string().contains("16384"), "{error}");
        assert_eq!(&socket.recv().await.expect("it fits")[..], [2; 16_384]);
        let error =
            socket.send_to(&[0; 70_000], client.local_addr().unwrap()).await.expect_err("no datagram is so large");
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::MSGSIZE.raw_os_error()));
    });
}

fn who_waits_to_receive_lets_others_work_and_hears_what_comes_much_later(driver: &str) {
    runtime(driver).block_on(async {
        let socket = UdpSocket::bind(any()).expect("loopback has free ports");
        let address = socket.local_addr();
        let waiting = spawn(async move { socket.recv().await.map(|bytes| bytes.len()) });
        let mut other = UdpSocket::bind(any()).expect("loopback has free ports");
        other.connect(address).expect("loopback is there");
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!waiting.is_finished());
        other.send(b"at last").await.expect("loopback takes it");
        assert_eq!(waiting.await.expect("it does not panic").expect("it came"), 7);
    });
}

#[test]
fn beside_our_own_tcp_the_kernels_datagrams_are_served_in_the_same_loop() {
    let wire = format!("wire:rt-udp-{}", std::process::id());
    let network = Network { addresses: vec!["10.1.0.1/16".parse().expect("a network")], ..Network::default() };
    let builder = Runtime::builder().workers(1).pin(false).connections(100).driver(&wire).network(network);
    builder.build().expect("the wire is new").block_on(async {
        let socket = UdpSocket::bind(any()).expect("loopback has free ports");
        let client = asking(socket.local_addr(), 50);
        spawn_detached(echo(socket, 50)).expect("there is room for a task");
        while !client.is_finished() {
            crore_rt::time::sleep(crore_base::time::Duration::from_millis(1)).await;
        }
        client.join().expect("all came back");
    });
}

#[crore_rt::test]
async fn a_simulated_world_has_no_datagrams_and_says_so() {
    let error = UdpSocket::bind(any()).expect_err("it has none");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("simulated"), "{error}");
}
