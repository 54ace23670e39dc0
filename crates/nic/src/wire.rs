//! `wire:NAME`: a network cable made of memory that two processes, or two threads, share.
//!
//! It needs no privilege, leaves nothing behind, and carries whole Ethernet frames at memory speed. Each end has
//! queues, one for each of its cores, and need not have as many as the other; a frame goes to the queue that the hash
//! of its flow names (see [`steering`](crate::steering)). Frames are copied into a ring by the sender and out of it,
//! into a frame of its own pool, by the receiver: the two trust each other with nothing but their frames.
//!
//! | file | what is in it |
//! |---|---|
//! | `shared.rs` | the mapping: words that may change at any moment |
//! | `layout.rs` | what is where in it |
//! | `ring.rs` | one ring of frames, checked on every read |
//! | `rings.rs` | all rings of a queue; who must be woken |
//! | `end.rs` | what the queues of one end share |
//! | `hello.rs`, `meeting.rs` | how two ends find each other and notice that one is gone |
//!
//! What a broken other end can do: lose frames, send garbage frames, keep this end awake, hang up. What it cannot: make
//! this end read or write outside its rings, or panic. An end that leaves an impossible index or length in a ring is
//! hung up on. Both ends belong to one user, which is checked when they meet.

mod end;
mod hello;
mod layout;
mod meeting;
mod ring;
mod rings;
mod shared;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crore_base::frame::{Frame, FramePool};

use crate::limits::{ETHERNET_HEADER_BYTES, WIRE_ANSWER_TIMEOUT, WIRE_MTU_BYTES, WIRE_NAME_BYTES_MAX, WIRE_TEND_CALLS};
use crate::mac::random_mac;
use crate::open::{OpenError, check_name, check_queues};
use crate::packet_io::{Capabilities, Link, PacketIo};

use end::{End, silence};
use layout::RingSizes;
use meeting::{Keeper, hosted};
use ring::Violation;
use rings::Rings;

/// Which end of a wire to be.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// The one that takes the name and waits; when its guest has gone, it waits for the next. For servers.
    Host,
    /// The one that joins a host that is there already. For clients.
    Guest,
    /// The host if there is none, else the guest.
    Either,
}

/// One queue of one end of a wire.
///
/// Queue 0 also lets the other end in and notices when it goes, so it must be polled or slept on for the others;
/// dropping it hangs up for all.
pub struct Wire {
    end: Arc<End>,
    queue: u16,
    /// Queue 0 has it.
    keeper: Option<Keeper>,
    rings: Option<Rings>,
    /// The epoch of the end in which `rings` was made.
    epoch: u32,
    /// Calls of receive since the keeper last looked.
    calls: u32,
    /// The doorbell is armed.
    asleep: bool,
    /// The link has changed, and this queue's core may not have looked at it since.
    news: bool,
    statistics: WireStatistics,
}

/// What has happened at one queue of a wire beside frames that came and went.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct WireStatistics {
    /// Frames thrown away because nobody was at the other end.
    pub lost: u64,
    /// Frames thrown away because they were empty or larger than the MTU allows.
    pub unfit: u64,
    /// Times that the other end had to be woken, each a system call.
    pub doorbells: u64,
    /// Times that the other end had broken the rules and was hung up on.
    pub violations: u64,
}

impl Wire {
    /// Opens one end of the wire `name` with `queues` queues, in the order of their numbers.
    ///
    /// A host returns at once and carries frames when a guest has come. A guest returns when the host has answered,
    /// which its queue 0 does in its next turn.
    ///
    /// # Errors
    /// The name or the number of queues is not allowed; both ends, or this one, exist already; nobody is there to join;
    /// the host does not answer within [`WIRE_ANSWER_TIMEOUT`](crate::limits::WIRE_ANSWER_TIMEOUT); it runs another
    /// version or as another user; or a system call fails.
    pub fn open(name: &str, queues: u16, role: Role) -> Result<Vec<Self>, OpenError> {
        // Between our two tries a host can end, or another can have taken the name and not listen yet: a later round
        // finds out.
        const ROUNDS_MAX: u32 = 10;
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
        check_queues(queues)?;
        let name = format!("wire:{}", check_name(name, WIRE_NAME_BYTES_MAX)?);
        let system = |what, error| OpenError::System { name: name.clone(), what, error };
        let end = End::new(&name, random_mac(), queues).map_err(|error| system("make doorbells", error))?;
        let end = Arc::new(end);
        for _ in 0..ROUNDS_MAX {
            if role != Role::Guest {
                let hosting = Keeper::host(end.clone(), RingSizes::DEFAULT);
                match hosting.map_err(|error| system("listen", error))? {
                    Some(keeper) => return Ok(Self::queues(&end, keeper)),
                    None if role == Role::Host => return Err(OpenError::Taken { name }),
                    None => {}
                }
            }
            match Keeper::join(end.clone(), WIRE_ANSWER_TIMEOUT)? {
                Some(keeper) => return Ok(Self::queues(&end, keeper)),
                None if role == Role::Guest => return Err(OpenError::Nobody { name, others: hosted() }),
                None => std::thread::sleep(PAUSE),
            }
        }
        Err(OpenError::Silent { name })
    }

    /// Both ends of a wire of its own, without a name, in this process: for two threads, and for tests.
    ///
    /// # Errors
    /// The number of queues is not allowed, or the system has no memory or descriptors left.
    pub fn pair(queues: u16, other_queues: u16) -> io::Result<(Vec<Self>, Vec<Self>)> {
        Self::pair_of(queues, other_queues, RingSizes::DEFAULT)
    }

