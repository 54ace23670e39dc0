//! What a flow leads to. One table finds all three, so that a stray segment costs one look.

/// A record of one kind, by its slot in the table of its kind.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    /// A connection with a control block.
    Live(u32),
    /// A half-open passive connection in the SYN cache.
    HalfOpen(u32),
    /// A connection in TIME-WAIT.
    TimeWait(u32),
}

const KIND_SHIFT: u32 = 30;

impl Record {
    /// As the flow table keeps it: the kind in the two high bits.
    #[inline]
    pub(crate) const fn to_bits(self) -> u32 {
        let (kind, index) = match self {
            Self::Live(index) => (0, index),
            Self::HalfOpen(index) => (1, index),
            Self::TimeWait(index) => (2, index),
        };
        debug_assert!(index < 1 << KIND_SHIFT, "limits keep every table below 2^30 records");
        kind << KIND_SHIFT | index
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        let index = bits & ((1 << KIND_SHIFT) - 1);
        match bits >> KIND_SHIFT {
            0 => Self::Live(index),
            1 => Self::HalfOpen(index),
            2 => Self::TimeWait(index),
            _ => unreachable!(),
        }
    }
}
