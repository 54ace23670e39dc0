//! Questions to all cores: each part that comes in is merged, and the last one completes the answer.
//!
//! Bounded in number by the limits; a part for a question that is not known is ignored.

use std::collections::BTreeMap;

use crate::answer::{Answer, ChannelCount, Listing, MemberOf, Membership};

/// What has come in so far.
pub(crate) enum Parts {
    Channels { clients: BTreeMap<Box<str>, u64>, truncated: bool },
    Members(Membership),
}

impl Parts {
    pub(crate) fn channels() -> Parts {
        Parts::Channels { clients: BTreeMap::new(), truncated: false }
    }

    pub(crate) fn members() -> Parts {
        Parts::Members(Membership::default())
    }
}

struct Gather {
    id: u64,
    token: u64,
    /// Cores that have not answered yet.
    missing: u16,
    parts: Parts,
}

/// The questions under way.
pub(crate) struct Gathers {
    open: Vec<Gather>,
    next: u64,
    bound: usize,
}

impl Gathers {
    pub(crate) fn new(bound: usize) -> Gathers {
        Gathers { open: Vec::new(), next: 0, bound }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= self.bound
    }

    /// Begins a question to this many cores and gives its number.
    pub(crate) fn begin(&mut self, token: u64, cores: u16, parts: Parts) -> u64 {
        debug_assert!(cores > 0 && !self.is_full());
        self.next += 1;
        self.open.push(Gather { id: self.next, token, missing: cores, parts });
        self.next
    }

    /// Takes one core's part of a channel listing. `Some` when it was the last: the token and the answer.
    pub(crate) fn add_channels(&mut self, id: u64, part: Vec<ChannelCount>, cut: bool) -> Option<(u64, Answer)> {
        let at = self.find(id)?;
        if let Parts::Channels { clients, truncated } = &mut self.open[at].parts {
            *truncated |= cut;
            for channel in part {
                *clients.entry(channel.name).or_default() += channel.clients;
            }
        }
        self.count_down(at)
    }

    /// Takes one core's part of a member listing. `Some` when it was the last: the token and the answer.
    pub(crate) fn add_members(&mut self, id: u64, part: Vec<MemberOf>, count: u64) -> Option<(u64, Answer)> {
        let at = self.find(id)?;
        if let Parts::Members(membership) = &mut self.open[at].parts {
            membership.members.extend(part);
            membership.total += count;
        }
        self.count_down(at)
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.open.iter().position(|gather| gather.id == id)
    }

    fn count_down(&mut self, at: usize) -> Option<(u64, Answer)> {
        let gather = &mut self.open[at];
        debug_assert!(gather.missing > 0);
        gather.missing -= 1;
        if gather.missing > 0 {
            return None;
        }
        let gather = self.open.swap_remove(at);
        Some((gather.token, finish(gather.parts)))
    }
}

fn finish(parts: Parts) -> Answer {
    match parts {
        Parts::Members(membership) => Answer::Members(membership),
        Parts::Channels { clients, truncated } => {
            let channels = clients.into_iter().map(|(name, clients)| ChannelCount { name, clients }).collect();
            Answer::Channels(Listing { channels, truncated })
        }
    }
}
