//! The ways to accept, each with two workers and the standard library's sockets at the other end.

#[macro_use]
mod models;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Mutex;
use std::thread;

use crore_base::time::Duration;
use crore_rt::net::{Accept, ListenOptions, Network, StreamOption, TcpListener, TcpStream};
use crore_rt::{Runtime, core, cores, spawn_detached, spawn_on, stats, time};

const WORKERS: usize = 2;
const CLIENTS: usize = 200;

/// Those who hold many descriptors take turns: they are the process's, and `select` watches the first 1,024.
static CROWD: Mutex<()> = Mutex::new(());

over_every_driver! {
    with_a_socket_each_the_kernel_spreads_connections_over_the_cores
    one_core_accepts_for_all_and_hands_connections_out_in_turn
    cores_that_wait_on_one_socket_all_serve_and_a_core_that_is_held_up_keeps_nobody_waiting
    who_leaves_gives_what_was_meant_for_it_to_the_others
    a_core_that_binds_twice_or_another_way_is_refused_and_one_that_comes_back_joins
    what_is_handed_over_has_the_settings_of_its_listener_and_a_full_core_refuses_and_rests
}

fn runtime(driver: &str) -> Runtime {
    models::builder(driver, WORKERS).build().expect("a small runtime can be built")
}

fn options(accept: Accept) -> ListenOptions {
    ListenOptions { accept, ..ListenOptions::default() }
}

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// Answers every byte with the number of its core.
async fn say_core(mut stream: TcpStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.send(&vec![core() as u8; bytes.len()][..]).is_err() {
            return;
        }
    }
}

async fn serve(listener: TcpListener) {
    while let Ok(stream) = listener.accept().await {
        spawn_detached(say_core(stream)).expect("there is room for a task");
    }
}

/// Every core binds the address, as an application does, and serves it. The handles end it.
async fn serve_on_all(accept: Accept) -> (SocketAddr, Vec<crore_rt::RemoteHandle<()>>) {
    let first = TcpListener::bind(any(), &options(accept)).expect("loopback has free ports");
    let address = first.local_addr();
    let mut serving = Vec::new();
    for other in 1..cores() {
        let (told, bound) = std::sync::mpsc::channel();
        serving.push(spawn_on(other, move || async move {
            let listener = TcpListener::bind(address, &options(accept)).expect("the others join");
            assert_eq!(listener.local_addr(), address);
            told.send(()).expect("core 0 waits");
            serve(listener).await;
        }));
        until(|| bound.try_recv().is_ok()).await;
    }
    // A listener stays on its core, and a function that travels there finds it.
    FIRST.set(Some(first));
    serving.push(spawn_on(0, || async { serve(FIRST.take().expect("it was left here")).await }));
    until(|| FIRST.with_borrow(Option::is_none)).await;
    (address, serving)
}

thread_local! {
    static FIRST: RefCell<Option<TcpListener>> = const { RefCell::new(None) };
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits for a thread without holding the core.
async fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    until(|| thread.is_finished()).await;
    thread.join().expect("it does not panic")
}

/// Connects `count` clients that stay, and says who serves each.
fn connect(address: SocketAddr, count: usize) -> Vec<(StdStream, usize)> {
    let mut clients: Vec<StdStream> =
        (0..count).map(|_| StdStream::connect(address).expect("somebody listens")).collect();
    clients.iter_mut().for_each(|client| client.write_all(b"?").expect("it is open"));
    let ask = |mut client: StdStream| {
        let mut by = [0];
        client.read_exact(&mut by).expect("every client is served");
        (client, usize::from(by[0]))
    };
    clients.into_iter().map(ask).collect()
}

fn share_of(served: &[(StdStream, usize)], core: usize) -> usize {
    served.iter().filter(|(_, by)| *by == core).count()
}

