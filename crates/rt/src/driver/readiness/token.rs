//! What an event says about whom: kind, index and generation in the 64 bits that every model hands back.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Connection,
    Listener,
    Watch,
    Bell,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token(u64);

const INDEX_BITS: u32 = 30;
const GENERATION_BITS: u32 = 30;
const MASK: u32 = (1 << INDEX_BITS) - 1;

impl Token {
    pub(crate) const fn new(kind: Kind, index: u32, generation: u32) -> Token {
        assert!(index <= MASK);
        let kind = match kind {
            Kind::Connection => 0,
            Kind::Listener => 1,
            Kind::Watch => 2,
            Kind::Bell => 3,
        };
        Token(kind << (INDEX_BITS + GENERATION_BITS) | ((generation & MASK) as u64) << INDEX_BITS | index as u64)
    }

    pub(crate) fn from_bits(bits: u64) -> Token {
        Token(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0 >> (INDEX_BITS + GENERATION_BITS) {
            0 => Kind::Connection,
            1 => Kind::Listener,
            2 => Kind::Watch,
            _ => Kind::Bell,
        }
    }

    pub(crate) fn index(self) -> u32 {
        self.0 as u32 & MASK
    }

    /// True if the event is about this generation of the slot, not about one that was there before.
    pub(crate) fn is_of(self, generation: u32) -> bool {
        (self.0 >> INDEX_BITS) as u32 & MASK == generation & MASK
    }
}
