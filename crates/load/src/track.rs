//! Which publications one connection has seen, by offset: lost, duplicated, reordered or in order.
//!
//! Sixteen bytes while all is well. What was skipped is remembered: if it comes later it was reordered, if it never comes
//! it was lost.

use crate::limits::GAPS_MAX;

/// What one publication was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The next one, or one after a gap.
    New,
    /// It was missing: others that follow it were delivered first.
    Late,
    /// It was delivered before.
    Duplicate,
}

/// The publications of one connection.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// The highest offset seen, plus one; zero while no position is known.
    next: u64,
    gaps: Option<Box<Gaps>>,
}
const _: () = assert!(size_of::<Tracker>() <= 16);

/// What was skipped.
#[derive(Debug, Default)]
struct Gaps {
    /// Offsets that are missing, from and to inclusive, ascending.
    missing: Vec<(u64, u64)>,
    /// Offsets of ranges that no longer fit: lost for good.
    given_up: u64,
}

impl Tracker {
    /// Begins behind `offset`: the next is expected to be one more. Nothing if a position is known already.
    pub(crate) fn begin_after(&mut self, offset: u64) {
        if self.next == 0 {
            self.next = offset.saturating_add(1);
        }
    }

    /// The highest offset seen or begun after, if any.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// Takes a publication. Without a position known it is where counting begins.
    pub(crate) fn see(&mut self, offset: u64) -> Verdict {
        self.begin_after(offset.saturating_sub(1));
        if offset < self.next {
            return if self.fill(offset) { Verdict::Late } else { Verdict::Duplicate };
        }
        if offset > self.next {
            self.gaps.get_or_insert_default().open(self.next, offset - 1);
        }
        self.next = offset.saturating_add(1);
        Verdict::New
    }

    /// Publications that are missing if `last` was the last one published: inside, and at the end.
    pub(crate) fn lost(&self, last: Option<u64>) -> u64 {
        let inside = self.gaps.as_ref().map_or(0, |gaps| gaps.count());
        let tail = match (self.next, last) {
            (0, _) | (_, None) => 0,
            (next, Some(last)) => last.saturating_add(1).saturating_sub(next),
        };
        inside + tail
    }

    fn fill(&mut self, offset: u64) -> bool {
        let Some(gaps) = &mut self.gaps else {
            return false;
        };
        let filled = gaps.fill(offset);
        if gaps.count() == 0 {
            self.gaps = None;
        }
        filled
    }
}

impl Gaps {
    fn open(&mut self, from: u64, to: u64) {
        assert!(from <= to && self.missing.last().is_none_or(|gap| gap.1 < from), "gaps open at the end");
        if self.missing.len() == GAPS_MAX {
            let (from, to) = self.missing.remove(0);
            self.given_up += to - from + 1;
        }
        self.missing.push((from, to));
    }

    fn fill(&mut self, offset: u64) -> bool {
        let at = self.missing.partition_point(|gap| gap.1 < offset);
        let Some(&(from, to)) = self.missing.get(at).filter(|gap| gap.0 <= offset) else {
            return false;
        };
        let before = (from < offset).then(|| (from, offset - 1));
        let after = (offset < to).then(|| (offset + 1, to));
        self.missing.splice(at..=at, before.into_iter().chain(after));
        true
    }

    fn count(&self) -> u64 {
        self.given_up + self.missing.iter().map(|(from, to)| to - from + 1).sum::<u64>()
    }
}

#[cfg(test)]
mod tests;
