//! Every bound of this crate: its unit is in the name, its reason is beside it.
//!
//! These are constants of construction. Limits that an operator may want to move (connections, timers, payload bytes)
//! are arguments of the types they bound, not constants here.

/// Bytes of a huge page on every machine we run on. Maps of at least this size are aligned to it, because the kernel
/// backs only whole aligned blocks with a huge page.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Bytes of the smallest page that any of these machines has.
pub const PAGE_BYTES_MIN: usize = 4096;

/// Huge pages that may wait to be made ready ahead of use at most: each table asks for one or two at a time. What comes on
/// top is taken by who needs it.
pub const AHEAD_WAITING_PAGES_MAX: usize = 1024;

/// Bytes of stack of the thread that does so. It reads names of threads once, and calls the kernel.
pub const AHEAD_STACK_BYTES: usize = 128 << 10;

/// Bytes of a cache line, the unit in which a prefetch works.
pub const CACHE_LINE_BYTES: usize = 64;

/// Bytes that one core's data keeps away from another's: two lines, because the neighbour of a line is fetched with it.
pub const CORE_APART_BYTES: usize = 128;

/// Cache lines that one [`prefetch`](crate::prefetch::prefetch) asks for at most. Our hot records are two lines; asking
/// for more would push out of the line-fill buffers what somebody else is about to need.
pub const PREFETCH_LINES_MAX: usize = 2;

/// Bytes of slots from which a slab stands on huge pages ([`Pages`](crate::map::Pages)). Below it they save little: all
/// translations of addresses fit the processor's second-level cache of them.
pub const SLAB_HUGE_BYTES_MIN: usize = 8 << 20;

/// Bytes of a frame: an Ethernet frame of the usual 1,514 bytes with room for tags and a driver's headroom, and two of
/// them fill a page exactly, which AF_XDP asks for.
pub const FRAME_BYTES: usize = 2048;

/// Timers that one wheel can hold at most. Above it, 32-bit links have no room left for the heads of the lists.
pub const WHEEL_TIMERS_MAX: u32 = 1 << 31;

/// Timers that one call of [`Wheel::expire`](crate::wheel::Wheel::expire) moves to finer slots at most. Ten million
/// timers may share one coarse slot; without this bound the call that reaches it would hold its core for a second.
pub const WHEEL_MOVES_PER_EXPIRE_MAX: usize = 1024;

/// Characters of a wrong input that an error message repeats. What follows is cut, so that a file given by mistake does
/// not end up in the log.
pub const UNIT_INPUT_SHOWN_CHARS_MAX: usize = 40;

/// Decimal places that a quantity such as `1.5s` may have. Eighteen fit the arithmetic without overflow, and nine are
/// already a nanosecond in a second.
pub const UNIT_DECIMALS_MAX: usize = 18;

/// Bytes of a payload that its debug form shows.
pub const PAYLOAD_DEBUG_BYTES_MAX: usize = 32;
