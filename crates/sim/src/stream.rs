//! The bytes of a stream. They follow from who writes them and where they stand, so that a reader can tell a byte that is
//! lost, doubled, changed, or somebody else's.
//!
//! The first eight bytes name the writer; so a reader finds out whose stream it reads from the stream itself.

/// Bytes that name the writer.
pub(crate) const HEAD_BYTES: u64 = 8;

/// `len` bytes of the stream of `writer`, from position `from` on.
pub(crate) fn bytes(writer: u32, from: u64, len: usize) -> Vec<u8> {
    (from..from + len as u64).map(|position| byte_at(writer, position)).collect()
}

/// The byte at `position` of the stream of `writer`.
pub(crate) fn byte_at(writer: u32, position: u64) -> u8 {
    if position < HEAD_BYTES {
        return (u64::from(writer) | u64::from(!writer) << 32).to_le_bytes()[position as usize];
    }
    let mut mixed = (position >> 3).wrapping_add(u64::from(writer) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed.to_be_bytes()[position as usize & 7]
}

/// Reads a stream from its beginning and compares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    head: [u8; HEAD_BYTES as usize],
    /// Bytes read.
    pub(crate) received: u64,
    /// Who writes, once the first bytes have told.
    pub(crate) writer: Option<u32>,
}

impl Reader {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// They are not the next of this stream.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        for &byte in bytes {
            if self.received < HEAD_BYTES {
                self.head[self.received as usize] = byte;
                self.received += 1;
                if self.received == HEAD_BYTES {
                    self.writer = Some(self.read_head()?);
                }
                continue;
            }
            let writer = self.writer.expect("the head was read");
            let expected = byte_at(writer, self.received);
            if byte != expected {
                return Err(format!("byte {} of side {writer}'s stream is {byte:#04x}, not {expected:#04x}", self.received));
            }
            self.received += 1;
        }
        Ok(())
    }

    fn read_head(&self) -> Result<u32, String> {
        let head = u64::from_le_bytes(self.head);
        let (writer, check) = (head as u32, (head >> 32) as u32);
        if writer == !check { Ok(writer) } else { Err(format!("a stream begins with {head:#x}, which nobody wrote")) }
    }
}
