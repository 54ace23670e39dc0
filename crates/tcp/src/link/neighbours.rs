//! The link-layer addresses of neighbours: asked for, believed for a while, asked for again (RFC 826; RFC 4861 section
//! 7.3).
//!
//! One table serves both families; how a question is written is decided where it is sent. Only our own need for an
//! address makes an entry, so the table cannot be filled from outside. What neighbours say without being asked only
//! changes entries that exist, and never against an answer that still counts: a claim that contradicts one makes us ask
//! again, first the host that answered.
//!
//! Invariants: entries number at most [`NEIGHBOURS_MAX`] and each is in `names` under its address; an entry has a timer
//! exactly while a question is open; an index is at most once in `questions` and at most once in `news`, as its flags
//! say.

mod entry;

use std::collections::{HashMap, VecDeque};

use crore_base::hash::HashKey;
use crore_base::time::{Duration, Instant};
use crore_base::wheel::Wheel;
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;

use super::limits::{NEIGHBOURS_MAX, REACHABLE, REQUEST_INTERVAL, REQUESTS_MAX, TIMERS_PER_PASS_MAX, UNREACHABLE};

use entry::{Entry, State};

/// Why there is no link-layer address for a remote one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unreachable {
    /// It is not on the link, and its family has no gateway; or it is no address of one other host.
    NoRoute,
    /// Nobody on the link answers for the next hop.
    NoAnswer,
    /// As many next hops as can be remembered are being asked for at this moment.
    TableFull,
}

/// What is known about the way to a remote address.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Resolution {
    /// Send to this address now.
    Known(Mac),
    /// A question is under way; the outcome will be told.
    Asked,
    /// It cannot be reached now.
    Unreachable(Unreachable),
}

/// How a neighbour's link-layer address was heard.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    /// In an answer that was meant for us, not in a question or an announcement.
    pub(super) answer: bool,
    /// It wants to replace what we know. ARP always does; IPv6 has a flag for it (RFC 4861 section 4.4).
    pub(super) replaces: bool,
}

/// A question to be sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Question {
    /// The address whose owner is wanted.
    pub(super) target: Ip,
    /// The host that had it last, to be asked alone; everybody is asked without.
    pub(super) to: Option<Mac>,
}

/// The table.
pub(super) struct Neighbours {
    entries: Vec<Entry>,
    names: HashMap<Ip, u16, HashKey>,
    timers: Wheel,
    /// Entries with a question to be sent.
    questions: VecDeque<u16>,
    /// Entries whose outcome somebody waits for.
    news: VecDeque<u16>,
    expired: Vec<u64>,
}

