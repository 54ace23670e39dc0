//! The ways to accept, in a whole gateway on two cores: everybody is served, and a drain ends as it should.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use crore_base::time::Duration;
use crore_gateway::values::{self, Addresses};
use crore_gateway::{Config, Gateway, Layer};
use crore_rt::net::Accept;
use crore_rt::{Runtime, stats, time};

const CLIENTS: usize = 100;

fn config(accept: Accept) -> Config {
    let layer = Layer {
        listen: Some(Addresses(vec!["127.0.0.1:0".parse().expect("an address")])),
        accept: Some(values::Accept(accept)),
        ..Layer::default()
    };
    Config::load(None, std::iter::empty(), layer).expect("the settings are right")
}

/// Asks once and waits for the server to close.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_gateway_serves_and_drains_whichever_way_it_accepts() {
    for accept in Accept::ALL {
        let runtime = Runtime::builder().workers(2).pin(false).driver("epoll").build().expect("it can be built");
        runtime.block_on(async move {
            let gateway = Gateway::start(config(accept), 7).await.expect("loopback has free ports");
            let address = gateway.listening()[0];
            let clients = thread::spawn(move || {
                (0..CLIENTS).filter(|_| ask(address).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))).count()
            });
            while !clients.is_finished() {
                time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(clients.join().expect("it does not panic"), CLIENTS, "{accept}");
            assert_eq!(stats(None).accepted, CLIENTS as u64, "{accept}");
            if accept == Accept::Handover {
                assert_eq!(stats(Some(1)).accepted, CLIENTS as u64 / 2);
            }
            gateway.drain().await;
            while TcpStream::connect(address).is_ok() {
                time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}
