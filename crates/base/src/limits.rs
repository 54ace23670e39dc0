//! Every bound of this crate: its unit is in the name, its reason is beside it.
//!
//! These are constants of construction. Limits that an operator may want to move (connections, timers, payload bytes)
//! are arguments of the types they bound, not constants here.

/// Bytes of a huge page on every machine we run on. Maps of at least this size are aligned to it, because the kernel
/// backs only whole aligned blocks with a huge page.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Bytes of the smallest page that any of these machines has.
pub const PAGE_BYTES_MIN: usize = 4096;

/// Huge pages that may wait to be made of ordinary ones at most, and once as many on their way to where they wait; what
/// comes on top stays as it is. 32 GiB of memory that was filled faster than [`COLLAPSE_QUIET_MILLIS`] allow for.
pub const COLLAPSE_WAITING_PAGES_MAX: usize = 16 << 10;

/// Nobody has filled a huge page for so long when the background begins to make some: tables that grow by over 4 MiB a
/// second grow undisturbed, also if they share the processor with others and stop now and then.
pub const COLLAPSE_QUIET_MILLIS: u64 = 500;

/// Rest between two huge pages that are made in the background, so that a core which is held up by one (0.6 ms of copying)
/// is on its way again before the next, and the thread asks for a quarter of a processor at most.
pub const COLLAPSE_REST_MILLIS: u64 = 2;

/// Times that the background asks for a huge page. The kernel refuses for a moment while it looks at one of the ordinary
/// pages itself; what is refused three times is left to the kernel's own thread.
pub const COLLAPSE_TRIES_MAX: u32 = 3;

/// Bytes of stack of the thread that does so. It reads a line of text and calls the kernel.
pub const COLLAPSE_STACK_BYTES: usize = 128 << 10;

/// Bytes of a cache line, the unit in which a prefetch works.
pub const CACHE_LINE_BYTES: usize = 64;

/// Bytes that one core's data keeps away from another's: two lines, because the neighbour of a line is fetched with it.
pub const CORE_APART_BYTES: usize = 128;

/// Cache lines that one [`prefetch`](crate::prefetch::prefetch) asks for at most. Our hot records are two lines; asking
/// for more would push out of the line-fill buffers what somebody else is about to need.
pub const PREFETCH_LINES_MAX: usize = 2;

/// Bytes of the largest chunk of a slab, unless one slot is larger. Small enough that an empty chunk kept in hand is no
/// loss, large enough that odd slot sizes still fill whole huge pages (a 24-byte slot needs 6 MiB for that).
pub const SLAB_CHUNK_BYTES_MAX: usize = 8 << 20;

/// Bytes of slots from which a slab is to stand on huge pages, as it fills them or at once ([`Pages`](crate::map::Pages)).
/// Below it they save little: all translations of addresses fit the processor's second-level cache of them.
pub const SLAB_HUGE_BYTES_MIN: usize = 8 << 20;

/// Bytes of a frame: an Ethernet frame of the usual 1,514 bytes with room for tags and a driver's headroom, and two of
/// them fill a page exactly, which AF_XDP asks for.
pub const FRAME_BYTES: usize = 2048;

/// Generations in one table of a slab: one huge page of 4-byte numbers.
pub const SLAB_GENERATIONS_PER_TABLE: u32 = (HUGE_PAGE_BYTES / 4) as u32;

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
