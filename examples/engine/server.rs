//! The server's end: echoes on one port, swallows on another.

use crore_base::payload::Payload;
use crore_base::time::{Duration, Instant};
use crore_nic::{PacketIo, Role};
use crore_tcp::{ConnId, Engine, Event, KeepAlive, LinkConfig, Listen, ListenerId, Options, Ready};
use crore_wire::ip::{Ip, Prefix};

use crate::host::{Application, Host, Outcome, pin};

/// The server's address.
pub(crate) const SERVER: [u8; 4] = [10, 0, 0, 1];
/// The port that echoes.
pub(crate) const ECHO: u16 = 7;
/// The port that swallows.
pub(crate) const SINK: u16 = 9;
/// Bytes that a bulk transfer may have unread.
pub(crate) const BULK_WINDOW: u32 = 4 << 20;
/// Connections beside those that stay: one life at a time of many, and the bulk transfer.
pub(crate) const SPARE_CONNECTIONS: u32 = 65_536;

struct Server {
    echo: ListenerId,
}

impl Application for Server {
    fn on_event(&mut self, engine: &mut Engine, _now: Instant, event: Event) {
        match event {
            Event::Acceptable(listener) => {
                let port = if listener == self.echo { ECHO } else { SINK };
                while let Some(conn) = engine.accept(listener) {
                    engine.set_token(conn, port.into());
                }
            }
            Event::Connection { conn, token, ready, .. } => {
                if ready.contains(Ready::READABLE) {
                    take(engine, conn, token == u32::from(SINK));
                }
                // The client closes first; then there is nothing more to say here either.
                if ready.contains(Ready::FINISHED) || ready.contains(Ready::CLOSED) {
                    engine.close(conn);
                }
            }
        }
    }
}

/// Takes all that has come; sends it back unless it is to be swallowed.
fn take(engine: &mut Engine, conn: ConnId, swallow: bool) {
    while let Some(received) = engine.recv(conn) {
        if !swallow {
            let echo = Payload::from(engine.bytes(&received));
            engine.send(conn, echo).expect("the echo of a few bytes always fits the send queue");
        }
        engine.give_back(received);
    }
}

/// Serves until the client is gone.
pub(crate) fn run(wire: &str, connections: u32) -> Outcome<()> {
    pin(false);
    let link = |wire: &crore_nic::Wire| LinkConfig {
        mac: wire.capabilities().mac,
        mtu: wire.capabilities().mtu,
        addresses: vec!["10.0.0.1/8".parse().expect("the address is one")],
        owned: Vec::new(),
        gateways: Vec::new(),
    };
    let mut host =
        Host::new(wire, Role::Guest, link, |config| config.connections_max = connections + SPARE_CONNECTIONS)?;
    let local = Prefix::host(Ip::v4(SERVER));
    let options = Options { keep_alive: Some(KeepAlive::default()), ..Options::default() };
    let echo = host.engine.listen(Listen { local, port: ECHO, backlog: 4096, options })?;
    let options = Options { receive_bytes_max: BULK_WINDOW, ..options };
    host.engine.listen(Listen { local, port: SINK, backlog: 8, options })?;
    let mut server = Server { echo };
    while !host.is_alone() {
        host.turn(&mut server, Duration::from_secs(1))?;
    }
    Ok(())
}
