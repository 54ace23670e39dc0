//! A channel as its subscribers see it: who has got how much of it, and the bytes of what not everybody has yet.
//!
//! ```text
//!   offsets   1 … base │ base+1 … │
//!             everybody│ pending: how many have passed it, its stamp, its frame
//! ```
//!
//! A member *passes* a publication when its position moves to it or beyond. What all members have passed is forgotten, so a
//! channel at rest owns nothing, and whether everybody has got everything is known without asking ten million clients.
//! Members that are away stay members: what they miss waits for them.

use std::collections::VecDeque;

use crate::limits::{OFFSET_LEAP_MAX, RECENT_PUBLICATIONS_MAX};
use crate::stamp::Stamp;

/// One channel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// Of its stream; empty until the first subscription is answered.
    pub(super) epoch: Box<str>,
    /// The answer to a subscription that was read last, and the position that it named.
    pub(super) answer: (Box<[u8]>, u32),
    members: u32,
    away: u32,
    base: u32,
    pending: VecDeque<Recent>,
    /// Pending publications whose bytes are kept.
    kept: usize,
}

/// A publication that not all members have passed.
#[derive(Debug, Default)]
pub(super) struct Recent {
    passed: u32,
    /// When it was published, if it is one of ours.
    pub(super) at: Option<Stamp>,
    /// The frame it came in; empty if it was not kept.
    pub(super) frame: Box<[u8]>,
}

impl Channel {
    /// A client subscribes at a position.
    ///
    /// # Errors
    /// The position is before what others have, or far beyond it.
    pub(super) fn join(&mut self, offset: u32) -> Result<(), String> {
        if self.members == 0 {
            self.base = offset;
            assert!(self.pending.is_empty(), "what nobody waits for is forgotten");
        } else if offset < self.base {
            return Err(format!("subscribed at offset {offset}, after others have had {}", self.base));
        }
        self.reserve(offset)?;
        self.members += 1;
        self.pass(self.base, offset);
        Ok(())
    }

    /// A member whose position was `last` is gone for good.
    pub(super) fn leave(&mut self, last: u32, was_away: bool) {
        self.members = self.members.checked_sub(1).expect("who leaves was a member");
        self.away = self.away.checked_sub(u32::from(was_away)).expect("who was away was counted");
        for recent in self.pending.iter_mut().take(last.saturating_sub(self.base) as usize) {
            recent.passed = recent.passed.checked_sub(1).expect("it had passed what lies before its position");
        }
        self.settle();
    }

    /// A member goes away, and stays a member.
    pub(super) fn depart(&mut self) {
        self.away += 1;
        assert!(self.away <= self.members, "only members go away");
    }

    /// A member that was away is back.
    pub(super) fn come_back(&mut self) {
        self.away = self.away.checked_sub(1).expect("who comes back was away");
    }

    /// The publication at `offset`, if somebody has seen it and somebody has not.
    pub(super) fn recent(&self, offset: u32) -> Option<&Recent> {
        let index = offset.checked_sub(self.base)?.checked_sub(1)?;
        self.pending.get(index as usize).filter(|recent| !recent.frame.is_empty())
    }

    /// Keeps the first copy of a publication, if there is room.
    ///
    /// # Errors
    /// The offset is far beyond what was seen.
    pub(super) fn keep(&mut self, offset: u32, at: Option<Stamp>, frame: Box<[u8]>) -> Result<(), String> {
        self.reserve(offset)?;
        if offset > self.base && self.kept < RECENT_PUBLICATIONS_MAX {
            let recent = &mut self.pending[(offset - self.base - 1) as usize];
            assert!(recent.frame.is_empty(), "the first copy is kept");
            (recent.at, recent.frame) = (at, frame);
            self.kept += 1;
        }
        Ok(())
    }

    /// Room for what lies before `offset`.
    fn reserve(&mut self, offset: u32) -> Result<(), String> {
        let ahead = offset.saturating_sub(self.base);
        if ahead > OFFSET_LEAP_MAX {
            return Err(format!(
                "offset {offset} is {ahead} beyond what everybody has, at most {OFFSET_LEAP_MAX} can be"
            ));
        }
        while self.pending.len() < ahead as usize {
            self.pending.push_back(Recent::default());
        }
        Ok(())
    }

    /// A member moves from one position to a later one that was kept or reserved.
    pub(super) fn pass(&mut self, from: u32, to: u32) {
        assert!(self.base <= from && from <= to, "positions only grow, and nobody is before the base");
        let (first, end) = ((from - self.base) as usize, (to - self.base) as usize);
        for recent in self.pending.range_mut(first..end) {
            recent.passed += 1;
        }
        if first == 0 {
            self.settle();
        }
    }

