//! The SACK option (RFC 2018), read on demand: few segments have one, and room for its ranges would double the size of
//! every header that is passed on.

use std::fmt;

use crate::Refused;
use crate::bytes::u32_at;
use crate::limits::SACK_BLOCKS_MAX;
use crate::seq::Seq;
use crate::tcp::options::{SACK, SACK_BLOCK_LEN, SACK_HEAD_LEN, each_option};

/// The ranges of a SACK option, at most four, in the order of the wire: first byte, and first byte behind.
#[derive(Copy, Clone, Default)]
pub struct SackBlocks {
    blocks: [(Seq, Seq); SACK_BLOCKS_MAX],
    len: u8,
}

impl SackBlocks {
    /// Reads the ranges of `segment`; none if it has no such option, those of the last if it has several. At most 40 steps.
    ///
    /// # Errors
    /// As [`parse`](super::parse): a segment for which that has succeeded is not refused here.
    pub fn parse(segment: &[u8]) -> Result<Self, Refused> {
        let mut found = Self::default();
        each_option(super::split(segment)?.1, |kind, option| {
            if kind == SACK {
                found = Self::of_option(option);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn of_option(option: &[u8]) -> Self {
        let (ranges, _) = option[SACK_HEAD_LEN..].as_chunks::<SACK_BLOCK_LEN>();
        let mut found = Self::default();
        for (block, range) in found.blocks.iter_mut().zip(ranges) {
            *block = (Seq(u32_at(range, 0)), Seq(u32_at(range, 4)));
            found.len += 1;
        }
        assert_eq!(found.as_slice().len(), ranges.len(), "40 bytes of options hold at most {SACK_BLOCKS_MAX} ranges");
        found
    }

    /// The ranges.
    pub fn as_slice(&self) -> &[(Seq, Seq)] {
        &self.blocks[..usize::from(self.len)]
    }
}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}
