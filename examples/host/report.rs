//! What can be told, as JSON: one object on one line.

use std::io::Write;

use crore_nic::{Direction, FaultCounts, XdpStatistics};
use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::host::Host;
use crate::sessions::Sessions;

/// Connections of which everything is told.
const CONNECTIONS_SHOWN_MAX: usize = 16;

/// The interface is there.
pub(crate) fn say_ready(host: &Host) -> Outcome<()> {
    let (mtu, mac) = host.network.link(None);
    print(&json!({ "ready": true, "mac": mac.to_string(), "mtu": mtu }))
}

/// How things stand.
pub(crate) fn say(host: &Host, sessions: &Sessions, problems: &[String]) -> Outcome<()> {
    let counters = host.engine.counters();
    let counted: Map<String, Value> = counters
        .all()
        .filter(|(_, value)| *value > 0)
        .map(|(name, value)| (name.name().to_owned(), value.into()))
        .collect();
    let device = host.network.counts();
    let frames = host.engine.frames();
    print(&json!({
        "problems": problems,
        "connections": host.engine.connection_count(),
        "sessions": sessions.live,
        "frames_in_use": host.frames_in_use(),
        "frames": frames.capacity(),
        "turns": host.turns,
        "sleeps": host.sleeps,
        "tally": sessions.tally,
        "counters": counted,
        "unaccounted": counters.unaccounted(),
        "device": {
            "frames_in": device.frames_in,
            "bytes_in": device.bytes_in,
            "frames_out": device.frames_out,
            "bytes_out": device.bytes_out,
            "bursts_in": device.bursts_in,
            "bursts_out": device.bursts_out,
        },
        "xdp": host.network.statistics().map(rings),
        "faults_in": faults(host.network.faults(Direction::In)),
        "faults_out": faults(host.network.faults(Direction::Out)),
        "some": sessions.names().take(CONNECTIONS_SHOWN_MAX).filter_map(|conn| {
            host.engine.statistics(conn).map(|statistics| format!("{statistics:?}"))
        }).collect::<Vec<String>>(),
    }))
}

/// What was lost at a queue of AF_XDP, and where.
fn rings(counts: XdpStatistics) -> Value {
    let kernel = counts.kernel.unwrap_or_default();
    json!({
        "receive_ring_full": kernel.receive_ring_full,
        "fill_ring_empty": kernel.fill_ring_empty,
        "pool_empty": counts.starved,
        "transmit_ring_full": counts.waited,
        "stalls": counts.stalls,
        "not_sent_stuck": counts.lost_stuck,
        "not_sent_down": counts.lost_down,
        "unfit": counts.unfit,
        "foreign": counts.foreign,
    })
}

fn faults(counts: FaultCounts) -> Value {
    json!({
        "offered": counts.offered,
        "delivered": counts.delivered,
        "lost": counts.lost,
        "duplicated": counts.duplicated,
        "reordered": counts.reordered,
        "corrupted": counts.corrupted,
        "truncated": counts.truncated,
        "queue_full": counts.queue_full,
        "held": counts.held,
    })
}

fn print(value: &Value) -> Outcome<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    output.flush()?;
    Ok(())
}
