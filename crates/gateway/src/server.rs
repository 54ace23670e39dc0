//! A whole gateway: shards on all cores, listeners on all shards, and how it ends.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crore_base::time::Duration;
use crore_hub::{ClientKey, Reply, Request};
use crore_rt::channel::mesh::{Ends, Port, mesh};
use crore_rt::net::{KeepAlive, ListenOptions, StreamOption, TcpListener, TlsError, TlsServer};
use crore_rt::{JoinError, TasksFull, spawn_detached, spawn_on, time};
use crore_web::{Drain, Server, ServerOptions};

use crate::api::{Face, application};
use crate::config::{Config, TlsFiles};
use crate::limits::{
    CLOSE_WAIT, PORT_FREED_WITHIN, PORT_TRIED_EVERY, RING_MESSAGES, TCP_KEEP_ALIVE_IDLE, TCP_KEEP_ALIVE_INTERVAL,
    TCP_KEEP_ALIVE_PROBES, TCP_USER_TIMEOUT,
};
use crate::node::Node;
use crate::protocol::Disconnect;
use crate::shard::Shard;
use crate::{pulse, pump};

/// Clients sent away at once in a drain, at least: so many that a few are gone in a blink, so few that a million come back spread.
const DRAIN_STEP: usize = 64;
/// Time between two such steps at most: a small server does not use its whole window.
const DRAIN_PAUSE_MAX: Duration = Duration::from_millis(50);
/// Such a step is so far from the next at least: a tick of the timers. Ten million clients are sent away in larger steps.
const DRAIN_PAUSE_MIN: Duration = Duration::from_millis(1);
/// How often a drain looks whether all are gone.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// A running gateway, in the hands of core 0.
pub struct Gateway {
    node: Arc<Node>,
    listening: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    tls: Option<TlsServer>,
    first: Core,
    orders: Port<Order>,
}

/// What core 0 tells the others about the gateway's end, and they it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Drain,
    Drained,
}

/// What one core is given to begin with.
struct Share {
    node: Arc<Node>,
    requests: Ends<Request>,
    replies: Ends<Reply>,
    listen: Vec<Place>,
}

/// Where a core listens, and how.
#[derive(Clone)]
struct Place {
    address: SocketAddr,
    face: Face,
    tls: Option<TlsServer>,
}

/// One core at work.
struct Core {
    shard: Rc<Shard>,
    servers: Vec<Drain>,
}

