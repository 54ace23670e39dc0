//! How a host begins: the engine that its plan wants.

use crore_base::frame::FramePool;
use crore_base::time::Instant;
use crore_tcp::{Config, Engine, LinkConfig};

use super::{address_of, mac_of};
use crate::plan::HostPlan;

pub(super) fn engine_of(plan: &HostPlan, number: usize, seed: u64, now: Instant) -> Result<Engine, String> {
    let prefix =
        |v4: bool, bits: u8| format!("{}/{bits}", address_of(number, v4)).parse().expect("an address and its bits");
    let link = LinkConfig {
        mac: mac_of(number),
        mtu: plan.mtu,
        addresses: vec![prefix(true, 24), prefix(false, 64)],
        owned: Vec::new(),
        gateways: Vec::new(),
    };
    let config = Config {
        connections_max: 2_000,
        sending_max: plan.sending_max,
        receiving_max: plan.receiving_max,
        half_open_max: plan.half_open_max,
        time_wait_max: plan.time_wait_max,
        time_wait: plan.time_wait,
        rto_min: plan.rto_min,
        delayed_ack: plan.delayed_ack,
        keep_alive_probes_per_second: 10_000,
        stealth: false,
        ..Config::new(link)
    };
    let frames = FramePool::new(plan.frames, plan.reserve).map_err(|error| error.to_string())?;
    Engine::new(config, frames, seed, now).map_err(|error| error.to_string())
}
