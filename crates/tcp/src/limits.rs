//! Every bound of the engine: its unit is in the name, its reason is beside it.
//!
//! What an operator may want to move (connections, buffers, backlogs) is in [`Config`](crate::config::Config) and
//! [`Options`](crate::config::Options); what is here belongs to the protocol or protects the engine from its peers.

/// Frames that walk through the stages of input together. Enough to hide the latency of memory behind each other, few
/// enough that their headers and control blocks stay in the first-level cache.
pub const BURST_FRAMES: usize = 32;

/// Connections of one engine at most. The two high bits of a 32-bit index say what kind of record it names.
pub const CONNECTIONS_MAX: u32 = (1 << 30) - 1;

/// Distinct sets of [`Options`](crate::config::Options) in use at once. A connection names its set by one byte.
pub const OPTION_SETS_MAX: usize = 255;

/// Smallest segment size that we let a peer impose on IPv4, options not counted. With less, each byte would cost a peer
/// nothing and us a header (CVE-2019-11479 used 48).
pub const MSS_MIN_V4: u16 = 88;

/// As [`MSS_MIN_V4`], on IPv6.
pub const MSS_MIN_V6: u16 = 216;

/// Segment size that a peer has which names none, on IPv4 (RFC 9293 section 3.7.1).
pub const MSS_DEFAULT_V4: u16 = 536;

/// As [`MSS_DEFAULT_V4`], on IPv6.
pub const MSS_DEFAULT_V6: u16 = 1220;

/// Largest shift of a window (RFC 7323 section 2.3).
pub const WINDOW_SCALE_MAX: u8 = 14;

/// Bytes of receive window that one connection can offer: what 16 bits shifted by 14 can express.
pub const RECEIVE_BYTES_MAX: u32 = 65_535 << WINDOW_SCALE_MAX;

/// Bytes that one connection may have in its send queue at most. Sequence arithmetic needs a window under 2^31.
pub const SEND_BYTES_MAX: u32 = 1 << 30;

/// Replies without a connection (SYN-ACK, RST, ACK of TIME-WAIT) that wait for the next output pass. More are dropped and
/// counted: they are answers to what costs a sender nothing, so they must cost us little.
pub const REPLIES_MAX: usize = 4096;

/// RSTs without a connection that one millisecond may cause. A flood of strays gets so many answers and no more.
pub const RESETS_PER_MILLISECOND_MAX: u32 = 64;

/// Milliseconds between two ACKs of one connection that answer segments which carry nothing acceptable (RFC 5961 section
/// 7). The bound is each connection's own: a shared one can be read from outside (CVE-2016-5696).
pub const CHALLENGE_INTERVAL_MS: u32 = 500;

/// Nanoseconds of one tick of the retransmission timers.
pub const TIMER_TICK_NANOS: u64 = 1_000_000;

/// Timers that one call of `on_timeout` handles before it lets others work.
pub const TIMERS_PER_CALL_MAX: usize = 1024;

/// Connections that the slow sweep looks at in one slice: a few hundred microseconds of sequential memory.
pub const SWEEP_SLICE: u32 = 16_384;

/// Connections that have a timer for their next keep-alive probe. When more are silent at once, a network is gone; then the
/// sweep probes the rest at its own pace.
pub const PROBING_MAX: u32 = 1 << 18;

/// Milliseconds after which a silent peer's last timestamp says nothing any more: 24 days (RFC 7323 section 5.5).
pub const TIMESTAMP_STALE_MS: u32 = 24 * 24 * 3600 * 1000;

/// Bytes of a received segment that are copied out of their frame when frames are scarce, per engine. Beyond it the
/// segment is dropped and comes again.
pub const COPIED_BYTES_MAX: usize = 64 << 20;

/// What a copied segment costs besides its bytes, and counts for: its place in a queue and what the allocator adds. Else a
/// peer that sends single bytes would make us hold fifty times the limit.
pub const COPY_OVERHEAD_BYTES: usize = 64;

/// Source ports of one address that an active open tries before it moves to the next address.
pub const PORTS_TRIED_PER_ADDRESS: u32 = 512;

/// Addresses of a range that an active open tries before it gives up.
pub const ADDRESSES_TRIED: u32 = 64;

/// First of the ports that an active open chooses from: the ephemeral range of RFC 6335 begins at 49,152, and we take
/// what is not for servers, as most systems do.
pub const EPHEMERAL_PORT_FIRST: u16 = 1024;

/// Out-of-order ranges kept for one connection (CVE-2018-5390 grew without one).
pub const RANGES_MAX: usize = 8;

/// Payloads that one send queue refers to at most.
pub const SEND_QUEUE_PAYLOADS_MAX: usize = 65_536;
