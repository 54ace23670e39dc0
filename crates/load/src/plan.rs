//! `crore plan`: from measured figures to machines, by arithmetic.
//!
//! [`plan`] takes [`PlanOptions`] and gives a [`CapacityPlan`]. It measures nothing, opens nothing and reads no clock: the
//! same options give the same plan on every machine. Everything measured or assumed is in `figures.rs` and is printed
//! with the plan. All figures are for one machine with one link; what a switch, a router or a TLS proxy takes is not in it.
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
pub use demand::{Cores, Demand, Memory, Sweep, Traffic};
use figures::{CONNTRACK, Figure, STACKS, Stack};
use limits::{
    CORES_MAX, HEADROOM_PERCENT_MAX, LINK_MAX, LINK_MIN, MEMORY_BYTES_MAX, MEMORY_BYTES_MIN, PING_MAX, PING_MIN,
    PLAN_CONNECTIONS_MAX, PUSHES_PER_SECOND_MAX,
};
pub use machine::{Limit, Machine, Use};
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
    /// On what.
    pub machine: Machine,
}

/// Ten million on the reference machine, with the steady traffic of `crore c10m`: 512 bytes a minute for everybody.
impl Default for PlanOptions {
    fn default() -> PlanOptions {
        PlanOptions {
            connections: 10_000_000,
            active: Percent::new(100),
            payload: 512,
            rate: Rate::per_minute(1),
            ping: Duration::from_secs(25),
            machine: Machine::default(),
        }
    }
}

impl PlanOptions {
    /// # Errors
    /// [`LoadError::Usage`] with the value, the limit and what to do.
    fn check(&self) -> Result<(), LoadError> {
        let machine = &self.machine;
        let within = |name: &str, value: String, least: Option<String>, most: Option<String>| match (least, most) {
            (Some(least), _) => Err(LoadError::usage(format!("{name} {value} is too small: at least {least}"))),
            (None, Some(most)) => Err(LoadError::usage(format!("{name} {value} is too large: at most {most}"))),
            (None, None) => Ok(()),
        };
        fn limits<T: PartialOrd + ToString>(value: T, least: T, most: T) -> (Option<String>, Option<String>) {
            ((value < least).then(|| least.to_string()), (value > most).then(|| most.to_string()))
        }
        let check = |name, value: String, (least, most)| within(name, value, least, most);
        let connections = Count(self.connections);
        let payload = Bytes(self.payload);
        let memory = Bytes(machine.memory);
        todo!()
    }
}
