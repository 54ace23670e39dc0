//! Compressed messages back to what they were, within bounds that are kept while inflating.
//!
//! The output grows as it is filled, never beyond the message's limit or [`DEFLATE_RATIO_MAX`] times what came, and not a
//! byte more is made to find out that there is more.

use core::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::{History, WINDOW_BITS_MAX};
use crate::limits::{DEFLATE_FINAL_BLOCKS_MAX, DEFLATE_KEPT_BYTES_MAX, DEFLATE_RATIO_MAX, DEFLATE_UNWATCHED_BYTES};
use crate::ws::WsError;

/// What a sender leaves out (RFC 7692, section 7.2.1), and then an empty final block of ours: only if that is read as such was
/// the message whole.
const ENDING: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];

/// Bytes of the output to begin with.
const OUTPUT_BYTES_MIN: usize = 4 * 1024;

/// A decompressor for all connections of a core. Allocates nothing until it is first needed; then some 40 KiB, and what the
/// longest message takes until it is [trimmed](Inflater::trim).
#[derive(Default)]
pub struct Inflater {
    stream: Option<Decompress>,
    /// As long as was ever needed; the first `filled` bytes are the message.
    output: Vec<u8>,
    filled: usize,
}

/// What a decoder needs for compressed messages.
#[derive(Debug)]
pub struct Inflating<'a> {
    /// The core's.
    pub inflater: &'a mut Inflater,
    /// The connection's, if its peer [keeps its context](super::DeflateSide::keeps_context).
    pub history: Option<&'a mut History>,
}

/// Bytes that a message of at most `message_bytes` may have when it comes compressed: what does not shrink grows by five bytes
/// in each block, and blocks may be short.
pub(in crate::ws) fn compressed_bytes_max(message_bytes: u32) -> u32 {
    message_bytes.saturating_add(message_bytes / 64).saturating_add(1024)
}

impl Inflater {
    /// One that was never needed.
    pub fn new() -> Self {
        Inflater::default()
    }

    /// Gives back what a long message has taken; call it when the message was read.
    pub fn trim(&mut self) {
        self.filled = 0;
        if self.output.len() > DEFLATE_KEPT_BYTES_MAX {
            self.output = Vec::new();
        }
    }

    /// The message that a compressed payload stands for, lent until the next one. Takes time for each of its bytes, some
    /// nanoseconds, in one go.
    ///
    /// # Errors
    /// [`WsError::Deflate`], [`WsError::InflatesTooLarge`] or [`WsError::InflatesTooMuch`]; the connection is to be closed.
    pub(in crate::ws) fn inflate(
        &mut self,
        payload: &[u8],
        mut history: Option<&mut History>,
        bytes_max: u32,
    ) -> Result<&[u8], WsError> {
        let bound = Bound::new(payload.len(), bytes_max);
        self.trim();
        self.restart(history.as_deref().map_or(&[], History::bytes))?;
        let (mut rest, mut endings) = (payload, 0);
        let is_ended = loop {
            match self.run(rest, &bound)? {
                None => break false,
                Some(used) if used == rest.len() => break true,
                Some(used) => {
                    endings += 1;
                    if endings > DEFLATE_FINAL_BLOCKS_MAX {
                        return Err(WsError::Deflate);
                    }
                    rest = &rest[used..];
                    let window = self.window(history.as_deref());
                    self.restart(&window)?;
                }
            }
        };
        // A message may end with a final block, whatever it leaves out then.
        let filled = self.filled;
        if !is_ended && (self.run(&ENDING, &bound)? != Some(ENDING.len()) || self.filled != filled) {
            return Err(WsError::Deflate);
        }
        let message = &self.output[..self.filled];
        assert!(message.len() <= bytes_max as usize, "the bound was kept while inflating");
        if let Some(history) = history.as_mut() {
            history.push(message);
        }
        Ok(message)
    }

    /// The last bytes before a block that follows a final one: after that the decompressor has forgotten them.
    fn window(&self, history: Option<&History>) -> Vec<u8> {
        let size = 1 << WINDOW_BITS_MAX;
        let recent = &self.output[self.filled.saturating_sub(size)..self.filled];
        let older = history.map_or(&[][..], History::bytes);
        let older = &older[older.len().saturating_sub(size - recent.len())..];
        [older, recent].concat()
    }

    fn restart(&mut self, window: &[u8]) -> Result<(), WsError> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        stream.reset(false);
        if !window.is_empty() {
            stream.set_dictionary(window).map_err(|_| WsError::Deflate)?;
        }
        Ok(())
    }

    /// Inflates `input`; gives how much of it was read if a final block has ended, none if all was.
    fn run(&mut self, input: &[u8], bound: &Bound) -> Result<Option<usize>, WsError> {
        let stream = self.stream.as_mut().expect("restart() has made it");
        let mut at = 0;
        loop {
            if self.filled == self.output.len() && self.filled < bound.bytes {
                let longer = (2 * self.filled).max(OUTPUT_BYTES_MIN).min(bound.bytes);
                self.output.reserve_exact(longer - self.filled);
                self.output.resize(longer, 0);
            }
            let mut beyond = [0; 1];
            let end = self.output.len().min(bound.bytes);
            let room = if self.filled < end { &mut self.output[self.filled..end] } else { &mut beyond[..] };
            let room_bytes = room.len();
            let before = (stream.total_in(), stream.total_out());
            let status = stream.decompress(&input[at..], room, FlushDecompress::None);
            let status = status.map_err(|_| WsError::Deflate)?;
            let read = (stream.total_in() - before.0) as usize;
            let made = (stream.total_out() - before.1) as usize;
            if made > 0 && self.filled == bound.bytes {
                return Err(bound.error);
            }
            at += read;
            self.filled += made;
            assert!(at <= input.len() && self.filled <= bound.bytes, "a decompressor stays in its slices");
            if status == Status::StreamEnd {
                return Ok(Some(at));
            }
            if at == input.len() && made < room_bytes {
                return Ok(None);
            }
            if read == 0 && made == 0 {
                return Err(WsError::Deflate);
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inflater({} bytes kept)", self.output.len())
    }
}

/// How long one message may become, and what it is told if it becomes longer.
struct Bound {
    bytes: usize,
    error: WsError,
}

impl Bound {
    fn new(compressed: usize, bytes_max: u32) -> Bound {
        let limit = DEFLATE_RATIO_MAX;
        let ratio = compressed.saturating_mul(limit as usize).max(DEFLATE_UNWATCHED_BYTES as usize);
        match bytes_max as usize {
            bytes if bytes <= ratio => Bound { bytes, error: WsError::InflatesTooLarge { limit: bytes_max } },
            _ => Bound { bytes: ratio, error: WsError::InflatesTooMuch { limit } },
        }
    }
}
