//! What all cores of a gateway share: settings, counters, and whether it drains. Read by all, written by few.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crore_base::counters::Counters;

use crate::config::Config;
use crate::counters::COUNTERS;
use crate::latency::BUCKETS;
use crate::token::Tokens;

/// One running gateway.
pub(crate) struct Node {
    pub(crate) config: Arc<Config>,
    pub(crate) counters: Arc<Counters>,
    /// Deliveries by latency.
    pub(crate) latencies: Arc<Counters>,
    pub(crate) tokens: Option<Tokens>,
    /// For everything that must not be guessed or repeated: epochs, client ids, homes.
    pub(crate) seed: u64,
    pub(crate) uid: String,
    pub(crate) started: std::time::Instant,
    draining: AtomicBool,
}

impl Node {
    pub(crate) fn new(config: Config, cores: usize, seed: u64) -> Arc<Node> {
        let tokens = config.token_hmac_secret.as_deref().map(Tokens::new);
        Arc::new(Node {
            counters: Counters::new(cores, COUNTERS),
            latencies: Counters::new(cores, BUCKETS),
            tokens,
            seed,
            uid: format!("{:016x}", crore_base::hash::HashKey::from_seed(seed).hash(b"node")),
            started: std::time::Instant::now(),
            draining: AtomicBool::new(false),
            config: Arc::new(config),
        })
    }

    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}