    /// Forgets what all members have passed.
    fn settle(&mut self) {
        while let Some(front) = self.pending.front() {
            debug_assert!(front.passed <= self.members);
            if front.passed < self.members {
                return;
            }
            self.kept -= usize::from(!front.frame.is_empty());
            self.base += 1;
            self.pending.pop_front();
        }
    }

    /// How many members that are there have not reached `offset`.
    pub(super) fn behind(&self, offset: u32) -> u32 {
        if offset <= self.base {
            return 0;
        }
        let passed = self.pending.get((offset - self.base - 1) as usize).map_or(0, |recent| recent.passed);
        (self.members - self.away).saturating_sub(passed)
    }

    /// Publications up to `offset` that members have not got, those who are away included.
    pub(super) fn missing(&self, offset: u32) -> u64 {
        let ahead = offset.saturating_sub(self.base) as usize;
        let seen = self.pending.iter().take(ahead).map(|recent| u64::from(self.members - recent.passed)).sum::<u64>();
        seen + ahead.saturating_sub(self.pending.len()) as u64 * u64::from(self.members)
    }

    /// The highest offset that anybody has seen.
    #[cfg(test)]
    fn top(&self) -> u32 {
        self.base + self.pending.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    fn of_members(count: u32) -> Channel {
        let mut channel = Channel::default();
        (0..count).for_each(|_| channel.join(5).unwrap());
        channel
    }

    #[test]
    fn a_publication_is_kept_until_everybody_has_it() {
        let mut channel = of_members(3);
        channel.keep(6, Some(Stamp(1)), frame("six")).unwrap();
        for behind in [3, 2, 1] {
            assert_eq!((channel.behind(6), channel.missing(6)), (behind, u64::from(behind)));
            assert_eq!(&*channel.recent(6).unwrap().frame, b"six");
            channel.pass(5, 6);
        }
        assert!(channel.recent(6).is_none());
        assert_eq!((channel.behind(6), channel.missing(6), channel.top()), (0, 0, 6));
    }

    #[test]
    fn members_pass_in_any_order_and_in_leaps() {
        let mut channel = of_members(2);
        channel.keep(7, None, frame("seven")).unwrap();
        channel.pass(5, 7);
        assert_eq!((channel.behind(6), channel.behind(7), channel.missing(7)), (1, 1, 2));
        channel.keep(6, None, frame("six")).unwrap();
        channel.pass(5, 6);
        assert_eq!((channel.behind(6), channel.behind(7), channel.top()), (0, 1, 7));
        channel.pass(6, 7);
        assert_eq!(channel.missing(7), 0);
    }

    #[test]
    fn who_is_away_is_not_waited_for_but_missed() {
        let mut channel = of_members(2);
        channel.depart();
        channel.keep(6, None, frame("six")).unwrap();
        channel.pass(5, 6);
        assert_eq!((channel.behind(6), channel.missing(6)), (0, 1));
        channel.come_back();
        assert_eq!(channel.behind(6), 1);
        assert!(channel.recent(6).is_some(), "it is kept for who was away");
        channel.pass(5, 6);
        assert_eq!((channel.behind(6), channel.missing(6)), (0, 0));
    }

    #[test]
    fn who_is_gone_for_good_is_not_missed() {
        let mut channel = of_members(3);
        channel.keep(6, None, frame("six")).unwrap();
        channel.pass(5, 6);
        channel.leave(6, false);
        channel.depart();
        channel.leave(5, true);
        assert_eq!((channel.behind(6), channel.missing(6)), (1, 1));
        channel.leave(5, false);
        assert_eq!((channel.behind(9), channel.missing(6), channel.top()), (0, 0, 6));
        channel.join(9).unwrap();
        assert_eq!(channel.top(), 9);
    }

    #[test]
    fn who_joins_later_begins_where_the_channel_is() {
        let mut channel = of_members(1);
        channel.join(8).unwrap();
        assert_eq!((channel.behind(8), channel.missing(8)), (1, 3));
        assert!(channel.join(4).unwrap_err().contains("offset 4"));
        assert!(channel.join(u32::MAX).unwrap_err().contains("beyond"));
    }

    #[test]
    fn the_bytes_that_are_kept_are_bounded() {
        let mut channel = of_members(2);
        for offset in 6..6 + 2 * RECENT_PUBLICATIONS_MAX as u32 {
            channel.keep(offset, None, frame("x")).unwrap();
            channel.pass(offset - 1, offset);
        }
        let kept = (6..).take_while(|&offset| channel.recent(offset).is_some()).count();
        assert_eq!(kept, RECENT_PUBLICATIONS_MAX);
        assert_eq!(channel.missing(channel.top()), 2 * RECENT_PUBLICATIONS_MAX as u64);
    }
}
