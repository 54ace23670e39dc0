//! What one machine needs for a number of connections on one stack: memory, processors, link, and how long the two things
//! take that concern everybody at once, a broadcast and a restart.

use crore_rt::limits::{CONNECTIONS_PER_CORE_MAX, CORES_MAX};
use serde::Serialize;

use super::PlanOptions;
use super::figures::{EFFICIENCY, PROGRAM, RESERVE, ROUND_TRIP, Stack};
use super::machine::{Limit, Machine, Use};
use super::wire::{self, Exchange, Flow};
use crate::limits::DESCRIPTORS_RESERVED;

/// Bytes of one machine.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize)]
pub(super) struct Memory {
    /// User memory of connections.
    pub(super) connections: f64,
    /// The kernel's memory of their sockets.
    pub(super) sockets: f64,
    /// What is sent and not acknowledged, in steady traffic or in a broadcast, whichever is more.
    pub(super) in_flight: f64,
    /// The program, and each core's own buffers.
    pub(super) fixed: f64,
    /// Kept for the kernel and other programs.
    pub(super) reserve: f64,
    /// All of it.
    pub(super) total: f64,
}

/// Cores, as fast as the one measured.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Cores {
    /// For steady pushes.
    pub(super) pushes: f64,
    /// For pings.
    pub(super) pings: f64,
    /// Both.
    pub(super) total: f64,
}

/// Something that concerns every connection, done as fast as it goes.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Sweep {
    /// Processor time, spread over all cores.
    pub(super) cpu_seconds: f64,
    /// On the link, in the direction that takes longer.
    pub(super) link_seconds: f64,
    /// The longer of both.
    pub(super) seconds: f64,
    /// Which it is.
    pub(super) bound_by: Limit,
}

/// What is needed on one machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Demand {
    /// Bytes.
    pub(super) memory: Memory,
    /// None: nobody has measured it.
    pub(super) cores: Option<Cores>,
    /// One publication to everybody.
    pub(super) broadcast: Option<Sweep>,
    /// Everybody comes back after a restart.
    pub(super) reconnect: Option<Sweep>,
    /// File descriptors of the process.
    pub(super) descriptors: u64,
}

/// What goes over the link, the same on every stack.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Traffic {
    /// Deliveries.
    pub(super) pushes_per_second: f64,
    /// Of these the data of publications alone.
    pub(super) payload_bits_per_second: f64,
    /// Pings.
    pub(super) pings_per_second: f64,
    /// Everything to clients.
    pub(super) to_clients: Flow,
    /// Everything from clients.
    pub(super) from_clients: Flow,
}

/// The steady traffic of `connections`.
pub(super) fn traffic(options: &PlanOptions, connections: u64) -> Traffic {
    let pushes = connections as f64 * options.active.fraction() * options.rate.per_second();
    let interval = options.ping.as_secs_f64();
    let pings = if interval > 0.0 { connections as f64 / interval } else { 0.0 };
    let (push, ping) = (wire::push(options.payload), wire::ping());
    Traffic {
        pushes_per_second: pushes,
        payload_bits_per_second: pushes * options.payload as f64 * 8.0,
        pings_per_second: pings,
        to_clients: push.out.flow(pushes).and(ping.out.flow(pings)),
        from_clients: push.back.flow(pushes).and(ping.back.flow(pings)),
    }
}

/// Cores of `machine` that a gateway uses: the runtime has no more.
fn serving(machine: &Machine) -> f64 {
    f64::from(machine.cores).min(CORES_MAX as f64)
}

/// How many cores like the one measured those of `machine` are worth together.
fn worth(machine: &Machine) -> f64 {
    let cores = serving(machine);
    let beside = if cores > 1.0 { EFFICIENCY.value } else { 1.0 };
    cores * beside * machine.speed.fraction()
}

