//! What the owner of a link decides, and the check that it makes sense.

use crore_wire::ethernet::Mac;
use crore_wire::ip::{Ip, Prefix};

use crate::config::ConfigError;

use super::limits::{ADDRESSES_MAX, MTU_BYTES_MAX, MTU_BYTES_MIN, MTU_V6_BYTES_MIN, OWNED_PREFIXES_MAX};

/// A host on one Ethernet link: its addresses, what is on the link with it, and the way out.
///
/// All of it is fixed: nothing is learned from router advertisements, redirects or DHCP, and duplicate address
/// detection is not done, so whoever writes the addresses makes sure that nobody else has them. IPv6 is spoken if any
/// address, owned prefix or gateway here is an IPv6 one; the host then also has its link-local address, `fe80::` with
/// the MAC in EUI-64 form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkConfig {
    /// Our address on the link. Not a group's, and not all zero.
    pub mac: Mac,
    /// Bytes of the largest IP datagram that the link carries: 576 (1,280 with IPv6) to what fits a frame of the pool
    /// behind its Ethernet header, 2,034.
    pub mtu: u16,
    /// Our addresses, each with the length of its network: `192.0.2.7/24` means that all of 192.0.2.0/24 is on the
    /// link. At most 16. Each is announced on the link at start, and is a source address of active opens.
    pub addresses: Vec<Prefix>,
    /// Whole prefixes that are ours too: every address in them is answered for, but none is announced and nothing
    /// around them is taken to be on the link. At most 16.
    pub owned: Vec<Prefix>,
    /// The routers behind which everything else is, at most one a family, each on the link. Without one, only what is
    /// on the link can be reached.
    pub gateways: Vec<Ip>,
}

impl LinkConfig {
    /// Checks every field, alone and against the others.
    ///
    /// # Errors
    /// The first thing that does not hold, with its value and its limit.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ensure(self.mac != Mac::default() && !self.mac.is_group(), || {
            format!("mac is {}; it must be one host's address, neither a group's nor all zero", self.mac)
        })?;
        let (least, family) = if self.has_v6() { (MTU_V6_BYTES_MIN, " with IPv6") } else { (MTU_BYTES_MIN, "") };
        ensure((least..=MTU_BYTES_MAX).contains(&self.mtu), || {
            format!("mtu is {} bytes; it must be {least} to {MTU_BYTES_MAX}{family}", self.mtu)
        })?;
        ensure(!self.addresses.is_empty() || !self.owned.is_empty(), || {
            "addresses is empty; give the host at least one address or one owned prefix".to_owned()
        })?;
        at_most("addresses", self.addresses.len(), ADDRESSES_MAX)?;
        at_most("owned", self.owned.len(), OWNED_PREFIXES_MAX)?;
        self.addresses.iter().enumerate().try_for_each(|(index, address)| self.check_address(index, address))?;
        self.owned.iter().try_for_each(|prefix| self.check_owned(prefix))?;
        self.gateways.iter().enumerate().try_for_each(|(index, gateway)| self.check_gateway(index, gateway))
    }

    /// Whether any address here is an IPv6 one, so that the host speaks IPv6.
    pub(super) fn has_v6(&self) -> bool {
        let prefixes = self.addresses.iter().chain(&self.owned);
        prefixes.map(Prefix::address).chain(self.gateways.iter().copied()).any(|address| !address.is_v4())
    }

    fn check_address(&self, index: usize, prefix: &Prefix) -> Result<(), ConfigError> {
        let address = prefix.address();
        ensure(is_host(&address), || {
            format!("addresses has {prefix}, which no host can have; give it an address that one host has alone")
        })?;
        ensure(address.is_v4() == prefix.is_v4(), || {
            format!("addresses has {prefix}, a network larger than its family; use at most the family's bits")
        })?;
        ensure(address.is_v4() || !prefix.contains(Ip::UNSPECIFIED_V4), || {
            format!("addresses has {prefix}, a network with all of IPv4 in it; use a longer prefix")
        })?;
        ensure(!self.addresses[..index].iter().any(|other| other.address() == address), || {
            format!("addresses has {address} twice; once is enough")
        })?;
        let reserved = |network: &Prefix| reserved_of(network).contains(&Some(address));
        match self.addresses.iter().find(|network| reserved(network)) {
            Some(network) => Err(ConfigError::saying(format!(
                "addresses has {address}, but in {network} that is the network or its broadcast; use one in between"
            ))),
            None => Ok(()),
        }
    }

    fn check_owned(&self, prefix: &Prefix) -> Result<(), ConfigError> {
        ensure(prefix.is_host() || prefix.network() == prefix.address(), || {
            format!("owned has {prefix} with bits behind the prefix; did you mean {}?", prefix.network())
        })?;
        let impossible = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/128", "::1/128", "ff00::/8"];
        let overlaps = |text: &&str| {
            let other: Prefix = text.parse().expect("the prefixes above are well-formed");
            other.contains(prefix.address()) || prefix.contains(other.address())
        };
        match impossible.into_iter().find(overlaps) {
            Some(other) => Err(ConfigError::saying(format!(
                "owned has {prefix}, which has addresses of {other} in it; no host can have those"
            ))),
            None => Ok(()),
        }
    }

    fn check_gateway(&self, index: usize, gateway: &Ip) -> Result<(), ConfigError> {
        let family = |other: &Ip| other.is_v4() == gateway.is_v4();
        ensure(!self.gateways[..index].iter().any(family), || {
            format!("gateways has {gateway} as a second of its family; there can be one")
        })?;
        let on_link = self.addresses.iter().any(|network| family(&network.address()) && network.contains(*gateway));
        let link_local = !gateway.is_v4() && gateway.is_link_local();
        ensure(is_host(gateway) && (on_link || link_local), || {
            format!("gateways has {gateway}, which is on none of our networks; it must be a neighbour on the link")
        })?;
        let ours = self.addresses.iter().any(|network| network.address() == *gateway);
        let owned = self.owned.iter().any(|prefix| prefix.contains(*gateway));
        ensure(!ours && !owned, || format!("gateways has {gateway}, which is ours; it must be another host"))?;
        let broadcast = self.addresses.iter().any(|network| reserved_of(network).contains(&Some(*gateway)));
        ensure(!broadcast, || format!("gateways has {gateway}, which is a network or its broadcast, no host"))
    }
}

/// The addresses of an IPv4 network that no host in it has: the network itself (RFC 1122 section 3.3.6 knows it as an
/// old form of the broadcast) and the broadcast. IPv6 has none, nor have networks of one or two hosts (RFC 3021).
pub(super) fn reserved_of(network: &Prefix) -> [Option<Ip>; 2] {
    let broadcast = network.broadcast();
    [broadcast.map(|_| network.network()), broadcast]
}

/// Whether one host can have this address, on a link: not none, a group, a broadcast to all, or its own loopback.
#[inline]
pub(super) fn is_host(address: &Ip) -> bool {
    if address.is_v4() {
        let [first, ..] = address.v4_octets();
        // RFC 1122 section 3.2.1.3: 0.0.0.0/8 is "this host on this network"; 127.0.0.0/8 never leaves a host.
        !matches!(first, 0 | 127 | 224..=239) && !address.is_limited_broadcast()
    } else {
        // Of what is left, `::` and `::1`.
        !address.is_multicast() && u128::from_be_bytes(*address.octets()) > 1
    }
}

fn at_most(name: &str, count: usize, most: usize) -> Result<(), ConfigError> {
    ensure(count <= most, || format!("{name} has {count} entries; there can be at most {most}"))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::saying(otherwise())) }
}
