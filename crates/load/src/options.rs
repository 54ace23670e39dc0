//! What a user asks for, checked, and divided among lanes.

use std::net::IpAddr;
use std::path::PathBuf;

use crore_base::time::Duration;

use crate::error::LoadError;
use crate::lane;
use crate::limits::{
    CONNECT_RATE_DEFAULT, CONNECTIONS_DEFAULT, CONNECTIONS_MAX, DESCRIPTORS_RESERVED, HOLD_DEFAULT, PAYLOAD_BYTES_MAX,
    PROCESSES_MAX, RATE_MAX,
};
use crate::network::NetworkPlan;
use crate::server::Server;
use crate::sources::{self, Ports};
use crate::stamp::Stamp;
use crate::target::{Kind, Target};
use crate::trust::Trust;
use crate::wire::{Plan, PublisherPlan};

/// A load, as a user asks for it.
#[derive(Clone, Debug)]
pub struct Options {
    /// `ws://…`, `sse+http://…`, `http://…`, or by TLS `wss://…`, `sse+https://…`, `https://…`; names are resolved when the run begins.
    pub url: String,
    /// Connections, at least 1.
    pub connections: u64,
    /// Per second. Connects; for `http://` requests, and then none means: as fast as each connection is answered.
    pub rate: Option<u64>,
    /// How long to hold, publish or request, after all are connected.
    pub hold: Duration,
    /// The channel to subscribe and publish to.
    pub channel: String,
    /// Publications per second; none: nothing is published.
    pub publish_rate: Option<u64>,
    /// Bytes of a publication's data. The marks for checking need about 70.
    pub payload_bytes: u64,
    /// For the HTTP API.
    pub api_key: Option<String>,
    /// Where the HTTP API is, as `http://HOST:PORT/api`; none: at the same place as the URL.
    pub api_url: Option<String>,
    /// The server's process, if it runs here.
    pub server_pid: Option<u32>,
    /// Addresses and CIDR blocks to connect from; empty: the system's choice, and on loopback several where needed.
    pub sources: Vec<String>,
    /// Our addresses on the network of a device, with its length; empty: on a wire they follow from `sources`.
    pub addresses: Vec<String>,
    /// The routers of that network.
    pub gateways: Vec<IpAddr>,
    /// Load processes; none: as many as the limit of descriptors demands.
    pub processes: Option<u64>,
    /// The I/O model, by the name the runtime knows it by.
    pub io: String,
    /// Whose certificates are good where the URL asks for TLS.
    pub trust: Trust,
    /// Where to write the HTML report.
    pub report: Option<PathBuf>,
}

impl Options {
    /// The defaults for a URL.
    pub fn new(url: &str) -> Options {
        Options {
            url: url.to_owned(),
            connections: CONNECTIONS_DEFAULT,
            rate: None,
            hold: HOLD_DEFAULT,
            channel: "load".to_owned(),
            publish_rate: None,
            payload_bytes: 128,
            api_key: None,
            api_url: None,
            server_pid: None,
            sources: Vec::new(),
            addresses: Vec::new(),
            gateways: Vec::new(),
            processes: None,
            io: "epoll".to_owned(),
            trust: Trust::System,
            report: None,
        }
    }

    /// Checks everything that can be checked before anything is begun, and divides the work.
    ///
    /// # Errors
    /// [`LoadError::Usage`] with the value, the limit and what to do.
    pub(crate) fn prepare(&self) -> Result<Prepared, LoadError> {
        self.check_ranges()?;
        let target = Target::parse(&self.url, &self.channel).map_err(LoadError::usage)?;
        if target.kind == Kind::Requests && self.publish_rate.is_some() {
            return Err(LoadError::usage("--publish-rate needs subscribers: use ws:// or sse+http://"));
        }
        let server = self.server_pid.map(Server::new).transpose().map_err(LoadError::Usage)?;
        let network = NetworkPlan::new(&self.io, &self.sources, &self.addresses, &self.gateways);
        let network = network.map_err(LoadError::Usage)?;
        let ports = if crore_rt::is_device(&self.io) { Ports::Ours } else { Ports::Kernel };
        let sources =
            sources::choose(target.address.ip(), self.connections, &self.sources, ports).map_err(LoadError::Usage)?;
        let capacity = ports.capacity(sources.len());
        if self.connections > capacity {
            return Err(LoadError::usage(format!(
                "--connections {} is more than the {capacity} ports of {} source address(es): give more with --source",
                self.connections,
                sources.len().max(1)
            )));
        }
        let publisher = self.publisher(&target)?;
        if target.is_secured || publisher.as_ref().is_some_and(|publisher| publisher.api.is_secured) {
            self.trust.client().map_err(LoadError::usage)?;
        }
        let lanes = self.lanes(crore_rt::raise_descriptor_limit())?;
        let kind = target.kind;
        let plans = divided(&self.plan(target, sources, network), publisher.as_ref(), lanes);
        Ok(Prepared { plans, server, kind })
    }

