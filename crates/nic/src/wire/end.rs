//! What the queues of one end of a wire share: who is at the other end, and how to wake each other.
//!
//! It changes only when somebody plugs in or goes. In between, a queue reads one atomic number a call, which stays in
//! its cache, and everything else it owns itself. Queue 0, which keeps the socket, does the plugging; the others follow
//! when they see the number change.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crore_wire::ethernet::Mac;
use rustix::event::{EventfdFlags, eventfd};

use crate::packet_io::Link;

use super::layout::{Layout, Side};
use super::shared::SharedMemory;

/// Everything that a queue needs to reach the other end.
#[derive(Clone)]
pub(super) struct Plug {
    pub(super) layout: Layout,
    /// Which end this one is.
    pub(super) side: Side,
    pub(super) memory: Arc<SharedMemory>,
    /// The doorbells of the other end's queues.
    pub(super) bells: Arc<Vec<OwnedFd>>,
}

/// One end of a wire, shared by its queues.
pub(super) struct End {
    pub(super) name: String,
    pub(super) mac: Mac,
    /// The doorbells of this end's queues: eventfds that the other end, and queue 0 of this end, ring.
    pub(super) bells: Vec<OwnedFd>,
    /// Changes whenever somebody plugs in or goes.
    epoch: AtomicU32,
    link: AtomicU8,
    /// The epoch in which a queue has found shared memory in a state in which no honest end leaves it; zero is none,
    /// because the first to plug in begins epoch 1.
    violated: AtomicU32,
    plug: Mutex<Option<Plug>>,
}

impl End {
    pub(super) fn new(name: &str, mac: Mac, queues: u16) -> io::Result<Self> {
        let bell = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let bells = (0..queues).map(|_| bell()).collect::<Result<Vec<OwnedFd>, _>>()?;
        Ok(Self {
            name: name.to_owned(),
            mac,
            bells,
            epoch: AtomicU32::new(0),
            link: AtomicU8::new(Link::Waiting as u8),
            violated: AtomicU32::new(0),
            plug: Mutex::new(None),
        })
    }

    /// How many queues this end has.
    pub(super) fn queues(&self) -> u16 {
        self.bells.len() as u16
    }

    /// A number that changes whenever somebody plugs in or goes.
    #[inline]
    pub(super) fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) fn link(&self) -> Link {
        match self.link.load(Ordering::Acquire) {
            up if up == Link::Up as u8 => Link::Up,
            waiting if waiting == Link::Waiting as u8 => Link::Waiting,
            _ => Link::Lost,
        }
    }

    /// What reaches the other end now, if there is one, and the epoch that began with it.
    pub(super) fn plug(&self) -> (u32, Option<Plug>) {
        let plug = self.lock();
        (self.epoch(), plug.clone())
    }

    /// Somebody is there.
    pub(super) fn plug_in(&self, plug: Plug) {
        assert_eq!(plug.layout.queues(plug.side), self.queues(), "the layout counts the queues of this end");
        assert_eq!(plug.layout.queues(plug.side.other()) as usize, plug.bells.len(), "each queue has a doorbell");
        self.change(Some(plug), Link::Up);
    }

    /// Whoever was there is gone.
    pub(super) fn unplug(&self) {
        self.change(None, Link::Lost);
    }

    /// The other end of this epoch breaks the rules: queue 0 shall hang up.
    pub(super) fn report_violation(&self, epoch: u32) {
        self.violated.store(epoch, Ordering::Release);
        ring(&self.bells[0]);
    }

    /// Whether a queue has reported whoever is plugged in now.
    #[inline]
    pub(super) fn is_violated(&self) -> bool {
        let epoch = self.violated.load(Ordering::Acquire);
        epoch != 0 && epoch == self.epoch()
    }

    fn change(&self, plug: Option<Plug>, link: Link) {
        let mut place = self.lock();
        *place = plug;
        self.link.store(link as u8, Ordering::Release);
        // Under the lock, so that no queue takes a plug for that of another epoch.
        self.epoch.fetch_add(1, Ordering::AcqRel);
        drop(place);
        self.bells.iter().for_each(ring);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Plug>> {
        // Each change is one assignment, so a thread that panicked has left nothing half done.
        self.plug.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rings a doorbell. It fails only if nobody has answered 2^64 rings, or if what the other end has sent is no doorbell;
/// neither is this end's loss.
pub(super) fn ring(bell: &OwnedFd) {
    let _rung = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

/// Takes back what was rung, so that the doorbell can be slept on again. False if nobody had rung.
pub(super) fn silence(bell: &OwnedFd) -> bool {
    rustix::io::read(bell, &mut [0; 8]).is_ok()
}
