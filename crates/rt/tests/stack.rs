//! TCP over our own TCP/IP: two runtimes of this process, each on a thread of its own, on one wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_rt::net::{ConnectOptions, ListenOptions, Network, SendError, StreamOption, TcpListener, TcpStream};
use crore_rt::{Runtime, spawn_detached, stats, time, yield_now};

const SERVER: &str = "10.1.0.1:7000";

fn runtime(wire: &str, network: Network) -> Runtime {
    let driver = format!("wire:{wire}");
    Runtime::builder().workers(1).pin(false).connections(10_000).driver(&driver).network(network).build().unwrap()
}

fn at(address: &str) -> Network {
    Network { addresses: vec![address.parse().unwrap()], ..Network::default() }
}

fn server_address() -> SocketAddr {
    SERVER.parse().unwrap()
}

fn listen() -> TcpListener {
    TcpListener::bind(server_address(), &ListenOptions::default()).expect("the address is ours")
}

async fn connect() -> TcpStream {
    TcpStream::connect(server_address(), &ConnectOptions::default()).await.expect("somebody listens")
}

/// Runs `server` at one end of a wire until `client` has returned at the other.
fn both<S, C>(name: &str, server: impl FnOnce() -> S + Send + 'static, client: impl FnOnce() -> C)
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = ()> + 'static,
{
    let wire = format!("rt-test-{}-{name}", std::process::id());
    let host = runtime(&wire, at("10.1.0.1/16"));
    let over = Arc::new(AtomicBool::new(false));
    let served = Arc::clone(&over);
    let serving = thread::spawn(move || {
        host.block_on(async move {
            spawn_detached(server()).expect("there is room for a task");
            while !served.load(SeqCst) {
                time::sleep(Duration::from_millis(1)).await;
            }
        });
    });
    let network = Network { owned: vec!["10.1.9.0/24".parse().unwrap()], stealth: true, ..at("10.1.0.2/16") };
    runtime(&wire, network).block_on(client());
    over.store(true, SeqCst);
    serving.join().expect("the server does not panic");
}

async fn echo_all(listener: TcpListener) {
    while let Ok(mut stream) = listener.accept().await {
        let echo = async move {
            while let Ok(bytes) = stream.recv().await {
                if bytes.is_empty() || stream.sendable().await.is_err() || stream.send(&bytes[..]).is_err() {
                    return;
                }
            }
        };
        spawn_detached(echo).expect("there is room for a task");
    }
}

#[test]
fn megabytes_come_back_from_an_echo_unchanged() {
    both(
        "megabytes",
        || echo_all(listen()),
        || async {
            let mut stream = connect().await;
            let sent: Vec<u8> = (0..5_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
            let (mut received, mut next) = (Vec::new(), 0);
            while received.len() < sent.len() {
                while next < sent.len() {
                    let end = (next + 65_536).min(sent.len());
                    match stream.send(&sent[next..end]) {
                        Ok(()) => next = end,
                        Err(SendError::Full { .. }) => break,
                        Err(error) => panic!("the echo is there: {error}"),
                    }
                }
                received.extend_from_slice(&stream.recv().await.expect("the echo answers"));
            }
            assert!(sent == received);
            stream.flushed().await.expect("the echo has taken all");
            assert_eq!(stream.id().queued(), Some(0));
            stream.shutdown();
            assert!(stream.recv().await.expect("the echo ends in order").is_empty());
        },
    );
}

#[test]
fn thousands_of_connections_from_many_addresses_live_and_end_at_once() {
    both(
        "thousands",
        || echo_all(listen()),
        || async {
            let one = |number: u32| async move {
                let source = format!("10.1.9.{}", number % 200 + 1).parse().unwrap();
                let options = ConnectOptions { source: Some(source), deadline: None };
                let mut stream = TcpStream::connect(server_address(), &options).await.expect("somebody listens");
                assert_eq!(stream.local_addr().unwrap().ip(), source);
                assert_eq!(stream.peer_addr().unwrap(), server_address());
                stream.send(&number.to_le_bytes()[..]).unwrap();
                assert_eq!(&stream.recv().await.unwrap()[..], number.to_le_bytes());
            };
            let tasks: Vec<_> = (0..3_000).map(|number| crore_rt::spawn(one(number))).collect();
            for task in tasks {
                task.await.expect("no connection fails");
            }
            while crore_rt::connection_count() > 0 {
                time::sleep(Duration::from_millis(1)).await;
            }
        },
    );
}

#[test]
fn a_peer_that_does_not_read_fills_the_queue_and_a_reset_is_told_to_both_waiters() {
    let idle = || async {
        let mut stream = listen().accept().await.expect("a client comes");
        stream.set(StreamOption::KeepAlive(None)).expect("the stream is open");
        let first = stream.recv().await.expect("bytes have come");
        assert!(!first.is_empty());
        time::sleep(Duration::from_millis(50)).await;
        stream.abort();
    };
    both("full", idle, || async {
        let mut stream = connect().await;
        stream.set_send_limit(256 << 10).expect("the stream is open");
        let payload = Payload::from(vec![1; 64 << 10]);
        let full = loop {
            match stream.send(payload.clone()) {
                Ok(()) => yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SendError::Full { queued, limit: 262_144 } if queued > 196_608), "{full:?}");
        let error = stream.recv().await.expect_err("the peer resets");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(stream.flushed().await, Err(SendError::Closed));
        assert_eq!(stream.send(payload.clone()), Err(SendError::Closed));
        drop(stream);
        assert_eq!(payload.holders(), 1, "nobody holds the payload any more");
    });
}

#[test]
fn a_port_without_a_listener_refuses_and_an_address_without_a_host_is_unreachable() {
    both(
        "refused",
        || echo_all(listen()),
        || async {
            let options = ConnectOptions::default();
            let closed = "10.1.0.1:7001".parse().unwrap();
            let error = TcpStream::connect(closed, &options).await.expect_err("nobody listens");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            let nobody = "10.1.200.200:7000".parse().unwrap();
            let error = TcpStream::connect(nobody, &options).await.expect_err("nobody is there");
            assert_eq!(error.kind(), std::io::ErrorKind::HostUnreachable);
        },
    );
}

#[test]
fn one_that_vanishes_says_nothing_and_the_other_side_finds_out_by_itself() {
    let patient = || async {
        let listener = listen();
        let mut lost = listener.accept().await.expect("a client comes");
        lost.set_user_timeout(Some(Duration::from_secs(1))).expect("the stream is open");
        assert_eq!(&lost.recv().await.unwrap()[..], b"here");
        assert_eq!(&listener.accept().await.expect("another comes").recv().await.unwrap()[..], b"it is gone");
        lost.send(&b"are you there?"[..]).expect("nobody has said that it is gone");
        let error = lost.recv().await.expect_err("nothing is acknowledged");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        let mut told = listener.accept().await.expect("a third comes");
        told.send(&b"told"[..]).expect("the stream is open");
        let _ = told.recv().await;
    };
    both("vanish", patient, || async {
        let first = connect().await;
        first.send(&b"here"[..]).unwrap();
        first.flushed().await.unwrap();
        first.vanish();
        let second = connect().await;
        second.send(&b"it is gone"[..]).unwrap();
        let mut third = connect().await;
        assert_eq!(&third.recv().await.expect("the server goes on")[..], b"told");
    });
}

#[test]
fn what_the_kernel_carries_goes_on_in_the_same_loop() {
    both(
        "kernel",
        || echo_all(listen()),
        || async {
            let any = "127.0.0.1:0".parse().unwrap();
            let listener = TcpListener::bind(any, &ListenOptions::default()).expect("loopback has free ports");
            let address = listener.local_addr();
            spawn_detached(echo_all(listener)).expect("there is room for a task");
            let mut kernel = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
            let mut ours = connect().await;
            for round in 0..100_u32 {
                for stream in [&mut kernel, &mut ours] {
                    stream.send(&round.to_le_bytes()[..]).unwrap();
                    assert_eq!(&stream.recv().await.unwrap()[..], round.to_le_bytes());
                }
            }
            assert!(kernel.peer_addr().unwrap().ip().is_loopback());
            assert_eq!(crore_rt::driver_name(), "wire");
        },
    );
}

#[test]
fn the_last_word_replaces_what_has_not_begun_to_leave() {
    let slow = || async {
        let mut stream = listen().accept().await.expect("a client comes");
        time::sleep(Duration::from_millis(50)).await;
        let mut all = Vec::new();
        loop {
            let bytes = stream.recv().await.expect("it ends in order");
            if bytes.is_empty() {
                break;
            }
            all.extend_from_slice(&bytes);
        }
        assert!(all.ends_with(b"goodbye"));
        let data = &all[..all.len() - 7];
        assert!(data.len().is_multiple_of(100_000) && data.iter().all(|&byte| byte == 7), "payloads are whole");
        assert!(data.len() < 900_000, "{} bytes were sent although they had not begun to leave", data.len());
        stream.send(&b"done"[..]).unwrap();
        stream.flushed().await.unwrap();
    };
    both("last-word", slow, || async {
        let mut stream = connect().await;
        let payload = Payload::from(vec![7; 100_000]);
        for _ in 0..9 {
            stream.send(payload.clone()).expect("the queue has room");
        }
        yield_now().await;
        stream.id().supersede(&b"goodbye"[..]).expect("the last word is always taken");
        stream.shutdown();
        assert_eq!(&stream.recv().await.unwrap()[..], b"done");
        assert_eq!(payload.holders(), 1, "the dropped ones are gone, the sent ones acknowledged");
    });
}

#[test]
fn a_network_without_addresses_and_a_name_without_a_device_are_refused() {
    let build = |driver: &str| Runtime::builder().workers(1).driver(driver).build().err().unwrap().to_string();
    assert!(build("wire:nameless").contains("no address"));
    assert!(build("wire:").contains("cannot be the name"));
    assert!(build("tape:x").contains("tape:x"));
}

#[test]
fn two_cores_at_each_end_share_one_wire() {
    let wire = format!("rt-test-{}-cores", std::process::id());
    let driver = format!("wire:{wire}");
    let two = move |address: &str| {
        let builder = Runtime::builder().workers(2).pin(false).connections(10_000).driver(&driver);
        builder.network(at(address)).build().expect("a small runtime can be built")
    };
    let over = Arc::new(AtomicBool::new(false));
    let served = Arc::clone(&over);
    let host = two("10.1.0.1/16");
    let serving = thread::spawn(move || {
        host.block_on(async move {
            let listening = || async { spawn_detached(echo_all(listen())).expect("there is room for a task") };
            listening().await;
            crore_rt::spawn_on(1, listening).await.expect("core 1 is there");
            while !served.load(SeqCst) {
                time::sleep(Duration::from_millis(1)).await;
            }
            (stats(Some(0)).accepted, stats(Some(1)).accepted)
        })
    });
    two("10.1.0.2/16").block_on(async {
        let clients = || async {
            for number in 0..200_u32 {
                let mut stream = connect().await;
                stream.send(&number.to_le_bytes()[..]).unwrap();
                assert_eq!(&stream.recv().await.unwrap()[..], number.to_le_bytes());
            }
        };
        let other = crore_rt::spawn_on(1, clients);
        clients().await;
        other.await.expect("core 1 reaches the server, too");
    });
    over.store(true, SeqCst);
    let (first, second) = serving.join().expect("the server does not panic");
    assert_eq!(first + second, 400);
    assert!(first > 50 && second > 50, "both cores accept: {first} and {second}");
}
