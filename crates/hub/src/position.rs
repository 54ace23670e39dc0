//! Where a reader stands in a channel's stream: an offset within an epoch.
//!
//! The stream rules are those of the push protocol, section 12: offsets start at 1 and grow by one a publication; the
//! epoch names the incarnation of the stream, so that a position from before a restart is recognised as such.

use std::fmt;
use std::str::FromStr;

use crore_base::random::Rng;

/// Letters in an epoch.
const EPOCH_LETTERS: usize = 8;

/// The name of one incarnation of a stream: eight random ASCII letters. Readers treat it as opaque.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Epoch([u8; EPOCH_LETTERS]);

impl Epoch {
    /// An epoch that no stream ever has. It stands for text that cannot be an epoch of ours.
    pub const FOREIGN: Epoch = Epoch([b'-'; EPOCH_LETTERS]);

    /// Draws an epoch: 52^8 possibilities, about 45 bits.
    pub fn random(rng: &mut Rng) -> Epoch {
        const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut letters = [0; EPOCH_LETTERS];
        for letter in &mut letters {
            *letter = LETTERS[rng.below(LETTERS.len() as u64) as usize];
        }
        Epoch(letters)
    }

    /// The epoch that a client named. Text that is not eight ASCII letters becomes [`Epoch::FOREIGN`], which equals no
    /// stream's epoch: a client that recovers from another server's position is "not recovered", never an error.
    pub fn from_text(text: &str) -> Epoch {
        text.parse().unwrap_or(Epoch::FOREIGN)
    }

    /// The eight characters.
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in through the constructors, so the fallback is never seen.
        std::str::from_utf8(&self.0).unwrap_or("--------")
    }
}

impl FromStr for Epoch {
    type Err = PositionError;

    /// Takes exactly eight ASCII letters.
    fn from_str(text: &str) -> Result<Epoch, PositionError> {
        let letters: [u8; EPOCH_LETTERS] =
            text.as_bytes().try_into().map_err(|_| PositionError::EpochLength(text.len()))?;
        match letters.iter().all(u8::is_ascii_alphabetic) {
            true => Ok(Epoch(letters)),
            false => Err(PositionError::EpochLetters),
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({})", self.as_str())
    }
}

/// A place in a stream. As text: `EPOCH:OFFSET`, as in an event id of `/events`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    /// The last publication that was seen; 0 before the first.
    pub offset: u64,
    /// The incarnation of the stream.
    pub epoch: Epoch,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    /// Reads `EPOCH:OFFSET`: eight ASCII letters, a colon, decimal digits (no sign, no space).
    fn from_str(text: &str) -> Result<Position, PositionError> {
        let (epoch, offset) = text.split_once(':').ok_or(PositionError::NoColon)?;
        let epoch = epoch.parse()?;
        if offset.is_empty() || !offset.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PositionError::Offset);
        }
        let offset = offset.parse().map_err(|_| PositionError::Offset)?;
        Ok(Position { offset, epoch })
    }
}

/// Why a text is not a position.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PositionError {
    /// There is no colon between epoch and offset.
    NoColon,
    /// The epoch has this many bytes instead of eight.
    EpochLength(usize),
    /// The epoch holds something else than ASCII letters.
    EpochLetters,
    /// The offset is not a decimal number below 2^64.
    Offset,
}

impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PositionError::NoColon => f.write_str("a position reads EPOCH:OFFSET, and there is no colon in this one"),
            PositionError::EpochLength(length) => {
                write!(
                    f,
                    "an epoch has {EPOCH_LETTERS} letters, this one has {length} bytes; send the position back as it was given"
                )
            }
            PositionError::EpochLetters => {
                f.write_str("an epoch has only ASCII letters; send the position back as it was given")
            }
            PositionError::Offset => f.write_str("the offset is not a decimal number below 2^64"),
        }
    }
}

impl std::error::Error for PositionError {}

/// From where a client wants to go on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Since {
    /// The last publication that the client has seen.
    pub offset: u64,
    /// The epoch it saw it in; `None` when it sent an empty one, which matches every epoch.
    pub epoch: Option<Epoch>,
}

impl Since {
    /// What a client sent: an empty epoch matches all, text that is no epoch of ours matches none.
    pub fn new(offset: u64, epoch: &str) -> Since {
        let epoch = (!epoch.is_empty()).then(|| Epoch::from_text(epoch));
        Since { offset, epoch }
    }

    /// Whether the client speaks of the stream with this epoch.
    pub(crate) fn is_of(&self, epoch: Epoch) -> bool {
        self.epoch.is_none_or(|mine| mine == epoch)
    }
}

impl From<Position> for Since {
    fn from(position: Position) -> Since {
        Since { offset: position.offset, epoch: Some(position.epoch) }
    }
}

#[cfg(test)]
mod tests;