/// `exchange` and `us` of processor time for each of `connections`, as fast as processors and link permit.
fn sweep(machine: &Machine, connections: u64, us: f64, exchange: Exchange) -> Sweep {
    let link = machine.link.0 as f64;
    let [out, back] = [exchange.out, exchange.back].map(|burst| burst.seconds(connections as f64, link));
    let cpu_seconds = connections as f64 * us / 1e6 / worth(machine);
    let link_seconds = out.max(back);
    let bound_by = match (cpu_seconds >= link_seconds, out >= back) {
        (true, _) => Limit::Cores,
        (false, true) => Limit::LinkOut,
        (false, false) => Limit::LinkIn,
    };
    Sweep { cpu_seconds, link_seconds, seconds: cpu_seconds.max(link_seconds), bound_by }
}

/// What `connections` need on one machine.
pub(super) fn demand(stack: &Stack, options: &PlanOptions, connections: u64) -> Demand {
    assert!(connections > 0, "a plan is for somebody");
    let machine = &options.machine;
    let traffic = traffic(options, connections);
    let time = stack.time.as_ref();
    let push = wire::push(options.payload);
    // A message of several segments is taken to cost as much as so many messages: each is built, sent and acknowledged.
    let segments = push.out.frames;
    let cores = time.map(|time| {
        let pushes = traffic.pushes_per_second * segments * time.push_us() / 1e6;
        let pings = traffic.pings_per_second * time.ping.value / 1e6;
        Cores { pushes, pings, total: pushes + pings }
    });
    let broadcast = time.map(|time| sweep(machine, connections, segments * time.broadcast.value, push));
    let reconnect = time.map(|time| sweep(machine, connections, time.connect.value, wire::connect()));
    let broadcast_rate = broadcast.map_or(0.0, |sweep| connections as f64 / sweep.seconds);
    let pushes = traffic.pushes_per_second.max(broadcast_rate);
    let held = if stack.descriptors { connections } else { 0 };
    Demand {
        memory: memory(stack, machine, connections, pushes),
        cores,
        broadcast,
        reconnect,
        descriptors: held + DESCRIPTORS_RESERVED,
    }
}

fn memory(stack: &Stack, machine: &Machine, connections: u64, pushes_per_second: f64) -> Memory {
    let each = connections as f64;
    let cores = serving(machine);
    // Of a connection one push at a time is counted: further ones wait behind it, as references to shared payloads.
    let in_flight = (pushes_per_second * ROUND_TRIP.value).min(each);
    let mut memory = Memory {
        connections: each * stack.user.value,
        sockets: each * stack.kernel.map_or(0.0, |figure| figure.value),
        in_flight: in_flight * stack.in_flight.map_or(0.0, |figure| figure.value),
        fixed: PROGRAM.value + cores * stack.core.map_or(0.0, |figure| figure.value),
        reserve: RESERVE.value,
        total: 0.0,
    };
    memory.total = memory.connections + memory.sockets + memory.in_flight + memory.fixed + memory.reserve;
    memory
}

/// What of the machine is taken.
pub(super) fn uses(stack: &Stack, options: &PlanOptions, demand: &Demand, connections: u64) -> Vec<Use> {
    let machine = &options.machine;
    let kept = 1.0 - machine.headroom.fraction();
    let traffic = traffic(options, connections);
    let link = machine.link.0 as f64 * kept;
    let slots = serving(machine) * f64::from(CONNECTIONS_PER_CORE_MAX);
    let mut uses = vec![
        Use { of: Limit::Memory, needed: demand.memory.total, usable: machine.memory as f64 * kept },
        Use { of: Limit::LinkOut, needed: traffic.to_clients.bits_per_second, usable: link },
        Use { of: Limit::LinkIn, needed: traffic.from_clients.bits_per_second, usable: link },
    ];
    if let Some(cores) = demand.cores {
        uses.push(Use { of: Limit::Cores, needed: cores.total, usable: worth(machine) * kept });
        uses.push(Use { of: Limit::Slots, needed: connections as f64, usable: slots });
    }
    if let Some(watched) = stack.watched {
        uses.push(Use { of: Limit::Watched, needed: demand.descriptors as f64, usable: watched.value });
    }
    uses
}
