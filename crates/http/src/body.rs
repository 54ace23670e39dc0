//! Bodies: which bytes of the input are data, and where the message ends.
//!
//! [`BodyDecoder`] stores no data: it points at it in the input. Chunk sizes are read strictly and cannot overflow;
//! extensions are counted and dropped; the trailer section goes through the same scan as a head, and is kept apart from
//! the headers ([`trailers`]). A body's limit is checked when its length or that of a chunk is declared, before any of
//! it has come.

use core::ops::Range;

use crate::framing::BodyLength;
use crate::limits::CHUNK_SIZE_DIGITS_MAX;
use crate::{Headers, HttpError, Limits};

use trailers::TrailerSection;

#[cfg(test)]
mod tests;
mod trailers;

pub use trailers::{TrailerError, encode_trailers};

/// Decodes the body of one message. About 100 bytes; allocates for trailers alone.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    limits: Limits,
    /// Bytes of data declared so far: by the length, or by the chunks that have begun.
    declared: u64,
    extension_bytes: u32,
    trailers: Option<Box<Headers>>,
}

/// What one call has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many bytes of the input are dealt with; call again with the rest unless `done`.
    pub consumed: usize,
    /// Which bytes of the input are data, maybe none.
    pub data: Range<usize>,
    /// Whether the message is over; what is not consumed belongs to the next one.
    pub done: bool,
}

#[derive(Clone, Debug)]
enum State {
    Fixed { left: u64 },
    UntilClose,
    ChunkSize { size: u64, digits: u8 },
    ChunkExtension { size: u64 },
    ChunkSizeLineFeed { size: u64 },
    ChunkData { left: u64 },
    ChunkDataReturn,
    ChunkDataLineFeed,
    Trailers(TrailerSection),
    Done,
}

const NEXT_CHUNK: State = State::ChunkSize { size: 0, digits: 0 };

impl BodyDecoder {
    /// A decoder for a body whose end is known in this way.
    ///
    /// # Errors
    /// [`HttpError::BodyTooLarge`] if the declared length is beyond [`Limits::body_bytes`].
    pub fn new(length: BodyLength, limits: &Limits) -> Result<Self, HttpError> {
        let state = match length {
            BodyLength::None | BodyLength::Fixed(0) => State::Done,
            BodyLength::Fixed(left) => State::Fixed { left },
            BodyLength::Chunked => NEXT_CHUNK,
            BodyLength::UntilClose => State::UntilClose,
        };
        let mut decoder = BodyDecoder { state, limits: *limits, declared: 0, extension_bytes: 0, trailers: None };
        if let BodyLength::Fixed(length) = length {
            decoder.declare(length)?;
        }
        Ok(decoder)
    }

    /// Whether the body is complete; true from the start if there is none.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The trailers of a body that is done, if it had any that may be kept; the second call gives none.
    pub fn take_trailers(&mut self) -> Option<Headers> {
        self.trailers.take().map(|trailers| *trailers)
    }

    /// Takes bytes that follow those consumed before. Returns at the end of a run of data, of the message, or of the
    /// input, whichever comes first; consumes something unless the input is empty or the body done.
    ///
    /// # Errors
    /// Whatever [`HttpError`] names for bodies; the decoder is of no use afterwards.
    pub fn on_input(&mut self, input: &[u8]) -> Result<Step, HttpError> {
        let mut at = 0;
        while at < input.len() && !self.is_done() {
            let rest = &input[at..];
            if let Some(length) = self.data(rest)? {
                let data = at..at + length;
                return Ok(Step { consumed: data.end, data, done: self.is_done() });
            }
            let taken = self.control(rest)?;
            assert!(taken > 0 && taken <= rest.len(), "each step moves on, within its input");
            at += taken;
        }
        Ok(Step { consumed: at, data: at..at, done: self.is_done() })
    }

