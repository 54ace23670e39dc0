//! The simulated world: the same program, virtual time, faults by seed.

use std::cell::RefCell;
use std::rc::Rc;

use crore_base::time::{Duration, Instant};
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::sim::{self, Faults};
use crore_rt::{spawn, spawn_detached, spawn_on, time};

const SERVER: &str = "10.0.0.1:80";

fn listen() -> TcpListener {
    TcpListener::bind(SERVER.parse().expect("an address"), &ListenOptions::default()).expect("the address is free")
}

async fn connect() -> std::io::Result<TcpStream> {
    TcpStream::connect(SERVER.parse().expect("an address"), &ConnectOptions::default()).await
}

async fn echo_for_ever(listener: TcpListener) {
    while let Ok(mut stream) = listener.accept().await {
        spawn_detached(async move {
            while let Ok(bytes) = stream.recv().await {
                if bytes.is_empty() || stream.sendable().await.is_err() || stream.send(&bytes[..]).is_err() {
                    return;
                }
            }
        })
        .expect("there is room");
    }
}

#[crore_rt::test(seeds = 50, workers = 3)]
async fn bytes_arrive_complete_and_in_order_however_they_are_split() {
    for core in 0..3 {
        spawn_on(core, || async { echo_for_ever(listen()).await }).detach();
    }
    time::sleep(Duration::from_millis(1)).await;
    sim::set_faults(Faults {
        split_one_in: 1,
        shorten_one_in: 2,
        stall_one_in: 20,
        stall_max: Duration::from_secs(3),
        ..Faults::default()
    });
    let clients: Vec<_> = (0..5_u32)
        .map(|who| {
            spawn(async move {
                let mut stream = connect().await.expect("a core listens");
                let sent: Vec<u8> = (0..20_000_u32).map(|n| (n * (who + 3) % 251) as u8).collect();
                for part in sent.chunks(3_000) {
                    stream.send(part).expect("the queue has room");
                }
                let mut received = Vec::new();
                while received.len() < sent.len() {
                    received.extend_from_slice(&stream.recv().await.expect("nothing is cut"));
                }
                assert!(sent == received);
                stream.shutdown();
                assert!(stream.recv().await.expect("it ends in order").is_empty());
            })
        })
        .collect();
    for client in clients {
        client.await.expect("the bytes were right");
    }
}

#[crore_rt::test(seeds = 50)]
async fn a_reset_is_told_to_both_ends_and_never_mixed_with_an_end() {
    spawn_detached(echo_for_ever(listen())).expect("there is room");
    time::sleep(Duration::from_millis(1)).await;
    sim::set_faults(Faults { reset_one_in: 10, ..Faults::default() });
    let mut resets = 0;
    for _ in 0..100 {
        let mut stream = connect().await.expect("the echo listens");
        let outcome = async {
            stream.send(&b"hello"[..])?;
            let mut received = Vec::new();
            while received.len() < 5 {
                let bytes = stream.recv().await?;
                assert!(!bytes.is_empty(), "the echo does not end first");
                received.extend_from_slice(&bytes);
            }
            assert_eq!(received, b"hello");
            Ok::<(), std::io::Error>(())
        };
        resets += u32::from(outcome.await.is_err());
    }
    assert!(resets > 0 && resets < 100, "{resets} of 100");
}

#[crore_rt::test]
async fn an_hour_passes_at_once_and_sleepers_wake_in_order() {
    let woken = Rc::new(RefCell::new(Vec::new()));
    for minutes in [60_u64, 1, 30, 2] {
        let woken = Rc::clone(&woken);
        spawn_detached(async move {
            time::sleep(Duration::from_secs(minutes * 60)).await;
            woken.borrow_mut().push(minutes);
        })
        .expect("there is room");
    }
    time::sleep(Duration::from_secs(3601)).await;
    assert_eq!(*woken.borrow(), [1, 2, 30, 60]);
    assert!(time::now() >= Instant::ZERO + Duration::from_secs(3601));
}

#[crore_rt::test]
async fn a_vanished_peer_is_silent_and_only_a_deadline_ends_the_wait() {
    spawn_detached(echo_for_ever(listen())).expect("there is room");
    let mut stream = connect().await.expect("the echo listens");
    sim::vanish(stream.id());
    stream.send(&b"is anybody there?"[..]).expect("the queue has room");
    let waited = time::timeout(Duration::from_secs(600), stream.recv()).await;
    assert!(waited.is_err(), "nothing comes, not even an error");
}

#[crore_rt::test(seeds = 20)]
async fn nobody_listens_means_refused() {
    let error = connect().await.expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_one_another() {
    fn trace(seeds: u64) -> Vec<Vec<(u64, usize)>> {
        let traces = Rc::new(RefCell::new(Vec::new()));
        let keep = Rc::clone(&traces);
        sim::run(sim::Worlds { seeds, workers: 2 }, move || {
            let keep = Rc::clone(&keep);
            async move {
                for core in 0..2 {
                    spawn_on(core, || async { echo_for_ever(listen()).await }).detach();
                }
                time::sleep(Duration::from_millis(1)).await;
                let mut stream = connect().await.expect("a core listens");
                let mut trace = Vec::new();
                let mut left = 10_000;
                stream.send(vec![1; left]).expect("the queue has room");
                while left > 0 {
                    let bytes = stream.recv().await.expect("nothing is cut");
                    left -= bytes.len();
                    trace.push((time::now().as_nanos(), bytes.len()));
                }
                keep.borrow_mut().push(trace);
            }
        });
        traces.take()
    }
    let (first, second) = (trace(4), trace(4));
    assert_eq!(first, second);
    assert!(first[0] != first[1] || first[1] != first[2]);
}

#[test]
#[should_panic(expected = "stands still")]
fn a_world_in_which_everybody_waits_for_ever_is_a_failure() {
    sim::run(sim::Worlds::default(), std::future::pending);
}