    fn check_ranges(&self) -> Result<(), LoadError> {
        let within = |name: &str, value: u64, least: u64, most: u64| match value {
            value if value < least => Err(LoadError::usage(format!("{name} {value} is too small: at least {least}"))),
            value if value > most => Err(LoadError::usage(format!("{name} {value} is too large: at most {most}"))),
            _ => Ok(()),
        };
        within("--connections", self.connections, 1, CONNECTIONS_MAX)?;
        within("--rate", self.rate.unwrap_or(1), 1, RATE_MAX)?;
        within("--publish-rate", self.publish_rate.unwrap_or(1), 1, RATE_MAX)?;
        within("--payload", self.payload_bytes, 0, PAYLOAD_BYTES_MAX)?;
        within("--processes", self.processes.unwrap_or(1), 1, PROCESSES_MAX.min(self.connections))?;
        if self.channel.is_empty() {
            return Err(LoadError::usage("--channel is empty: name the channel to subscribe to"));
        }
        crore_rt::check_driver(&self.io).map_err(|problem| LoadError::usage(format!("--io {:?}: {problem}", self.io)))
    }

    fn publisher(&self, target: &Target) -> Result<Option<PublisherPlan>, LoadError> {
        // An event stream does not say where the channel was before its first event; the API does.
        if self.publish_rate.is_none() && target.kind != Kind::Events {
            return Ok(None);
        }
        let api = match &self.api_url {
            None => target.api(),
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                let api = Target::parse(url, &self.channel).map_err(LoadError::usage)?;
                if api.path == "/" { api.api() } else { api }
            }
            Some(url) => {
                return Err(LoadError::usage(format!(
                    "--api-url {url:?} must be http://HOST:PORT/api or https://HOST:PORT/api"
                )));
            }
        };
        let payload_bytes = usize::try_from(self.payload_bytes).expect("below its limit");
        let plan = PublisherPlan { api, api_key: self.api_key.clone(), rate: self.publish_rate, payload_bytes };
        lane::publisher::check(&plan)
            .map_err(|problem| LoadError::usage(format!("--api-key or --api-url: {problem}")))?;
        Ok(Some(plan))
    }

    /// How many processes it takes, with `descriptors` for each.
    fn lanes(&self, descriptors: u64) -> Result<u32, LoadError> {
        let each = match crore_rt::takes_descriptors(&self.io) {
            false => self.connections,
            true => descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(1),
        };
        let needed = self.connections.div_ceil(each);
        let lanes = self.processes.unwrap_or(needed);
        if lanes < needed {
            return Err(LoadError::usage(format!(
                "--processes {lanes} is too small: {} connections need {needed}, because each process may hold \
                 {descriptors} descriptors; raise it with ulimit -n, or leave --processes out",
                self.connections
            )));
        }
        if lanes > PROCESSES_MAX {
            return Err(LoadError::usage(format!(
                "--connections {} would take {lanes} processes of {descriptors} descriptors, at most {PROCESSES_MAX} \
                 are started: raise the limit with ulimit -n",
                self.connections
            )));
        }
        Ok(u32::try_from(lanes).expect("at most PROCESSES_MAX"))
    }

    /// The plan of a first and only lane; without its publisher.
    fn plan(&self, target: Target, sources: Vec<IpAddr>, network: NetworkPlan) -> Plan {
        let requests = target.kind == Kind::Requests;
        Plan {
            lane: 0,
            lanes: 1,
            target,
            channel: self.channel.clone(),
            connections: self.connections,
            connect_rate: self.rate.filter(|_| !requests).unwrap_or(CONNECT_RATE_DEFAULT),
            request_rate: self.rate.filter(|_| requests),
            sources,
            io: self.io.clone(),
            trust: self.trust.clone(),
            network,
            run: run_number(),
            publisher: None,
        }
    }
}

/// One plan for each of `lanes`: lane l has the connections l, l + lanes, l + 2 lanes ... of all; the first publishes.
fn divided(whole: &Plan, publisher: Option<&PublisherPlan>, lanes: u32) -> Vec<Plan> {
    let of_lane = |lane| Plan {
        lane,
        lanes,
        connections: (whole.connections - u64::from(lane)).div_ceil(u64::from(lanes)),
        publisher: publisher.filter(|_| lane == 0).cloned(),
        ..whole.clone()
    };
    (0..lanes).map(of_lane).collect()
}

/// A load that may begin.
pub(crate) struct Prepared {
    pub(crate) plans: Vec<Plan>,
    pub(crate) server: Option<Server>,
    pub(crate) kind: Kind,
}

/// Another one for each run on this machine, small enough for any JSON reader.
fn run_number() -> u64 {
    (Stamp::of_machine().0 ^ u64::from(std::process::id()) << 32) & ((1 << 53) - 1)
}

#[cfg(test)]
mod tests;
