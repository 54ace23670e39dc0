//! Every bound of the flow table: its unit is in the name, its reason is beside it.

/// Entries of a bucket: as many as one cache line holds beside their bookkeeping.
pub(super) const BUCKET_ENTRIES: usize = 7;

/// Passers of a bucket whose marks it keeps: as many as then fit the line. More are rare below the load that
/// splits a segment: without marks 15 % of all misses would read on, with four 3.4 %, with five 2.4 %.
pub(super) const BUCKET_PASSERS: usize = 5;

/// Buckets of a segment: 64 KiB. Large enough that the numbers of entries in segments differ by a few per cent only, and
/// that the directory of ten million entries stays in the first-level cache; small enough that splitting one takes some
/// tens of microseconds.
pub(super) const SEGMENT_BUCKETS: usize = 1 << SEGMENT_BUCKET_BITS;

/// Bits of a tag that name a bucket of its segment.
pub(super) const SEGMENT_BUCKET_BITS: u32 = 10;

/// Entries of a segment when every slot is taken, which only colliding hashes achieve.
pub(super) const SEGMENT_ENTRIES: u16 = (SEGMENT_BUCKETS * BUCKET_ENTRIES) as u16;

/// Entries from which a segment is split before it takes another: nine tenths. Over all segments of a growing table the
/// load is then 0.60 to 0.65, or 14.2 to 15.3 bytes an entry. A lower threshold costs memory, a higher one second cache
/// lines: of all misses 1.2 % read on at 0.85, 2.4 % at 0.9 and 3.3 % at 0.92.
pub(super) const SEGMENT_SPLIT_ENTRIES: u16 = SEGMENT_ENTRIES / 10 * 9;

/// Entries of two sibling segments, together, from which they become one again. Three quarters of what splits a segment:
/// numbers of entries that swing by less than a quarter cause neither.
pub(super) const SEGMENT_MERGE_ENTRIES: u16 = SEGMENT_SPLIT_ENTRIES / 4 * 3;

/// Removals from a segment between two looks at its sibling, so that most removals do not pay for looking.
pub(super) const SEGMENT_MERGE_LOOK_REMOVALS: u16 = 64;

/// Entries that one split or merge moves at most: each of one segment once.
pub(super) const MOVED_ENTRIES_MAX: u32 = SEGMENT_ENTRIES as u32;

/// Entries that one removal moves back towards their home buckets at most. With hashes that nobody chose, runs of full
/// buckets are a few dozen long; without the bound, chosen ones would make a removal walk the whole segment.
pub(super) const BACKFILL_ENTRIES_MAX: u32 = 64;

/// Bits of a tag that can name a segment: those that do not name its bucket. Enough for every limit that fits 32 bits.
pub(super) const DEPTH_BITS_MAX: u32 = 32 - SEGMENT_BUCKET_BITS;

/// Entries of a segment from which an insertion prepares the memory of the next one: half of what splits it. A table that
/// has one segment and few entries prepares nothing, and there are many insertions left when it does.
pub(super) const SEGMENT_PREPARE_ENTRIES: u16 = SEGMENT_SPLIT_ENTRIES / 2;

/// Bytes that one insertion prepares at most: an ordinary page, whose first touch takes 2 us, or 12 us where a hypervisor
/// has to find it first. Sixteen insertions prepare a segment, and thousands lie between two splits.
pub(super) const PREPARED_BYTES_MAX: usize = 4096;

/// Segments from which a table turns to huge pages: 8 MiB, about half a million entries. Random lookups on small pages wait
/// for address translation, which prefetching hides only in part. Where huge pages are taken at once, one that is partly in
/// use costs a quarter of the table here, and ever less from here on.
pub(super) const HUGE_SEGMENTS_MIN: usize = (8 << 20) / SEGMENT_BYTES;

/// Bytes of a segment.
pub(super) const SEGMENT_BYTES: usize = SEGMENT_BUCKETS * 64;

const _: () = assert!(SEGMENT_BYTES.is_multiple_of(PREPARED_BYTES_MAX));
const _: () = assert!(SEGMENT_MERGE_ENTRIES < SEGMENT_SPLIT_ENTRIES && SEGMENT_SPLIT_ENTRIES < SEGMENT_ENTRIES);
const _: () = assert!(SEGMENT_BUCKETS * BUCKET_ENTRIES <= u16::MAX as usize, "a bucket counts passers in 16 bits");
