//! A wait that fails, in a process of its own: poll(2) refuses more descriptors than the process may have, which may have been lowered
//! meanwhile.

use std::io::Write;
use std::net::TcpStream as StdStream;

use crore_base::time::Duration;
use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::{Runtime, stats, time};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn while_waiting_fails_timers_go_on_and_afterwards_so_does_the_network() {
    let runtime = Runtime::builder().workers(1).pin(false).driver("poll").build().expect("it can be built");
    runtime.block_on(async {
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = TcpListener::bind(any, &ListenOptions::default()).expect("loopback has free ports");
        let mut client = StdStream::connect(listener.local_addr()).expect("somebody listens");
        let mut stream = listener.accept().await.expect("the listener works");
        client.write_all(b"before").expect("it is open");
        assert_eq!(&stream.recv().await.expect("it is open")[..], b"before");

        let limit = getrlimit(Resource::Nofile);
        // Bell, listener and connection are three.
        setrlimit(Resource::Nofile, Rlimit { current: Some(2), ..limit }).expect("it is lowered");
        client.write_all(b"meanwhile").expect("it is open");
        let before = stats(None).turns;
        time::sleep(Duration::from_millis(30)).await;
        let turns = stats(None).turns - before;
        assert!(turns <= 100, "a core that only fails rests: {turns} turns");
        setrlimit(Resource::Nofile, limit).expect("it is as it was");
        assert_eq!(&stream.recv().await.expect("it is open")[..], b"meanwhile");
    });
}
