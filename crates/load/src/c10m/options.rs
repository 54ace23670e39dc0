//! What a user asks of `crore c10m`, checked before anything is begun.

use std::net::SocketAddr;
use std::path::PathBuf;

use crore_base::time::Duration;

use super::wire::Wire;
use crate::error::LoadError;
use crate::limits::{
    DESCRIPTORS_RESERVED, GROUP_MEMBERS, HOLD_DEFAULT, PHASE_MAX, RATE_MAX, STEADY_DEFAULT, SWARM_CONNECTIONS_MAX,
    SWARM_REQUESTERS,
};

/// A run, as a user asks for it.
#[derive(Clone, Debug)]
pub struct C10mOptions {
    /// Clients, at least 1.
    pub connections: u64,
    /// What carries them.
    pub wire: Wire,
    /// Pushes a second in the steady phase, all clients together; none: what the wire is measured with.
    pub steady_rate: Option<u64>,
    /// How long the steady phase lasts.
    pub steady_for: Duration,
    /// Requests a second in the steady phase; none: in proportion to the clients.
    pub requests: Option<u64>,
    /// How long all clients are held before anything is sent.
    pub hold: Duration,
    /// Time between the gateway's pings; zero: none.
    pub ping: Duration,
    /// Where the gateway shows console, API and metrics; none: on a port of loopback that the system chooses.
    pub admin: Option<SocketAddr>,
    /// Where to write the HTML report.
    pub report: Option<PathBuf>,
    /// From which commit this program was built, for the report.
    pub commit: String,
}

impl Default for C10mOptions {
    fn default() -> C10mOptions {
        C10mOptions {
            connections: 10_000_000,
            wire: Wire::Memory,
            steady_rate: None,
            steady_for: STEADY_DEFAULT,
            requests: None,
            hold: HOLD_DEFAULT,
            ping: Duration::ZERO,
            admin: None,
            report: None,
            commit: "unknown".to_owned(),
        }
    }
}

/// Requests a second of ten million clients, on a wire of memory and on one of the kernel's.
const REQUESTS_FULL: u64 = 50_000;
/// As above, over a veth, where each frame is copied by the kernel.
const REQUESTS_FULL_XDP: u64 = 10_000;
/// Below this no distribution of latencies can be read.
const REQUESTS_MIN: u64 = 100;

