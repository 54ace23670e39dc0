//! One timer of a wheel: its name, and what the wheel keeps of it.

use zerocopy::FromZeros;

use crate::slab::Handle;

/// Names a timer until it fires or is cancelled; stale and harmless afterwards. Eight bytes, also as an `Option`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct TimerId(pub(super) Handle);

impl TimerId {
    /// As a number, which is never 0: for plain-old-data records.
    pub const fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// Back from [`to_bits`](Self::to_bits); `None` if no timer has these bits, as with 0.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match Handle::from_bits(bits) {
            Some(handle) => Some(Self(handle)),
            None => None,
        }
    }
}

/// One timer: 24 bytes, of which ten million may wait.
#[derive(Copy, Clone, FromZeros)]
#[repr(C)]
pub(super) struct Timer {
    /// The tick at which it fires.
    pub(super) tick: u64,
    /// What the owner gets back.
    pub(super) token: u64,
    /// Its neighbours in the list it is in.
    pub(super) next: u32,
    pub(super) previous: u32,
}

const _: () = assert!(size_of::<Timer>() == 24);
