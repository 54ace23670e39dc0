//! Ethernet, ARP, IPv4, IPv6, ICMP, NDP and TCP headers to bytes and back. No state, no time, no allocation.
//!
//! Bytes come from strangers: nothing here panics on what it reads, every loop has a bound that is smaller than the
//! frame, and what is refused is refused with one reason ([`Refused`]), which a caller can count as it is. Writing is
//! the mirror of reading: what [`emit`] writes, the parsers give back equal, and a header that cannot be written (too
//! many options, a buffer that is too small) is the caller's bug and panics.
//!
//! The way of a received frame:
//!
//! | step | what it gives | cost |
//! |---|---|---|
//! | [`packet::Link::parse`] | addresses, protocol, where the payload lies | one pass over Ethernet and IP |
//! | [`tcp::verify`] | whether the checksum is right | one pass over the segment |
//! | [`tcp::parse`] | the TCP header and its options | one pass over the header |
//! | [`icmp`], [`icmpv6`], [`ndp`], [`arp`] | the rare ones | |
//!
//! | to build on | |
//! |---|---|
//! | [`seq::Seq`] | sequence numbers, compared around the circle |
//! | [`ip::Ip`], [`ip::Prefix`] | one address type for both families |
//! | [`checksum::Sum`] | the Internet checksum, in pieces and while copying |
//!
//! Not here: reassembly (fragments are refused), VLAN tags, source routes, UDP, IGMP and MLD.
#![forbid(unsafe_code)]

pub mod arp;
mod bytes;
pub mod checksum;
pub mod emit;
pub mod ethernet;
pub mod icmp;
pub mod icmpv6;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod limits;
pub mod ndp;
pub mod packet;
pub mod protocol;
mod refused;
pub mod seq;
pub mod tcp;

pub use refused::Refused;
