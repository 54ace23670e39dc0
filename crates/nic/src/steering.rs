//! Which queue a frame belongs to: a hash of addresses and ports that is the same in both directions of a flow.
//!
//! This is what a network card does in hardware (receive side scaling with a symmetric key). The hash has no secret, as
//! that of a card has none in effect: it only spreads, it finds nothing.

use crore_wire::ethernet::{EtherType, LEN as ETHERNET_BYTES};
use crore_wire::ip::Ip;

const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV4_BYTES_MIN: usize = 20;
const IPV6_BYTES: usize = 40;
/// The bits of an IPv4 header's fragment field that say "this is not the whole packet".
const FRAGMENT_MASK: u16 = 0x3fff;

/// The addresses and ports of a TCP or UDP packet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// Where it comes from.
    pub source: Ip,
    /// Where it goes to.
    pub destination: Ip,
    /// The port that it comes from.
    pub source_port: u16,
    /// The port that it goes to.
    pub destination_port: u16,
}

impl Flow {
    /// The flow of an Ethernet frame, or `None` if it is no TCP or UDP over IP, is a fragment, or has IPv6 extension
    /// headers.
    ///
    /// Looks at as many bytes as it needs and checks nothing else: this is for spreading frames, not for trusting them.
    #[inline]
    pub fn of_frame(frame: &[u8]) -> Option<Self> {
        let ethertype = EtherType(u16_at(frame, ETHERNET_BYTES - 2)?);
        let packet = frame.get(ETHERNET_BYTES..)?;
        match ethertype {
            EtherType::IPV4 => Self::of_ipv4(packet),
            EtherType::IPV6 => Self::of_ipv6(packet),
            _ => None,
        }
    }

    #[inline]
    fn of_ipv4(packet: &[u8]) -> Option<Self> {
        let header = packet.first_chunk::<IPV4_BYTES_MIN>()?;
        let whole = u16::from_be_bytes([header[6], header[7]]) & FRAGMENT_MASK == 0;
        if !whole || !matches!(header[9], TCP | UDP) {
            return None;
        }
        let address = |at: usize| Ip::v4([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let ports = usize::from(header[0] & 0xf) * 4;
        let (source_port, destination_port) = (u16_at(packet, ports)?, u16_at(packet, ports + 2)?);
        Some(Self { source: address(12), destination: address(16), source_port, destination_port })
    }

    #[inline]
    fn of_ipv6(packet: &[u8]) -> Option<Self> {
        let header = packet.first_chunk::<IPV6_BYTES>()?;
        if !matches!(header[6], TCP | UDP) {
            return None;
        }
        let source = Ip::from_octets(*header[8..].first_chunk()?);
        let destination = Ip::from_octets(*header[24..].first_chunk()?);
        let (source_port, destination_port) = (u16_at(packet, IPV6_BYTES)?, u16_at(packet, IPV6_BYTES + 2)?);
        Some(Self { source, destination, source_port, destination_port })
    }

    /// The same flow seen from the other side.
    pub fn reversed(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
        }
    }

    /// The queue of this flow among `queues`, the same in both directions. It never changes between versions of either
    /// end, so who opens a connection can choose a source port that brings the answers to its own queue.
    ///
    /// # Panics
    /// If there are no queues.
    #[inline]
    pub fn queue(&self, queues: u16) -> u16 {
        assert!(queues > 0, "a device has at least one queue");
        // Addition forgets which of the two came first.
        let both =
            endpoint(&self.source, self.source_port).wrapping_add(endpoint(&self.destination, self.destination_port));
        let spread = fold(both, 0x9e37_79b9_7f4a_7c15);
        let queue = ((u128::from(spread) * u128::from(queues)) >> 64) as u16;
        debug_assert!(queue < queues);
        queue
    }
}

/// The queue of a frame among `queues`: that of its flow, or 0 for everything that has none, such as ARP and ICMP.
#[inline]
pub fn queue_of(frame: &[u8], queues: u16) -> u16 {
    match queues {
        1 => 0,
        _ => Flow::of_frame(frame).map_or(0, |flow| flow.queue(queues)),
    }
}

/// One side of a flow as a number.
#[inline]
fn endpoint(address: &Ip, port: u16) -> u64 {
    let [high, low] = [0, 8].map(|at| {
        let octets: [u8; 8] = std::array::from_fn(|byte| address.octets()[at + byte]);
        u64::from_be_bytes(octets)
    });
    fold(fold(high ^ 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db) ^ low, u64::from(port) ^ 0x8ebc_6af0_9c88_c6e3)
}

/// The two halves of a product, one over the other: every bit of the result depends on every bit of both (as in
/// wyhash).
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub(crate) mod tests;
