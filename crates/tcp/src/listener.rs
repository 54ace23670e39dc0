//! Listeners: who may connect to which of our addresses, and who has connected and waits to be accepted.

use std::collections::VecDeque;

use crore_base::slab::Handle;
use crore_wire::ip::{Ip, Prefix};

use crate::event::{ConnId, ListenerId};
use crate::profile::ProfileId;

/// Listeners of one engine at most: their names have 16 bits.
const LISTENERS_MAX: usize = u16::MAX as usize;

/// Half-open connections that even the smallest backlog may have.
const HALF_OPEN_MIN: u32 = 16;

/// What to listen on.
#[derive(Copy, Clone, Debug)]
pub struct Listen {
    /// Our address, or a whole prefix of ours. The most specific listener of a port wins.
    pub local: Prefix,
    /// The port: 1 to 65,535.
    pub port: u16,
    /// Connections that may wait to be accepted. With that many, further handshakes are not completed.
    pub backlog: u32,
    /// Options of the accepted connections.
    pub options: crate::config::Options,
}

/// Why nobody can listen there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenError {
    /// Somebody listens on exactly this prefix and port already.
    InUse,
    /// Port 0, or a backlog of 0.
    Invalid(crate::config::ConfigError),
    /// Too many listeners, or too many distinct sets of options.
    Full,
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse => f.write_str("somebody listens on this address and port already"),
            Self::Invalid(error) => error.fmt(f),
            Self::Full => write!(f, "there are {LISTENERS_MAX} listeners, or 255 distinct sets of options, already"),
        }
    }
}

impl std::error::Error for ListenError {}

/// One listener.
pub(crate) struct Listener {
    pub(crate) local: Prefix,
    pub(crate) port: u16,
    pub(crate) profile: ProfileId,
    backlog: u32,
    /// Established, not accepted. A name in it may be stale if the connection ended while it waited.
    waiting: VecDeque<Handle>,
    told: bool,
}

/// Every listener of an engine.
#[derive(Default)]
pub(crate) struct Listeners {
    slots: Vec<Slot>,
    acceptable: VecDeque<ListenerId>,
}

#[derive(Default)]
struct Slot {
    generation: u16,
    listener: Option<Listener>,
}

impl Listeners {
    pub(crate) fn is_taken(&self, local: &Prefix, port: u16) -> bool {
        self.iter().any(|(_, listener)| listener.port == port && listener.local == *local)
    }

    /// Adds a listener. `None` if there are too many.
    pub(crate) fn add(&mut self, local: Prefix, port: u16, backlog: u32, profile: ProfileId) -> Option<ListenerId> {
        assert!(port > 0 && backlog > 0, "port and backlog are checked before");
        let free = self.slots.iter().position(|slot| slot.listener.is_none());
        let index = free.unwrap_or(self.slots.len());
        if index == LISTENERS_MAX {
            return None;
        }
        if index == self.slots.len() {
            self.slots.push(Slot::default());
        }
        let slot = &mut self.slots[index];
        slot.generation = slot.generation.wrapping_add(1);
        slot.listener = Some(Listener { local, port, profile, backlog, waiting: VecDeque::new(), told: false });
        Some(ListenerId { index: index as u16, generation: slot.generation })
    }

    /// Takes a listener away, with those who wait at it.
    pub(crate) fn remove(&mut self, id: ListenerId) -> Option<(Listener, Vec<ConnId>)> {
        self.of(id)?;
        let mut listener = self.slots[usize::from(id.index)].listener.take()?;
        let waiting = listener.waiting.drain(..).map(ConnId).collect();
        Some((listener, waiting))
    }

    pub(crate) fn of(&self, id: ListenerId) -> Option<&Listener> {
        let slot = self.slots.get(usize::from(id.index))?;
        slot.listener.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// The listener in a slot, as half-open connections name it.
    pub(crate) fn at(&self, index: u32) -> Option<(ListenerId, &Listener)> {
        let slot = self.slots.get(index as usize)?;
        let id = ListenerId { index: index as u16, generation: slot.generation };
        Some((id, slot.listener.as_ref()?))
    }

    /// The listener of an address and port of ours: the most specific one. Looks at every listener; there are few.
    pub(crate) fn find(&self, local: &Ip, port: u16) -> Option<(ListenerId, &Listener)> {
        let fits = |(_, listener): &(ListenerId, &Listener)| listener.port == port && listener.local.contains(*local);
        self.iter().filter(fits).max_by_key(|(_, listener)| listener.local.bits())
    }

    fn iter(&self) -> impl Iterator<Item = (ListenerId, &Listener)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = ListenerId { index: index as u16, generation: slot.generation };
            Some((id, slot.listener.as_ref()?))
        })
    }

    /// Whether one more may wait at this listener. False too if it is gone.
    pub(crate) fn has_room(&self, id: ListenerId) -> bool {
        self.of(id).is_some_and(|listener| listener.waiting.len() < listener.backlog as usize)
    }

    /// Half-open connections of this listener that are remembered; more are answered by cookies. One listener's flood does
    /// not take the places of another's handshakes.
    pub(crate) fn half_open_max(&self, id: ListenerId) -> u32 {
        self.of(id).map_or(0, |listener| listener.backlog.max(HALF_OPEN_MIN))
    }

    /// A connection is established and waits.
    pub(crate) fn push(&mut self, id: ListenerId, conn: Handle) {
        assert!(self.has_room(id), "room was made sure of before");
        let slot = &mut self.slots[usize::from(id.index)];
        let listener = slot.listener.as_mut().expect("a listener with room exists");
        listener.waiting.push_back(conn);
        if !std::mem::replace(&mut listener.told, true) {
            self.acceptable.push_back(id);
        }
    }

    /// The one that waits longest.
    pub(crate) fn pop(&mut self, id: ListenerId) -> Option<ConnId> {
        self.of(id)?;
        self.slots[usize::from(id.index)].listener.as_mut()?.waiting.pop_front().map(ConnId)
    }

    /// Whether somebody may have begun to wait at a listener since it was polled last.
    pub(crate) fn is_acceptable(&self) -> bool {
        !self.acceptable.is_empty()
    }

    /// A listener at which somebody has begun to wait since it was polled last.
    #[inline(never)]
    pub(crate) fn poll_acceptable(&mut self) -> Option<ListenerId> {
        loop {
            let id = self.acceptable.pop_front()?;
            let slot = &mut self.slots[usize::from(id.index)];
            if let Some(listener) = slot.listener.as_mut().filter(|_| slot.generation == id.generation) {
                listener.told = false;
                return Some(id);
            }
        }
    }
}
