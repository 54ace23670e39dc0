//! Messages compressed into frames.
//!
//! A message that would not become shorter is left to be sent as it is, which every receiver takes, unless the owner wants all
//! of them compressed.

use core::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::inflater::compressed_bytes_max;
use super::{DeflateOptions, DeflateSide, History, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use crate::limits::DEFLATE_KEPT_BYTES_MAX;
use crate::ws::header::HEADER_BYTES_MAX;
use crate::ws::{Opcode, frame, mask};

/// What ends a flush, and a sender leaves out (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

const WINDOWS: usize = (WINDOW_BITS_MAX - WINDOW_BITS_MIN + 1) as usize;

/// A compressor for all connections of a core. Allocates nothing until it is first needed; then some 270 KiB, less for each
/// smaller window that a client asks for.
pub struct Deflater {
    level: u8,
    bytes_min: u32,
    streams: [Option<Compress>; WINDOWS],
    /// Room for the longest header, and behind it the compressed message.
    frame: Vec<u8>,
}

impl Deflater {
    /// One that was never needed. A level beyond 9 is 9, one of 0 is 1.
    pub fn new(options: &DeflateOptions) -> Self {
        let (level, bytes_min) = (options.level.clamp(1, 9), options.bytes_min);
        Deflater { level, bytes_min, streams: Default::default(), frame: Vec::new() }
    }

    /// Gives back what a long message has taken; call it when the frame was sent.
    pub fn trim(&mut self) {
        if self.frame.len() > DEFLATE_KEPT_BYTES_MAX {
            self.frame = Vec::new();
        }
    }

    /// The compressed frame of a whole message, lent until the next one; masked with `key` if a client sends it. None if the
    /// message is too short, does not become shorter, or may not be compressed: send it as it is then.
    ///
    /// Without a history the frame may be sent, as one payload, to every connection whose [terms] name the same side: compress
    /// once, then share. With one it is for that connection alone, and has to be sent; `side` keeps its context then.
    ///
    /// Takes some 20 ns for each byte, in one go.
    ///
    /// [terms]: super::DeflateTerms::sent_by
    ///
    /// # Panics
    /// If `opcode` is neither text nor binary, or the window has not 8 to 15 bits.
    pub fn encode(
        &mut self,
        opcode: Opcode,
        message: &[u8],
        side: DeflateSide,
        history: Option<&mut History>,
        key: Option<[u8; 4]>,
    ) -> Option<&[u8]> {
        assert!((8..=WINDOW_BITS_MAX).contains(&side.window_bits), "{side:?} was negotiated");
        if message.len() < self.bytes_min as usize || side.window_bits < WINDOW_BITS_MIN {
            return None;
        }
        let length = self.compress(message, side.window_bits, history.as_deref())?;
        if let Some(history) = history {
            history.push(message);
        }
        let header = frame::compressed_header(opcode, length, key);
        let start = HEADER_BYTES_MAX - header.len();
        let frame = &mut self.frame[start..HEADER_BYTES_MAX + length];
        frame[..header.len()].copy_from_slice(&header);
        if let Some(key) = key {
            mask::apply(&mut frame[header.len()..], key, 0);
        }
        Some(frame)
    }

    /// Compresses into the frame; gives how many bytes it has become if these are fewer, or none asks for that.
    fn compress(&mut self, message: &[u8], window_bits: u8, history: Option<&History>) -> Option<usize> {
        let level = Compression::new(u32::from(self.level));
        let stream = self.streams[usize::from(window_bits - WINDOW_BITS_MIN)]
            .get_or_insert_with(|| Compress::new_with_window_bits(level, false, window_bits));
        stream.reset();
        if let Some(history) = history
            && !history.bytes().is_empty()
        {
            // A compressor that was just reset takes any; one that did not would have to send its message as it is.
            stream.set_dictionary(history.bytes()).ok()?;
        }
        let length_max = if self.bytes_min == 0 { longest(message.len())? } else { message.len() };
        let room = HEADER_BYTES_MAX..HEADER_BYTES_MAX + length_max + TAIL.len();
        if self.frame.len() < room.end {
            self.frame.resize(room.end, 0);
        }
        let output = &mut self.frame[room];
        let status = stream.compress(message, output, FlushCompress::Sync).ok()?;
        let (read, made) = (stream.total_in() as usize, stream.total_out() as usize);
        // A flush that fills the room may have more to say.
        if status != Status::Ok || read < message.len() || made == output.len() {
            return None;
        }
        let length = made.checked_sub(TAIL.len())?;
        assert!(output[length..made] == TAIL, "a flush ends with an empty block");
        assert!(length < length_max, "the room was no longer");
        Some(length)
    }
}

/// What a message that does not shrink becomes at most; none if that is beyond 32 bits.
fn longest(length: usize) -> Option<usize> {
    Some(compressed_bytes_max(u32::try_from(length).ok()?) as usize)
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deflater(level {}, {} bytes kept)", self.level, self.frame.len())
    }
}
