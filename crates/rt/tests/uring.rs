//! What only `uring` has: buffers that run out, tables that fill up, sends that the kernel has not done with.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::thread::{self, JoinHandle};

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_rt::net::{ListenOptions, TcpListener, TcpStream};
use crore_rt::{Runtime, UringOptions, connection_count, spawn_detached, stats, time};

fn block_on<F: Future<Output = ()> + 'static>(options: UringOptions, test: F) {
    let builder = Runtime::builder().workers(1).pin(false).driver("uring").uring(options);
    builder.build().expect("a small runtime can be built").block_on(test);
}

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

async fn join<T>(thread: JoinHandle<T>) -> T {
    until(|| thread.is_finished()).await;
    thread.join().expect("it does not panic")
}

async fn echo(mut stream: TcpStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.sendable().await.is_err() || stream.send(&bytes[..]).is_err() {
            return;
        }
    }
}

async fn serve(listener: TcpListener) {
    while let Ok(stream) = listener.accept().await {
        spawn_detached(echo(stream)).expect("the core has room for tasks");
    }
}

/// Bytes of which each tells where it stands.
fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 % 251) as u8).collect()
}

/// Sends `count` bytes to an echo while reading them back.
fn there_and_back(address: SocketAddr, count: usize) {
    let sent = pattern(count);
    let mut stream = StdStream::connect(address).expect("somebody listens");
    let mut writer = stream.try_clone().expect("a descriptor is free");
    let copy = sent.clone();
    let writing = thread::spawn(move || writer.write_all(&copy).expect("the echo reads"));
    let mut received = vec![0; count];
    stream.read_exact(&mut received).expect("the echo answers");
    writing.join().expect("it does not panic");
    assert!(received == sent);
}

/// Several clients of an echo at the same time, each with `bytes`.
fn echoes(options: UringOptions, clients: usize, bytes: usize) {
    block_on(options, async move {
        let (listener, address) = listen();
        spawn_detached(serve(listener)).expect("the core has room for tasks");
        let clients: Vec<_> = (0..clients).map(|_| thread::spawn(move || there_and_back(address, bytes))).collect();
        for client in clients {
            join(client).await;
        }
        until(|| connection_count() == 0).await;
    });
}

#[test]
fn who_finds_no_buffer_receives_when_there_are_some_again() {
    echoes(UringOptions { buffers: 8, ..UringOptions::default() }, 20, 300_000);
}

#[test]
fn a_queue_that_is_full_is_submitted_and_goes_on() {
    echoes(UringOptions { entries: 8, ..UringOptions::default() }, 20, 300_000);
}

#[test]
fn without_a_table_sockets_are_descriptors() {
    echoes(UringOptions { direct: false, ..UringOptions::default() }, 8, 300_000);
}

#[test]
fn what_is_sent_without_a_copy_comes_as_it_was() {
    echoes(UringOptions { zero_copy_from: Some(1), ..UringOptions::default() }, 8, 300_000);
}

#[test]
fn a_thread_of_the_kernel_may_submit() {
    echoes(UringOptions { kernel_thread: Some(Duration::from_millis(5)), ..UringOptions::default() }, 4, 300_000);
}

#[test]
fn a_core_may_look_for_a_while_before_it_sleeps() {
    echoes(UringOptions { busy_poll: Duration::from_micros(50), ..UringOptions::default() }, 4, 300_000);
}

#[test]
fn a_core_whose_table_is_full_opens_another_ring_and_places_are_used_again() {
    let options = UringOptions { files: 4, buffers: 16, ..UringOptions::default() };
    block_on(options, async {
        let (listener, address) = listen();
        spawn_detached(serve(listener)).expect("the core has room for tasks");
        for _ in 0..3 {
            let clients = thread::spawn(move || {
                let mut clients: Vec<_> =
                    (0..50).map(|_| StdStream::connect(address).expect("somebody listens")).collect();
                for (name, client) in (0_u8..).zip(&mut clients) {
                    client.write_all(&[name]).expect("the echo reads");
                }
                for (name, client) in (0_u8..).zip(&mut clients) {
                    let mut answer = [0];
                    client.read_exact(&mut answer).expect("the echo answers");
                    assert_eq!(answer, [name]);
                }
            });
            join(clients).await;
            until(|| connection_count() == 0).await;
        }
    });
}

