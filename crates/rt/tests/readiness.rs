//! What every driver of the kernel's must do whichever way it learns who is ready: carry everything, and let a core sleep that has
//! nothing to do.

#[macro_use]
mod models;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::thread;

use crore_base::time::Duration;
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::{driver_name, spawn, stats, time};

over_every_driver! {
    the_driver_is_the_one_that_was_asked_for
    ten_thousand_messages_of_every_length_come_and_go_in_order
    many_connections_that_all_talk_at_once_are_all_served
    a_reset_is_told_after_the_bytes_that_came_before_it_were_read
    what_nobody_reads_or_writes_lets_the_core_sleep
}

const MESSAGES: u32 = 10_000;

fn listen() -> (TcpListener, SocketAddr) {
    let any = "127.0.0.1:0".parse().expect("an address");
    let listener = TcpListener::bind(any, &ListenOptions::default()).expect("loopback has free ports");
    let address = listener.local_addr();
    (listener, address)
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        time::sleep(Duration::from_millis(1)).await;
    }
}

fn the_driver_is_the_one_that_was_asked_for(driver: &'static str) {
    let runtime = models::builder(driver, 2).build().expect("it can be built");
    runtime.block_on(async move {
        assert_eq!(driver_name(), driver);
        assert_eq!(crore_rt::spawn_on(1, || async { driver_name() }).await.expect("it does not panic"), driver);
    });
}

/// The number `n`, as often as fills its length.
fn message(n: u32) -> Vec<u8> {
    n.to_be_bytes().into_iter().cycle().take(4 * (1 + n as usize % 97)).collect()
}

/// Sends all messages while the same come from the peer.
async fn exchange(mut stream: TcpStream) {
    let name = stream.id();
    let sending = spawn(async move {
        for n in 0..MESSAGES {
            while name.send(message(n)).is_err() {
                time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let (mut expected, mut next) = (Vec::new(), 0);
    loop {
        let lease = stream.recv().await.expect("the peer sends");
        while expected.len() < lease.len() {
            assert!(next < MESSAGES, "more has come than was sent");
            expected.extend(message(next));
            next += 1;
        }
        assert!(expected.drain(..lease.len()).eq(lease.iter().copied()), "they come in order");
        if next == MESSAGES && expected.is_empty() {
            break;
        }
    }
    sending.await.expect("it does not panic");
    stream.flushed().await.expect("the peer reads");
}

fn ten_thousand_messages_of_every_length_come_and_go_in_order(driver: &str) {
    models::builder(driver, 1).build().expect("it can be built").block_on(async {
        let (listener, address) = listen();
        let client = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        let serving = spawn(exchange(listener.accept().await.expect("the listener works")));
        exchange(client).await;
        serving.await.expect("it does not panic");
    });
}

fn many_connections_that_all_talk_at_once_are_all_served(driver: &str) {
    models::builder(driver, 1).build().expect("it can be built").block_on(async {
        let (listener, address) = listen();
        let clients: Vec<_> = (0..100_u8)
            .map(|number| {
                spawn(async move {
                    let options = ConnectOptions::default();
                    let mut client = TcpStream::connect(address, &options).await.expect("somebody listens");
                    for round in 0..20 {
                        client.send(&[number, round][..]).expect("the queue is empty");
                        assert_eq!(&client.recv().await.expect("the echo answers")[..], [number, round]);
                    }
                })
            })
            .collect();
        for _ in 0..clients.len() {
            let mut stream = listener.accept().await.expect("the listener works");
            let echo = async move {
                while let Ok(bytes) = stream.recv().await {
                    if bytes.is_empty() || stream.send(&bytes[..]).is_err() {
                        return;
                    }
                }
            };
            spawn(echo).detach();
        }
        for client in clients {
            client.await.expect("all were answered");
        }
    });
}

fn a_reset_is_told_after_the_bytes_that_came_before_it_were_read(driver: &str) {
    models::builder(driver, 1).build().expect("it can be built").block_on(async {
        let (listener, address) = listen();
        let client = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        let mut stream = listener.accept().await.expect("the listener works");
        client.send(&b"last words"[..]).expect("the queue is empty");
        client.flushed().await.expect("the kernel takes them");
        client.abort();
        // The bytes and the reset lie there for a while.
        time::sleep(Duration::from_millis(20)).await;
        assert_eq!(&stream.recv().await.expect("they came before")[..], b"last words");
        assert_eq!(stream.recv().await.expect_err("it was reset").kind(), ErrorKind::ConnectionReset);
        assert!(stream.send(&b"to whom?"[..]).is_ok(), "nobody has tried to write yet");
        assert!(stream.flushed().await.is_err());
    });
}

/// How many turns the core makes while it has nothing to do but wait for one timer.
async fn turns_of_a_rest() -> u64 {
    let before = stats(None).turns;
    time::sleep(Duration::from_millis(50)).await;
    stats(None).turns - before
}

fn what_nobody_reads_or_writes_lets_the_core_sleep(driver: &str) {
    // A core that is kept awake makes thousands of turns in such a time.
    const TURNS_MAX: u64 = 40;
    models::builder(driver, 1).build().expect("it can be built").block_on(async {
        let (listener, address) = listen();
        let (one, other) = (StdStream::connect(address).expect("somebody listens"), StdStream::connect(address));
        let mut other = other.expect("somebody listens");
        let (ended, unread) = (listener.accept().await.expect("it works"), listener.accept().await.expect("it works"));
        assert!(turns_of_a_rest().await <= TURNS_MAX, "two sockets that can be written to");
        other.write_all(&[1; 5000]).expect("there is room");
        one.shutdown(Shutdown::Write).expect("it is open");
        assert!(turns_of_a_rest().await <= TURNS_MAX, "unread bytes and an unread end");
        drop(one);
        let _waiting: Vec<_> = (0..3).map(|_| StdStream::connect(address).expect("somebody listens")).collect();
        assert!(turns_of_a_rest().await <= TURNS_MAX, "clients that nobody accepts");

        // A peer that does not read, and writes.
        let silent = StdListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let silent_at = silent.local_addr().expect("it is bound");
        let stuck = TcpStream::connect(silent_at, &ConnectOptions::default()).await.expect("somebody listens");
        let (mut peer, _) = silent.accept().expect("it was connected");
        stuck.set_send_limit(64 << 20).expect("it is open");
        stuck.send(vec![7; 32 << 20]).expect("an empty queue takes it");
        peer.write_all(b"unread").expect("there is room");
        until(|| stuck.id().queued().is_some_and(|queued| queued < 32 << 20)).await;
        assert!(turns_of_a_rest().await <= TURNS_MAX, "a queue that the peer does not empty");
        let reading = thread::spawn(move || {
            let mut received = 0;
            while received < 32 << 20 {
                received += peer.read(&mut [0; 65_536]).expect("it is open");
            }
            peer
        });
        stuck.flushed().await.expect("the peer reads");
        until(|| reading.is_finished()).await;
        let _peer = reading.join().expect("all came");
        assert!(turns_of_a_rest().await <= TURNS_MAX, "a queue that was emptied");
        drop((ended, unread, listener));
    });
}
