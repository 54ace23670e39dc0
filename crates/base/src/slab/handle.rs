//! The name of a slot in a slab: where it is, and which of its tenants is meant.

use std::fmt;
use std::num::NonZeroU32;

/// Names one value of a slab. Once that value is removed, its handle finds nothing, forever: the slot's next tenant has
/// another generation, and generations are never used twice.
///
/// Eight bytes, also as an `Option`; copied like an integer. Plain-old-data records store it as
/// [`to_bits`](Self::to_bits), with 0 for none.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    index: u32,
    /// Odd: even generations are those of free slots.
    generation: NonZeroU32,
}

const _: () = assert!(size_of::<Handle>() == 8 && size_of::<Option<Handle>>() == 8);

impl Handle {
    /// The handle of slot `index` in `generation`, or `None` if no value can have that generation (it is even).
    pub const fn from_parts(index: u32, generation: u32) -> Option<Self> {
        match NonZeroU32::new(generation) {
            Some(generation) if generation.get() % 2 == 1 => Some(Self { index, generation }),
            _ => None,
        }
    }

    /// Back from [`to_bits`](Self::to_bits). `None` if no handle has these bits; 0 is always such a number.
    ///
    /// Bits from a stranger are safe: at worst they name a value that exists.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        Self::from_parts(bits as u32, (bits >> 32) as u32)
    }

    /// Both parts in one number, which is never 0: the generation above, the index below.
    pub const fn to_bits(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.index as u64
    }

    /// Which slot. Dense tables of the same owner may be indexed by it, see [`Slab`](super::Slab).
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Which tenant of the slot: odd, growing by 2 with each.
    pub const fn generation(self) -> NonZeroU32 {
        self.generation
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.index, self.generation)
    }
}
