//! Unix sockets, with the standard library's at the other end.

#[macro_use]
mod models;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_rt::net::unix::{UnixListener, UnixStream};
use crore_rt::net::{ListenOptions, Network, SendError, StreamOption};
use crore_rt::{Runtime, spawn, time, yield_now};

over_every_driver! {
    megabytes_come_back_from_an_echo_unchanged
    a_pair_of_our_own_has_the_queues_and_limits_of_every_stream
    a_file_that_a_dead_listener_left_is_replaced_and_one_of_a_living_is_not
    a_file_that_somebody_else_put_in_its_place_is_left_alone
    connecting_waits_while_the_backlog_is_full_and_fails_at_once_when_nobody_is_there
}

fn runtime(driver: &str) -> Runtime {
    models::builder(driver, 1).build().expect("a small runtime can be built")
}

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("crore-unix-{}-{number}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("there is room for a folder");
        Folder(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn listen(folder: &Folder) -> UnixListener {
    UnixListener::bind(folder.socket(), &ListenOptions::default()).expect("the folder is ours")
}

async fn echo(mut stream: UnixStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.sendable().await.is_err() || stream.send(&bytes[..]).is_err() {
            return;
        }
    }
}

async fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    while !thread.is_finished() {
        time::sleep(Duration::from_millis(1)).await;
    }
    thread.join().expect("it does not panic")
}

fn megabytes_come_back_from_an_echo_unchanged(driver: &str) {
    let folder = Folder::new("echo");
    runtime(driver).block_on(async move {
        let listener = listen(&folder);
        let path = listener.path().to_owned();
        let client = thread::spawn(move || {
            let mut stream = StdStream::connect(path).expect("somebody listens");
            let sent: Vec<u8> = (0..5_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
            let mut writer = stream.try_clone().expect("a descriptor is free");
            let copy = sent.clone();
            let writing = thread::spawn(move || {
                writer.write_all(&copy).expect("the echo reads");
                writer.shutdown(Shutdown::Write).expect("the stream is open");
            });
            let mut received = Vec::new();
            stream.read_to_end(&mut received).expect("the echo answers");
            writing.join().expect("it does not panic");
            assert!(sent == received);
        });
        echo(listener.accept().await.expect("the listener works")).await;
        joined(client).await;
    });
}

fn a_pair_of_our_own_has_the_queues_and_limits_of_every_stream(driver: &str) {
    runtime(driver).block_on(async move {
        let (one, mut other) = UnixStream::pair().expect("descriptors are free");
        one.set_send_limit(256 << 10).expect("the stream is open");
        let payload = Payload::from(vec![1; 64 << 10]);
        let full = loop {
            match one.send(payload.clone()) {
                Ok(()) => yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SendError::Full { queued, limit: 262_144 } if queued > 196_608), "{full:?}");
        let reading = spawn(async move {
            let mut bytes = 0;
            loop {
                match other.recv().await.expect("it ends in order").len() {
                    0 => return bytes,
                    count => bytes += count,
                }
            }
        });
        one.flushed().await.expect("the peer reads");
        assert_eq!(one.id().queued(), Some(0));
        one.send(&b"the end"[..]).expect("there is room again");
        one.shutdown();
        let bytes = reading.await.expect("it does not panic");
        assert_eq!(bytes % (64 << 10), 7);
        assert_eq!(one.send(payload.clone()), Err(SendError::Closed));
        let name = one.id();
        one.abort();
        assert_eq!(name.send(payload), Err(SendError::Closed), "a stale name finds nothing");
    });
}

fn a_file_that_a_dead_listener_left_is_replaced_and_one_of_a_living_is_not(driver: &str) {
    let folder = Folder::new("stale");
    let path = folder.socket();
    drop(StdListener::bind(&path).expect("the folder is ours")); // it leaves its file behind
    assert!(path.exists());
    runtime(driver).block_on(async move {
        let listener = listen(&folder);
        let error = UnixListener::bind(&path, &ListenOptions::default()).expect_err("it is alive");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains("somebody listens there"), "{error}");
        let client = UnixStream::connect(&path).await.expect("the first is still there");
        let mut server = listener.accept().await.expect("the probe was one, the client is another");
        if server.recv().await.is_ok_and(|bytes| bytes.is_empty()) {
            server = listener.accept().await.expect("the client is the next");
        }
        client.send(&b"hello"[..]).expect("the queue is empty");
        drop(client);
        let heard = spawn(async move { server.recv().await.map(|bytes| bytes.to_vec()) });
        assert_eq!(heard.await.expect("it does not panic").expect("it came"), b"hello");

        drop(listener);
        assert!(!path.exists(), "who ends takes its file along");
        fs::write(&path, "a diary").expect("the folder is ours");
        let error = UnixListener::bind(&path, &ListenOptions::default()).expect_err("it is no socket");
        assert!(error.to_string().contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "a diary");
    });
}

