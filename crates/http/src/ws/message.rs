//! A message that is collected from the parts in which it comes.
//!
//! Its memory follows the bytes that came, never the length that a header declares; text is checked as it comes.

use super::WsError;

/// A message of which parts have come.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) is_text: bool,
    /// What comes is DEFLATE: it is inflated, and checked, when it is complete.
    pub(super) is_compressed: bool,
    /// Frames of it that are complete.
    pub(super) frames: u32,
    pub(super) bytes: Vec<u8>,
    /// How many of them are known to be UTF-8, if it is text.
    checked: usize,
}

impl Message {
    pub(super) fn new(is_text: bool, is_compressed: bool) -> Self {
        Message { is_text, is_compressed, frames: 0, bytes: Vec::new(), checked: 0 }
    }

    /// Takes more of the payload; copies it.
    pub(super) fn push(&mut self, payload: &[u8], bytes_max: u32) -> Result<(), WsError> {
        let needed = self.bytes.len() + payload.len();
        assert!(needed <= bytes_max as usize, "admit() has checked the declared length");
        if needed > self.bytes.capacity() {
            // Doubling keeps copies linear; the limit keeps the last doubling from overshooting it.
            let capacity = (2 * self.bytes.len()).clamp(needed, bytes_max as usize);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(payload);
        if self.is_text && !self.is_compressed {
            self.checked += utf8_prefix(&self.bytes[self.checked..])?;
        }
        Ok(())
    }

    /// The whole payload, as it came.
    pub(super) fn finish(self) -> Result<Vec<u8>, WsError> {
        assert!(self.checked <= self.bytes.len(), "only what has come is checked");
        if self.is_text && !self.is_compressed && self.checked < self.bytes.len() {
            return Err(WsError::Utf8);
        }
        Ok(self.bytes)
    }
}

/// How many bytes at the start are whole characters; an error if what follows cannot become one. Leaves at most three
/// bytes to be looked at again.
fn utf8_prefix(bytes: &[u8]) -> Result<usize, WsError> {
    match str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(WsError::Utf8),
    }
}
