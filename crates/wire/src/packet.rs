//! The first stage of the hot path: one pass over Ethernet and IP, for both families at once.
//!
//! What comes out is what a TCP engine asks: who, to whom, which protocol, and where the payload lies in the frame. The
//! destination is not judged here, because only the caller knows which addresses are its own.

mod quote;
mod tcp;

use crate::Refused;
use crate::arp;
use crate::ethernet::{self, EtherType, Mac};
use crate::ip::Ip;
use crate::{ipv4, ipv6, protocol};

pub use quote::Quote;
pub use tcp::Tcp;

/// A received IP packet, read from its frame.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// The neighbour that sent the frame; never a group.
    pub source_mac: Mac,
    /// Whom the frame is for: us, or a group.
    pub destination_mac: Mac,
    /// Who sent the packet. Never a multicast or the limited broadcast address; unspecified for ICMPv6 only.
    pub source: Ip,
    /// Whom the packet is for; of the same family as the source.
    pub destination: Ip,
    /// What it carries: see [`protocol`].
    pub protocol: u8,
    /// Hops that it might still have gone: TTL or hop limit.
    pub hop_limit: u8,
    /// Six bits of DSCP and two of ECN.
    pub dscp_ecn: u8,
    /// Offset in the frame at which the payload starts.
    pub payload_start: u16,
    /// Offset in the frame at which the payload ends; Ethernet padding lies behind it.
    pub payload_end: u16,
}

impl Packet {
    /// Reads an IP frame. Frames over 65,535 bytes are refused, because the offsets have 16 bits.
    ///
    /// # Errors
    /// The first rule that the frame breaks; an ARP frame is [`Refused::EtherType`] here.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<Self, Refused> {
        let header = header_of(frame)?;
        match header.ethertype {
            EtherType::IPV4 => Self::parse_v4(&header, frame),
            EtherType::IPV6 => Self::parse_v6(&header, frame),
            other => Err(not_ip(other)),
        }
    }

    /// The payload, in the frame that this packet was read from.
    ///
    /// # Panics
    /// If `frame` is shorter than that one was.
    #[inline]
    pub fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[usize::from(self.payload_start)..usize::from(self.payload_end)]
    }

    /// Bytes of the payload.
    #[inline]
    pub fn payload_len(&self) -> u16 {
        self.payload_end - self.payload_start
    }

    #[inline]
    fn parse_v4(ethernet: &ethernet::Header, frame: &[u8]) -> Result<Self, Refused> {
        let (header, start, end) = ipv4::Header::parse(&frame[ethernet::LEN..])?;
        // RFC 9293 MUST-63: nobody can be answered at such an address. That it is not one of our own, and not the
        // broadcast address of our network, is for the caller to check.
        if is_nobodys_v4(&header.source) {
            return Err(Refused::SourceAddress);
        }
        Ok(Self {
            source_mac: ethernet.source,
            destination_mac: ethernet.destination,
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            hop_limit: header.ttl,
            dscp_ecn: header.dscp_ecn,
            payload_start: (ethernet::LEN + start) as u16,
            payload_end: (ethernet::LEN + end) as u16,
        })
    }

    #[inline]
    fn parse_v6(ethernet: &ethernet::Header, frame: &[u8]) -> Result<Self, Refused> {
        let (header, start, end) = ipv6::Header::parse(&frame[ethernet::LEN..])?;
        // A host that has no address yet asks from the unspecified one whether an address is free (RFC 4862).
        let is_nobody = header.source == Ip::UNSPECIFIED_V6 && header.protocol != protocol::ICMPV6;
        // RFC 9293 MUST-63: as for IPv4.
        if header.source.is_multicast() || is_nobody {
            return Err(Refused::SourceAddress);
        }
        Ok(Self {
            source_mac: ethernet.source,
            destination_mac: ethernet.destination,
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            hop_limit: header.hop_limit,
            dscp_ecn: header.traffic_class,
            payload_start: (ethernet::LEN + start) as u16,
            payload_end: (ethernet::LEN + end) as u16,
        })
    }
}

/// What a frame carries.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// An IP packet of either family.
    Ip(Packet),
    /// An ARP packet.
    Arp(arp::Packet),
}

impl Link {
    /// Reads a frame up to the payload of IP.
    ///
    /// # Errors
    /// The first rule that the frame breaks.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<Self, Refused> {
        let header = header_of(frame)?;
        match header.ethertype {
            EtherType::IPV4 => Packet::parse_v4(&header, frame).map(Self::Ip),
            EtherType::IPV6 => Packet::parse_v6(&header, frame).map(Self::Ip),
            EtherType::ARP => arp::Packet::parse(&frame[ethernet::LEN..]).map(Self::Arp),
            other => Err(not_ip(other)),
        }
    }
}

/// Whether no host can have sent from this IPv4 address.
#[inline]
fn is_nobodys_v4(source: &Ip) -> bool {
    source.is_multicast() || source.is_limited_broadcast() || *source == Ip::UNSPECIFIED_V4
}

/// The Ethernet header of a frame whose offsets fit 16 bits.
#[inline]
fn header_of(frame: &[u8]) -> Result<ethernet::Header, Refused> {
    if frame.len() > usize::from(u16::MAX) { Err(Refused::EthernetLength) } else { ethernet::Header::parse(frame) }
}

/// Why a frame of this type is not read.
#[cold]
fn not_ip(ethertype: EtherType) -> Refused {
    match ethertype {
        EtherType::VLAN | EtherType::PROVIDER_VLAN => Refused::VlanTag,
        _ => Refused::EtherType,
    }
}

const _: () = assert!(size_of::<Packet>() <= 64, "what one frame says fits a cache line");

#[cfg(test)]
mod tests;
