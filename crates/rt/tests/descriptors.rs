//! Running out of descriptors, in a process of its own: over each driver and whichever way connections are accepted, listeners rest,
//! some of those who wait are told, and when there are descriptors again everybody is served.

#[macro_use]
mod models;

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::thread;

use crore_base::time::Duration;
use crore_rt::net::{Accept, ListenOptions, TcpListener, TcpStream};
use crore_rt::{spawn_detached, spawn_on, stats, takes_descriptors, time};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CLIENTS: usize = 40;
/// More than the test needs, and few enough to be used up.
const DESCRIPTORS: u64 = 256;

async fn serve(listener: TcpListener) {
    while let Ok(stream) = listener.accept().await {
        spawn_detached(greet(stream)).expect("there is room for a task");
    }
}

/// Says hello and stays until the peer goes.
async fn greet(mut stream: TcpStream) {
    if stream.send(&b"hello"[..]).is_ok() {
        let _ = stream.recv().await;
    }
}

fn bind(address: SocketAddr, accept: Accept) -> TcpListener {
    let options = ListenOptions { accept, ..ListenOptions::default() };
    TcpListener::bind(address, &options).expect("the address is ours")
}

/// Descriptors until there are no more.
fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        time::sleep(Duration::from_millis(1)).await;
    }
}

fn hears_hello(client: &OwnedFd) -> bool {
    let mut bytes = [0; 8];
    matches!(rustix::io::read(client, &mut bytes), Ok(5))
}

fn run_out(driver: &'static str, accept: Accept) {
    println!("{driver}, {accept}"); // shown when it fails
    let runtime = models::builder(driver, 2).build().expect("it can be built");
    runtime.block_on(async move {
        let listener = bind("127.0.0.1:0".parse().expect("an address"), accept);
        let address = listener.local_addr();
        spawn_detached(serve(listener)).expect("there is room for a task");
        let (told, bound) = std::sync::mpsc::channel();
        let other = move || async move {
            let listener = bind(address, accept);
            told.send(()).expect("core 0 waits");
            serve(listener).await;
        };
        spawn_on(1, other).detach();
        until(|| bound.try_recv().is_ok()).await;

        let socket = |_| rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("one is free");
        let clients: Vec<OwnedFd> = (0..CLIENTS).map(socket).collect();
        let taken = take_all();
        for client in &clients {
            rustix::net::connect(client, &address).expect("the kernel completes it");
        }
        until(|| stats(None).accept_paused_descriptors > 0 && stats(None).accept_shed > 0).await;
        drop(taken);
        let answers = thread::spawn(move || clients.iter().filter(|client| hears_hello(client)).count());
        until(|| answers.is_finished()).await;
        let served = answers.join().expect("it does not panic") as u64;
        let (accepted, shed) = (stats(None).accepted, stats(None).accept_shed);
        assert_eq!((served, accepted + shed), (accepted, CLIENTS as u64), "{accept}: nobody waits in vain");
        assert!(accepted > 0, "{accept}: it went on");
    });
}

#[test]
fn listeners_rest_tell_some_and_go_on_whichever_way_they_accept() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum: limit.maximum }).expect("it is lowered");
    // Whoever accepts straight into a table of the kernel's has nothing to run out of.
    let needs_them = |driver, accept| takes_descriptors(driver) || accept != Accept::PerWorker;
    let run_out_by_all_ways = |driver| {
        let ways = Accept::ALL.into_iter().filter(|&accept| needs_them(driver, accept));
        ways.for_each(|accept| run_out(driver, accept));
    };
    over_every_driver!(@call run_out_by_all_ways);
}
