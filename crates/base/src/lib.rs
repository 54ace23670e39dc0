//! What every core is built from: time, slabs, timers, payloads, randomness, counters, memory maps.
//!
//! Nothing here reads a clock, opens a socket or asks for entropy: `now`, seeds and limits are arguments, so whatever is
//! built on top can run in virtual time and replay from a seed. Nothing here locks either: a value belongs to one core,
//! and the few types that cross cores ([`Parcel`](payload::Parcel), [`Counters`](counters::Counters)) say so.
//!
//! One thread is this crate's own: [`mod@ahead`] makes memory ready that large tables will need next. It never changes what
//! is in it, so no result depends on it; small tables never start it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`mod@ahead`] | huge pages that are there before somebody needs them |
//! | [`time`] | [`Instant`](time::Instant) and [`Duration`](time::Duration): nanoseconds in 64 bits, saturating |
//! | [`units`] | what users type: `10M`, `64KiB`, `30s`, `5000/s` |
//! | [`slab`] | dense tables of plain old data behind generational handles; memory is given back |
//! | [`wheel`] | the hierarchical timing wheel |
//! | [`frame`] | pieces of memory for network frames, named by number |
//! | [`payload`] | shared bytes: counted on one core, or sendable between cores |
//! | [`random`] | a seeded generator (not for secrets) |
//! | [`hash`] | a keyed hash that strangers cannot make collide |
//! | [`counters`] | per-core counters, merged only when read |
//! | [`map`] | anonymous memory maps, huge pages, giving pages back |
//! | [`mod@prefetch`] | asking for a cache line before it is needed |
//! | [`limits`] | every bound of this crate, with its reason |
//!
//! `unsafe` lives in `map.rs`, `map/mapping.rs` and `prefetch.rs` and nowhere else.

pub mod ahead;
pub mod counters;
pub mod frame;
pub mod hash;
pub mod limits;
pub mod map;
pub mod payload;
pub mod prefetch;
pub mod random;
pub mod slab;
pub mod time;
pub mod units;
pub mod wheel;
