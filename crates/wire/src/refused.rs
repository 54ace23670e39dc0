//! Why bytes were refused: one enum for the whole crate, so that events, counters and logs cannot disagree.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// Why bytes were refused. One variant a reason; none of them says more about the sender than what was seen.
        ///
        /// The numbers are dense from zero, so `reason as usize` indexes an array of [`COUNT`](Self::COUNT) counters.
        #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Refused {
            $($(#[$doc])+ $variant,)+
        }

        impl Refused {
            /// All reasons, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// How many reasons there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The reason as a word for counters and logs, in snake case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// The frame ends inside the Ethernet header.
    EthernetLength = "ethernet_length",
    /// The sender's Ethernet address is a group's, to which nobody can reply.
    EthernetSource = "ethernet_source",
    /// The frame carries a VLAN tag; ports that tag are not supported.
    VlanTag = "vlan_tag",
    /// The frame carries none of IPv4, IPv6 and ARP.
    EtherType = "ethertype",
    /// An ARP packet that is too short, not for IPv4 over Ethernet, or of an unknown operation.
    Arp = "arp",
    /// The frame ends inside the IPv4 header, or the header says that it is shorter than the least.
    Ipv4Length = "ipv4_length",
    /// The version in an IPv4 header is not 4.
    Ipv4Version = "ipv4_version",
    /// The total length of an IPv4 packet is less than its header or more than the frame holds.
    Ipv4TotalLength = "ipv4_total_length",
    /// The checksum of an IPv4 header is wrong.
    Ipv4Checksum = "ipv4_checksum",
    /// An IPv4 option has an impossible length.
    Ipv4Option = "ipv4_option",
    /// The IPv4 packet asks for a source route, loose or strict; refused by policy.
    Ipv4SourceRoute = "ipv4_source_route",
    /// A fragment of an IPv4 packet; nothing is reassembled here, by policy.
    Ipv4Fragment = "ipv4_fragment",
    /// The frame ends inside the IPv6 header.
    Ipv6Length = "ipv6_length",
    /// The version in an IPv6 header is not 6.
    Ipv6Version = "ipv6_version",
    /// The payload length of an IPv6 packet is more than the frame holds.
    Ipv6PayloadLength = "ipv6_payload_length",
    /// An IPv6 packet from or to an address that stands for an IPv4 one, which never travels.
    Ipv6MappedAddress = "ipv6_mapped_address",
    /// IPv6 extension headers that are cut off, misplaced, too long or too many.
    Ipv6Extension = "ipv6_extension",
    /// An IPv6 option that is cut off, or that demands to be understood and is not.
    Ipv6Option = "ipv6_option",
    /// An IPv6 packet with a routing header; refused by policy.
    Ipv6Routing = "ipv6_routing",
    /// A fragment of an IPv6 packet; nothing is reassembled here, by policy.
    Ipv6Fragment = "ipv6_fragment",
    /// A packet from an address that cannot be anybody's: a group, a broadcast, or none.
    SourceAddress = "source_address",
    /// The segment ends inside the TCP header, or the header says that it is shorter than the least.
    TcpLength = "tcp_length",
    /// A TCP option has an impossible length.
    TcpOption = "tcp_option",
    /// The checksum of a TCP segment is wrong. For the caller of [`tcp::verify`](crate::tcp::verify) to count.
    TcpChecksum = "tcp_checksum",
    /// An ICMP message is too short for what it says it is.
    IcmpLength = "icmp_length",
    /// The checksum of an ICMP message is wrong.
    IcmpChecksum = "icmp_checksum",
    /// An ICMP message of a kind that is of no use to us.
    IcmpKind = "icmp_kind",
    /// A neighbour discovery message from off the link, or against the rules of RFC 4861.
    Ndp = "ndp",
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Refused {}

const _: () = assert!(Refused::COUNT <= u8::MAX as usize);

#[cfg(test)]
mod tests;
