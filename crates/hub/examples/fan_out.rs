//! How long a walk takes and how much memory a subscriber takes: `cargo run --release -p crore-hub --example fan_out`.
//!
//! One core, one channel, a million subscribers whose sinks are scattered over a table of a cache line each, as
//! connections are. Prints nanoseconds for each delivery, and bytes of resident memory for each subscriber.

use std::time::Instant as Clock;

use crore_base::payload::Payload;
use crore_base::prefetch::prefetch_at;
use crore_base::random::Rng;
use crore_base::time::Instant;
use crore_hub::{ChannelOptions, ClientKey, Command, Deliver, Hub, Limits, Position, Publication, Publish};

const SUBSCRIBERS: u64 = 1_000_000;
const ROUNDS: usize = 10;

/// A stand-in for connections: one cache line each, counting what it got.
struct Connections(Vec<[u64; 8]>);

impl Deliver for Connections {
    fn prefetch(&mut self, sink: u64) {
        prefetch_at(&self.0, sink as usize);
    }

    fn encode(&mut self, _: u8, _: &str, publication: &Publication, _: Option<Position>) -> Payload {
        publication.data.to_payload()
    }

    fn deliver(&mut self, _: ClientKey, sink: u64, _: u8, payload: &Payload, _: &Publication) {
        self.0[sink as usize][0] += payload.len() as u64;
    }
}

/// Resident memory of this process in bytes, where the system tells.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

fn main() {
    let mut hub = Hub::new(0, 1, 1, Limits::default());
    let mut connections = Connections(vec![[1; 8]; SUBSCRIBERS as usize]);
    let mut sinks: Vec<u64> = (0..SUBSCRIBERS).collect();
    Rng::from_seed(1).shuffle(&mut sinks);
    let now = Instant::from_nanos(1);
    let options = ChannelOptions::default();
    let before = resident();
    for sink in sinks.iter().copied() {
        let client = hub.connect(sink, 0).expect("the limit is far away");
        let command = Command::Subscribe { client, channel: "all", since: None, reject_unrecovered: false, options };
        hub.on_command(now, sink, command);
        while hub.poll_event().is_some() {}
    }
    let bytes = (resident() - before) as f64 / SUBSCRIBERS as f64;
    println!("{bytes:.1} bytes a subscriber");
    for together in [1, 8] {
        let mut spent = std::time::Duration::ZERO;
        for _ in 0..ROUNDS {
            for token in 0..together {
                let publish = Publish {
                    channel: "all",
                    data: "{\"score\":1}".into(),
                    info: None,
                    tags: None,
                    options,
                    skip_history: false,
                    idempotency_key: None,
                };
                hub.on_command(now, token, Command::Publish(publish));
            }
            let start = Clock::now();
            while hub.walk(4096, &mut connections) {}
            spent += start.elapsed();
        }
        let deliveries = SUBSCRIBERS as f64 * together as f64 * ROUNDS as f64;
        println!("{:.1} ns a delivery, {together} in flight", spent.as_nanos() as f64 / deliveries);
    }
    println!("{} deliveries", hub.stats().deliveries);
}
