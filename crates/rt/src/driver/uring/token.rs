//! What a completion says about whom: operation, index and generation in the 64 bits that io_uring hands back.

use crate::driver::ConnectionId;

/// What was asked of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Operation {
    /// Bytes of a connection, again and again.
    Receive,
    /// The head of a connection's queue.
    Send,
    Connect,
    /// The end of our direction of a connection.
    ShutDown,
    /// Connections of a listener, again and again, into the ring's table.
    AcceptIntoTable,
    /// One connection of a listener, into a place of the ring's table that was counted before.
    AcceptOne,
    /// Connections of a listener, again and again, as descriptors.
    AcceptDescriptors,
    /// Whether connections wait at a listener, again and again.
    AcceptReady,
    /// Whether a watched descriptor may be read, again and again.
    Readable,
    /// Whether a watched descriptor may be written to, once.
    Writable,
    /// Whether the bell was rung, again and again.
    Bell,
    /// An operation on a file.
    File,
    /// Something whose end the caller waits for.
    Now,
    /// Something whose end nobody asks for: it completes only when it fails.
    Silent,
}

impl Operation {
    const ALL: [Operation; 14] = [
        Operation::Receive,
        Operation::Send,
        Operation::Connect,
        Operation::ShutDown,
        Operation::AcceptIntoTable,
        Operation::AcceptOne,
        Operation::AcceptDescriptors,
        Operation::AcceptReady,
        Operation::Readable,
        Operation::Writable,
        Operation::Bell,
        Operation::File,
        Operation::Now,
        Operation::Silent,
    ];
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token(u64);

const INDEX_BITS: u32 = 32;
const GENERATION_BITS: u32 = 28;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

impl Token {
    pub(super) const fn new(operation: Operation, index: u32, generation: u32) -> Token {
        let generation = (generation & GENERATION_MASK) as u64;
        Token((operation as u64) << (INDEX_BITS + GENERATION_BITS) | generation << INDEX_BITS | index as u64)
    }

    pub(super) fn of(operation: Operation, id: ConnectionId) -> Token {
        Token::new(operation, id.index(), id.generation().get())
    }

    pub(super) fn from_data(data: u64) -> Token {
        Token(data)
    }

    pub(super) fn to_data(self) -> u64 {
        self.0
    }

    pub(super) fn operation(self) -> Operation {
        let number = (self.0 >> (INDEX_BITS + GENERATION_BITS)) as usize;
        // What comes back is what we gave.
        Operation::ALL[number]
    }

    pub(super) fn index(self) -> u32 {
        self.0 as u32
    }

    /// True if it is about this generation of a place, not about one that was there before.
    pub(super) fn is_of(self, generation: u32) -> bool {
        (self.0 >> INDEX_BITS) as u32 & GENERATION_MASK == generation & GENERATION_MASK
    }
}

/// A completion, taken from its ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Completion {
    pub(super) token: Token,
    /// What the system call would have returned; an error as a negative number.
    pub(super) result: i32,
    /// `IORING_CQE_F_…`, io_uring_enter(2).
    pub(super) flags: u32,
}

impl Completion {
    /// True if the operation goes on: more completions of it follow.
    pub(super) fn goes_on(self) -> bool {
        io_uring::cqueue::more(self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given() {
        for operation in Operation::ALL {
            let token = Token::from_data(Token::new(operation, u32::MAX, 0x0fff_fffe).to_data());
            assert_eq!((token.operation(), token.index()), (operation, u32::MAX));
            assert!(token.is_of(0x0fff_fffe) && !token.is_of(0x0fff_ffff));
            assert!(token.is_of(0xffff_fffe), "a generation counts modulo 2^28");
        }
    }
}