impl Neighbours {
    /// An empty table whose hash has the key of this seed. Takes 6 KB for its timers; grows with its entries.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            entries: Vec::new(),
            names: HashMap::with_hasher(HashKey::from_seed(seed)),
            timers: Wheel::new(Instant::ZERO, Duration::from_millis(1), NEIGHBOURS_MAX as u32),
            questions: VecDeque::new(),
            news: VecDeque::new(),
            expired: Vec::new(),
        }
    }

    /// The link-layer address of a next hop; if it is not known, everybody is asked. `keep` says that the entry may not
    /// give way to others: a gateway's.
    ///
    /// Costs one hash lookup; a new next hop in a full table costs a look at every entry.
    pub(super) fn resolve(&mut self, now: Instant, hop: &Ip, keep: bool) -> Resolution {
        let index = match self.names.get(hop) {
            Some(index) => *index,
            None => match self.insert(now, hop, keep) {
                Some(index) => index,
                None => return Resolution::Unreachable(Unreachable::TableFull),
            },
        };
        let entry = self.entry(index);
        entry.used = now;
        match entry.state {
            State::Asking { .. } => Resolution::Asked,
            State::Probing { mac, .. } => Resolution::Known(mac),
            State::Known { mac, until } if until > now => Resolution::Known(mac),
            State::Known { mac, .. } => {
                self.ask(now, index, State::Probing { mac, asked: 1 });
                Resolution::Known(mac)
            }
            State::Silent { until } if until > now => Resolution::Unreachable(Unreachable::NoAnswer),
            State::Silent { .. } => {
                self.ask(now, index, State::Asking { asked: 1 });
                Resolution::Asked
            }
        }
    }

    /// Something speaks against what is believed of a next hop, so whoever is there is asked again, and everybody if there is
    /// no answer. What is believed counts until then. At most one question a second, however much speaks against it.
    pub(super) fn doubt(&mut self, now: Instant, hop: &Ip) {
        let Some(&index) = self.names.get(hop) else { return };
        if let State::Known { mac, until } = self.entry(index).state
            && until > now
            && until - now + REQUEST_INTERVAL <= REACHABLE
        {
            self.ask(now, index, State::Probing { mac, asked: REQUESTS_MAX });
        }
    }

    /// A neighbour said that `address` is at `mac`. Changes nothing, and is false, if we never asked for that address.
    pub(super) fn on_heard(&mut self, now: Instant, address: &Ip, mac: Mac, heard: Heard) -> bool {
        debug_assert!(!mac.is_group(), "no host is at the address of a group");
        let Some(&index) = self.names.get(address) else { return false };
        let confirmed = State::Known { mac, until: now + REACHABLE };
        let doubtful = State::Known { mac, until: now };
        match self.entry(index).state {
            State::Asking { .. } if heard.answer => self.settle(index, confirmed),
            State::Probing { mac: before, .. } if heard.answer && (heard.replaces || before == mac) => {
                self.settle(index, confirmed);
            }
            // Whoever asks us will be able to hear us: good enough to begin with, and checked when used again.
            State::Asking { .. } | State::Silent { .. } => self.settle(index, doubtful),
            // The question that is under way decides.
            State::Probing { .. } => {}
            State::Known { mac: before, .. } if before == mac => {}
            State::Known { until, .. } if until > now => self.doubt(now, address),
            State::Known { .. } if heard.replaces => self.settle(index, doubtful),
            State::Known { .. } => {}
        }
        true
    }

    /// The next question to be sent, if there is one.
    pub(super) fn poll_question(&mut self) -> Option<Question> {
        // Bounded by the length of the queue: nothing is added here.
        while let Some(index) = self.questions.pop_front() {
            let entry = self.entry(index);
            assert!(entry.in_questions);
            entry.in_questions = false;
            let target = entry.address;
            match entry.state {
                State::Asking { .. } => return Some(Question { target, to: None }),
                State::Probing { mac, .. } => return Some(Question { target, to: Some(mac) }),
                // Answered while it waited.
                State::Known { .. } | State::Silent { .. } => {}
            }
        }
        None
    }

    /// Whether a question may be waiting to be sent.
    pub(super) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The next hop whose question has come to an end, and how.
    pub(super) fn poll_news(&mut self) -> Option<(Ip, Result<Mac, Unreachable>)> {
        // Bounded by the length of the queue: nothing is added here.
        while let Some(index) = self.news.pop_front() {
            let entry = self.entry(index);
            assert!(entry.in_news);
            entry.in_news = false;
            let address = entry.address;
            match entry.state {
                State::Known { mac, .. } | State::Probing { mac, .. } => return Some((address, Ok(mac))),
                State::Silent { .. } => return Some((address, Err(Unreachable::NoAnswer))),
                // Asked again in the meantime: there will be other news.
                State::Asking { .. } => {}
            }
        }
        None
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Asks again where no answer came in time, or gives up. Returns how many were given up.
    pub(super) fn on_timeout(&mut self, now: Instant) -> u64 {
        let mut given_up = 0;
        let mut more = true;
        // Bounded: each timer fires once, and those armed here are due in the future.
        while more {
            let mut expired = std::mem::take(&mut self.expired);
            more = self.timers.expire(now, TIMERS_PER_PASS_MAX, &mut expired);
            for index in expired.drain(..) {
                given_up += u64::from(!self.on_no_answer(now, index as u16));
            }
            self.expired = expired;
        }
        given_up
    }

    /// How many next hops are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        debug_assert_eq!(self.entries.len(), self.names.len());
        self.entries.len()
    }

    /// Asks again after silence; false if that was the last time.
    fn on_no_answer(&mut self, now: Instant, index: u16) -> bool {
        let entry = self.entry(index);
        assert!(entry.timer.take().is_some(), "only an open question has a timer");
        match entry.state {
            State::Asking { asked } if asked < REQUESTS_MAX => {
                self.ask(now, index, State::Asking { asked: asked + 1 });
            }
            State::Asking { .. } => {
                self.settle(index, State::Silent { until: now + UNREACHABLE });
                return false;
            }
            State::Probing { mac, asked } if asked < REQUESTS_MAX => {
                self.ask(now, index, State::Probing { mac, asked: asked + 1 });
            }
            // It may have moved to other hardware: ask everybody.
            State::Probing { .. } => self.ask(now, index, State::Asking { asked: 1 }),
            State::Known { .. } | State::Silent { .. } => unreachable!("nothing was asked for"),
        }
        true
    }

    /// Opens a question, or repeats it.
    fn ask(&mut self, now: Instant, index: u16, state: State) {
        let deadline = now + REQUEST_INTERVAL;
        let before = self.entry(index).timer;
        let timer = match before {
            Some(timer) if self.timers.rearm(timer, deadline) => timer,
            // The wheel has a timer for every entry.
            _ => self.timers.arm(deadline, u64::from(index)).expect("no entry has two timers"),
        };
        let entry = self.entry(index);
        assert!(state.is_open(), "a question is open once asked");
        entry.state = state;
        entry.timer = Some(timer);
        if !std::mem::replace(&mut entry.in_questions, true) {
            self.questions.push_back(index);
        }
        debug_assert!(self.questions.len() <= self.entries.len());
    }

    /// Closes a question, and tells whoever waits for its outcome.
    fn settle(&mut self, index: u16, state: State) {
        assert!(!state.is_open(), "a question is closed once settled");
        let entry = self.entry(index);
        let awaited = matches!(entry.state, State::Asking { .. });
        entry.state = state;
        let timer = entry.timer.take();
        if awaited && !std::mem::replace(&mut entry.in_news, true) {
            self.news.push_back(index);
        }
        timer.and_then(|timer| self.timers.cancel(timer));
        debug_assert!(self.news.len() <= self.entries.len());
    }

    /// A new entry, and the question for it. `None` if there is no room, and no entry that can give way.
    fn insert(&mut self, now: Instant, address: &Ip, keep: bool) -> Option<u16> {
        let entry = Entry::new(*address, now, keep);
        let index = if self.entries.len() < NEIGHBOURS_MAX {
            self.entries.push(entry);
            self.entries.len() as u16 - 1
        } else {
            let index = self.least_used()?;
            let before = std::mem::replace(self.entry(index), entry);
            before.timer.and_then(|timer| self.timers.cancel(timer));
            let named = self.names.remove(&before.address);
            assert!(named == Some(index) && !before.keep);
            index
        };
        self.names.insert(*address, index);
        self.ask(now, index, State::Asking { asked: 1 });
        assert!(self.entries.len() == self.names.len());
        Some(index)
    }

    /// The entry that was not used for the longest time, of those that may give way.
    fn least_used(&self) -> Option<u16> {
        let may_go = self.entries.iter().enumerate().filter(|(_, entry)| entry.may_give_way());
        may_go.min_by_key(|(_, entry)| entry.used).map(|(index, _)| index as u16)
    }

    #[inline]
    fn entry(&mut self, index: u16) -> &mut Entry {
        &mut self.entries[usize::from(index)]
    }
}

#[cfg(test)]
mod tests;
