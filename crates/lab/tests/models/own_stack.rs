//! The model on crore's own TCP/IP: its process and ours share a wire, and no kernel socket.

use crore_rt::Runtime;
use crore_rt::net::{ConnectOptions, Network, TcpStream};

use crate::process::Process;

#[test]
fn the_wire_is_served_by_our_own_stack() {
    let wire = format!("wire:lab-{}", std::process::id());
    let flags = ["--protocol", "echo", "--workers", "1", "--listen", "192.0.2.1:7000", "--io", &wire];
    let server = Process::start_with(&[], "wire", &flags);
    let network = Network::for_client(&wire, &["192.0.2.2/32".parse().unwrap()], &[], &[]).unwrap();
    let runtime = Runtime::builder().workers(1).driver(&wire).network(network).build().unwrap();
    let address = server.address;
    runtime.block_on(async move {
        let mut stream = TcpStream::connect(address, &ConnectOptions::default()).await.unwrap();
        let sent: Vec<u8> = (0..200_000).map(|at| (at % 251) as u8).collect();
        stream.send(&sent[..]).unwrap();
        let mut came = Vec::new();
        while came.len() < sent.len() {
            let bytes = stream.recv().await.unwrap();
            assert!(!bytes.is_empty(), "the server closed");
            came.extend_from_slice(&bytes);
        }
        assert!(came == sent, "{} bytes came back changed", came.len());
    });
    server.end();
}