fn end_to_end(driver: &str, accept: Accept, judge: impl Fn([usize; WORKERS]) + 'static) {
    let _alone = CROWD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    runtime(driver).block_on(async move {
        let (address, serving) = serve_on_all(accept).await;
        let clients = joined(thread::spawn(move || connect(address, CLIENTS))).await;
        let shares = [share_of(&clients, 0), share_of(&clients, 1)];
        assert_eq!(shares.iter().sum::<usize>(), CLIENTS);
        judge(shares);
        assert_eq!(stats(None).accepted, CLIENTS as u64);
        assert_eq!(stats(Some(1)).accepted, shares[1] as u64);
        assert_eq!(stats(None).accept_shed, 0);

        // Draining: nobody accepts any more, and those who are connected are still served.
        drop(serving);
        let mut refused = false;
        while !refused {
            refused = joined(thread::spawn(move || StdStream::connect(address).is_err())).await;
        }
        let answered = joined(thread::spawn(move || {
            let ask = |(mut client, by): (StdStream, usize)| {
                client.write_all(b"?").expect("it is open");
                let mut answer = [0];
                client.read_exact(&mut answer).expect("it is still served");
                usize::from(answer[0]) == by
            };
            clients.into_iter().map(ask).filter(|same| *same).count()
        }));
        assert_eq!(answered.await, CLIENTS);
        let again = TcpListener::bind(address, &options(accept)).expect("the address is free again");
        assert_eq!(again.local_addr(), address);
    });
}

fn with_a_socket_each_the_kernel_spreads_connections_over_the_cores(driver: &str) {
    end_to_end(driver, Accept::PerWorker, |shares| {
        assert!(shares.iter().all(|&share| share > CLIENTS / 10), "{shares:?}")
    });
}

fn one_core_accepts_for_all_and_hands_connections_out_in_turn(driver: &str) {
    end_to_end(driver, Accept::Handover, |shares| assert_eq!(shares, [CLIENTS / 2; WORKERS]));
}

fn cores_that_wait_on_one_socket_all_serve_and_a_core_that_is_held_up_keeps_nobody_waiting(driver: &str) {
    // Who serves how many is a matter of who is free: a quiet core may take all.
    end_to_end(driver, Accept::Shared, |_| {});
    runtime(driver).block_on(async {
        let (address, _serving) = serve_on_all(Accept::Shared).await;
        for held_up in 0..WORKERS {
            let (let_go, gate) = std::sync::mpsc::channel::<()>();
            let (told, holding) = std::sync::mpsc::channel();
            let client = move || {
                holding.recv().expect("a core is held up");
                let served = connect(address, 20);
                let_go.send(()).expect("the core waits for it");
                served.iter().map(|&(_, by)| by).collect::<Vec<_>>()
            };
            let client = thread::spawn(client);
            let hold = move || async move {
                told.send(()).expect("the client waits");
                gate.recv().expect("all were served meanwhile");
            };
            spawn_on(held_up, hold).await.expect("it does not panic");
            let by = joined(client).await;
            assert!(by.iter().all(|&core| core != held_up), "core {held_up} was held up: {by:?}");
        }
    });
}

fn who_leaves_gives_what_was_meant_for_it_to_the_others(driver: &str) {
    for accept in [Accept::Handover, Accept::Shared] {
        runtime(driver).block_on(async move {
            let idle = TcpListener::bind(any(), &options(accept)).expect("loopback has free ports");
            let address = idle.local_addr();
            let (told, bound) = std::sync::mpsc::channel();
            let _other = spawn_on(1, move || async move {
                let listener = TcpListener::bind(address, &options(accept)).expect("the others join");
                told.send(()).expect("core 0 waits");
                serve(listener).await;
            });
            until(|| bound.try_recv().is_ok()).await;
            // Core 0 takes none of them, and has half of them in its inbox, or was woken for some of them.
            let clients = thread::spawn(move || connect(address, 20));
            time::sleep(Duration::from_millis(10)).await;
            drop(idle);
            let served = joined(clients).await;
            assert_eq!(share_of(&served, 1), 20, "{accept}");
        });
    }
}

