//! A server over a device of DPDK with the kernel's own TCP/IP at the other end, in a network namespace that ends with the test.
//!
//! `net_tap` is an interface of the kernel's that DPDK makes. The test starts itself again inside a namespace; where it has not the
//! rights it says so and passes.
#![cfg(feature = "dpdk")]

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream as KernelStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use crore_base::time::Duration;
use crore_rt::net::{ListenOptions, Network, TcpListener};
use crore_rt::{Runtime, spawn_detached, time};

const INSIDE: &str = "CRORE_DPDK_TEST_INSIDE";
const DEVICE: &str = "dpdk:net_tap0,iface=crore0";
/// Ours on the device, the kernel's there, and one of loopback.
const OURS: &str = "10.7.0.2:7000";
const KERNELS: &str = "10.7.0.1/24";
const LOOPBACK: &str = "127.0.0.1:7000";
const SENT_BYTES: usize = 3_000_000;

#[test]
fn a_server_on_a_device_that_is_polled_serves_the_device_and_loopback() {
    if std::env::var_os(INSIDE).is_some() {
        return serve_both();
    }
    let probe = Command::new("unshare").args(["-n", "ip", "tuntap", "add", "dev", "probe", "mode", "tap"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: needs root, `unshare` and `ip`");
        return;
    }
    let mut again = Command::new("unshare");
    again.arg("-n").arg(std::env::current_exe().unwrap()).args(["--nocapture", "a_server_on_a_device"]);
    let output = again.env(INSIDE, "1").output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && told[0].contains("1 passed"), "{}", told.concat());
}

fn serve_both() {
    ip(&["link", "set", "lo", "up"]);
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let (ready, listens) = mpsc::channel();
    let serving = thread::spawn(move || {
        let network = Network { addresses: vec!["10.7.0.2/24".parse().unwrap()], ..Network::default() };
        let builder = Runtime::builder().workers(1).pin(false).connections(100).driver(DEVICE).network(network);
        builder.build().unwrap().block_on(async move {
            for address in [OURS, LOOPBACK] {
                let address: SocketAddr = address.parse().unwrap();
                let listener = TcpListener::bind(address, &ListenOptions::default()).expect("the address is here");
                spawn_detached(echo_all(listener)).expect("there is room for a task");
            }
            ready.send(()).unwrap();
            while !told.load(SeqCst) {
                time::sleep(Duration::from_millis(1)).await;
            }
        });
    });
    listens.recv().expect("the device opens");
    ip(&["addr", "add", KERNELS, "dev", "crore0"]);
    ip(&["link", "set", "crore0", "up"]);
    let clients = [OURS, LOOPBACK, OURS].map(|address| thread::spawn(move || echoed(address.parse().unwrap())));
    for client in clients {
        client.join().expect("what is sent comes back");
    }
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

/// A client of the kernel's.
fn echoed(address: SocketAddr) {
    let mut stream = KernelStream::connect(address).unwrap();
    let kernels: IpAddr = KERNELS.split('/').next().unwrap().parse().unwrap();
    assert_eq!(stream.local_addr().unwrap().ip() == kernels, !address.ip().is_loopback());
    let sent: Vec<u8> = (0..SENT_BYTES).map(|n| (n * 7 % 251) as u8).collect();
    let mut writing = stream.try_clone().unwrap();
    let bytes = sent.clone();
    let writer = thread::spawn(move || writing.write_all(&bytes).unwrap());
    let mut received = vec![0; SENT_BYTES];
    stream.read_exact(&mut received).unwrap();
    assert!(received == sent);
    writer.join().unwrap();
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
