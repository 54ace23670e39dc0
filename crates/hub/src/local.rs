//! The local side of a shard: the channels that have subscribers on this core, and what waits to be delivered to them.
//!
//! A channel here holds a dense array of members and a queue of publications that came from its home. It exists while it
//! has members or joins under way, and lingers after that until its leave message has been taken to the home: that message
//! needs no room in a queue, so it is never lost and never refused.
//!
//! Invariants: no member and no join under way means no subscription record points here; publications wait only while there
//! are members; a channel with waiting publications has exactly one entry in `turns`.

mod backlog;
mod listing;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crore_base::hash::HashKey;

use crate::clients::Clients;
use crate::limits::Limits;
use crate::message::Numbered;
use crate::table::{Index, Key, Table};
use crate::walk::Walk;

/// Members up to which the array doubles when it is full; beyond, it grows by a quarter, to waste less.
const DOUBLING: usize = 1024;

/// One subscriber in the array of its channel.
#[derive(Copy, Clone)]
pub(crate) struct Member {
    pub(crate) client: u32,
    pub(crate) subscription: u32,
    /// The number of the last publication that it was given, or that it must not be given.
    pub(crate) last: u64,
}

const _: () = assert!(size_of::<Member>() == 16);

pub(crate) struct LocalChannel {
    pub(crate) name: Rc<str>,
    home_core: u16,
    /// The home's key; `None` until a join was granted.
    pub(crate) home: Option<u64>,
    pub(crate) members: Vec<Member>,
    /// Joins that the home has not answered.
    pub(crate) joins: u32,
    /// What waits for delivery, in order; the first `Walk::batch` of them are being delivered.
    pub(crate) queue: VecDeque<Numbered>,
    pub(crate) walk: Option<Box<Walk>>,
    /// It has an entry in `turns`.
    in_turn: bool,
    /// It has an entry in `leaving`.
    leaving: bool,
}

/// What the caller has to do after a channel became idle.
pub(crate) enum Released {
    /// Nothing now.
    No,
    /// It is gone, and its home on this core must be told: the keys there and here.
    Own { home: u64, local: u64 },
}

/// The channels with subscribers on one core.
pub(crate) struct Local {
    core: u16,
    names: HashMap<Rc<str>, Index, HashKey>,
    pub(crate) channels: Table<LocalChannel>,
    /// By home core: channels that may have to be left.
    leaving: Vec<VecDeque<Key>>,
    /// Channels with waiting publications, in the order of their turns.
    pub(crate) turns: VecDeque<Key>,
    backlog_messages: usize,
    backlog_bytes: u64,
    messages_bound: usize,
    bytes_bound: u64,
}

impl Local {
    pub(crate) fn new(core: u16, cores: u16, limits: &Limits, key: HashKey) -> Local {
        Local {
            core,
            names: HashMap::with_hasher(key),
            channels: Table::new(limits.channels),
            leaving: (0..cores).map(|_| VecDeque::new()).collect(),
            turns: VecDeque::new(),
            backlog_messages: 0,
            backlog_bytes: 0,
            messages_bound: limits.backlog_messages,
            bytes_bound: limits.backlog_bytes,
        }
    }

    /// The channel of this name, if it is here.
    pub(crate) fn find(&self, name: &str) -> Option<Index> {
        self.names.get(name).copied()
    }

    /// The channel of this name, made if need be. `None`: too many channels.
    pub(crate) fn open(&mut self, name: &str, home_core: u16) -> Option<Index> {
        if let Some(index) = self.find(name) {
            return Some(index);
        }
        let name: Rc<str> = name.into();
        let channel = LocalChannel {
            name: name.clone(),
            home_core,
            home: None,
            members: Vec::new(),
            joins: 0,
            queue: VecDeque::new(),
            walk: None,
            in_turn: false,
            leaving: false,
        };
        let key = self.channels.insert(channel)?;
        self.names.insert(name, key.index);
        debug_assert_eq!(self.names.len(), self.channels.len() as usize);
        Some(key.index)
    }

    /// Makes a subscription under way a member. Gives its place in the array.
    pub(crate) fn add_member(&mut self, index: Index, member: Member) -> u32 {
        let channel = self.channels.get_mut(index).expect("a channel with a join under way stays");
        let members = &mut channel.members;
        if members.len() == members.capacity() {
            let more = if members.len() < DOUBLING { members.len().max(1) } else { members.len() / 4 };
            members.reserve_exact(more);
        }
        members.push(member);
        (members.len() - 1) as u32
    }

    /// Takes a member out of the array. The array stays dense: the last member takes the place. When a walk is under way
    /// and has passed the place, the gap first moves to the walk's border, so that no member is passed over or met twice.
    pub(crate) fn remove_member(&mut self, index: Index, place: u32, clients: &mut Clients) {
        let Some(channel) = self.channels.get_mut(index) else {
            debug_assert!(false, "a member of a channel that is gone");
            return;
        };
        let members = &mut channel.members;
        let mut gap = place as usize;
        debug_assert!(gap < members.len());
        if let Some(walk) = &mut channel.walk
            && gap < walk.place
        {
            walk.place -= 1;
            if gap != walk.place {
                members.swap(gap, walk.place);
                clients.set_place(members[gap].subscription, gap as u32);
                gap = walk.place;
            }
        }
        members.swap_remove(gap);
        if let Some(moved) = members.get(gap) {
            clients.set_place(moved.subscription, gap as u32);
        }
        if members.is_empty() {
            *members = Vec::new();
        }
    }

    /// Lets go of a channel that nobody here needs any more.
    pub(crate) fn release(&mut self, index: Index) -> Released {
        let Some(channel) = self.channels.get_mut(index) else {
            return Released::No;
        };
        if !channel.members.is_empty() {
            return Released::No;
        }
        channel.walk = None;
        for numbered in std::mem::take(&mut channel.queue) {
            self.backlog_messages -= 1;
            self.backlog_bytes -= numbered.publication.weight();
        }
        if channel.joins > 0 || channel.leaving {
            return Released::No;
        }
        let key = self.channels.key_at(index).expect("it is there");
        let channel = self.channels.get_mut(index).expect("it is there");
        match channel.home {
            None => self.forget(index),
            Some(home) if channel.home_core == self.core => {
                self.forget(index);
                return Released::Own { home, local: key.to_bits() };
            }
            Some(_) => {
                channel.leaving = true;
                self.leaving[usize::from(channel.home_core)].push_back(key);
            }
        }
        Released::No
    }

    /// A channel that must be left at that home: the keys there and here. It is gone after this.
    pub(crate) fn poll_leave(&mut self, to: u16) -> Option<(u64, u64)> {
        while let Some(key) = self.leaving[usize::from(to)].pop_front() {
            let Some(channel) = self.channels.get_mut(key.index) else {
                debug_assert!(false, "a lingering channel was forgotten");
                continue;
            };
            debug_assert!(channel.leaving && channel.home.is_some());
            channel.leaving = false;
            if channel.members.is_empty() && channel.joins == 0 {
                let home = channel.home;
                self.forget(key.index);
                return home.map(|home| (home, key.to_bits()));
            }
        }
        None
    }

    /// How many channels may have to be left at that home.
    pub(crate) fn leaves(&self, to: u16) -> usize {
        self.leaving[usize::from(to)].len()
    }

    fn forget(&mut self, index: Index) {
        if let Some(channel) = self.channels.remove(index) {
            debug_assert!(channel.members.is_empty() && channel.queue.is_empty() && channel.joins == 0);
            self.names.remove(&channel.name);
        }
    }
}
