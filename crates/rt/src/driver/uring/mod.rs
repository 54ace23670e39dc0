//! The `uring` driver: io_uring(7), shaped by completion.
//!
//! The kernel works on its own: it accepts, receives into buffers that were provided ahead, and sends what it was given. A turn is one
//! system call, which submits all that the turn has made and waits for what comes. Sockets are *direct*: places in a ring's table
//! that the process's limit of descriptors does not count; when a table is full, the core opens another ring.
//!
//! Here: the slots and the loop; `contract.rs` is what the runtime sees of them. `ring.rs` is one ring and `operations.rs` what is asked
//! of it, `features.rs` what it can do, `buffers.rs` its receive buffers; `listener.rs` and `accepting.rs` accept, `connection.rs`
//! connects and closes, `receiving.rs` reads, `sending.rs` writes, `watch.rs` waits on any other descriptor, `jobs.rs` has files read and
//! written.
//!
//! Several rings: the core sleeps on the first. The others ring the core's bell when there is something to do on them, and only
//! while it sleeps.

use std::collections::VecDeque;
use std::io;

use crore_base::counters::CoreCounters;
use crore_base::slab::{Handle, Slab};
use crore_base::time::{Duration, Instant};
use rustix::process::{Resource, getrlimit};

use super::send_queue::SendPool;
use super::socket::Spare;
use super::watches::Watches;
use super::{ConnectionId, LeasePool, Surroundings};
use crate::clock::Clock;
use crate::executor::shared::SharedCore;
use crate::executor::waker::WakeSlot;
use crate::limits::{LEASES_KEPT, URING_COMPLETIONS_PER_TURN, URING_RINGS_MAX};
use connection::Connection;
use inbox::Inbox;
use jobs::Jobs;
use listener::Listener;
use ring::Ring;
use token::{Completion, Operation, Token};
use watch::Polls;

mod accepting;
mod buffers;
mod connection;
mod contract;
mod features;
mod file;
mod inbox;
mod jobs;
mod listener;
mod operations;
mod receiving;
mod ring;
mod sending;
mod token;
mod watch;

use features::Features;
pub use features::UringOptions;

/// Whether this kernel's io_uring keeps sockets in tables of its own. Opens a ring to find out.
pub(crate) fn is_direct() -> bool {
    let options = UringOptions { entries: 8, ..UringOptions::default() };
    Features::open(&options).is_ok_and(|(_, features)| features.direct)
}

/// What this kernel's io_uring lacks of what makes it worth choosing; none: nothing. Opens a ring to find out.
pub(crate) fn missing() -> Option<String> {
    let options = UringOptions { entries: 8, ..UringOptions::default() };
    match Features::open(&options) {
        Err(error) => Some(error.to_string()),
        Ok((_, features)) => features.missing(&options).first().map(|missing| (*missing).to_owned()),
    }
}

const BELL: Token = Token::new(Operation::Bell, 0, 0);

pub(crate) struct Uring {
    /// Dropped first: nothing of what follows is the kernel's then.
    rings: Vec<Ring>,
    options: UringOptions,
    /// Places in the table of each ring.
    files: u32,
    clock: Clock,
    counters: CoreCounters,
    connections: Slab<Connection>,
    listeners: Vec<Option<Listener>>,
    watches: Watches<Polls>,
    /// Listeners and watches there have been: what tells one from the one before at its place.
    generations: u32,
    pool: LeasePool,
    inbox: Inbox,
    jobs: Jobs,
    sends: SendPool,
    /// From how many bytes on a send is not copied.
    zero_copy_from: u32,
    /// Sent without a copy, with the bytes still the kernel's: how many were sent.
    uncopied: Vec<(ConnectionId, i32)>,
    /// Connections that found no buffer.
    starved: Vec<ConnectionId>,
    /// Connections with something to send that is not under way.
    dirty: Vec<ConnectionId>,
    /// Connections that were closed with bytes in their queue, and until when they may send them.
    lingering: VecDeque<(Instant, ConnectionId)>,
    completions: Vec<Completion>,
    /// Who waited on a connection that was closed: woken when the turn ends, outside any call of a task's.
    orphans: Vec<WakeSlot>,
    spare: Spare,
    bell: &'static SharedCore,
}

