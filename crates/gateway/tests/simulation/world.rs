//! One world: a gateway on all cores, what its tests share, and the check that nothing is left when everybody has gone.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};
use crore_gateway::{Config, Gateway, Layer};
use crore_http::{Fields, Limits};
use crore_rt::sim::{self, Faults};
use crore_rt::{JoinHandle, spawn_on, time};
use crore_web::client::{Answer, Client, ClientError, ClientOptions, Keys};
use serde_json::{Value, json};

use crate::ledger::Ledger;

/// Where gateways listen. The API without a key answers loopback only, so clients come from there, too.
pub(crate) const HOST: &str = "127.0.0.1:8000";

/// Time in which every connection is found to be over, whatever happened to it: the keep-alive of HTTP (75 s) and of TCP
/// (90 s) are the longest of the gateway's deadlines.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// What a core holds: connections and tasks.
type Holdings = Vec<(usize, usize)>;

/// What everybody in a world shares.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) config: Config,
    pub(crate) ledger: RefCell<Ledger>,
    pub(crate) keys: Keys,
    /// Nobody does anything to his own link any more.
    pub(crate) is_calm: Cell<bool>,
    /// Told to everybody who would stay for ever.
    pub(crate) is_over: Cell<bool>,
    rng: RefCell<Rng>,
    empty: Holdings,
}

impl World {
    /// A gateway without a configuration, as `alter` alters it: pings every five seconds, and pongs due in two.
    pub(crate) async fn start(alter: impl FnOnce(&mut Config)) -> Rc<World> {
        let mut config = Config::load(None, [], Layer::default()).expect("the defaults are right");
        config.ping_interval = Duration::from_secs(5);
        config.pong_timeout = Duration::from_secs(2);
        // Longer than any test, so that only its size bounds a history.
        config.without_namespace.history_ttl = Duration::from_secs(3600);
        alter(&mut config);
        let history_size = u64::from(config.without_namespace.history_size);
        let mut rng = Rng::from_seed(sim::seed() ^ 0x7465_7374);
        let gateway = Gateway::start(config.clone(), rng.next_u64()).await.expect("nobody else listens here");
        let keys = Keys::from_seed(rng.next_u64());
        Rc::new(World {
            gateway,
            config,
            ledger: RefCell::new(Ledger::new(history_size)),
            keys,
            is_calm: Cell::new(false),
            is_over: Cell::new(false),
            rng: RefCell::new(rng),
            empty: holdings().await,
        })
    }

    /// Randomness for one client.
    pub(crate) fn dice(&self) -> Rng {
        self.rng.borrow_mut().fork()
    }

    pub(crate) async fn http(&self) -> Result<Client, ClientError> {
        Client::connect(address(), HOST, http_options()).await
    }

    /// Calls a method of the API on a connection of its own; the network must be good.
    pub(crate) async fn call(&self, method: &str, body: &Value) -> Value {
        let mut client = self.http().await.expect("the gateway accepts");
        let answer = call(&mut client, method, body).await.expect("the gateway answers");
        assert_eq!(answer.head.status().code(), 200, "{method}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("the API answers JSON")
    }

    /// The figures of all metrics without labels, and of those with one by `name{label}`.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let mut client = self.http().await.expect("the gateway accepts");
        let text = client.get("/metrics").await.expect("the gateway answers").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let line = line.unwrap_or_else(|| panic!("there is no metric {name} in\n{text}"));
        line.trim().parse().expect("a metric is a number")
    }

    /// Waits until `holds`, and fails with what `describe` says when it does not in time. Fails at once when an actor has failed.
    pub(crate) async fn until(
        &self,
        span: Duration,
        actors: &mut Vec<JoinHandle<()>>,
        holds: impl Fn() -> bool,
        describe: impl Fn() -> String,
    ) {
        let deadline = time::now() + span;
        while !holds() {
            reap(actors).await;
            assert!(time::now() < deadline, "not within {span}: {}", describe());
            time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The connections of all cores, when there are none any more or the time is over.
    pub(crate) async fn connections_within(&self, span: Duration) -> usize {
        let deadline = time::now() + span;
        loop {
            let left = holdings().await.iter().map(|&(connections, _)| connections).sum();
            if left == 0 || time::now() >= deadline {
                return left;
            }
            time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// When all clients have gone: nothing is left of them, and nothing has panicked.
    pub(crate) async fn expect_empty(&self) {
        sim::set_faults(Faults { split_one_in: 0, shorten_one_in: 0, ..Faults::default() });
        let deadline = time::now() + FORGOTTEN_AFTER;
        loop {
            let held = holdings().await;
            if held == self.empty {
                break;
            }
            let empty = &self.empty;
            assert!(
                time::now() < deadline,
                "(connections, tasks) by core were {empty:?} at first and are {held:?} now"
            );
            time::sleep(Duration::from_secs(1)).await;
        }
        let info = self.call("info", &json!({})).await;
        let node = &info["result"]["nodes"][0];
        assert_eq!((&node["num_clients"], &node["num_subs"]), (&Value::from(0), &Value::from(0)), "{node}");
        assert_eq!(self.metric("crore_walk_backlog").await, 0.0);
        assert_eq!(self.metric("crore_task_panics_total").await, 0.0);
        let (came, went) = (node["metrics"]["connects_total"].as_u64(), node["metrics"]["disconnects_total"].as_u64());
        // Also those are counted as sent away who never became clients.
        assert!(came <= went, "{came:?} clients came and {went:?} went");
    }
}

/// Where the gateway is.
pub(crate) fn address() -> SocketAddr {
    HOST.parse().expect("it is an address")
}

/// Patience that fits the faults: a link that has fallen silent is given up.
pub(crate) fn http_options() -> ClientOptions {
    ClientOptions {
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(10),
        // All that a poll missed comes in one body.
        http: Limits { body_bytes: 16 << 20, ..Limits::default() },
        ..ClientOptions::default()
    }
}

/// Calls a method of the API.
pub(crate) async fn call(client: &mut Client, method: &str, body: &Value) -> Result<Answer, ClientError> {
    client.request("POST", &format!("/api/{method}"), &Fields::new(), body.to_string().as_bytes()).await
}

/// Lets the failure of an actor be ours.
pub(crate) async fn reap(actors: &mut Vec<JoinHandle<()>>) {
    while let Some(place) = actors.iter().position(JoinHandle::is_finished) {
        actors.swap_remove(place).await.expect("the actor did its part");
    }
}

/// Waits for all of them.
pub(crate) async fn join(actors: Vec<JoinHandle<()>>, span: Duration) {
    let deadline: Instant = time::now() + span;
    for actor in actors {
        let ended = time::deadline(deadline, actor).await;
        ended.unwrap_or_else(|_| panic!("an actor did not end within {span}")).expect("the actor did its part");
    }
}

async fn holdings() -> Holdings {
    let mut held = Vec::new();
    for core in 0..crore_rt::cores() {
        let count = || async { (crore_rt::connection_count(), crore_rt::task_count()) };
        held.push(spawn_on(core, count).await.expect("the core runs it"));
    }
    held
}