impl Gateway {
    /// Starts on all cores of this runtime; call it on core 0. `seed` decides epochs, ids and homes and must not be guessed.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub async fn start(config: Config, seed: u64) -> io::Result<Gateway> {
        assert_eq!(crore_rt::core(), 0, "a gateway is started from core 0");
        if config.wants_presence() {
            tracing::warn!("presence is configured but not offered yet: its commands answer error 108");
        }
        let cores = crore_rt::cores();
        let node = Node::new(config, cores, seed);
        let mut orders = mesh(cores, 1).into_iter();
        let mut lanes = mesh(cores, RING_MESSAGES).into_iter().zip(mesh(cores, RING_MESSAGES));
        let mut share = |listen: &[Place]| {
            let (requests, replies) = lanes.next().expect("there are lanes for each core");
            Share { node: Arc::clone(&node), requests, replies, listen: listen.to_vec() }
        };
        let face = if node.config.admin.is_some() { Face::Clients } else { Face::All };
        let tls = node.config.tls.as_ref().map(TlsFiles::load).transpose()?;
        let for_clients = |&address| Place { address, face, tls: tls.clone() };
        let mut listen: Vec<Place> = node.config.listen.iter().map(for_clients).collect();
        listen.extend(node.config.admin.map(|address| Place { address, face: Face::All, tls: None }));
        // The first core's listeners say which ports the system chose; the others join them there.
        for place in &listen {
            refuse_shared(place.address).await?;
        }
        let (first, bound) = Core::open(share(&listen))?;
        for (place, address) in listen.iter_mut().zip(bound) {
            place.address = address;
        }
        let port = orders.next().expect("there are orders for each core").open();
        for (core, orders) in (1..cores).zip(orders) {
            let share = share(&listen);
            let opening = move || async move {
                let (core, _) = Core::open(share)?;
                spawn_detached(core.follow(orders)).map_err(full)
            };
            spawn_on(core, opening).await.map_err(broken)??;
        }
        let admin = node.config.admin.map(|_| listen[listen.len() - 1].address);
        let clients = listen.len() - usize::from(admin.is_some());
        let listening = listen[..clients].iter().map(|place| place.address).collect();
        Ok(Gateway { node, listening, admin, tls, first, orders: port })
    }

    /// The addresses for clients, with the ports that the system chose.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// The address of console, API and metrics, if it is one of their own.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Whether clients are spoken to by TLS.
    pub fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads certificate and key again, for the connections to come on all cores; those that are open go on.
    ///
    /// # Errors
    /// A file that is not right: then what was is kept.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        match (&self.tls, &self.node.config.tls) {
            (Some(tls), Some(files)) => tls.reload(&files.certificate, &files.key),
            _ => Ok(()),
        }
    }

    /// Stops in order: not ready any more, no accepts, every client told 3001, spread over the window. Returns as soon as all
    /// are gone, and at the latest five seconds after the last was told.
    pub async fn drain(&self) {
        self.node.start_draining();
        let others = crore_rt::cores() - 1;
        for core in 1..=others {
            let sent = self.orders.try_send(core, Order::Drain);
            assert!(sent.is_ok(), "a core is ordered to drain once");
        }
        self.first.drain().await;
        let mut left = others;
        while left > 0 {
            match self.orders.try_recv() {
                Some((_, order)) => {
                    assert_eq!(order, Order::Drained);
                    left -= 1;
                }
                None => self.orders.changed().await,
            }
        }
    }
}

/// How many clients are sent away at once, and how long the drain rests then, so that `clients` are gone in the window.
fn drain_pace(clients: usize, window: Duration) -> (usize, Duration) {
    // A rest shorter than a tick of the timers lasts a tick all the same.
    let steps_max = (window.as_nanos() / DRAIN_PAUSE_MIN.as_nanos()).max(1) as usize;
    let step = DRAIN_STEP.max(clients.div_ceil(steps_max));
    let steps = clients.div_ceil(step).max(1);
    (step, DRAIN_PAUSE_MAX.min(window / steps as u64))
}

