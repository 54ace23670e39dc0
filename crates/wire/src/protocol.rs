//! Numbers of the protocols that travel in IP (the "protocol" of IPv4, the "next header" of IPv6), as IANA assigns
//! them.

/// IPv6 hop-by-hop options, an extension header.
pub const HOP_BY_HOP: u8 = 0;
/// ICMP for IPv4.
pub const ICMP: u8 = 1;
/// TCP.
pub const TCP: u8 = 6;
/// IPv6 routing, an extension header.
pub const ROUTING: u8 = 43;
/// IPv6 fragment, an extension header.
pub const FRAGMENT: u8 = 44;
/// ICMP for IPv6.
pub const ICMPV6: u8 = 58;
/// IPv6: nothing follows.
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6 destination options, an extension header.
pub const DESTINATION_OPTIONS: u8 = 60;
