//! What is registered with a reactor, by place and generation, so that an event about what is gone finds nothing.
//!
//! Invariant: a place's generation grows when it is emptied; a handler is missing from its place only while it is being called.

use std::os::fd::AsFd;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_base::wheel::TimerId;

use super::{Handle, Interest, Ready};

/// The name of a descriptor, a timer or a signal of one reactor. When it is removed the name finds nothing, for ever (or until two
/// to the 32nd others have had its place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Registration {
    index: u32,
    generation: u32,
}

impl Registration {
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_bits(bits: u64) -> Registration {
        Registration { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

pub(super) type OnReady = Box<dyn FnMut(&mut Handle, Ready)>;
pub(super) type OnTime = Box<dyn FnMut(&mut Handle) -> Option<Duration>>;

pub(super) enum Handler {
    Descriptor(OnReady),
    Timer(OnTime),
}

/// What a handler waits for.
pub(super) enum Cause {
    Descriptor {
        source: Rc<dyn AsFd>,
        interest: Interest,
    },
    /// None while it is being called, and has no time.
    Timer(Option<TimerId>),
}

struct Entry {
    cause: Cause,
    /// None while it is being called.
    handler: Option<Handler>,
}

#[derive(Default)]
struct Place {
    generation: u32,
    entry: Option<Entry>,
}

#[derive(Default)]
pub(super) struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The name that the next entry will have.
    pub(super) fn next_name(&self) -> Registration {
        let index = self.free.last().copied().unwrap_or(self.places.len() as u32);
        let generation = self.places.get(index as usize).map_or(0, |place| place.generation);
        Registration { index, generation }
    }

    pub(super) fn insert(&mut self, cause: Cause, handler: Handler) -> Registration {
        let name = self.next_name();
        if self.free.pop().is_none() {
            self.places.push(Place::default());
        }
        let place = &mut self.places[name.index as usize];
        assert!(place.entry.is_none(), "a place is given away once");
        place.entry = Some(Entry { cause, handler: Some(handler) });
        name
    }

    pub(super) fn cause(&mut self, name: Registration) -> Option<&mut Cause> {
        self.entry(name).map(|entry| &mut entry.cause)
    }

    /// The handler, to be called; it must be put back, or its entry removed.
    pub(super) fn take_handler(&mut self, name: Registration) -> Option<Handler> {
        self.entry(name)?.handler.take()
    }

    /// Puts a handler back, unless its entry was removed meanwhile.
    pub(super) fn put_back(&mut self, name: Registration, handler: Handler) {
        if let Some(entry) = self.entry(name) {
            assert!(entry.handler.is_none(), "a handler is called once at a time");
            entry.handler = Some(handler);
        }
    }

    /// What is left is to be dropped when nothing here is borrowed: it may be anybody's.
    pub(super) fn remove(&mut self, name: Registration) -> Option<(Cause, Option<Handler>)> {
        let place = self.places.get_mut(name.index as usize)?;
        if place.generation != name.generation {
            return None;
        }
        let entry = place.entry.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(name.index);
        Some((entry.cause, entry.handler))
    }

    /// The descriptors that are registered.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = (Registration, &Rc<dyn AsFd>, Interest)> {
        (0..).zip(&self.places).filter_map(|(index, place)| match &place.entry.as_ref()?.cause {
            Cause::Descriptor { source, interest } => {
                Some((Registration { index, generation: place.generation }, source, *interest))
            }
            Cause::Timer(_) => None,
        })
    }

    pub(super) fn has(&self, name: Registration) -> bool {
        let place = self.places.get(name.index as usize);
        place.is_some_and(|place| place.generation == name.generation && place.entry.is_some())
    }

    fn entry(&mut self, name: Registration) -> Option<&mut Entry> {
        let place = self.places.get_mut(name.index as usize)?;
        place.entry.as_mut().filter(|_| place.generation == name.generation)
    }
}