fn a_core_that_binds_twice_or_another_way_is_refused_and_one_that_comes_back_joins(driver: &str) {
    runtime(driver).block_on(async {
        let first = TcpListener::bind(any(), &options(Accept::Handover)).expect("loopback has free ports");
        let address = first.local_addr();
        let bind = |accept| TcpListener::bind(address, &options(accept));
        let twice = bind(Accept::Handover).expect_err("it listens already");
        assert_eq!(twice.kind(), std::io::ErrorKind::AddrInUse);
        assert!(twice.to_string().contains("core 0 listens on 127.0.0.1"), "{twice}");
        for accept in [Accept::Shared, Accept::PerWorker] {
            assert_eq!(bind(accept).expect_err("it is handed over").kind(), std::io::ErrorKind::AddrInUse);
        }
        drop(first);
        let again = bind(Accept::Handover).expect("who has left may join again");
        let client = thread::spawn(move || connect(address, 1));
        spawn_detached(serve(again)).expect("there is room for a task");
        assert_eq!(share_of(&joined(client).await, 0), 1);
    });
}

fn what_is_handed_over_has_the_settings_of_its_listener_and_a_full_core_refuses_and_rests(driver: &str) {
    let small = models::builder(driver, 1).connections(2).build().expect("it can be built");
    small.block_on(async {
        let accepted = vec![StreamOption::SendLimit(1000)];
        let options = ListenOptions { accept: Accept::Handover, accepted, ..ListenOptions::default() };
        let listener = TcpListener::bind(any(), &options).expect("loopback has free ports");
        let address = listener.local_addr();
        let _clients: Vec<_> = (0..2).map(|_| StdStream::connect(address).expect("somebody listens")).collect();
        let held = [listener.accept().await.expect("there is room"), listener.accept().await.expect("there is room")];
        held[0].send(&[0; 900][..]).expect("an empty queue takes it");
        assert!(held[0].send(&[0; 200][..]).is_err(), "its limit is the listener's");
        let mut third = StdStream::connect(address).expect("the kernel completes it");
        let waiting = crore_rt::spawn(async move { listener.accept().await });
        until(|| stats(None).accept_paused_full > 0).await;
        let told = thread::spawn(move || third.read(&mut [0; 1]).map_or(0, |count| count));
        assert_eq!(joined(told).await, 0, "who was refused was told");
        drop(held);
        let _fourth = StdStream::connect(address).expect("somebody listens again");
        waiting.await.expect("it does not panic").expect("there is room again");
    });
}

#[test]
fn the_ways_have_names_and_our_own_tcp_has_the_first_only() {
    for accept in Accept::ALL {
        assert_eq!(accept.to_string().parse(), Ok(accept));
    }
    let error = "epollexclusive".parse::<Accept>().expect_err("there is none");
    assert!(error.contains("epollexclusive") && error.contains("per-worker, handover or shared"), "{error}");

    let wire = format!("wire:rt-accept-{}", std::process::id());
    let network = Network { addresses: vec!["10.1.0.1/16".parse().expect("a network")], ..Network::default() };
    let builder = Runtime::builder().workers(1).pin(false).connections(100).driver(&wire).network(network);
    builder.build().expect("the wire is new").block_on(async {
        let ours = "10.1.0.1:7000".parse().expect("an address");
        for accept in [Accept::Handover, Accept::Shared] {
            let error = TcpListener::bind(ours, &options(accept)).expect_err("it accepts by itself").to_string();
            assert!(error.contains("10.1.0.1:7000") && error.contains("per-worker"), "{error}");
            // What the kernel carries beside it can be shared as ever.
            let beside = TcpListener::bind(any(), &options(accept)).expect("loopback has free ports");
            let address = beside.local_addr();
            let client = thread::spawn(move || connect(address, 3));
            let _serving = crore_rt::spawn(serve(beside));
            assert_eq!(share_of(&joined(client).await, 0), 3);
        }
    });
}

#[crore_rt::test]
async fn a_simulated_world_accepts_on_each_core() {
    let address = "10.0.0.1:80".parse().expect("an address");
    let error = TcpListener::bind(address, &options(Accept::Shared)).expect_err("it has no sockets").to_string();
    assert!(error.contains("sim") && error.contains("10.0.0.1:80"), "{error}");
}
