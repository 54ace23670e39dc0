//! The link: who we are on it, who our neighbours are, and what the network says about our packets.
//!
//! It answers the engine's questions about addresses, remembers the neighbour behind each flow, finds the neighbours of
//! active opens by ARP and neighbour discovery, answers pings, and turns ICMP errors into errors of flows. It sends no
//! ICMP errors of its own. It is sans-I/O as the engine is, and takes part in its verbs.
//!
//! Not done: duplicate address detection, router and prefix discovery, redirects, multicast listener reports (a switch
//! that snoops them must be told to flood `ff02::1:ff00:0/104`), DHCP, defending an address that another host claims
//! (counted only). Redirects and router advertisements are ignored, so nobody on the link can turn our way aside.
//!
//! Invariants: nothing that comes from outside makes an entry in any table here, except that the engine names the
//! neighbour of a flow that it accepted; every queue and table has a bound in [`limits`].

mod addresses;
mod config;
mod counters;
mod echo;
mod error;
mod ids;
mod input;
mod interned;
mod limits;
mod neighbours;
mod output;
mod pace;

use std::collections::VecDeque;

use crore_base::random::Rng;
use crore_base::time::Instant;
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::{icmp, ipv4, ipv6, tcp};

pub(crate) use addresses::Destination;
pub use config::LinkConfig;
pub(crate) use counters::LinkCounters;
pub(crate) use error::{FlowError, FlowErrorKind};
pub(crate) use ids::{HopId, LocalId};
pub(crate) use input::Icmp;
pub(crate) use neighbours::{Resolution, Unreachable};

use addresses::Addresses;
use echo::Echoes;
use interned::Interned;
use neighbours::Neighbours;
use output::Answer;

/// Every host of an IPv6 link, `ff02::1`.
const ALL_NODES: Ip = Ip::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// One core's view of its link.
///
/// Questions about addresses: [`is_ours`](Self::is_ours), [`destination`](Self::destination),
/// [`is_valid_source`](Self::is_valid_source), [`is_connectable`](Self::is_connectable),
/// [`source_for`](Self::source_for). Short names for what connections share: [`hop`](Self::hop),
/// [`local`](Self::local). Finding a neighbour: [`resolve`](Self::resolve), then
/// [`poll_resolved`](Self::poll_resolved). The verbs, in the order of a turn: [`on_arp`](Self::on_arp),
/// [`on_icmp`](Self::on_icmp) and [`on_icmpv6`](Self::on_icmpv6), [`poll_resolved`](Self::poll_resolved),
/// [`on_timeout`](Self::on_timeout), [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout).
pub(crate) struct Link {
    mac: Mac,
    mtu: u16,
    addresses: Addresses,
    hops: Interned<Mac>,
    locals: Interned<Ip>,
    neighbours: Neighbours,
    answers: VecDeque<Answer>,
    echoes: Echoes,
    counters: LinkCounters,
}

impl Link {
    /// The link of a valid configuration; the seed makes the keys of its tables. Allocates 32 times the MTU for echo
    /// replies, and little else. Announcements of our addresses wait to be sent.
    ///
    /// # Panics
    /// If the configuration is not [valid](LinkConfig::validate).
    pub(crate) fn new(config: &LinkConfig, seed: u64) -> Self {
        assert!(config.validate().is_ok(), "{:?}", config.validate());
        let mut seeds = Rng::from_seed(seed);
        let addresses = Addresses::new(config);
        let answers = output::announcements(addresses.hosts());
        Self {
            mac: config.mac,
            mtu: config.mtu,
            addresses,
            hops: Interned::new(seeds.next_u64()),
            locals: Interned::new(seeds.next_u64()),
            neighbours: Neighbours::new(seeds.next_u64()),
            answers,
            echoes: Echoes::new(usize::from(config.mtu) - ipv4::LEN - icmp::LEN),
            counters: LinkCounters::default(),
        }
    }

    /// Our address on the link.
    pub(crate) fn mac(&self) -> Mac {
        self.mac
    }

    /// Bytes of the largest segment that we can receive without options, to be told to peers.
    pub(crate) fn mss(&self, v4: bool) -> u16 {
        // RFC 9293 MUST-67: what the link carries, less the fixed headers of IP and TCP; options are not subtracted.
        let headers = tcp::LEN + if v4 { ipv4::LEN } else { ipv6::LEN };
        self.mtu - headers as u16
    }

    /// Whether a frame to this link-layer address is one that we should look into. Groups are all accepted.
    #[inline]
    pub(crate) fn accepts(&self, destination: Mac) -> bool {
        destination == self.mac || destination.is_group()
    }

    /// Whether this address is ours. A comparison for each address and owned prefix.
    #[inline]
    pub(crate) fn is_ours(&self, address: &Ip) -> bool {
        self.addresses.is_ours(address)
    }

    /// Whom a packet to this address is for.
    #[inline]
    pub(crate) fn destination(&self, address: &Ip) -> Destination {
        // RFC 9293 MUST-57: what is for a group is told apart here, and the engine drops it.
        self.addresses.destination(address)
    }

    /// Whether a segment from this address can be answered: it is one other host's. Not ours (a packet that claims to
    /// come from us would make us talk to ourselves), no broadcast, multicast or loopback address, and not none.
    #[inline]
    pub(crate) fn is_valid_source(&self, source: &Ip) -> bool {
        // RFC 9293 MUST-63: SYNs from any other address are dropped.
        self.addresses.is_other_host(source)
    }