fn a_file_that_somebody_else_put_in_its_place_is_left_alone(driver: &str) {
    let folder = Folder::new("replaced");
    runtime(driver).block_on(async move {
        let listener = listen(&folder);
        fs::rename(folder.socket(), folder.0.join("elsewhere")).expect("the folder is ours");
        fs::write(folder.socket(), "another's").expect("the folder is ours");
        drop(listener);
        assert!(folder.socket().exists());
    });
}

fn connecting_waits_while_the_backlog_is_full_and_fails_at_once_when_nobody_is_there(driver: &str) {
    let folder = Folder::new("backlog");
    let accepted = vec![StreamOption::SendLimit(1000)];
    let options = ListenOptions { backlog: 1, accepted, ..ListenOptions::default() };
    runtime(driver).block_on(async move {
        let listener = UnixListener::bind(folder.socket(), &options).expect("the folder is ours");
        let path = folder.socket();
        let clients: Vec<_> = (0..10)
            .map(|_| {
                let path = path.clone();
                spawn(async move { UnixStream::connect(path).await })
            })
            .collect();
        time::sleep(Duration::from_millis(20)).await;
        let mut served = Vec::new();
        for _ in 0..10 {
            served.push(listener.accept().await.expect("the listener works"));
        }
        for client in clients {
            client.await.expect("it does not panic").expect("it waited, and was accepted");
        }
        assert_eq!(crore_rt::stats(None).accepted, 10);
        served[0].send(&[0; 900][..]).expect("an empty queue takes it");
        assert!(served[0].send(&[0; 200][..]).is_err(), "its limit is the listener's");
        drop(listener);
        let error = UnixStream::connect(&path).await.expect_err("the file is gone");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let long = folder.0.join("x".repeat(120));
        let error = UnixStream::connect(long).await.expect_err("it is too long").to_string();
        assert!(error.contains("107"), "{error}");
    });
}

#[test]
fn beside_our_own_tcp_they_are_served_in_the_same_loop() {
    let folder = Folder::new("device");
    let wire = format!("wire:rt-unix-{}", std::process::id());
    let network = Network { addresses: vec!["10.1.0.1/16".parse().expect("a network")], ..Network::default() };
    let builder = Runtime::builder().workers(1).pin(false).connections(100).driver(&wire).network(network);
    builder.build().expect("the wire is new").block_on(async move {
        let listener = listen(&folder);
        let client = UnixStream::connect(listener.path()).await.expect("somebody listens");
        let serving = spawn(echo(listener.accept().await.expect("the listener works")));
        let mut client = client;
        for round in 0..100_u8 {
            client.send(&[round; 9][..]).expect("the queue is empty");
            assert_eq!(&client.recv().await.expect("the echo answers")[..], [round; 9]);
        }
        drop(client);
        serving.await.expect("it ends with its peer");
    });
}

#[crore_rt::test]
async fn a_simulated_world_has_no_unix_sockets_and_says_so() {
    let folder = Folder::new("sim");
    let error = UnixListener::bind(folder.socket(), &ListenOptions::default()).expect_err("it has none");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!folder.socket().exists(), "nothing is left behind");
    let error = UnixStream::pair().expect_err("it has none");
    assert!(error.to_string().contains("simulated"), "{error}");
}