    fn pair_of(queues: u16, other_queues: u16, sizes: RingSizes) -> io::Result<(Vec<Self>, Vec<Self>)> {
        for queues in [queues, other_queues] {
            check_queues(queues).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        let one = Arc::new(End::new("wire:", random_mac(), queues)?);
        let other = Arc::new(End::new("wire:", random_mac(), other_queues)?);
        let (keeper, other_keeper) = Keeper::pair(one.clone(), other.clone(), sizes)?;
        Ok((Self::queues(&one, keeper), Self::queues(&other, other_keeper)))
    }

    fn queues(end: &Arc<End>, keeper: Keeper) -> Vec<Self> {
        let mut keeper = Some(keeper);
        let queue = |queue| Self {
            end: end.clone(),
            queue,
            keeper: keeper.take(),
            rings: None,
            epoch: 0,
            calls: 0,
            asleep: false,
            news: false,
            statistics: WireStatistics::default(),
        };
        (0..end.queues()).map(queue).collect()
    }

    /// What has happened at this queue beside frames that came and went.
    pub fn statistics(&self) -> WireStatistics {
        let ringing = self.rings.as_ref().map_or(0, |rings| rings.doorbells);
        WireStatistics { doorbells: self.statistics.doorbells + ringing, ..self.statistics }
    }

    /// Takes back the wake-up, looks after the socket now and then, and follows what queue 0 has found there.
    #[inline]
    fn attend(&mut self) {
        self.calls += 1;
        if self.asleep {
            self.wake_up();
        }
        if self.calls >= WIRE_TEND_CALLS {
            self.calls = 0;
            if let Some(keeper) = &mut self.keeper {
                keeper.tend();
            }
        }
        if self.epoch != self.end.epoch() {
            self.follow();
        }
    }

    #[cold]
    fn wake_up(&mut self) {
        self.asleep = false;
        if let Some(rings) = &self.rings {
            rings.set_sleeping(false);
        }
        if !silence(&self.end.bells[usize::from(self.queue)]) {
            // Nobody has rung, so it may be the socket. If it is both, the next sleep ends at once and brings us here.
            self.calls = WIRE_TEND_CALLS;
        }
    }

    #[cold]
    fn follow(&mut self) {
        if !self.asleep {
            // The change was rung for sleepers. Whoever is awake sees all else before it sleeps.
            silence(&self.end.bells[usize::from(self.queue)]);
        }
        let (epoch, plug) = self.end.plug();
        self.epoch = epoch;
        self.news = true;
        match plug {
            Some(plug) => {
                self.forget_rings();
                self.rings = Some(Rings::new(plug, self.queue));
            }
            None => self.rings.iter_mut().for_each(Rings::hang_up),
        }
    }

    fn forget_rings(&mut self) {
        self.statistics.doorbells += self.rings.take().map_or(0, |rings| rings.doorbells);
    }

    /// The other end breaks the rules: nothing of it is looked at any more, and queue 0 hangs up.
    #[cold]
    fn accuse(&mut self, _: Violation) {
        self.forget_rings();
        self.statistics.violations += 1;
        self.end.report_violation(self.epoch);
        // Queue 0 looks at its next call.
        self.calls = WIRE_TEND_CALLS;
    }
}

impl PacketIo for Wire {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: self.end.name.clone(),
            mac: self.end.mac,
            mtu: WIRE_MTU_BYTES,
            queue: self.queue,
            queues: self.end.queues(),
        }
    }

    fn link(&self) -> Link {
        self.end.link()
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.attend();
        let before = into.len();
        let Some(rings) = &mut self.rings else {
            return Ok(0);
        };
        let received = rings.receive(frames, into, max);
        let drained = into.len() == before && !rings.is_connected() && max > 0 && frames.available() > 0;
        match received {
            Ok(()) if drained => self.forget_rings(),
            Ok(()) => {}
            Err(violation) => self.accuse(violation),
        }
        Ok(into.len() - before)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        if from.is_empty() {
            return Ok(0);
        }
        if self.epoch != self.end.epoch() {
            self.follow();
        }
        let mut sent = from.len();
        match self.rings.as_mut().filter(|rings| rings.is_connected()) {
            None => self.statistics.lost += sent as u64,
            Some(rings) => {
                let fits =
                    |frame: &Frame| (1..=ETHERNET_HEADER_BYTES + usize::from(WIRE_MTU_BYTES)).contains(&frame.len());
                match rings.transmit(frames, from, fits) {
                    Ok(taken) => sent = taken,
                    // What has been copied already is not worth counting apart: nobody will read it.
                    Err(violation) => {
                        self.statistics.lost += sent as u64;
                        self.accuse(violation);
                    }
                }
                self.statistics.unfit += from[..sent].iter().filter(|frame| !fits(frame)).count() as u64;
            }
        }
        from.drain(..sent).for_each(|frame| frames.free(frame));
        Ok(sent)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(match &self.keeper {
            Some(keeper) => keeper.waiter.as_fd(),
            None => self.end.bells[usize::from(self.queue)].as_fd(),
        })
    }

    fn prepare_sleep(&mut self) -> bool {
        let violated = self.keeper.is_some() && self.end.is_violated();
        if violated || self.epoch != self.end.epoch() {
            self.calls = WIRE_TEND_CALLS;
            return false;
        }
        if std::mem::take(&mut self.news) {
            return false;
        }
        let quiet = match &mut self.rings {
            Some(rings) => rings.prepare_sleep(),
            None => Ok(true),
        };
        match quiet {
            Ok(quiet) => self.asleep = quiet,
            Err(violation) => {
                self.accuse(violation);
                self.asleep = false;
            }
        }
        self.asleep
    }
}

#[cfg(test)]
mod tests;
