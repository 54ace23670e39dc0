//! Sockets of `uring` need no descriptors: a process holds many more than it may have of them. In a process of its own, whose limit
//! is low.

use crore_base::time::Duration;
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::{Runtime, connection_count, spawn_detached, time};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that this process may have.
const DESCRIPTORS: u64 = 100;
const CONNECTIONS: usize = 1500;

async fn echo(mut stream: TcpStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.send(&bytes[..]).is_err() {
            return;
        }
    }
}

#[test]
fn one_process_holds_many_times_its_limit_of_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), ..limit }).expect("lowering is free");
    Runtime::builder().workers(1).pin(false).driver("uring").build().expect("it can be built").block_on(async {
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = TcpListener::bind(any, &ListenOptions::default()).expect("loopback has free ports");
        let address = listener.local_addr();
        let serve = async move {
            while let Ok(stream) = listener.accept().await {
                spawn_detached(echo(stream)).expect("the core has room for tasks");
            }
        };
        spawn_detached(serve).expect("the core has room for tasks");
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens"));
        }
        while connection_count() < 2 * CONNECTIONS {
            time::sleep(Duration::from_millis(1)).await;
        }
        for (name, client) in clients.iter().enumerate() {
            client.send(name.to_string()).expect("there is room");
        }
        for (name, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.recv().await.expect("the echo answers")[..], *name.to_string().as_bytes());
        }
    });
}
