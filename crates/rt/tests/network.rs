//! TCP over each driver, with the standard library's blocking sockets at the other end.

#[macro_use]
mod models;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as StdStream};
use std::thread;

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_rt::net::{ConnectOptions, KeepAlive, ListenOptions, SendError, StreamOption, TcpListener, TcpStream};
use crore_rt::{Runtime, spawn, spawn_detached, stats, time, yield_now};

over_every_driver! {
    megabytes_come_back_from_an_echo_unchanged
    what_was_queued_is_still_sent_after_the_stream_is_dropped
    a_peer_that_does_not_read_fills_the_queue_and_is_told_apart_from_a_closed_one
    half_close_lets_the_other_direction_go_on
    an_abort_resets_and_a_waiting_task_is_told
    options_are_set_and_a_refused_connect_says_so
    a_name_of_a_closed_stream_never_finds_its_successor
    a_flood_on_one_connection_does_not_keep_another_from_being_served
    a_core_that_is_full_refuses_and_goes_on_when_there_is_room_again
    what_is_accepted_has_the_settings_of_its_listener
}

fn runtime(driver: &str) -> Runtime {
    models::builder(driver, 1).build().expect("a small runtime can be built")
}

fn listen() -> (TcpListener, SocketAddr) {
    let any = "127.0.0.1:0".parse().expect("an address");
    let listener = TcpListener::bind(any, &ListenOptions::default()).expect("loopback has free ports");
    let address = listener.local_addr();
    (listener, address)
}

async fn echo(mut stream: TcpStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.sendable().await.is_err() || stream.send(&bytes[..]).is_err() {
            return;
        }
    }
}

fn megabytes_come_back_from_an_echo_unchanged(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let client = thread::spawn(move || {
            let mut stream = StdStream::connect(address).expect("somebody listens");
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
        while !client.is_finished() {
            time::sleep(Duration::from_millis(1)).await;
        }
        client.join().expect("all came back");
    });
}

fn what_was_queued_is_still_sent_after_the_stream_is_dropped(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let client = thread::spawn(move || {
            let mut stream = StdStream::connect(address).expect("somebody listens");
            let mut received = Vec::new();
            stream.read_to_end(&mut received).expect("it ends in order");
            received.len()
        });
        let stream = listener.accept().await.expect("the listener works");
        stream.set_send_limit(64 << 20).expect("the stream is open");
        let payload = Payload::from(vec![7; 1 << 20]);
        for _ in 0..16 {
            stream.send(payload.clone()).expect("the queue has room");
        }
        drop(stream);
        while !client.is_finished() {
            time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(client.join().expect("it does not panic"), 16 << 20);
        assert_eq!(payload.holders(), 1, "nobody holds the payload any more");
    });
}

fn a_peer_that_does_not_read_fills_the_queue_and_is_told_apart_from_a_closed_one(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let client = StdStream::connect(address).expect("somebody listens");
        let stream = listener.accept().await.expect("the listener works");
        stream.set_send_limit(256 << 10).expect("the stream is open");
        let payload = Payload::from(vec![1; 64 << 10]);
        let full = loop {
            match stream.send(payload.clone()) {
                Ok(()) => yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SendError::Full { queued, limit: 262_144 } if queued > 196_608));
        drop(client);
        assert_eq!(stream.flushed().await, Err(SendError::Closed));
        assert_eq!(stream.send(payload), Err(SendError::Closed));
    });
}

fn half_close_lets_the_other_direction_go_on(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let server = spawn(async move {
            let mut stream = listener.accept().await.expect("the listener works");
            assert!(stream.recv().await.expect("the client ends in order").is_empty());
            stream.send(&b"after the end"[..]).expect("our direction is open");
        });
        let mut client = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        client.shutdown();
        assert_eq!(&client.recv().await.expect("the server answers")[..], b"after the end");
        server.await.expect("it does not panic");
    });
}

fn an_abort_resets_and_a_waiting_task_is_told(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let mut client = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        let mut stream = listener.accept().await.expect("the listener works");
        let name = stream.id();
        let waiting = spawn(async move { stream.recv().await.map(|lease| lease.len()) });
        yield_now().await;
        name.abort();
        assert!(waiting.await.expect("it does not panic").is_err(), "who waited is told");
        let error = client.recv().await.expect_err("the peer was reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(name.send(&b"x"[..]), Err(SendError::Closed), "a stale name finds nothing");
    });
}

