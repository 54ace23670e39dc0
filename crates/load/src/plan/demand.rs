//! What one machine needs for a number of connections on one stack: memory, processors, link, and how long the two things
//! take that concern everybody at once, a broadcast and a restart.

use serde::Serialize;

use super::figures::{EFFICIENCY, PROGRAM, RESERVE, ROUND_TRIP, Stack};
use super::machine::{Limit, Machine, Use};
use super::wire::{self, Flow};
use super::{PlanOptions, RUNTIME_SLOTS_PER_CORE, WORKERS_MAX};

/// Bytes of one machine.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize)]
pub struct Memory {
    /// User memory of connections.
    pub connections: f64,
    /// The kernel's memory of their sockets.
    pub sockets: f64,
    /// What is sent and not acknowledged, in steady traffic or in a broadcast, whichever is more.
    pub in_flight: f64,
    /// The program, and each core's own buffers.
    pub fixed: f64,
    /// Kept for the kernel and other programs.
    pub reserve: f64,
    /// All of it.
    pub total: f64,
}

/// Cores, as fast as the one measured.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Cores {
    /// For steady pushes.
    pub pushes: f64,
    /// For pings.
    pub pings: f64,
    /// Both, with what cores lose beside each other.
    pub total: f64,
}

/// Something that concerns every connection, done as fast as it goes.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Sweep {
    /// Processor time, spread over all cores.
    pub cpu_seconds: f64,
    /// On the link, in the direction that takes longer.
    pub link_seconds: f64,
    /// The longer of both.
    pub seconds: f64,
    /// Which it is.
    pub bound_by: Limit,
}

/// What is needed on one machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Demand {
    /// Bytes.
    pub memory: Memory,
    /// None: nobody has measured it.
    pub cores: Option<Cores>,
    /// One publication to everybody.
    pub broadcast: Option<Sweep>,
    /// Everybody comes back after a restart.
    pub reconnect: Option<Sweep>,
    /// File descriptors of the process.
    pub descriptors: u64,
}

/// What goes over the link, the same on every stack.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Traffic {
    /// Deliveries.
    pub pushes_per_second: f64,
    /// Of these the data of publications alone.
    pub payload_bits_per_second: f64,
    /// Pings.
    pub pings_per_second: f64,
    /// Everything to clients.
    pub to_clients: Flow,
    /// Everything from clients.
    pub from_clients: Flow,
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

/// Cores as fast as the one measured that all cores of `machine` are worth together.
fn worth(machine: &Machine) -> f64 {
    let cores = f64::from(machine.cores.min(WORKERS_MAX));
    let beside = if cores > 1.0 { EFFICIENCY.value } else { 1.0 };
    cores * beside * machine.speed.fraction()
}

/// `connections` times `us` of processor time on all cores, and `link_seconds` on the link.
fn sweep(machine: &Machine, connections: u64, us: f64, link_seconds: f64) -> Sweep {
    let cpu_seconds = connections as f64 * us / 1e6 / worth(machine);
    let bound_by = if cpu_seconds >= link_seconds { Limit::Cores } else { Limit::LinkOut };
    Sweep { cpu_seconds, link_seconds, seconds: cpu_seconds.max(link_seconds), bound_by }
}

/// What `connections` need on one machine.
pub(super) fn demand(stack: &Stack, options: &PlanOptions, connections: u64) -> Demand {
    let machine = &options.machine;
    let traffic = traffic(options, connections);
    let link = machine.link.0 as f64;
    let seconds = |exchange: wire::Exchange| {
        let [out, back] = [exchange.out, exchange.back].map(|burst| burst.seconds(connections as f64, link));
        out.max(back)
    };
    let cores = stack.time.as_ref().map(|time| {
        let pushes = traffic.pushes_per_second * time.push.value / 1e6;
        let pings = traffic.pings_per_second * time.ping.value / 1e6;
        Cores { pushes, pings, total: pushes + pings }
    });
    let broadcast = stack.time.as_ref().map(|time| {
        sweep(machine, connections, time.broadcast.value, seconds(wire::push(options.payload)))
    });
    let reconnect =
        stack.time.as_ref().map(|time| sweep(machine, connections, time.connect.value, seconds(wire::connect())));
    let broadcast_rate = broadcast.map_or(0.0, |sweep| connections as f64 / sweep.seconds);
    let pushes = traffic.pushes_per_second.max(broadcast_rate);
    Demand {
        memory: memory(stack, machine, connections, pushes),
        cores,
        broadcast,
        reconnect,
        descriptors: if stack.descriptors { connections } else { 0 } + crate::limits::DESCRIPTORS_RESERVED,
    }
}

fn memory(stack: &Stack, machine: &Machine, connections: u64, pushes_per_second: f64) -> Memory {
    let each = connections as f64;
    let cores = f64::from(machine.cores.min(WORKERS_MAX));
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
pub(super) fn uses(options: &PlanOptions, demand: &Demand, connections: u64) -> Vec<Use> {
    let machine = &options.machine;
    let kept = 1.0 - machine.headroom.fraction();
    let traffic = traffic(options, connections);
    let link = machine.link.0 as f64 * kept;
    let slots = f64::from(machine.cores.min(WORKERS_MAX)) * RUNTIME_SLOTS_PER_CORE as f64;
    let mut uses = vec![
        Use { of: Limit::Memory, needed: demand.memory.total, usable: machine.memory as f64 * kept },
        Use { of: Limit::LinkOut, needed: traffic.to_clients.bits_per_second, usable: link },
        Use { of: Limit::LinkIn, needed: traffic.from_clients.bits_per_second, usable: link },
    ];
    if let Some(cores) = demand.cores {
        uses.push(Use { of: Limit::Cores, needed: cores.total, usable: worth(machine) * kept });
        uses.push(Use { of: Limit::Slots, needed: connections as f64, usable: slots });
    }
    uses
}