#[test]
fn a_listener_loses_nobody_when_another_has_filled_the_table() {
    // So small that the first connections come by an accept that goes on by itself, and the last ones cannot.
    let options = UringOptions { entries: 8, files: 100, buffers: 64, ..UringOptions::default() };
    block_on(options, async {
        let ((busy, busy_at), (quiet, quiet_at)) = (listen(), listen());
        for listener in [busy, quiet] {
            spawn_detached(serve(listener)).expect("the core has room for tasks");
        }
        let connect = |address, count| {
            move || -> Vec<StdStream> {
                (0..count).map(|_| StdStream::connect(address).expect("somebody listens")).collect()
            }
        };
        let mut held = join(thread::spawn(connect(busy_at, 250))).await;
        until(|| connection_count() == 250).await;
        held.extend(join(thread::spawn(connect(quiet_at, 50))).await);
        until(|| connection_count() == 300).await;
        let all_answer = thread::spawn(move || {
            for client in &mut held {
                client.write_all(b"?").expect("the echo reads");
                client.read_exact(&mut [0]).expect("the echo answers");
            }
        });
        join(all_answer).await;
    });
}

#[test]
fn what_ends_one_connection_does_not_reach_the_next_at_its_place() {
    block_on(UringOptions { files: 64, ..UringOptions::default() }, async {
        let (listener, address) = listen();
        let serve = async move {
            while let Ok(mut stream) = listener.accept().await {
                let either = async move {
                    match stream.recv().await {
                        Ok(bytes) if bytes.starts_with(b"end") => stream.shutdown(),
                        Ok(bytes) if stream.send(&bytes[..]).is_ok() => echo(stream).await,
                        _ => {}
                    }
                };
                spawn_detached(either).expect("the core has room for tasks");
            }
        };
        spawn_detached(serve).expect("the core has room for tasks");
        let client = move || {
            for _ in 0..300 {
                let mut short = StdStream::connect(address).expect("somebody listens");
                short.write_all(b"end").expect("it reads");
                let mut long = StdStream::connect(address).expect("somebody listens");
                for _ in 0..3 {
                    long.write_all(b"?").expect("the echo reads");
                    long.read_exact(&mut [0]).expect("the echo answers");
                }
                assert_eq!(short.read(&mut [0; 8]).expect("it ends in order"), 0);
            }
        };
        let clients: Vec<_> = (0..4).map(|_| thread::spawn(client)).collect();
        for client in clients {
            join(client).await;
        }
    });
}

#[test]
fn who_does_not_read_is_not_received_for_and_nothing_is_lost() {
    block_on(UringOptions::default(), async {
        let (listener, address) = listen();
        let client = thread::spawn(move || {
            let mut stream = StdStream::connect(address).expect("somebody listens");
            stream.write_all(&pattern(30_000_000)).expect("somebody reads in the end");
        });
        let mut stream = listener.accept().await.expect("the listener works");
        // Until nothing moves any more: the window is full, and so is what may be unread.
        let mut before = u64::MAX;
        while before != stats(None).bytes_received {
            before = stats(None).bytes_received;
            time::sleep(Duration::from_millis(50)).await;
        }
        assert!(before < 2 << 20, "{before} bytes were received for nobody");
        let mut received = Vec::new();
        loop {
            match stream.recv().await.expect("the client is alive") {
                bytes if bytes.is_empty() => break,
                bytes => received.extend_from_slice(&bytes),
            }
        }
        assert!(received == pattern(30_000_000));
        join(client).await;
    });
}

