//! What every model does, whatever it is made of. Each function is a test of the model that it is given.

use std::net::{Shutdown, SocketAddr};
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use crore_lab::Protocol;
use rustix::io::ioctl_fionread;
use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use rustix::process::{Pid, Signal, kill_process};

pub(crate) use crate::system_calls::makes_the_calls_that_it_is_known_for;

use crate::client::{Client, exchanges};
use crate::process::{Process, WORKERS};

const CLIENTS: usize = 8;

pub(crate) fn echoes_to_several_clients_in_order(name: &str) {
    let server = Process::start(name, Protocol::Echo);
    let address = server.address;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut stream = Client::connect(address);
                for round in 0..20 {
                    let bytes: Vec<u8> = (0..1 + round * 1_777).map(|at| (at * 7 + client + round) as u8).collect();
                    stream.echo(&bytes);
                }
            });
        }
    });
    server.end();
}

pub(crate) fn answers_http_in_order_to_several_clients(name: &str) {
    let server = Process::start(name, Protocol::Http);
    let address = server.address;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut stream = Client::connect(address);
                // One after the other, and then all at once.
                for (request, status, body) in exchanges(client) {
                    stream.send(&request);
                    expect(&mut stream, status, &body);
                }
                let exchanges = exchanges(client + CLIENTS);
                let all: Vec<u8> = exchanges.iter().flat_map(|(request, ..)| request.clone()).collect();
                stream.send(&all);
                for (_, status, body) in exchanges {
                    expect(&mut stream, status, &body);
                }
            });
        }
    });
    server.end();
}

fn expect(client: &mut Client, status: u16, body: &[u8]) {
    let (got, bytes) = client.response();
    assert_eq!(got, status);
    assert!(bytes == body, "{} bytes are not the {} expected", bytes.len(), body.len());
}

pub(crate) fn survives_clients_that_reset(name: &str) {
    let server = Process::start(name, Protocol::Http);
    let rude = [
        &b"GET / HT"[..],
        b"POST /digest HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000000\r\n\r\nabc",
        b"GET /disk?at=0&length=1000000 HTTP/1.1\r\nHost: lab\r\n\r\n",
        b"",
    ];
    for _ in 0..5 {
        for bytes in rude {
            let mut client = Client::connect(server.address);
            client.send(bytes);
            set_socket_linger(&client.stream, Some(std::time::Duration::ZERO)).unwrap();
            drop(client);
        }
    }
    is_alive(server.address);
    server.end();
}

pub(crate) fn serves_a_client_that_sends_byte_by_byte(name: &str) {
    let server = Process::start(name, Protocol::Http);
    let mut client = Client::connect(server.address);
    let request =
        b"POST /digest HTTP/1.1\r\nHost: lab\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: lab\r\n\r\n";
    for byte in request {
        client.send(&[*byte]);
    }
    expect(&mut client, 200, b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(&mut client, 200, b"Hello, World!");
    drop(client);
    server.end();
}

/// Each of these requests is answered with a megabyte: whoever answered them all would need gigabytes.
pub(crate) fn holds_little_for_a_client_that_never_reads(name: &str) {
    const REQUESTS: usize = 4_000;
    const MEMORY_BYTES_MAX: usize = 64 << 20;
    const UNREAD_BYTES_MIN: u64 = 2_000;
    let server = Process::start(name, Protocol::Http);
    let mut client = Client::connect(server.address);
    set_socket_recv_buffer_size(&client.stream, 8 * 1024).unwrap();
    let request = b"GET /disk?at=0&length=1000000 HTTP/1.1\r\nHost: lab\r\n\r\n";
    client.send(&request.repeat(REQUESTS));
    // It answers, until what we do not read fills all there is between us.
    while ioctl_fionread(&client.stream).unwrap() < UNREAD_BYTES_MIN {
        thread::yield_now();
    }
    // The iterative server has ears for nobody else meanwhile.
    if name != "iterative" {
        for _ in 0..20 {
            is_alive(server.address);
        }
    }
    let peak = server.peak_memory();
    assert!(peak < MEMORY_BYTES_MAX, "{name} has taken {peak} bytes for a client that does not read");
    drop(client);
    is_alive(server.address);
    server.end();
}

/// All are connected before the first one speaks. A model with fewer places serves the others as those leave.
pub(crate) fn serves_many_more_connections_than_workers(name: &str) {
    const CONNECTIONS: usize = 100;
    let server = Process::start(name, Protocol::Http);
    let address = server.address;
    let connected = Barrier::new(CONNECTIONS);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                connected.wait();
                client.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
                expect(&mut client, 200, b"Hello, World!");
            });
        }
    });
    server.end();
}

