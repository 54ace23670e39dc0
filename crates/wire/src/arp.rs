//! ARP for IPv4 over Ethernet (RFC 826): who has this address?

use std::net::Ipv4Addr;

use crate::Refused;
use crate::bytes::{array_at, put, u16_at};
use crate::ethernet::{EtherType, Mac};

/// Bytes of a packet, without the Ethernet header.
pub const LEN: usize = 28;

const HARDWARE_ETHERNET: u16 = 1;
/// Bytes of an Ethernet and of an IPv4 address, as the packet says them.
const ADDRESS_LENGTHS: u16 = 0x0604;

/// What a packet says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Operation {
    /// Who has the target's address?
    Request = 1,
    /// The sender has its address.
    Reply = 2,
}

/// An ARP packet. What it claims is a claim: anybody on the link can send one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Question or answer.
    pub operation: Operation,
    /// The Ethernet address that the sender claims; never a group.
    pub sender_mac: Mac,
    /// The IPv4 address that the sender claims; `0.0.0.0` when it only asks whether an address is free (RFC 5227).
    pub sender: Ipv4Addr,
    /// Who is asked or answered; nothing useful in a question.
    pub target_mac: Mac,
    /// Which address is asked for, or whose the answer is for.
    pub target: Ipv4Addr,
}

impl Packet {
    /// Reads what follows the Ethernet header. Padding behind it is ignored.
    ///
    /// # Errors
    /// [`Refused::Arp`] for everything else that travels as ARP.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() < LEN {
            return Err(Refused::Arp);
        }
        let is_ours = u16_at(bytes, 0) == HARDWARE_ETHERNET
            && u16_at(bytes, 2) == EtherType::IPV4.0
            && u16_at(bytes, 4) == ADDRESS_LENGTHS;
        let operation = match u16_at(bytes, 6) {
            1 if is_ours => Operation::Request,
            2 if is_ours => Operation::Reply,
            _ => return Err(Refused::Arp),
        };
        let sender_mac = Mac(array_at(bytes, 8));
        if sender_mac.is_group() {
            return Err(Refused::Arp);
        }
        Ok(Self {
            operation,
            sender_mac,
            sender: array_at(bytes, 14).into(),
            target_mac: Mac(array_at(bytes, 18)),
            target: array_at(bytes, 24).into(),
        })
    }

    /// Writes the packet to the start of `out`, without an Ethernet header: [`emit::arp`](crate::emit::arp) has both.
    ///
    /// # Panics
    /// If `out` is shorter than [`LEN`].
    pub fn emit(&self, out: &mut [u8]) {
        assert!(out.len() >= LEN, "{} bytes have no room for an ARP packet", out.len());
        debug_assert!(!self.sender_mac.is_group(), "we never answer as a group");
        put(out, 0, HARDWARE_ETHERNET.to_be_bytes());
        put(out, 2, EtherType::IPV4.0.to_be_bytes());
        put(out, 4, ADDRESS_LENGTHS.to_be_bytes());
        put(out, 6, (self.operation as u16).to_be_bytes());
        put(out, 8, self.sender_mac.0);
        put(out, 14, self.sender.octets());
        put(out, 18, self.target_mac.0);
        put(out, 24, self.target.octets());
    }
}

#[cfg(test)]
mod tests;