    /// Says that the stream has ended.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] if the message has not, unless its end is that of the stream.
    pub fn on_end(&mut self) -> Result<(), HttpError> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            _ => Err(HttpError::Truncated),
        }
    }

    /// How many bytes of `rest` are data, if data stands here.
    fn data(&mut self, rest: &[u8]) -> Result<Option<usize>, HttpError> {
        let (left, after) = match &mut self.state {
            State::Fixed { left } => (left, State::Done),
            State::ChunkData { left } => (left, State::ChunkDataReturn),
            State::UntilClose => return self.until_close(rest).map(Some),
            _ => return Ok(None),
        };
        let length = usize::try_from(*left).map_or(rest.len(), |left| rest.len().min(left));
        assert!(length > 0, "a state with data left has some left");
        *left -= length as u64;
        if *left == 0 {
            self.state = after;
        }
        Ok(Some(length))
    }

    /// Takes what the limit leaves room for, so that no split of the input changes what is data and what is too much.
    fn until_close(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let room = self.limits.body_bytes - self.declared;
        let length = usize::try_from(room).map_or(rest.len(), |room| rest.len().min(room));
        self.declare(length.max(1) as u64)?;
        Ok(length)
    }

    /// Takes at least one byte of what is not data.
    fn control(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let byte = rest[0];
        match &mut self.state {
            State::ChunkSize { size, digits } => {
                let (size, digits) = (*size, *digits);
                return self.chunk_size(byte, size, digits);
            }
            State::ChunkExtension { size } => {
                let size = *size;
                return self.chunk_extension(rest, size);
            }
            State::ChunkSizeLineFeed { size } => {
                let size = *size;
                expect_line_feed(byte)?;
                self.begin_chunk(size)?;
            }
            State::ChunkDataReturn if byte == b'\r' => self.state = State::ChunkDataLineFeed,
            State::ChunkDataReturn => return Err(HttpError::ChunkEnd { byte }),
            State::ChunkDataLineFeed if byte == b'\n' => self.state = NEXT_CHUNK,
            State::ChunkDataLineFeed => return Err(HttpError::ChunkEnd { byte }),
            State::Trailers(section) => {
                let end = section.on_input(rest)?;
                if end.is_some() {
                    self.end_trailers()?;
                }
                return Ok(end.unwrap_or(rest.len()));
            }
            State::Fixed { .. } | State::UntilClose | State::ChunkData { .. } | State::Done => {
                unreachable!("on_input() asks for control bytes where no data stands and the body goes on")
            }
        }
        Ok(1)
    }

    fn chunk_size(&mut self, byte: u8, size: u64, digits: u8) -> Result<usize, HttpError> {
        self.state = match (char::from(byte).to_digit(16), byte) {
            (Some(_), _) if digits == CHUNK_SIZE_DIGITS_MAX => {
                return Err(HttpError::ChunkSizeTooLong { limit: CHUNK_SIZE_DIGITS_MAX });
            }
            // Sixteen digits of four bits fill 64 bits and no more.
            (Some(digit), _) => State::ChunkSize { size: size << 4 | u64::from(digit), digits: digits + 1 },
            (None, b'\r') if digits > 0 => State::ChunkSizeLineFeed { size },
            (None, b';') if digits > 0 => State::ChunkExtension { size },
            _ => return Err(HttpError::ChunkSize { byte }),
        };
        Ok(1)
    }

    fn chunk_extension(&mut self, rest: &[u8], size: u64) -> Result<usize, HttpError> {
        let limit = u32::from(self.limits.chunk_extension_bytes);
        let window = &rest[..rest.len().min((limit - self.extension_bytes) as usize + 1)];
        let end = memchr::memchr(b'\r', window).unwrap_or(window.len());
        if let Some(&byte) = window[..end].iter().find(|byte| byte.is_ascii_control() && **byte != b'\t') {
            return Err(HttpError::ChunkSize { byte });
        }
        self.extension_bytes += end as u32;
        if self.extension_bytes > limit {
            return Err(HttpError::ChunkExtensionTooLong { limit: self.limits.chunk_extension_bytes });
        }
        if end < window.len() {
            self.state = State::ChunkSizeLineFeed { size };
            return Ok(end + 1);
        }
        Ok(end)
    }

    fn begin_chunk(&mut self, size: u64) -> Result<(), HttpError> {
        self.declare(size)?;
        self.state = match size {
            0 => State::Trailers(TrailerSection::new(&self.limits)),
            left => State::ChunkData { left },
        };
        Ok(())
    }

    fn end_trailers(&mut self) -> Result<(), HttpError> {
        assert!(self.trailers.is_none(), "a body has one trailer section");
        if let State::Trailers(section) = core::mem::replace(&mut self.state, State::Done) {
            self.trailers = section.finish()?.map(Box::new);
        }
        Ok(())
    }

    fn declare(&mut self, bytes: u64) -> Result<(), HttpError> {
        let limit = self.limits.body_bytes;
        assert!(self.declared <= limit, "what was declared before was checked then");
        let length = self.declared.saturating_add(bytes);
        if length > limit {
            return Err(HttpError::BodyTooLarge { length, limit });
        }
        self.declared = length;
        Ok(())
    }
}

fn expect_line_feed(byte: u8) -> Result<(), HttpError> {
    if byte == b'\n' { Ok(()) } else { Err(HttpError::ChunkSize { byte }) }
}