#[test]
fn what_is_with_the_kernel_is_not_superseded_and_what_waits_behind_it_is() {
    block_on(UringOptions::default(), async {
        let (listener, address) = listen();
        let client = thread::spawn(move || StdStream::connect(address).expect("somebody listens"));
        let stream = listener.accept().await.expect("the listener works");
        stream.set_send_limit(u32::MAX).expect("it is open");
        let begun = Payload::from(pattern(10_000_000));
        stream.send(begun.clone()).expect("there is room");
        let mut client = join(client).await;
        // The kernel has it, and has no room for all of it.
        until(|| stats(None).bytes_sent > 0).await;
        stream.send(&b"never sent"[..]).expect("there is room");
        stream.id().supersede(&b"the last word"[..]).expect("it is open");
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            client.read_to_end(&mut received).expect("it ends in order");
            received
        });
        drop(stream);
        let received = join(reader).await;
        assert!(received == [&begun[..], b"the last word"].concat(), "{} bytes", received.len());
        until(|| begun.holders() == 1).await;
    });
}

#[test]
fn who_supersedes_after_the_end_was_asked_for_does_not_keep_it_from_coming() {
    block_on(UringOptions::default(), async {
        let (listener, address) = listen();
        let client = thread::spawn(move || {
            let mut stream = StdStream::connect(address).expect("somebody listens");
            stream.read_to_end(&mut Vec::new()).expect("it ends in order")
        });
        let stream = listener.accept().await.expect("the listener works");
        stream.send(&b"dropped"[..]).expect("there is room");
        stream.shutdown();
        stream.id().supersede(&b"too late"[..]).expect_err("the direction has ended");
        assert_eq!(join(client).await, 0);
    });
}

#[test]
fn an_aborted_connection_resets_its_peer_and_frees_what_the_kernel_still_had() {
    block_on(UringOptions::default(), async {
        let (listener, address) = listen();
        let client = thread::spawn(move || StdStream::connect(address).expect("somebody listens"));
        let stream = listener.accept().await.expect("the listener works");
        let stuck = Payload::from(pattern(50_000_000));
        stream.send(stuck.clone()).expect("an empty queue takes any payload");
        let mut client = join(client).await;
        until(|| stats(None).bytes_sent > 0).await;
        stream.abort();
        until(|| connection_count() == 0 && stuck.holders() == 1).await;
        let reader = thread::spawn(move || client.read_to_end(&mut Vec::new()).expect_err("it was reset").kind());
        assert_eq!(join(reader).await, std::io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_runtime_may_end_while_everything_is_under_way() {
    for options in [
        UringOptions::default(),
        UringOptions { zero_copy_from: Some(1), ..UringOptions::default() },
        UringOptions { files: 2, buffers: 8, ..UringOptions::default() },
    ] {
        let (said, hears) = std::sync::mpsc::channel::<Vec<StdStream>>();
        // What was sent without a copy counts when the peer has taken it, which it never does here.
        let copies = options.zero_copy_from.is_none();
        block_on(options, async move {
            let (listener, address) = listen();
            let connect = move || (0..8).map(|_| StdStream::connect(address).expect("somebody listens")).collect();
            let clients = thread::spawn(connect);
            for number in 0..8 {
                let mut stream = listener.accept().await.expect("the listener works");
                // Half of them wait for bytes, half for room.
                if number % 2 == 0 {
                    stream.send(pattern(20_000_000)).expect("an empty queue takes any payload");
                }
                let wait = async move { while stream.recv().await.is_ok_and(|bytes| !bytes.is_empty()) {} };
                spawn_detached(wait).expect("the core has room for tasks");
            }
            until(|| !copies || stats(None).bytes_sent > 0).await;
            said.send(join(clients).await).expect("the test waits");
        });
        // All of them are told, one way or another.
        for mut client in hears.recv().expect("the clients have come") {
            let _ = client.read_to_end(&mut Vec::new());
        }
    }
}