impl C10mOptions {
    /// # Errors
    /// [`LoadError::Usage`] with the value, the limit and what to do.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let within = |name: &str, value: u64, most: u64| match value {
            0 => Err(LoadError::usage(format!("{name} 0 is too small: at least 1"))),
            value if value > most => Err(LoadError::usage(format!("{name} {value} is too large: at most {most}"))),
            _ => Ok(()),
        };
        within("--connections", self.connections, SWARM_CONNECTIONS_MAX)?;
        within("--steady-rate", self.steady_rate.unwrap_or(1), RATE_MAX)?;
        within("--requests", self.requests.unwrap_or(1), RATE_MAX)?;
        for (name, span) in [("--hold", self.hold), ("--steady-for", self.steady_for), ("--ping", self.ping)] {
            if span > PHASE_MAX {
                return Err(LoadError::usage(format!("{name} {span} is too long: at most {PHASE_MAX}")));
            }
        }
        if self.steady_for.is_zero() {
            return Err(LoadError::usage("--steady-for 0 leaves nothing to measure: say 10s or more"));
        }
        if let Wire::Dpdk(ends) = &self.wire {
            let devices = ends.devices(&std::env::temp_dir());
            devices.iter().try_for_each(|device| crore_rt::check_driver(device)).map_err(LoadError::Usage)?;
        }
        if self.wire == Wire::Kernel && crore_rt::takes_descriptors(self.kernel_model()) {
            return self.check_descriptors(crore_rt::raise_descriptor_limit());
        }
        Ok(())
    }

    /// Who carries the connections on the kernel's wire.
    pub(super) fn kernel_model(&self) -> &'static str {
        let fits = self.descriptors() <= crore_rt::raise_descriptor_limit();
        if fits || crore_rt::takes_descriptors("uring") { "epoll" } else { "uring" }
    }

    /// Descriptors of each end, if every connection takes one.
    fn descriptors(&self) -> u64 {
        self.connections + u64::from(self.requesters()) + DESCRIPTORS_RESERVED
    }

    /// Each end needs a descriptor for each connection.
    fn check_descriptors(&self, descriptors: u64) -> Result<(), LoadError> {
        let needed = self.descriptors();
        if needed <= descriptors {
            return Ok(());
        }
        let most = descriptors.saturating_sub(u64::from(SWARM_REQUESTERS) + DESCRIPTORS_RESERVED);
        Err(LoadError::usage(format!(
            "--connections {} on the kernel's wire takes {needed} descriptors in each process, the limit is {descriptors}: \
             raise it with ulimit -n, ask for at most {most}, or use --wire memory, which needs none",
            self.connections
        )))
    }

    /// Keep-alive connections that request in the steady phase: a thousand, or so few that each is used every other second,
    /// because the gateway closes those on which nothing is asked for ten.
    pub(super) fn requesters(&self) -> u32 {
        let most = self.connections.min(self.requests_per_second().saturating_mul(2));
        u32::try_from(most).map_or(SWARM_REQUESTERS, |most| most.clamp(1, SWARM_REQUESTERS))
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> u32 {
        let groups = self.connections.div_ceil(u64::from(GROUP_MEMBERS));
        u32::try_from(groups).expect("connections are below their limit")
    }

    /// Pushes a second: one publication a minute for each client, or a third of that over a veth.
    pub(super) fn pushes_per_second(&self) -> u64 {
        let seconds = if self.wire.copies_in_kernel() { 200 } else { 60 };
        self.steady_rate.unwrap_or((self.connections / seconds).max(1))
    }

    /// Requests a second.
    pub(super) fn requests_per_second(&self) -> u64 {
        let full = if self.wire.copies_in_kernel() { REQUESTS_FULL_XDP } else { REQUESTS_FULL };
        self.requests.unwrap_or((full * self.connections / 10_000_000).clamp(REQUESTS_MIN, full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_published_figures() {
        let options = C10mOptions::default();
        assert_eq!(
            (options.groups(), options.pushes_per_second(), options.requests_per_second()),
            (10_000, 166_666, 50_000)
        );
        let xdp = C10mOptions { wire: Wire::Xdp, ..options };
        assert_eq!((xdp.pushes_per_second(), xdp.requests_per_second()), (50_000, 10_000));
        let some = C10mOptions { connections: 5_000, ..C10mOptions::default() };
        assert_eq!((some.requests_per_second(), some.requesters()), (100, 200));
        let few = C10mOptions { connections: 40, ..C10mOptions::default() };
        assert_eq!(
            (few.groups(), few.pushes_per_second(), few.requests_per_second(), few.requesters()),
            (1, 1, 100, 40)
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_value_and_limit() {
        let options = C10mOptions::default();
        let refused = |options: C10mOptions| options.check().unwrap_err().to_string();
        assert!(refused(C10mOptions { connections: 0, ..options.clone() }).contains("--connections 0"));
        assert!(refused(C10mOptions { connections: 1 << 24, ..options.clone() }).contains("16776216"));
        let long = C10mOptions { hold: Duration::from_secs(1 << 30), ..options.clone() };
        assert!(refused(long).contains("--hold"));
        let error = options.check_descriptors(20_000).unwrap_err().to_string();
        assert!(error.contains("10001064") && error.contains("20000") && error.contains("18936"), "{error}");
        let dpdk = C10mOptions { wire: "dpdk:a b+c".parse().unwrap(), ..options };
        assert!(refused(dpdk).contains("dpdk:a b: "));
    }
}