impl Uring {
    pub(crate) fn new(surroundings: Surroundings, options: &UringOptions) -> io::Result<Uring> {
        // The kernel gives a table at most as many places as the process may have descriptors.
        let most = getrlimit(Resource::Nofile).current.map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX));
        let files = options.files.min(most);
        let pool = LeasePool::keeping(LEASES_KEPT.max(options.buffers.into()));
        let mut main = Ring::open(options, files, pool.clone(), None)?;
        for missing in main.features().missing(options) {
            tracing::warn!("{missing}");
        }
        if options.file_operations && !main.features().resizes {
            tracing::debug!("io_uring cannot cut files (Linux 6.9 can): a thread does");
        }
        main.poll(surroundings.shared.bell(), libc::POLLIN, true, BELL);
        Ok(Uring {
            rings: vec![main],
            options: options.clone(),
            files,
            clock: surroundings.clock,
            counters: surroundings.counters,
            connections: Slab::new(surroundings.connections),
            listeners: Vec::new(),
            watches: Watches::default(),
            generations: 0,
            pool,
            inbox: Inbox::default(),
            jobs: Jobs::default(),
            sends: SendPool::default(),
            zero_copy_from: options.zero_copy_from.unwrap_or(u32::MAX),
            uncopied: Vec::new(),
            starved: Vec::new(),
            dirty: Vec::new(),
            lingering: VecDeque::new(),
            completions: Vec::new(),
            orphans: Vec::new(),
            spare: Spare::new(),
            bell: surroundings.shared,
        })
    }

    /// A ring whose table has room, a new one if there is none.
    fn ring_with_room(&mut self) -> io::Result<usize> {
        if let Some(ring) = self.rings.iter().position(Ring::has_room) {
            return Ok(ring);
        }
        if self.rings.len() >= URING_RINGS_MAX {
            return Err(io::Error::other(format!("this core has {URING_RINGS_MAX} rings, the most there can be")));
        }
        let ring = Ring::open(&self.options, self.files, self.pool.clone(), Some(self.bell.bell()))?;
        self.rings.push(ring);
        tracing::debug!(rings = self.rings.len(), files = self.files, "another io_uring for more sockets");
        Ok(self.rings.len() - 1)
    }

    /// Sleeps if it may; submits and collects on every ring.
    fn enter(&mut self, timeout: Option<Duration>) {
        let (main, others) = self.rings.split_first_mut().expect("there is always one ring");
        let mut sleeps = timeout != Some(Duration::ZERO) && !main.has_completions();
        for ring in &mut *others {
            ring.enter(None, false);
            sleeps &= !ring.has_completions();
        }
        if sleeps && !self.options.busy_poll.is_zero() {
            let until = self.clock.now() + self.options.busy_poll;
            main.enter(None, false);
            while sleeps && self.clock.now() < until {
                main.enter(None, false);
                sleeps = !main.has_completions() && !others.iter_mut().any(Ring::has_work);
            }
        }
        if sleeps {
            for ring in &mut *others {
                ring.ring_bell(true);
            }
            // What came before the bell was turned on has not rung it.
            sleeps = !others.iter_mut().any(|ring| ring.has_work() || ring.has_completions());
        }
        main.enter(timeout, sleeps);
        for ring in others {
            ring.ring_bell(false);
            ring.enter(None, false);
        }
    }

    fn harvest(&mut self, woken: &mut Vec<WakeSlot>) {
        let mut completions = std::mem::take(&mut self.completions);
        for ring in 0..self.rings.len() {
            self.rings[ring].take(&mut completions, URING_COMPLETIONS_PER_TURN);
            for completion in completions.drain(..) {
                self.on_completion(ring, completion, woken);
            }
        }
        self.completions = completions;
    }

    fn on_completion(&mut self, ring: usize, completion: Completion, woken: &mut Vec<WakeSlot>) {
        match completion.token.operation() {
            Operation::Receive => self.on_received(ring, completion, woken),
            Operation::Send => self.on_sent(completion, woken),
            Operation::Connect => self.on_connected(completion, woken),
            Operation::ShutDown => self.on_shut_down(completion),
            Operation::AcceptIntoTable
            | Operation::AcceptOne
            | Operation::AcceptDescriptors
            | Operation::AcceptReady => self.on_accepted(ring, completion, woken),
            Operation::Readable => self.on_readable(completion, woken),
            Operation::Writable => self.on_writable(completion, woken),
            // Nobody reads the counter behind the bell: each ring of it completes the poll, whatever it stands at.
            Operation::Bell if completion.goes_on() => {}
            Operation::Bell => self.rings[0].poll(self.bell.bell(), libc::POLLIN, true, BELL),
            Operation::File => self.jobs.on_completion(&mut self.rings[ring], completion, |waker| {
                let mut slot = WakeSlot::EMPTY;
                slot.store(&waker);
                woken.push(slot);
            }),
            Operation::Now => unreachable!("whoever waits for one takes it"),
            // Cancelling what has ended by itself.
            Operation::Silent => {}
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // Slots are plain data, so the files in them are closed by hand.
        let open: Vec<Handle> = self.connections.iter().map(|(handle, _)| handle).collect();
        for connection in open {
            if self.live(connection).is_some() {
                self.release(connection, false);
            }
        }
        self.end_jobs();
        self.rings.clear();
        if self.options.zero_copy_from.is_some()
            && self.connections.iter().any(|(_, slot)| slot.has(connection::SENDING))
        {
            // The kernel still sends, and sends again, from where these lie, and nobody is left whom it could tell that it has done.
            std::mem::forget(std::mem::take(&mut self.sends));
        }
    }
}
