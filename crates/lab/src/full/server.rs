//! The server of the full load: the gateway, and a web application beside it on the same cores, in one process.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use crore_base::time::Duration;
use crore_gateway::values::{Addresses, Count, Network, Span};
use crore_gateway::{Config, Gateway, Layer};
use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::{JoinError, Runtime, blocking, spawn_detached, spawn_on};
use crore_web::{Server, ServerOptions};

use super::records::Records;
use super::service::{Services, application};
use super::store::Store;
use super::{API_KEY, SERVER_NETWORK};
use crate::Place;
use crate::models::wait_for_input_to_end;
use crate::options::Database;

/// Serves until standard input is closed. Says on standard output where, the application's address first.
///
/// # Errors
/// The system's, the gateway's, and the database's.
pub(crate) fn serve(place: &Place, database: Database) -> io::Result<()> {
    crore_rt::raise_descriptor_limit();
    let config = config(place)?;
    let network = config.network().map_err(io::Error::other)?;
    let runtime = Runtime::builder().workers(config.workers).driver(&config.io).network(network).build()?;
    let seed = seed()?;
    let (folder, beside) = (place.data.clone(), beside(place.address));
    runtime.block_on(async move {
        let gateway = Gateway::start(config, seed).await?;
        let store = Store::open(database, &folder).await?;
        let services = Arc::new(Services { store, records: Records::create(&folder.join("records"))? });
        // Core 0 is first, because it may be the one that learns the port.
        let address = open(beside, Arc::clone(&services))?;
        for core in 1..crore_rt::cores() {
            let services = Arc::clone(&services);
            spawn_on(core, move || async move { open(address, services) }).await.map_err(failed)??;
        }
        announce(address, gateway.listening()[0])?;
        blocking(wait_for_input_to_end).await.map_err(failed)
    })
}

/// The gateway as it is without settings, for anybody, and without pings: a million of them in 25 s would be a load of their own.
fn config(place: &Place) -> io::Result<Config> {
    let io = place.io.clone().unwrap_or_else(|| "auto".to_owned());
    let network = SERVER_NETWORK.parse().expect("the constant is an address with its network");
    let flags = Layer {
        listen: Some(Addresses(vec![place.address])),
        addresses: crore_rt::is_device(&io).then(|| vec![Network(network)]),
        io: Some(io),
        workers: Some(Count(place.workers)),
        insecure: Some(true),
        api_key: Some(API_KEY.to_owned()),
        ping_interval: Some(Span(Duration::ZERO)),
        pong_timeout: Some(Span(Duration::ZERO)),
        ..Layer::default()
    };
    Config::load(None, [], flags).map_err(io::Error::other)
}

/// Where the application listens beside the gateway: the next port, or one that the system chooses.
fn beside(mut gateway: SocketAddr) -> SocketAddr {
    gateway.set_port(match gateway.port() {
        0 => 0,
        port => port.checked_add(1).unwrap_or(0),
    });
    gateway
}

/// Serves the application on this core.
fn open(address: SocketAddr, services: Arc<Services>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address, &ListenOptions::default())?;
    let address = listener.local_addr();
    let server = Server::new(application(services), ServerOptions::default());
    let serving = async move {
        if let Err(error) = server.serve(listener).await {
            eprintln!("the listener at {address} is broken: {error}");
        }
    };
    spawn_detached(serving).map_err(|_| io::Error::other("a core has no room for the task that serves"))?;
    Ok(address)
}

fn announce(address: SocketAddr, gateway: SocketAddr) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "listening on {address} and {gateway}")?;
    output.flush()
}

fn failed(error: JoinError) -> io::Error {
    io::Error::other(error.to_string())
}

/// Eight bytes of the system's randomness.
fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_listens_beside_the_gateway_or_where_the_system_likes() {
        let of = |address: &str| beside(address.parse().unwrap()).port();
        assert_eq!((of("10.64.0.1:8000"), of("127.0.0.1:0"), of("127.0.0.1:65535")), (8_001, 0, 0));
    }
}
