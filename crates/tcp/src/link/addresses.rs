//! Which addresses are ours, which are groups, which are on the link, and the way to the others.
//!
//! All of it is computed once from the configuration. What is asked for every segment is answered by comparing numbers
//! one after the other, 32 bits wide for IPv4: there are a handful of networks, and a handful of comparisons is faster
//! than any table.

use std::ops::BitAnd;

use crore_wire::ethernet::Mac;
use crore_wire::ip::{Ip, Prefix};

use super::config::{LinkConfig, is_host, reserved_of};

/// Whom an address means, seen from this host.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Destination {
    /// This host alone.
    Ours,
    /// Many hosts: a broadcast or a multicast.
    Group,
    /// Somebody else, or nobody.
    Elsewhere,
}

/// The addresses of one link.
pub(super) struct Addresses {
    /// Each of our addresses alone, and the prefixes we own.
    ours_v4: Vec<Network<u32>>,
    ours_v6: Vec<Network<u128>>,
    /// The network and broadcast addresses of our IPv4 networks.
    reserved: Vec<u32>,
    /// Some of those lie in a prefix that we own.
    reserved_in_owned: bool,
    /// The networks on the link, each with our address in it, the longest prefix first.
    on_link: Vec<Prefix>,
    /// Our addresses as configured, the link-local one last.
    hosts: Vec<Ip>,
    gateways: Vec<Ip>,
}

impl Addresses {
    /// The addresses of a valid configuration.
    pub(super) fn new(config: &LinkConfig) -> Self {
        let mut on_link = config.addresses.clone();
        if config.has_v6() {
            let link_local = Prefix::new(link_local(config.mac), 64);
            if !on_link.iter().any(|network| network.address() == link_local.address()) {
                on_link.push(link_local);
            }
        }
        let hosts: Vec<Ip> = on_link.iter().map(Prefix::address).collect();
        let reserved: Vec<Ip> = on_link.iter().flat_map(reserved_of).flatten().collect();
        let reserved_in_owned = reserved.iter().any(|ip| config.owned.iter().any(|owned| owned.contains(*ip)));
        let alone = hosts.iter().copied().map(Prefix::host);
        let (v4, v6): (Vec<_>, Vec<_>) = alone.chain(config.owned.iter().copied()).partition(Prefix::is_v4);
        on_link.sort_by_key(|network| std::cmp::Reverse(network.bits()));
        assert!(!v4.is_empty() || !v6.is_empty(), "a valid configuration has an address");
        Self {
            ours_v4: v4.iter().map(Network::of_v4).collect(),
            ours_v6: v6.iter().map(Network::of_v6).collect(),
            reserved: reserved.iter().map(word).collect(),
            reserved_in_owned,
            on_link,
            hosts,
            gateways: config.gateways.clone(),
        }
    }

    /// Whether this address is ours alone.
    #[inline]
    pub(super) fn is_ours(&self, address: &Ip) -> bool {
        if !address.is_v4() {
            let bits = bits(address);
            return self.ours_v6.iter().any(|network| network.contains(bits));
        }
        let word = word(address);
        self.ours_v4.iter().any(|network| network.contains(word))
            && !(self.reserved_in_owned && self.reserved.contains(&word))
    }

    /// Whom this address means.
    #[inline]
    pub(super) fn destination(&self, address: &Ip) -> Destination {
        if self.is_ours(address) {
            Destination::Ours
        } else if self.is_group(address) {
            Destination::Group
        } else {
            Destination::Elsewhere
        }
    }

    /// Whether one other host can have this address.
    #[inline]
    pub(super) fn is_other_host(&self, address: &Ip) -> bool {
        is_host(address) && !self.is_reserved(address) && !self.is_ours(address)
    }

    /// Whether this address means many hosts: a multicast, or a broadcast to everybody or to one of our networks.
    #[inline]
    pub(super) fn is_group(&self, address: &Ip) -> bool {
        address.is_multicast() || address.is_limited_broadcast() || self.is_reserved(address)
    }

    /// The address from which to talk to `remote`. `None` if there is no way to it.
    pub(super) fn source_for(&self, remote: &Ip) -> Option<Ip> {
        if let Some(ours) = self.facing(remote) {
            return Some(ours);
        }
        // RFC 9293 MUST-44: behind the gateway, it is our address on the gateway's network.
        let ours = self.facing(self.gateway_of(remote)?)?;
        if !ours.is_link_local() {
            return Some(ours);
        }
        // A link-local address does not pass a router (RFC 4291 section 2.5.6), so another of ours must do.
        self.hosts.iter().find(|host| host.is_v4() == remote.is_v4() && !host.is_link_local()).copied()
    }

    /// The neighbour that frames for `remote` go to: itself if it is on the link, or the gateway. `None` without
    /// either.
    pub(super) fn next_hop(&self, remote: &Ip) -> Option<Ip> {
        if self.facing(remote).is_some() { Some(*remote) } else { self.gateway_of(remote).copied() }
    }

    /// Our address on the network that this neighbour is on. `None` if it is on none.
    pub(super) fn facing(&self, neighbour: &Ip) -> Option<Ip> {
        // RFC 9293 MUST-44: the longest prefix that fits comes first.
        self.on_link.iter().find(|network| network.contains(*neighbour)).map(Prefix::address)
    }

    /// Whether this is a gateway of ours.
    pub(super) fn is_gateway(&self, address: &Ip) -> bool {
        self.gateways.contains(address)
    }

    /// Our addresses as configured, with the link-local one.
    pub(super) fn hosts(&self) -> &[Ip] {
        &self.hosts
    }

    #[inline]
    fn is_reserved(&self, address: &Ip) -> bool {
        address.is_v4() && self.reserved.contains(&word(address))
    }

    fn gateway_of(&self, remote: &Ip) -> Option<&Ip> {
        self.gateways.iter().find(|gateway| gateway.is_v4() == remote.is_v4())
    }
}

/// A prefix ready to be compared with: the numbers of one family.
#[derive(Copy, Clone)]
struct Network<W> {
    first: W,
    mask: W,
}

impl<W: Copy + Eq + BitAnd<Output = W>> Network<W> {
    #[inline]
    fn contains(&self, address: W) -> bool {
        address & self.mask == self.first
    }
}

impl Network<u32> {
    fn of_v4(prefix: &Prefix) -> Self {
        // The low 32 bits of the mask are those of IPv4, whose prefixes are at least 96 bits long here.
        Self { first: word(&prefix.network()), mask: mask(prefix) as u32 }
    }
}

impl Network<u128> {
    fn of_v6(prefix: &Prefix) -> Self {
        Self { first: bits(&prefix.network()), mask: mask(prefix) }
    }
}

fn mask(prefix: &Prefix) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.bits())).unwrap_or(0)
}

#[inline]
fn bits(address: &Ip) -> u128 {
    u128::from_be_bytes(*address.octets())
}

#[inline]
fn word(address: &Ip) -> u32 {
    debug_assert!(address.is_v4());
    u32::from_be_bytes(address.v4_octets())
}

/// The link-local address that a MAC gives: its EUI-64 with the universal bit turned round (RFC 4291 appendix A).
fn link_local(mac: Mac) -> Ip {
    let [a, b, c, d, e, f] = mac.0;
    Ip::from_octets([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}
