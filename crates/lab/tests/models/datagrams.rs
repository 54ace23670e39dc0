//! The model without connections.

use std::net::UdpSocket;
use std::time::Duration;

use crore_lab::Protocol;

use crate::process::Process;

fn client(server: &Process) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

fn datagram(sequence: u64, payload: &[u8]) -> Vec<u8> {
    [&sequence.to_be_bytes()[..], payload].concat()
}

#[test]
fn every_client_gets_its_own_datagrams_back_by_their_numbers() {
    let server = Process::start("udp", Protocol::Echo);
    let clients: Vec<UdpSocket> = (0..20).map(|_| client(&server)).collect();
    for sequence in 0..10 {
        for (index, client) in clients.iter().enumerate() {
            client.send(&datagram(sequence, &vec![index as u8; index * 70])).unwrap();
        }
        for (index, client) in clients.iter().enumerate() {
            let mut room = [0; 2_000];
            let length = client.recv(&mut room).unwrap();
            assert_eq!(room[..length], datagram(sequence, &vec![index as u8; index * 70]));
        }
    }
    server.end();
}

#[test]
fn what_is_asked_twice_is_answered_twice() {
    let server = Process::start("udp", Protocol::Echo);
    let client = client(&server);
    for _ in 0..2 {
        client.send(&datagram(7, b"again")).unwrap();
        let mut room = [0; 100];
        let length = client.recv(&mut room).unwrap();
        assert_eq!(room[..length], datagram(7, b"again"));
    }
    server.end();
}

#[test]
fn datagrams_without_a_number_or_too_long_get_no_answer() {
    let server = Process::start("udp", Protocol::Echo);
    let client = client(&server);
    client.send(b"").unwrap();
    client.send(b"1234567").unwrap();
    client.send(&[0; 1_433]).unwrap();
    client.send(&datagram(1, b"good")).unwrap();
    let mut room = [0; 2_000];
    let length = client.recv(&mut room).unwrap();
    assert_eq!(room[..length], datagram(1, b"good"));
    server.end();
}

#[test]
fn a_client_that_is_gone_stops_nobody() {
    let server = Process::start("udp", Protocol::Echo);
    for _ in 0..10 {
        client(&server).send(&datagram(1, b"farewell")).unwrap();
    }
    let client = client(&server);
    client.send(&datagram(2, b"hello")).unwrap();
    let mut room = [0; 100];
    assert_eq!(client.recv(&mut room).unwrap(), 13);
    server.end();
}