fn options_are_set_and_a_refused_connect_says_so(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let source = Some("127.0.0.9".parse().expect("an address"));
        let options = ConnectOptions { source, deadline: Some(time::now() + Duration::from_secs(30)) };
        let client = TcpStream::connect(address, &options).await.expect("somebody listens");
        let stream = listener.accept().await.expect("the listener works");
        assert_eq!(stream.peer_addr().expect("it is open").ip().to_string(), "127.0.0.9");
        assert_eq!(client.local_addr().expect("it is open"), stream.peer_addr().expect("it is open"));
        let second = Duration::from_secs(1);
        let keep_alive = KeepAlive { idle: second * 60, interval: second * 10, probes: 3 };
        stream.set_keepalive(Some(keep_alive)).expect("the kernel takes it");
        stream.set_user_timeout(Some(second * 90)).expect("the kernel takes it");
        stream.set_linger(Some(second)).expect("the kernel takes it");
        stream.set_nodelay(false).expect("the kernel takes it");
        drop(listener);
        let refused = TcpStream::connect(address, &ConnectOptions::default()).await;
        assert_eq!(refused.expect_err("nobody listens").kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

fn a_name_of_a_closed_stream_never_finds_its_successor(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        spawn_detached(async move {
            while let Ok(stream) = listener.accept().await {
                spawn_detached(echo(stream)).expect("there is room");
            }
        })
        .expect("there is room");
        let mut names = Vec::new();
        for round in 0..50_u8 {
            let mut client = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
            client.send(&[round; 3][..]).expect("the queue is empty");
            assert_eq!(&client.recv().await.expect("the echo answers")[..], [round; 3]);
            names.push(client.id());
        }
        assert!(names.iter().all(|name| name.queued().is_none()));
    });
}

fn a_flood_on_one_connection_does_not_keep_another_from_being_served(driver: &str) {
    runtime(driver).block_on(async {
        let (listener, address) = listen();
        let flood = thread::spawn(move || {
            let mut stream = StdStream::connect(address).expect("somebody listens");
            let mut sent = 0_u64;
            while stream.write_all(&[0; 65_536]).is_ok() {
                sent += 65_536;
            }
            sent
        });
        let mut flooded = listener.accept().await.expect("the listener works");
        let reader = spawn(async move {
            loop {
                flooded.recv().await.expect("the flood goes on");
            }
        });
        let mut client = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        let served = spawn(echo(listener.accept().await.expect("the listener works")));
        for _ in 0..100 {
            client.send(&b"ping"[..]).expect("the queue is empty");
            assert_eq!(&client.recv().await.expect("the echo answers")[..], b"ping");
        }
        drop(reader);
        drop(client);
        served.await.expect("it does not panic");
        assert!(flood.join().expect("it does not panic") > 0);
        assert!(stats(None).bytes_received > 400);
    });
}

fn a_core_that_is_full_refuses_and_goes_on_when_there_is_room_again(driver: &str) {
    let small = models::builder(driver, 1).connections(2).build().expect("a small runtime can be built");
    small.block_on(async {
        let (listener, address) = listen();
        let mut first = StdStream::connect(address).expect("somebody listens");
        let held = listener.accept().await.expect("there is room");
        let _second = StdStream::connect(address).expect("somebody listens");
        let _other = listener.accept().await.expect("there is room for two");
        let mut third = StdStream::connect(address).expect("the kernel completes it");
        let waiting = spawn(async move { listener.accept().await });
        while stats(None).accept_paused_full == 0 {
            time::sleep(Duration::from_millis(1)).await;
        }
        let told = thread::spawn(move || third.read(&mut [0; 1]).map_or(0, |count| count));
        drop(held);
        // What a turn closes may leave with the end of the turn only, so the core must go on.
        let ended = thread::spawn(move || first.read(&mut [0; 1]).expect("it ends in order"));
        while !ended.is_finished() {
            time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ended.join().expect("it does not panic"), 0);
        let fourth = StdStream::connect(address).expect("somebody listens again");
        let accepted = waiting.await.expect("it does not panic").expect("there is room again");
        let peer = accepted.peer_addr().expect("it is open");
        assert_eq!(peer, fourth.local_addr().expect("it is open"));
        assert_eq!(told.join().expect("it does not panic"), 0, "who was refused was told");
        let refused = TcpStream::connect(address, &ConnectOptions::default()).await.expect_err("full again");
        assert!(refused.to_string().contains("2 connections"), "{refused}");
    });
    let error = Runtime::builder().connections(0).build().err().expect("that is out of range").to_string();
    assert!(error.contains("0 connections") && error.contains("16777216"), "{error}");
}

fn what_is_accepted_has_the_settings_of_its_listener(driver: &str) {
    runtime(driver).block_on(async {
        let any = "127.0.0.1:0".parse().expect("an address");
        let keep_alive = KeepAlive { idle: Duration::from_secs(3), interval: Duration::from_secs(1), probes: 2 };
        let accepted = vec![StreamOption::SendLimit(1000), StreamOption::KeepAlive(Some(keep_alive))];
        let options = ListenOptions { accepted, ..ListenOptions::default() };
        let listener = TcpListener::bind(any, &options).expect("loopback has free ports");
        let _client = StdStream::connect(listener.local_addr()).expect("somebody listens");
        let stream = listener.accept().await.expect("the listener works");
        stream.send(&[0; 900][..]).expect("an empty queue takes it");
        let full = stream.send(&[0; 200][..]);
        assert_eq!(full, Err(SendError::Full { queued: 900, limit: 1000 }));
        // Linux shows the timer of an established connection: kind 02 is keep-alive (proc_net_tcp).
        let port = format!(":{:04X} ", listener.local_addr().port());
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
        let is_ours = |line: &&str| line.split_whitespace().nth(3) == Some("01") && line.contains(&port);
        let timers: Vec<&str> =
            table.lines().filter(is_ours).filter_map(|line| line.split_whitespace().nth(5)).collect();
        assert!(timers.iter().any(|timer| timer.starts_with("02:")), "{timers:?}");
    });
}