    /// Whether a connection can be opened to this address: it is one other host's. There is no loopback here, so our
    /// own addresses are no destination. That there is a way to it, [`resolve`](Self::resolve) finds out.
    pub(crate) fn is_connectable(&self, remote: &Ip) -> bool {
        // RFC 9293 MUST-46: an open to a broadcast or multicast address is refused.
        self.addresses.is_other_host(remote)
    }

    /// The address of ours from which to talk to `remote`: on its network, or else on the gateway's. `None` if there is
    /// no way to it.
    pub(crate) fn source_for(&self, remote: &Ip) -> Option<Ip> {
        self.addresses.source_for(remote)
    }

    /// The short name of a neighbour, with one holder more. `None` if all names are taken, which is counted.
    ///
    /// Costs a comparison if it is the neighbour named last, else a hash lookup.
    #[inline]
    pub(crate) fn hop(&mut self, mac: Mac) -> Option<HopId> {
        debug_assert!(!mac.is_group(), "nobody can be answered at the address of a group");
        let name = self.hops.intern(&mac);
        self.counters.hops_full += u64::from(name.is_none());
        name.map(HopId)
    }

    /// Moves a flow's hold on `hop` to the neighbour at `mac`, and returns its name: `hop` itself if nothing changed,
    /// or if all names are taken. A flow that held [nothing](HopId::NONE) holds it from now on. The usual case is one
    /// comparison.
    #[inline]
    pub(crate) fn follow(&mut self, hop: HopId, mac: Mac) -> HopId {
        if self.hops.value(hop.0) == Some(&mac) {
            return hop;
        }
        let Some(moved) = self.hop(mac) else { return hop };
        if hop != HopId::NONE {
            self.release_hop(hop);
        }
        moved
    }

    /// One holder more of a neighbour's name that is held.
    #[inline]
    pub(crate) fn acquire_hop(&mut self, hop: HopId) {
        self.hops.acquire(hop.0);
    }

    /// One holder less.
    #[inline]
    pub(crate) fn release_hop(&mut self, hop: HopId) {
        self.hops.release(hop.0);
    }

    /// The link-layer address of a neighbour whose name is held.
    ///
    /// # Panics
    /// If it was never given out.
    #[inline]
    pub(crate) fn hop_mac(&self, hop: HopId) -> Mac {
        *self.hops.value(hop.0).expect("whoever holds a name got it from here")
    }

    /// The short name of an address of ours, with one holder more. `None` if all names are taken, which is counted.
    #[inline]
    pub(crate) fn local(&mut self, address: &Ip) -> Option<LocalId> {
        debug_assert!(self.is_ours(address), "{address} is not ours");
        let name = self.locals.intern(address);
        self.counters.locals_full += u64::from(name.is_none());
        name.map(LocalId)
    }

    /// One holder more of an address's name that is held.
    #[inline]
    pub(crate) fn acquire_local(&mut self, local: LocalId) {
        self.locals.acquire(local.0);
    }

    /// One holder less.
    #[inline]
    pub(crate) fn release_local(&mut self, local: LocalId) {
        self.locals.release(local.0);
    }

    /// The address of ours whose name is held.
    ///
    /// # Panics
    /// If it was never given out.
    #[inline]
    pub(crate) fn address(&self, local: LocalId) -> Ip {
        *self.locals.value(local.0).expect("whoever holds a name got it from here")
    }

    /// How many names of neighbours and of local addresses are held: zero when no connection is left.
    pub(crate) fn names_held(&self) -> (usize, usize) {
        (self.hops.len(), self.locals.len())
    }

    /// The neighbour that packets to `remote` go to: itself if it is on the link, or the gateway of its family.
    pub(crate) fn next_hop(&self, remote: &Ip) -> Option<Ip> {
        self.addresses.next_hop(remote)
    }

    /// The link-layer address to which packets for `remote` go. If it is not known yet the link is asked, and
    /// [`poll_resolved`](Self::poll_resolved) tells the outcome for its [next hop](Self::next_hop), after three seconds
    /// at the latest.
    ///
    /// Costs one hash lookup. Call it when a connection is opened; after that, frames tell where a peer is.
    pub(crate) fn resolve(&mut self, now: Instant, remote: &Ip) -> Resolution {
        let hop = if self.is_connectable(remote) { self.next_hop(remote) } else { None };
        let Some(hop) = hop else { return Resolution::Unreachable(Unreachable::NoRoute) };
        let resolution = self.neighbours.resolve(now, &hop, self.addresses.is_gateway(&hop));
        let is_full = resolution == Resolution::Unreachable(Unreachable::TableFull);
        self.counters.neighbours_full += u64::from(is_full);
        resolution
    }

    /// As [`resolve`](Self::resolve), for a peer that acknowledges nothing: what is believed of the way to it may be wrong.
    pub(crate) fn resolve_again(&mut self, now: Instant, remote: &Ip) -> Resolution {
        if let Some(hop) = self.next_hop(remote) {
            self.neighbours.doubt(now, &hop);
        }
        self.resolve(now, remote)
    }

    /// A next hop whose question has come to an end, and how. One event may concern many connections: those whose
    /// [`next_hop`](Self::next_hop) it is.
    pub(crate) fn poll_resolved(&mut self) -> Option<(Ip, Result<Mac, Unreachable>)> {
        self.neighbours.poll_news()
    }

    /// Repeats questions that nobody answered in time, or gives them up.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        self.counters.questions_unanswered += self.neighbours.on_timeout(now);
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do next. Output that waits for frames has no deadline.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.neighbours.poll_timeout()
    }

    /// What was counted since start.
    pub(crate) fn counters(&self) -> &LinkCounters {
        &self.counters
    }
}

#[cfg(test)]
mod tests;
