//! The clients of `crore c10m` in somebody else's runtime: who wants to do something beside them, on the same wire, opens them here.
//!
//! Each subscribes to a channel of all and to one of its group of [`GROUP_MEMBERS`](crate::limits::GROUP_MEMBERS), and checks every
//! publication that it gets. Nobody goes away and comes back here. Everything belongs to the core on which it was made.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use crore_http::{ConnectionField, Fields, Framing, encode_request};
use crore_rt::JoinHandle;
use crore_rt::net::{ConnectOptions, Network, TcpStream};
use crore_rt::time::timeout;

use crate::error::LoadError;
use crate::lane::http::Answers;
use crate::limits::{API_DEADLINE, SWARM_CONNECTIONS_MAX, SWARM_WINDOW};
use crate::message::Mark;
use crate::network::NetworkPlan;
use crate::outcome::Quantiles;
use crate::sources::{self, Ports};
use crate::stamp::{Clock, Stamp};
use crate::swarm::Swarm;
use crate::swarm::book::name_of;
use crate::swarm::message::{Order, Plan, Reach};
use crate::wire::{Failures, seconds};

/// How many subscribers there are, and between which addresses.
#[derive(Clone, Debug)]
pub struct SubscribersPlan {
    plan: Plan,
    api_key: Option<String>,
}

/// Subscribers, and the way to publish to them.
pub struct Subscribers {
    swarm: Rc<Swarm>,
    api_key: Option<String>,
    published: Cell<u64>,
    /// Looks after those that open; cancelled when this is dropped.
    _attendant: JoinHandle<()>,
}

/// A publication that was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    reach: Reach,
    at: Stamp,
}

/// What became of what was published.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// Subscribers connected now.
    pub standing: u64,
    /// Publications delivered since [`Subscribers::count_from_here`], each to one subscriber.
    pub deliveries: u64,
    /// Publications that somebody should have got and has not, since the start.
    pub lost: u64,
    /// Publications that somebody got again, or after later ones, since the start.
    pub disturbed: u64,
    /// Connections that failed, and other faults, by their reason, since the start.
    pub failures: Failures,
    /// From the publisher's stamp to the turn in which a delivery arrived, ms, since [`Subscribers::count_from_here`].
    pub latency_ms: Quantiles,
    /// When the last delivery arrived.
    last: Option<Stamp>,
}

impl SubscribersPlan {
    /// Subscribers of the gateway at `target` on the I/O model `io`; on a device they have the addresses of `block`, and are one of
    /// the hosts of `address`, both in CIDR notation. The kernel's have as many of loopback's as they need.
    ///
    /// # Errors
    /// [`LoadError::Usage`]: more than can be, more than there are ports for, or what is no address.
    pub fn new(
        connections: u64,
        target: SocketAddr,
        io: &str,
        address: &str,
        block: &str,
    ) -> Result<SubscribersPlan, LoadError> {
        if !(1..=SWARM_CONNECTIONS_MAX).contains(&connections) {
            let text = format!("{connections} subscribers cannot be had: choose 1 to {SWARM_CONNECTIONS_MAX}");
            return Err(LoadError::usage(text));
        }
        let block = [block.to_owned()];
        let (given, ports) = match crore_rt::is_device(io) {
            true => (&block[..], Ports::Ours),
            false => (&[][..], Ports::Kernel),
        };
        let network = NetworkPlan::new(io, given, &[address.to_owned()], &[]).map_err(LoadError::Usage)?;
        let own = [sources::loopback_of_this_process()];
        let is_crowd = target.is_ipv4() && target.ip().is_loopback() && connections > ports.per_source();
        let given = if given.is_empty() && is_crowd { &own[..] } else { given };
        let sources = sources::choose(target.ip(), connections, given, ports).map_err(LoadError::Usage)?;
        if connections > ports.capacity(sources.len()) {
            let (count, capacity) = (sources.len().max(1), ports.capacity(sources.len()));
            let text =
                format!("{connections} subscribers need as many ports, and {count} source address(es) have {capacity}");
            return Err(LoadError::usage(text));
        }
        let plan = Plan {
            connections: u32::try_from(connections).expect("checked to be below the limit"),
            target,
            spare_sources: sources.clone(),
            sources,
            io: io.to_owned(),
            network,
            window: SWARM_WINDOW,
            requesters: 0,
            // Another one for each run on this machine, small enough for any JSON reader.
            run: (Stamp::of_machine().0 ^ u64::from(std::process::id()) << 32) & ((1 << 53) - 1),
        };
        Ok(SubscribersPlan { plan, api_key: None })
    }

    /// With the key that the gateway's API wants.
    #[must_use]
    pub fn api_key(self, key: &str) -> SubscribersPlan {
        SubscribersPlan { api_key: Some(key.to_owned()), ..self }
    }

    /// Who the runtime must be on the network of its device.
    ///
    /// # Errors
    /// What is no address.
    pub fn network(&self) -> Result<Network, LoadError> {
        self.plan.network.network().map_err(LoadError::Usage)
    }
}

