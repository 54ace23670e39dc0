//! Which of the frames that come in at an interface are ours. All others go to the kernel, as if we were not there.
//!
//! There are two kinds of ours. A *whole* prefix is a network, or an address, of our own: ARP and neighbour discovery
//! for it, pings, everything. A *shared* address is the kernel's too: there we take TCP to the ports we say, and ICMP
//! errors about segments that we sent from those ports; ARP, ping, ssh and all else stay the kernel's.

use std::fmt;
use std::ops::RangeInclusive;

use crore_wire::ip::{Ip, Prefix};

use crate::interface::Interface;
use crate::limits::{XDP_CLAIM_EXCEPTIONS_MAX, XDP_CLAIM_PREFIXES_MAX, XDP_CLAIM_SHARED_MAX};

/// Bytes of a bit for each port.
pub(super) const PORT_SET_BYTES: usize = (1 << 16) / 8;

/// What is ours, see the opening comment of the file. Empty at first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Claim {
    whole: Vec<Prefix>,
    exceptions: Vec<Ip>,
    shared: Vec<Ip>,
    ports: PortSet,
}

impl Claim {
    /// Nothing is ours yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All addresses of a network, or one address, are ours. `::/0` is everything, IPv4 included.
    pub fn whole(mut self, prefix: Prefix) -> Self {
        self.whole.push(prefix);
        self
    }

    /// This address is not ours, though a whole prefix holds it.
    pub fn except(mut self, address: Ip) -> Self {
        self.exceptions.push(address);
        self
    }

    /// At this address of the kernel's, TCP to [the ports](Self::ports) is ours.
    ///
    /// The kernel answers ARP for it and keeps what it learns, see [`Interface::neighbours`]. Packets with IPv6
    /// extension headers, and all fragments but the first, go to the kernel.
    pub fn share(mut self, address: Ip) -> Self {
        self.shared.push(address);
        self
    }

    /// These ports are ours at shared addresses: those on which we listen, and those from which we connect.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports.insert(ports);
        self
    }

    /// Every address of the interface's own networks that is not the kernel's: as if we were more hosts on the link.
    ///
    /// This suits trying things out. Servers say what is theirs: an address that the kernel is given later, in one of
    /// these networks, is taken from it.
    pub fn neighbours_of(interface: &Interface) -> Self {
        let networks = interface.addresses.iter().filter(|address| !address.is_host());
        let exceptions = interface.addresses.iter().map(Prefix::address);
        let broadcasts = interface.addresses.iter().filter_map(Prefix::broadcast);
        let whole = networks.map(|network| Prefix::new(network.network(), network.bits())).collect();
        let exceptions = exceptions.chain(broadcasts).collect();
        Self { whole, exceptions, ..Self::default() }
    }

    /// The prefixes that are wholly ours.
    pub fn whole_prefixes(&self) -> &[Prefix] {
        &self.whole
    }

    /// The addresses that a whole prefix holds and that are not ours.
    pub fn exceptions(&self) -> &[Ip] {
        &self.exceptions
    }

    /// The addresses that we share with the kernel.
    pub fn shared_addresses(&self) -> &[Ip] {
        &self.shared
    }

    /// The ports that are ours at shared addresses.
    pub fn port_set(&self) -> &PortSet {
        &self.ports
    }

    /// # Errors
    /// It claims nothing, too much to look through for every frame, or what cannot be anybody's.
    pub fn check(&self) -> Result<(), ClaimError> {
        let lists = [
            ("prefixes", self.whole.len(), XDP_CLAIM_PREFIXES_MAX),
            ("exceptions", self.exceptions.len(), XDP_CLAIM_EXCEPTIONS_MAX),
            ("shared addresses", self.shared.len(), XDP_CLAIM_SHARED_MAX),
        ];
        for (what, given, max) in lists {
            if given > max {
                return Err(ClaimError::TooMany { what, given, max });
            }
        }
        if self.whole.is_empty() && self.shared.is_empty() {
            return Err(ClaimError::Nothing);
        }
        let nobodys =
            |address: &&Ip| address.is_multicast() || address.is_unspecified() || address.is_limited_broadcast();
        match self.shared.iter().find(nobodys) {
            Some(address) => Err(ClaimError::Nobodys { address: *address }),
            None => Ok(()),
        }
    }
}

/// A set of TCP ports.
#[derive(Clone, PartialEq, Eq)]
pub struct PortSet {
    bits: Box<[u8; PORT_SET_BYTES]>,
}

impl PortSet {
    /// Adds ports.
    pub fn insert(&mut self, ports: RangeInclusive<u16>) {
        ports.for_each(|port| self.bits[usize::from(port >> 3)] |= 1 << (port & 7));
    }

    /// Takes ports out.
    pub fn remove(&mut self, ports: RangeInclusive<u16>) {
        ports.for_each(|port| self.bits[usize::from(port >> 3)] &= !(1 << (port & 7)));
    }

    /// Whether a port is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.bits[usize::from(port >> 3)] & 1 << (port & 7) != 0
    }

    /// How many ports are in it, up to 65,536.
    pub fn len(&self) -> u32 {
        self.bits.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Whether no port is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bit `port % 8` of byte `port / 8` for each port.
    pub(super) fn bytes(&self) -> &[u8; PORT_SET_BYTES] {
        &self.bits
    }
}

impl Default for PortSet {
    fn default() -> Self {
        Self { bits: Box::new([0; PORT_SET_BYTES]) }
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortSet({} ports)", self.len())
    }
}

/// Why a claim cannot be made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClaimError {
    /// It claims nothing.
    Nothing,
    /// It has more parts than the filter looks through.
    TooMany {
        /// Parts of which kind.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many there may be.
        max: usize,
    },
    /// An address that no host can have.
    Nobodys {
        /// The address.
        address: Ip,
    },
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str(
                "nothing is claimed: name an address or a network of our own, or an address and ports to share with \
                 the kernel (an interface without addresses has none to go by)",
            ),
            Self::TooMany { what, given, max } => write!(f, "{given} {what} are claimed, {max} at most: use prefixes"),
            Self::Nobodys { address } => write!(f, "{address:?} is claimed, which no host can have"),
        }
    }
}

impl std::error::Error for ClaimError {}

#[cfg(test)]
mod tests;
