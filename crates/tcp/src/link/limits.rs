//! Every bound of the link: its unit is in the name, its reason is beside it.

use crore_base::limits::FRAME_BYTES;
use crore_base::time::Duration;

/// Smallest MTU of a link that speaks IPv4 only, in bytes: every host must take datagrams of this size (RFC 1122
/// section 3.3.2), and smaller ones would leave segments hardly larger than their headers.
pub(crate) const MTU_BYTES_MIN: u16 = 576;

/// Smallest MTU of a link that speaks IPv6, in bytes (RFC 8200 section 5).
pub(crate) const MTU_V6_BYTES_MIN: u16 = 1280;

/// Largest MTU, in bytes: one frame of the pool holds the Ethernet header and a whole datagram.
pub(crate) const MTU_BYTES_MAX: u16 = (FRAME_BYTES - crore_wire::ethernet::LEN) as u16;

/// Addresses of one host at most. They are compared one after the other for every packet, so they must be few;
/// thousands of addresses are a prefix in `owned`.
pub(crate) const ADDRESSES_MAX: usize = 16;

/// Owned prefixes of one host at most, for the same reason.
pub(crate) const OWNED_PREFIXES_MAX: usize = 16;

/// Next hops that are remembered at once. Only our own active opens make entries, so this is how many hosts of the link
/// they can address at a time; strangers cannot fill it. 1,024 entries take about 130 KB with their timers.
pub(crate) const NEIGHBOURS_MAX: usize = 1024;

/// How long an answer is believed (RFC 4861 section 6.3.2 draws from 15 to 45 s; ARP caches of other systems keep 60 s
/// and more).
pub(crate) const REACHABLE: Duration = Duration::from_secs(60);

/// Time between two requests for the same address (RFC 4861 section 10, RETRANS_TIMER; RFC 1122 section 2.3.2.1 allows
/// no more than one a second).
pub(crate) const REQUEST_INTERVAL: Duration = Duration::from_secs(1);

/// Requests without an answer before giving up (RFC 4861 section 10, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT).
pub(crate) const REQUESTS_MAX: u8 = 3;

/// How long an address counts as unreachable after nobody answered, before it is asked for again: an application that
/// retries at once must not turn into a flood of broadcasts.
pub(crate) const UNREACHABLE: Duration = Duration::from_secs(10);

/// Timers that one call of `on_timeout` handles at a time before it looks at the clock of the wheel again.
pub(crate) const TIMERS_PER_PASS_MAX: usize = 64;

/// Answers to ARP and neighbour solicitation that wait for the next output pass. They are answers to what costs a
/// sender nothing: more are dropped and counted, and whoever needs one asks again.
pub(crate) const ANSWERS_MAX: usize = 256;

/// Echo replies that wait for the next output pass, each with room for one MTU, taken at start: 48 KB at 1,500 bytes.
pub(crate) const ECHOES_MAX: usize = 32;

/// Echo requests answered in one second. Ping is for finding out whether the host lives, not for load.
pub(crate) const ECHOES_PER_SECOND_MAX: u64 = 1000;

/// Echo requests answered at once after a quiet time.
pub(crate) const ECHO_BURST_MAX: u64 = 32;

/// Smallest path MTU that we let an ICMP error impose on IPv4, in bytes. A forged one could otherwise make every
/// segment all header; Linux has the same floor.
pub(crate) const PATH_MTU_BYTES_MIN: u32 = 552;

/// Smallest path MTU that we let an ICMP error impose on IPv6, in bytes: what every link must carry (RFC 8201 section
/// 4).
pub(crate) const PATH_MTU_V6_BYTES_MIN: u32 = 1280;

/// Hops that a packet of the link's own may go: what RFC 1700 and IANA recommend.
pub(crate) const HOP_LIMIT: u8 = 64;