impl Subscribers {
    /// Nobody is connected yet. Call it inside of a runtime of one core.
    ///
    /// # Errors
    /// A target that HTTP cannot name.
    pub fn new(SubscribersPlan { plan, api_key }: SubscribersPlan) -> Result<Subscribers, LoadError> {
        let swarm = Swarm::new(plan, Clock::of_machine()).map_err(LoadError::Broken)?;
        let attendant = swarm.attend();
        Ok(Subscribers { swarm, api_key, published: Cell::new(0), _attendant: attendant })
    }

    /// Opens them all; those that fail are told of by [`delivered`](Subscribers::delivered).
    pub async fn connect(&self) {
        self.swarm.carry_out(Order::Connect).await;
    }

    /// Group channels.
    pub fn groups(&self) -> u32 {
        self.swarm.groups()
    }

    /// Deliveries and their latencies count from here.
    pub async fn count_from_here(&self) {
        self.swarm.carry_out(Order::Listen).await;
    }

    /// Publishes `bytes` bytes to a group, or to all, through the HTTP API that the gateway offers beside its clients' endpoints.
    ///
    /// # Errors
    /// The gateway takes no connection, refuses, or does not answer within two minutes.
    pub async fn publish(&self, group: Option<u32>, bytes: usize) -> Result<Published, LoadError> {
        let channel = group.map_or(0, |group| group + 1);
        assert!(channel <= self.groups(), "a group that somebody is in");
        let at = self.swarm.now();
        self.published.set(self.published.get() + 1);
        let mark = Mark { run: self.swarm.run(), seq: self.published.get(), at };
        let body = format!(r#"{{"channel":"{}","data":{}}}"#, name_of(channel), mark.data(bytes));
        match timeout(API_DEADLINE, self.ask(&body)).await {
            Ok(Ok(offset)) => Ok(Published { reach: Reach { channel, offset }, at }),
            Ok(Err(problem)) => Err(LoadError::Broken(format!("publishing: {problem}"))),
            Err(_) => Err(LoadError::Broken(format!("publishing: no answer within {API_DEADLINE}"))),
        }
    }

    async fn ask(&self, body: &str) -> Result<u32, String> {
        let target = self.swarm.target();
        let framing = Framing::Length(body.len() as u64);
        let mut fields = Fields::new();
        if let Some(key) = &self.api_key {
            fields.push("X-API-Key", key).map_err(|error| error.to_string())?;
        }
        let head =
            encode_request("POST", "/api/publish", &target.to_string(), &fields, framing, ConnectionField::Close);
        let mut request = head.map_err(|error| error.to_string())?;
        request.extend_from_slice(body.as_bytes());
        let mut stream =
            TcpStream::connect(target, &ConnectOptions::default()).await.map_err(|error| error.to_string())?;
        stream.send(request).map_err(|error| error.to_string())?;
        let (mut answers, mut offset) = (Answers::with_bodies(), None);
        loop {
            let bytes = stream.recv().await.map_err(|error| error.to_string())?;
            if bytes.is_empty() {
                return Err("closed by the gateway".to_owned());
            }
            answers.take(&bytes, |answer| offset = Some(answer.offset()))?;
            if let Some(offset) = offset.take() {
                let offset = offset?.and_then(|offset| u32::try_from(offset).ok());
                return offset.ok_or_else(|| "the channel keeps no history, so nothing can be checked".to_owned());
            }
        }
    }

    /// Waits until everybody who is there has got these, or until nothing has moved for some seconds.
    pub async fn wait_for(&self, published: &[Published]) {
        let reach = published.iter().map(|one| one.reach).collect();
        self.swarm.carry_out(Order::Await { reach }).await;
    }

    /// What was delivered, and what was not.
    pub fn delivered(&self) -> Delivered {
        let report = self.swarm.report();
        Delivered {
            standing: report.standing,
            deliveries: report.deliveries,
            lost: report.skipped + report.missing,
            disturbed: report.duplicated + report.reordered,
            failures: report.failures,
            latency_ms: self.swarm.delivery_latencies(),
            last: report.last_delivery,
        }
    }
}

impl Delivered {
    /// Seconds from a publication to the last delivery; none without any.
    pub fn seconds_since(&self, published: &Published) -> Option<f64> {
        self.last.map(|last| seconds(last.since(published.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(connections: u64, io: &str) -> Result<SubscribersPlan, LoadError> {
        SubscribersPlan::new(connections, "10.64.0.1:8000".parse().unwrap(), io, "10.65.0.1/10", "10.65.0.0/16")
    }

    #[test]
    fn a_million_subscribers_of_a_device_have_ports_enough() {
        let SubscribersPlan { plan, .. } = plan(1_000_000, "wire:a").unwrap();
        assert_eq!((plan.sources.len(), plan.connections), (20, 1_000_000));
        assert_eq!(plan.network.owned, ["10.65.0.0/16"]);
    }

    #[test]
    fn more_than_can_be_is_refused_with_the_limit() {
        for count in [0, 1 << 40] {
            let error = plan(count, "wire:a").unwrap_err().to_string();
            assert!(error.contains(&count.to_string()) && error.contains("16776216"), "{error}");
        }
    }
}
