//! Every bound of this crate: its unit is in the name, its reason is beside it.

/// Extension headers that one IPv6 packet may carry before its payload. RFC 8200 knows four kinds that a host may meet
/// with honest traffic, and TCP with any of them is rare; a chain without a bound is a way to make us work.
pub const IPV6_EXTENSIONS_MAX: usize = 4;

/// Bytes of all extension headers of one IPv6 packet. Without this bound a frame full of one-byte padding options would
/// cost a thousand steps before it turns out to be nothing (RFC 8504, section 5.3, asks hosts for such limits).
pub const IPV6_EXTENSION_BYTES_MAX: usize = 128;

/// Bytes of the options of one TCP header: what a four-bit header length leaves (RFC 9293, section 3.1).
pub const TCP_OPTION_BYTES_MAX: usize = 40;

/// Ranges in one SACK option: as many as fit into the options of a header (RFC 2018, section 3).
pub const SACK_BLOCKS_MAX: usize = 4;

/// The largest shift of a window that counts; a larger one on the wire means this one (RFC 7323, section 2.3).
pub const WINDOW_SCALE_MAX: u8 = 14;

const _: () = assert!(2 + SACK_BLOCKS_MAX * 8 <= TCP_OPTION_BYTES_MAX);
const _: () = assert!(2 + (SACK_BLOCKS_MAX + 1) * 8 > TCP_OPTION_BYTES_MAX);
