//! Received bytes on their way to the application: in the frame they came in, or copied out of it when frames are scarce.

use crore_base::frame::{Frame, FramePool};

use crate::limits::COPY_OVERHEAD_BYTES;
use crate::reassembly;

/// Some bytes of a stream.
pub(crate) enum Chunk {
    /// Still where the network put them; nothing was copied.
    InFrame(Frame),
    /// In memory of their own.
    Copied {
        /// The bytes as they were copied.
        bytes: Box<[u8]>,
        /// Of them, those already taken off the front.
        start: u32,
        /// Where they end.
        end: u32,
    },
}

impl Chunk {
    /// A copy of the frame's bytes; the frame goes back to the pool.
    pub(crate) fn copy(frame: Frame, frames: &mut FramePool) -> Self {
        let bytes: Box<[u8]> = frames.bytes(&frame).into();
        frames.free(frame);
        let end = bytes.len() as u32;
        Self::Copied { bytes, start: 0, end }
    }

    /// The bytes.
    pub(crate) fn bytes<'a>(&'a self, frames: &'a FramePool) -> &'a [u8] {
        match self {
            Self::InFrame(frame) => frames.bytes(frame),
            Self::Copied { bytes, start, end } => &bytes[*start as usize..*end as usize],
        }
    }

    /// Heap memory that it holds, in bytes.
    pub(crate) fn copied_bytes(&self) -> usize {
        match self {
            Self::InFrame(_) => 0,
            Self::Copied { bytes, .. } => bytes.len() + COPY_OVERHEAD_BYTES,
        }
    }
}

impl reassembly::Chunk for Chunk {
    fn len(&self) -> usize {
        match self {
            Self::InFrame(frame) => frame.len(),
            Self::Copied { start, end, .. } => (end - start) as usize,
        }
    }

    fn advance(&mut self, n: usize) {
        match self {
            Self::InFrame(frame) => frame.advance(n),
            Self::Copied { start, end, .. } => {
                assert!(n <= (*end - *start) as usize, "a chunk cannot give more than it has");
                *start += n as u32;
            }
        }
    }

    fn truncate(&mut self, len: usize) {
        match self {
            Self::InFrame(frame) => frame.truncate(len),
            Self::Copied { start, end, .. } => *end = (*end).min(*start + len as u32),
        }
    }
}
