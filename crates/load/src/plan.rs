//! `crore plan`: from measured figures to machines, by arithmetic.
//!
//! [`plan`] takes [`PlanOptions`] and gives a [`CapacityPlan`]. It measures nothing, opens nothing and reads no clock: the
//! same options give the same plan on every machine. Everything measured or assumed stands in `figures.rs` and is printed
//! with the plan. What a switch, a router or a proxy for TLS takes is not in it.
//!
//! ```text
//! options ──▶ wire: bytes on the line ──▶ demand: memory, cores, link ──▶ against a machine ──▶ how many machines
//! ```

mod demand;
mod figures;
mod limits;
mod machine;
mod quantity;
mod text;
mod wire;

use crore_base::time::Duration;
use crore_base::units::{Bytes, Count};
use serde::Serialize;

use crate::error::LoadError;
use crate::limits::{CONNECTIONS_PER_OWN_SOURCE, CONNECTIONS_PER_SOURCE, PAYLOAD_BYTES_MAX};
use demand::{Demand, Traffic};
use figures::{CONNTRACK, Figure, STACKS, Stack};
use limits::{
    CORES_MAX, HEADROOM_MAX, LINK_MAX, LINK_MIN, MEMORY_BYTES_MAX, MEMORY_BYTES_MIN, PING_MAX, PING_MIN,
    PLAN_CONNECTIONS_MAX, PUSHES_PER_SECOND_MAX, SPEED_MIN,
};
pub use machine::Machine;
use machine::{Limit, Use, tightest};
pub use quantity::{Bandwidth, Percent, Rate};

/// What a plan is asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PlanOptions {
    /// Connections, all at one time.
    pub connections: u64,
    /// Those of them that get pushes.
    pub active: Percent,
    /// Bytes of a publication's data.
    pub payload: u64,
    /// Pushes to each active connection.
    pub rate: Rate,
    /// Time between pings to each connection; zero: none.
    pub ping: Duration,
    /// The most connections that one machine shall hold, however many it could: all of them are lost with it.
    pub per_machine: u64,
    /// On what.
    pub machine: Machine,
}

/// Ten million on the reference machine, with the steady traffic of `crore c10m`, 512 bytes a minute for everybody, and the
/// gateway's own pings.
impl Default for PlanOptions {
    fn default() -> PlanOptions {
        PlanOptions {
            connections: 10_000_000,
            active: Percent::new(100),
            payload: 512,
            rate: Rate::per_minute(1),
            ping: Duration::from_secs(25),
            per_machine: 10_000_000,
            machine: Machine::default(),
        }
    }
}

/// Refuses a value outside of its limits; `show` is how people write it.
fn within<T: PartialOrd + Copy, S: std::fmt::Display>(
    name: &str,
    value: T,
    [least, most]: [T; 2],
    show: impl Fn(T) -> S,
) -> Result<(), LoadError> {
    let wrong = |how, limit| Err(LoadError::usage(format!("{name} {} is too {how} {}", show(value), show(limit))));
    match (value < least, value > most) {
        (true, _) => wrong("small: at least", least),
        (_, true) => wrong("large: at most", most),
        _ => Ok(()),
    }
}

impl PlanOptions {
    /// # Errors
    /// [`LoadError::Usage`] with the value, the limit and what to do.
    fn check(&self) -> Result<(), LoadError> {
        let machine = &self.machine;
        within("--connections", self.connections, [1, PLAN_CONNECTIONS_MAX], Count)?;
        within("--per-machine", self.per_machine, [1, PLAN_CONNECTIONS_MAX], Count)?;
        within("--active", self.active, [Percent::new(0), Percent::WHOLE], |active| active)?;
        within("--payload", self.payload, [0, PAYLOAD_BYTES_MAX], Bytes)?;
        within("--cores", machine.cores, [1, CORES_MAX], |cores| cores)?;
        within("--memory", machine.memory, [MEMORY_BYTES_MIN, MEMORY_BYTES_MAX], Bytes)?;
        within("--link", machine.link, [LINK_MIN, LINK_MAX], |link| link)?;
        within("--core-speed", machine.speed, [SPEED_MIN, Percent::MAX], |speed| speed)?;
        within("--headroom", machine.headroom, [Percent::new(0), HEADROOM_MAX], |headroom| headroom)?;
        if !self.ping.is_zero() {
            within("--ping", self.ping, [PING_MIN, PING_MAX], |ping| ping)?;
        }
        if self.rate.per_second() > PUSHES_PER_SECOND_MAX {
            let Self { rate, .. } = self;
            return Err(LoadError::usage(format!("--rate {rate} is too large: at most {PUSHES_PER_SECOND_MAX}/s")));
        }
        Ok(())
    }
}

