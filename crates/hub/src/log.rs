//! The kept publications of one channel: bounded by number and by age, always without a hole.
//!
//! What is kept is a run of consecutive offsets that ends at the top of the stream, or nothing. The channel's home numbers
//! the publications; this file only keeps, drops and finds them. Ages are exact: every verb that reads takes `now` first
//! by way of [`Log::expire`].

use std::collections::VecDeque;

use crore_base::time::{Duration, Instant};

use crate::message::Page;
use crate::position::{Position, Since};
use crate::publication::Publication;
use crate::refusal::Refusal;

struct Kept {
    at: Instant,
    publication: Publication,
}

/// An amount of kept publications: how many, and their bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Amount {
    pub(crate) publications: u64,
    pub(crate) bytes: u64,
}

impl Amount {
    /// Counts down what is kept by what was dropped.
    pub(crate) fn subtract(&mut self, other: Amount) {
        debug_assert!(self.publications >= other.publications && self.bytes >= other.bytes);
        self.publications -= other.publications;
        self.bytes -= other.bytes;
    }
}

/// The log of one channel.
#[derive(Default)]
pub(crate) struct Log {
    kept: VecDeque<Kept>,
}

impl Log {
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// When the oldest publication was published.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.kept.front().map(|kept| kept.at)
    }

    /// Appends the publication with the next offset.
    pub(crate) fn push(&mut self, now: Instant, publication: Publication) {
        debug_assert!(publication.offset > 0);
        debug_assert!(self.kept.back().is_none_or(|last| last.publication.offset + 1 == publication.offset));
        self.kept.push_back(Kept { at: now, publication });
    }

    /// Drops the oldest publication.
    pub(crate) fn drop_oldest(&mut self) -> Amount {
        let Some(kept) = self.kept.pop_front() else {
            return Amount::default();
        };
        if self.kept.is_empty() {
            // A quiet channel holds no buffer.
            self.kept = VecDeque::new();
        }
        Amount { publications: 1, bytes: kept.publication.weight() }
    }

    /// Drops what is over the size or as old as the ttl.
    pub(crate) fn expire(&mut self, now: Instant, size: u32, ttl: Duration) -> Amount {
        let mut dropped = Amount::default();
        while let Some(oldest) = self.kept.front() {
            if self.kept.len() <= size as usize && now.saturating_since(oldest.at) < ttl {
                break;
            }
            let one = self.drop_oldest();
            dropped.publications += one.publications;
            dropped.bytes += one.bytes;
        }
        dropped
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) -> Amount {
        let bytes = self.kept.iter().map(|kept| kept.publication.weight()).sum();
        let publications = self.kept.len() as u64;
        self.kept = VecDeque::new();
        Amount { publications, bytes }
    }

    /// What a client missed since then, oldest first, or `None` when that cannot be said (push protocol, section 12): the
    /// epoch must be empty or the stream's, and what follows the offset must be kept up to the top, in one page.
    pub(crate) fn recover(&self, since: Since, top: Position, page: u32) -> Option<Vec<Publication>> {
        if !since.is_of(top.epoch) {
            return None;
        }
        let missed = self.after(since.offset);
        let Some(first) = self.kept.get(missed) else {
            return (since.offset == top.offset).then(Vec::new);
        };
        // The run ends at the top, so a page that takes all of it ends there as well.
        let complete = first.publication.offset - 1 == since.offset && self.kept.len() - missed <= page as usize;
        complete.then(|| self.kept.range(missed..).map(|kept| kept.publication.clone()).collect())
    }

    /// A page of the log, as `history` asks for it (push protocol, section 4).
    pub(crate) fn page(
        &self,
        limit: i32,
        since: Option<Since>,
        reverse: bool,
        top: Position,
        max: u32,
    ) -> Result<Page, Refusal> {
        let limit = u32::try_from(limit).map_or(max, |limit| limit.min(max)) as usize;
        if let Some(since) = since {
            if !since.is_of(top.epoch) {
                return Err(Refusal::Unrecoverable);
            }
            if reverse && since.offset == 0 {
                return Err(Refusal::BadRequest);
            }
        }
        let copy = |kept: &Kept| kept.publication.clone();
        let publications = match (since, reverse) {
            (None, false) => self.kept.iter().take(limit).map(copy).collect(),
            (None, true) => self.kept.iter().rev().take(limit).map(copy).collect(),
            (Some(since), false) => self.kept.range(self.after(since.offset)..).take(limit).map(copy).collect(),
            (Some(since), true) => {
                let end = self.after(since.offset.saturating_sub(1));
                self.kept.range(..end).rev().take(limit).map(copy).collect()
            }
        };
        Ok(Page { publications, position: top })
    }

    /// The place of the first kept publication with a greater offset; the length when there is none.
    fn after(&self, offset: u64) -> usize {
        let Some(first) = self.kept.front().map(|kept| kept.publication.offset) else {
            return 0;
        };
        // Offsets are consecutive, so the place is a subtraction.
        let place = offset.saturating_add(1).saturating_sub(first);
        usize::try_from(place).map_or(self.kept.len(), |place| place.min(self.kept.len()))
    }
}

#[cfg(test)]
mod tests;