/// The cores share their ports with each other, which lets another server of the same user join in unnoticed: half of the
/// clients would land there. So a port must be free to begin with, or become so soon: a process with io_uring that was killed listens
/// until the kernel has taken its rings apart, some milliseconds later.
async fn refuse_shared(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let alone = ListenOptions { shared_port: false, ..ListenOptions::default() };
    let patient_until = time::now() + PORT_FREED_WITHIN;
    loop {
        match TcpListener::bind(address, &alone) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && time::now() < patient_until => {
                time::sleep(PORT_TRIED_EVERY).await;
            }
            bound => return bound.map(drop).map_err(|error| cannot_listen(address, &error)),
        }
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

fn broken(error: JoinError) -> io::Error {
    io::Error::other(format!("a core could not be started: {error}"))
}

fn full(_: TasksFull) -> io::Error {
    io::Error::other("a new core has no room for its first tasks")
}

impl Core {
    /// Opens the shard and the listeners of this core, and tells their addresses.
    fn open(share: Share) -> io::Result<(Core, Vec<SocketAddr>)> {
        let shard = Shard::new(share.node, share.requests, share.replies);
        spawn_detached(pump::run(Rc::clone(&shard))).map_err(full)?;
        spawn_detached(pulse::run(Rc::clone(&shard))).map_err(full)?;
        let mut core = Core { shard, servers: Vec::new() };
        let mut bound = Vec::new();
        for Place { address, face, tls } in share.listen {
            let listener = TcpListener::bind(address, &listening(&core.shard.config))
                .map_err(|error| cannot_listen(address, &error))?;
            bound.push(listener.local_addr());
            let server = Server::new(application(&core.shard, face), options(&core.shard));
            let server = match tls {
                Some(tls) => server.secured(tls),
                None => server,
            };
            core.servers.push(server.drain());
            let serving = async move {
                if let Err(error) = server.serve(listener).await {
                    tracing::error!(%error, %address, "a listener is broken");
                }
            };
            spawn_detached(serving).map_err(full)?;
        }
        Ok((core, bound))
    }

    /// Waits for core 0's order to drain, and says when it is done.
    async fn follow(self, orders: Ends<Order>) {
        let orders = orders.open();
        while orders.try_recv().is_none() {
            orders.changed().await;
        }
        self.drain().await;
        let told = orders.try_send(0, Order::Drained);
        assert!(told.is_ok(), "a core says once that it is drained");
    }

    async fn drain(&self) {
        for server in &self.servers {
            server.stop_accepting();
        }
        let clients: Vec<ClientKey> = self.shard.hub.borrow().clients().collect();
        let (step, pause) = drain_pace(clients.len(), self.shard.config.drain_window);
        for step in clients.chunks(step) {
            for &client in step {
                self.shard.disconnect(client, Disconnect::Shutdown);
            }
            time::sleep(pause).await;
        }
        let deadline = time::now() + CLOSE_WAIT;
        while self.sockets_of_clients() > 0 && time::now() < deadline {
            time::sleep(DRAIN_LOOK).await;
        }
        // Until now who asked was told that this server is not ready.
        for server in &self.servers {
            server.start();
        }
        while crore_rt::connection_count() > 0 && time::now() < deadline {
            time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Connections that became clients and are not closed yet.
    fn sockets_of_clients(&self) -> usize {
        let speak_http: usize = self.servers.iter().map(Drain::remaining).sum();
        crore_rt::connection_count().saturating_sub(speak_http)
    }
}

/// The settings of every client's stream: its queue, and how its TCP finds out that the peer is gone.
fn listening(config: &Config) -> ListenOptions {
    let keep_alive =
        KeepAlive { idle: TCP_KEEP_ALIVE_IDLE, interval: TCP_KEEP_ALIVE_INTERVAL, probes: TCP_KEEP_ALIVE_PROBES };
    let accepted = vec![
        StreamOption::SendLimit(config.queue_bytes),
        StreamOption::KeepAlive(Some(keep_alive)),
        StreamOption::UserTimeout(Some(TCP_USER_TIMEOUT)),
    ];
    ListenOptions { accept: config.accept, accepted, ..ListenOptions::default() }
}

fn options(shard: &Shard) -> ServerOptions {
    let rate = shard.config.accept_rate;
    // Each core takes its share; a rate below one a core still lets every core take one.
    let share = rate.div_ceil(crore_rt::cores() as u64);
    let accepts_per_second = (rate > 0).then(|| u32::try_from(share).unwrap_or(u32::MAX));
    ServerOptions { accepts_per_second, ..ServerOptions::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_keeps_to_its_window_with_ten_clients_and_with_ten_million() {
        let seconds = |clients, window| {
            let (step, pause) = drain_pace(clients, Duration::from_secs(window));
            (clients.div_ceil(step) as u64 * pause.as_nanos()) as f64 / 1e9
        };
        assert_eq!(drain_pace(10, Duration::from_secs(10)), (DRAIN_STEP, DRAIN_PAUSE_MAX));
        for clients in [10, 1_000, 100_000, 10_000_000] {
            assert!(seconds(clients, 10) <= 10.0, "{clients} clients take {} s", seconds(clients, 10));
        }
        assert!(drain_pace(10_000_000, Duration::from_secs(10)).1 >= DRAIN_PAUSE_MIN);
        assert_eq!(drain_pace(5, Duration::ZERO).1, Duration::ZERO);
    }
}
