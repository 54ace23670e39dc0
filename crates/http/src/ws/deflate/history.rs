//! What a connection's messages may refer to: the last bytes of those before.
//!
//! This is all of a DEFLATE stream's state between two messages, since each ends on a whole byte and a whole block. It grows
//! with the bytes that came or went, up to its window.

use super::{DeflateSide, WINDOW_BITS_MAX};

/// The context of one direction of a connection. Allocates nothing until there was a message.
#[derive(Debug, Default)]
pub struct History {
    bytes: Vec<u8>,
    window_bits: u8,
}

impl History {
    /// An empty one, for messages that are compressed like this.
    pub fn new(side: DeflateSide) -> Self {
        assert!((8..=WINDOW_BITS_MAX).contains(&side.window_bits), "{side:?} was negotiated");
        History { bytes: Vec::new(), window_bits: side.window_bits }
    }

    /// The last bytes, at most the window's.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Remembers a message. Copies at most the window's bytes.
    pub(super) fn push(&mut self, message: &[u8]) {
        let window = 1 << self.window_bits;
        let message = &message[message.len().saturating_sub(window)..];
        let forgotten = (self.bytes.len() + message.len()).saturating_sub(window);
        self.bytes.drain(..forgotten);
        let needed = self.bytes.len() + message.len();
        if needed > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).clamp(needed, window);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(message);
        assert!(self.bytes.len() <= window, "a history is no longer than its window");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_remembers_its_window_and_no_more() {
        let mut history = History::new(DeflateSide { window_bits: 9, keeps_context: true });
        let bytes: Vec<u8> = (0..2000_u32).map(|at| at as u8).collect();
        for (from, to) in [(0, 10), (10, 300), (300, 800), (800, 2000)] {
            history.push(&bytes[from..to]);
            assert_eq!(history.bytes(), &bytes[to.saturating_sub(512)..to]);
        }
        assert_eq!(history.bytes.capacity(), 512);
    }
}