/// The end comes with the last bytes, and the answer must still be given.
pub(crate) fn answers_a_client_that_has_ended_its_direction(name: &str) {
    let server = Process::start(name, Protocol::Http);
    for _ in 0..20 {
        let mut client = Client::connect(server.address);
        client.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
        client.stream.shutdown(Shutdown::Write).unwrap();
        expect(&mut client, 200, b"Hello, World!");
        client.expect_end();
    }
    server.end();
}

/// A body that is too large is refused at its head, while the client is still sending it.
pub(crate) fn lets_a_client_read_why_it_was_refused(name: &str) {
    let server = Process::start(name, Protocol::Http);
    let mut client = Client::connect(server.address);
    client.send(b"POST /digest HTTP/1.1\r\nHost: lab\r\nContent-Length: 1500000\r\n\r\n");
    client.send(&vec![b'x'; 1_500_000]);
    assert_eq!(client.response().0, 413);
    client.expect_end();
    drop(client);
    is_alive(server.address);
    server.end();
}

/// However it ends, and with clients that are still there.
pub(crate) fn takes_its_children_with_it(name: &str) {
    for how in [None, Some(Signal::TERM), Some(Signal::KILL)] {
        let server = Process::start(name, Protocol::Http);
        let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(server.address)).collect();
        clients[0].send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
        expect(&mut clients[0], 200, b"Hello, World!");
        match how {
            None => server.end(),
            Some(signal) => server.end_by(signal),
        }
    }
}

/// Those that come when no descriptor is left are closed, and the next ones after others have left are served.
pub(crate) fn refuses_clients_when_no_descriptor_is_left(name: &str) {
    const DESCRIPTORS: &str = "--nofile=64:64";
    // More than two processes together have descriptors for.
    const CONNECTIONS: usize = 200;
    if Command::new("prlimit").arg("--version").output().is_err() {
        println!("skipped: needs prlimit");
        return;
    }
    let server = Process::start_under(&["prlimit", DESCRIPTORS], name, Protocol::Http);
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| Client::connect(server.address)).collect();
    let served = clients.iter_mut().filter_map(Client::try_to_greet).count();
    assert!((1..CONNECTIONS).contains(&served), "{served} of {CONNECTIONS} were served with 64 descriptors");
    drop(clients);
    // It hears of those that have left when it next looks.
    while Client::connect(server.address).try_to_greet().is_none() {}
    server.end();
}

/// A worker that dies takes one request with it at most, and there is another soon.
pub(crate) fn goes_on_when_a_worker_dies(name: &str) {
    let server = Process::start(name, Protocol::Http);
    let mut client = Client::connect(server.address);
    for nth in 1..=WORKERS {
        let before = server.tree();
        kill_process(Pid::from_raw(before[nth].0 as i32).unwrap(), Signal::KILL).unwrap();
        let mut failures = 0;
        for _ in 0..10 {
            client.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
            failures += usize::from(client.response().0 == 500);
        }
        assert!(failures <= 1, "{failures} failures after {nth} died");
        while server.tree().len() < before.len() || server.tree().contains(&before[nth]) {
            thread::yield_now();
        }
    }
    server.end();
}

/// With all of its children killed, a client waits in the kernel's queue until there are others.
pub(crate) fn replaces_children_that_die(name: &str) {
    let server = Process::start(name, Protocol::Http);
    for _ in 0..2 {
        let before = server.tree();
        assert_eq!(before.len(), 1 + WORKERS);
        for (child, _) in &before[1..] {
            kill_process(Pid::from_raw(*child as i32).unwrap(), Signal::KILL).unwrap();
        }
        // One that is about to die may still take a client with it.
        while server.tree().iter().any(|child| before[1..].contains(child)) {
            thread::yield_now();
        }
        is_alive(server.address);
        while server.tree().len() < 1 + WORKERS {
            thread::yield_now();
        }
    }
    server.end();
}

fn is_alive(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
    expect(&mut client, 200, b"Hello, World!");
}
