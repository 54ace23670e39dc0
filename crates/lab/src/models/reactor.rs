//! What the models around one event loop share: clients in a table, and epoll(7), level-triggered, that says whose turn it is.
//!
//! Readiness is a hint here: nothing blocks, so a client that is called in vain is only called in vain. That is why a slot may be
//! used again at once, though an event about the one before may still be on its way.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::limits::{CONNECTIONS_MAX, EVENTS_PER_TURN};
use crate::service::{Answer, Disk, Job};

use super::conversation::{Client, Need, room};

/// The number of a client, or what [`Reactor::watch`] was given.
pub(super) type Token = u64;

/// See the module's comment.
pub(super) struct Reactor<C> {
    epoll: OwnedFd,
    slots: Vec<Option<Slot<C>>>,
    free: Vec<usize>,
    /// Who is to be called again without the kernel saying so.
    again: Vec<Token>,
    events: Vec<Event>,
    room: Box<[u8]>,
}

struct Slot<C> {
    client: C,
    /// What the kernel was asked to tell; empty: it is not watched, because a job is out.
    interest: EventFlags,
}

impl<C: Client> Reactor<C> {
    pub(super) fn new() -> io::Result<Reactor<C>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let events = Vec::with_capacity(EVENTS_PER_TURN);
        Ok(Reactor { epoll, slots: Vec::new(), free: Vec::new(), again: Vec::new(), events, room: room() })
    }

    /// Watches something that is no client, such as a listener. `token` is beyond [`CONNECTIONS_MAX`].
    pub(super) fn watch(&self, source: &impl AsFd, token: Token, how: EventFlags) -> io::Result<()> {
        assert!(token >= CONNECTIONS_MAX as u64, "the smaller numbers are the clients'");
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token), EventFlags::IN | how)?)
    }

    /// Takes in a connection, which does not block. Beyond [`CONNECTIONS_MAX`], or if the kernel has no memory to watch it, it is closed.
    pub(super) fn adopt(&mut self, client: C) {
        let index = self.free.pop().unwrap_or(self.slots.len());
        if index == self.slots.len() {
            self.slots.push(None);
        }
        let data = EventData::new_u64(index as Token);
        if index < CONNECTIONS_MAX && epoll::add(&self.epoll, client.stream(), data, EventFlags::IN).is_ok() {
            assert!(self.slots[index].is_none(), "a free slot is empty");
            self.slots[index] = Some(Slot { client, interest: EventFlags::IN });
        } else {
            self.free.push(index);
        }
    }

    /// Waits until something happens, and says whose turn it is.
    pub(super) fn wait(&mut self) -> io::Result<Vec<Token>> {
        let mut tokens = std::mem::take(&mut self.again);
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = (!tokens.is_empty()).then_some(&at_once);
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        tokens.extend(self.events.iter().map(|event| event.data.u64()));
        Ok(tokens)
    }

    /// Lets a client go on, and does its jobs here and now.
    pub(super) fn serve(&mut self, token: Token, disk: &Disk) {
        if let Some(slot) = self.slots[token as usize].as_mut() {
            let need = slot.client.advance_inline(&mut self.room, disk);
            let job = self.follow(token, need);
            assert!(job.is_none(), "jobs were done inline");
        }
    }

    /// Lets a client go on. A job that comes of it is for the caller, who [settles](Reactor::settle) it later; until then the
    /// client rests.
    pub(super) fn advance(&mut self, token: Token) -> Option<Job> {
        let slot = self.slots[token as usize].as_mut()?;
        if slot.interest.is_empty() {
            return None; // an event that was on its way when the job was handed out
        }
        let need = slot.client.advance(&mut self.room);
        self.follow(token, need)
    }

    /// Gives the answer to the job of a client, which has its turn with the next [`wait`](Reactor::wait).
    pub(super) fn settle(&mut self, token: Token, answer: Answer) {
        let slot = self.slots[token as usize].as_mut().expect("a client rests while its job is out");
        assert!(slot.interest.is_empty(), "its job was handed out");
        slot.client.on_done(answer);
        let data = EventData::new_u64(token);
        match epoll::add(&self.epoll, slot.client.stream(), data, EventFlags::IN) {
            Ok(()) => {
                slot.interest = EventFlags::IN;
                self.again.push(token);
            }
            Err(_) => self.close(token),
        }
    }

    fn follow(&mut self, token: Token, need: Need) -> Option<Job> {
        let slot = self.slots[token as usize].as_mut().expect("the caller has found it");
        let (wanted, job) = match need {
            Need::Read => (EventFlags::IN, None),
            Need::Write => (EventFlags::OUT, None),
            Need::Work(job) => (EventFlags::empty(), Some(job)),
            Need::Turn => {
                self.again.push(token);
                return None;
            }
            Need::Nothing => {
                self.close(token);
                return None;
            }
        };
        if wanted == slot.interest {
            return job;
        }
        let stream = slot.client.stream();
        let done = match wanted.is_empty() {
            // Not merely an empty interest: the kernel would go on telling that the peer is gone.
            true => epoll::delete(&self.epoll, stream),
            false => epoll::modify(&self.epoll, stream, EventData::new_u64(token), wanted),
        };
        match done {
            Ok(()) => {
                slot.interest = wanted;
                job
            }
            Err(_) => {
                self.close(token);
                None
            }
        }
    }

    /// Closing the socket is what takes it out of epoll.
    fn close(&mut self, token: Token) {
        let index = token as usize;
        assert!(self.slots[index].take().is_some(), "a client ends once");
        self.free.push(index);
    }
}
