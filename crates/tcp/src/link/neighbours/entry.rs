//! One next hop: what is known of it, and what is under way.

use crore_base::time::Instant;
use crore_base::wheel::TimerId;
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;

/// What is known about a next hop. Each state has only what belongs to it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Nothing; everybody has been asked so many times.
    Asking {
        /// Questions sent, this one included.
        asked: u8,
    },
    /// It is there. After `until` this is used once more, and checked while it is.
    Known {
        /// Where.
        mac: Mac,
        /// How long that counts as certain.
        until: Instant,
    },
    /// It was there, and is used while the host itself has been asked so many times.
    Probing {
        /// Where.
        mac: Mac,
        /// Questions sent, this one included.
        asked: u8,
    },
    /// Nobody answered. Until then it is not asked for again.
    Silent {
        /// The end of the pause.
        until: Instant,
    },
}

impl State {
    /// Whether an answer is awaited.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Asking { .. } | Self::Probing { .. })
    }
}

/// One next hop.
pub(super) struct Entry {
    pub(super) address: Ip,
    pub(super) state: State,
    /// When the next question is due, while one is open.
    pub(super) timer: Option<TimerId>,
    /// When it was resolved last.
    pub(super) used: Instant,
    /// It never gives way to another.
    pub(super) keep: bool,
    pub(super) in_questions: bool,
    pub(super) in_news: bool,
}

impl Entry {
    /// An entry about which nothing is known; the first question is still to be asked.
    pub(super) fn new(address: Ip, now: Instant, keep: bool) -> Self {
        let state = State::Asking { asked: 0 };
        Self { address, state, timer: None, used: now, keep, in_questions: false, in_news: false }
    }

    /// Whether another may take its place: not a gateway's, and not one that somebody waits for.
    pub(super) fn may_give_way(&self) -> bool {
        let awaited = matches!(self.state, State::Asking { .. });
        !self.keep && !awaited && !self.in_questions && !self.in_news
    }
}