/// What a plan comes to. Serializes to the object of `--json`, which is an interface.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapacityPlan {
    /// Connections asked for.
    pub connections: u64,
    #[serde(skip)]
    options: PlanOptions,
    /// Everything that was asked for, as text.
    asked: Asked,
    traffic: Traffic,
    load_generator: LoadGenerator,
    firewall: Firewall,
    stacks: Vec<StackPlan>,
    figures: Vec<Figure>,
}

/// What was asked for, in the words of its flags.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Asked {
    active: String,
    payload_bytes: u64,
    rate: String,
    ping: String,
    per_machine: u64,
    cores: u32,
    memory_bytes: u64,
    link_bits_per_second: u64,
    core_speed: String,
    headroom: String,
}

/// What clients of one address and one port need to be so many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct LoadGenerator {
    /// Addresses of a generator on our own TCP/IP.
    own_stack_sources: u64,
    /// Addresses of one on the kernel's.
    kernel_sources: u64,
}

/// What a firewall that tracks connections needs. On our own stack over AF_XDP frames never come to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Firewall {
    entries: u64,
    bytes: f64,
}

/// The plan on one stack.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct StackPlan {
    name: &'static str,
    demand: Demand,
    uses: Vec<Use>,
    /// Whether the resources of one machine are enough, and enough is kept free.
    fits: bool,
    /// What binds first when connections are added until it is full.
    binds: Limit,
    /// The most of this kind of load that the resources of one machine hold.
    connections_max: u64,
    /// How many machines hold all, none of them more than was allowed, and one more, for the one that is away; none: not even
    /// one connection fits.
    machines: Option<u64>,
}

/// Makes a plan.
///
/// # Errors
/// [`LoadError::Usage`] for what is out of range, with the value and the limit.
pub fn plan(options: &PlanOptions) -> Result<CapacityPlan, LoadError> {
    options.check()?;
    let connections = options.connections;
    let machine = &options.machine;
    Ok(CapacityPlan {
        connections,
        options: *options,
        asked: Asked {
            active: options.active.to_string(),
            payload_bytes: options.payload,
            rate: options.rate.to_string(),
            ping: options.ping.to_string(),
            per_machine: options.per_machine,
            cores: machine.cores,
            memory_bytes: machine.memory,
            link_bits_per_second: machine.link.0,
            core_speed: machine.speed.to_string(),
            headroom: machine.headroom.to_string(),
        },
        traffic: demand::traffic(options, connections),
        load_generator: LoadGenerator {
            own_stack_sources: connections.div_ceil(CONNECTIONS_PER_OWN_SOURCE),
            kernel_sources: connections.div_ceil(CONNECTIONS_PER_SOURCE),
        },
        firewall: Firewall { entries: connections, bytes: connections as f64 * CONNTRACK.value },
        stacks: STACKS.iter().map(|stack| plan_stack(stack, options)).collect(),
        figures: figures::all(),
    })
}

impl CapacityPlan {
    /// The plan as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers, options and text always have a JSON form")
    }
}

fn plan_stack(stack: &Stack, options: &PlanOptions) -> StackPlan {
    let connections = options.connections;
    let demand = demand::demand(stack, options, connections);
    let uses = demand::uses(stack, options, &demand, connections);
    let connections_max = most(stack, options);
    let fullest = connections_max.max(1);
    let binds = tightest(&demand::uses(stack, options, &demand::demand(stack, options, fullest), fullest)).of;
    let fits = connections_max >= connections;
    let each = connections_max.min(options.per_machine);
    let machines = (each > 0).then(|| connections.div_ceil(each.max(1)) + 1);
    assert!(uses.len() >= 3, "memory and both directions of the link are known of every stack");
    StackPlan { name: stack.name, demand, uses, fits, binds, connections_max, machines }
}

/// The most connections that fit one machine; at most [`PLAN_CONNECTIONS_MAX`]. Every need grows with the connections, so
/// this is found by halving.
fn most(stack: &Stack, options: &PlanOptions) -> u64 {
    let fits = |connections| {
        let uses = demand::uses(stack, options, &demand::demand(stack, options, connections), connections);
        tightest(&uses).share() <= 1.0
    };
    let (mut fitting, mut beyond) = (0, PLAN_CONNECTIONS_MAX + 1);
    while beyond - fitting > 1 {
        let middle = fitting + (beyond - fitting) / 2;
        if fits(middle) { fitting = middle } else { beyond = middle }
    }
    fitting
}

#[cfg(test)]
mod tests;
