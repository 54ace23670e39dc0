//! The bytes of a stream. They follow from who writes them and where they stand, so that a reader can tell a byte that is
//! lost, doubled, changed, or somebody else's.
//!
//! The first eight bytes name the writer; so a reader finds out whose stream it reads from the stream itself.

/// Where the origin of stray bytes is looked for.
const SIDES_SEARCHED: u32 = 200;
const POSITIONS_SEARCHED: u64 = 200_000;

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
    /// Its bytes are somebody else's by now, which is known and allowed; they are only counted.
    pub(crate) is_mixed: bool,
}

/// Bytes that are not the next of their stream.
#[derive(Clone, Debug)]
pub(crate) struct Stray {
    /// Where they begin, in what was taken.
    pub(crate) place: usize,
    /// What they should be, and are.
    pub(crate) what: String,
}

impl Reader {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// They are not the next of this stream.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Stray> {
        if self.is_mixed {
            self.received += bytes.len() as u64;
            return Ok(());
        }
        for (place, &byte) in bytes.iter().enumerate() {
            if self.received < HEAD_BYTES {
                self.head[self.received as usize] = byte;
                self.received += 1;
                if self.received == HEAD_BYTES {
                    self.writer = Some(self.read_head().map_err(|what| Stray { place, what })?);
                }
                continue;
            }
            let writer = self.writer.expect("the head was read");
            let expected = byte_at(writer, self.received);
            if byte != expected {
                let at = self.received;
                let origin = origin(&bytes[place..]);
                let what = format!("byte {at} of side {writer}'s stream is {byte:#04x}, not {expected:#04x}: {origin}");
                return Err(Stray { place, what });
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

/// Whether these bytes could be those from `position` on of the stream of `writer`.
pub(crate) fn is_of(writer: u32, position: u64, bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(place, &byte)| byte == byte_at(writer, position + place as u64))
}

/// Whose bytes these are, and from where, for the report of bytes that are not what they should be.
fn origin(bytes: &[u8]) -> String {
    let sample = &bytes[..bytes.len().min(16)];
    let found = (0..SIDES_SEARCHED).find_map(|writer| {
        (0..POSITIONS_SEARCHED).find(|&from| is_of(writer, from, sample)).map(|from| (writer, from))
    });
    match found {
        Some((writer, from)) => format!("that is from byte {from} of side {writer}'s, {} bytes", bytes.len()),
        None => format!("nobody wrote {sample:02x?}"),
    }
}
