//! `epoll`: the kernel keeps what is watched and who is ready, and reports at the edge (epoll(7)). A wait costs as much as there is to
//! report, however many are watched.
//!
//! The translation into the kernel's words is shared with `epoll_lt.rs`, which leaves out `EPOLLET`.

use std::io;

use crore_base::time::Duration;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::poller::{Event, Interest, Poller, Ready, Registration, Trigger};
use super::token::Token;
use crate::limits::EVENTS_PER_TURN;
use crate::selector::{Ended, Selector};

pub(super) struct Epoll {
    selector: Selector,
    harvest: Vec<epoll::Event>,
}

impl Epoll {
    pub(super) fn new() -> io::Result<Epoll> {
        Ok(Epoll { selector: Selector::new()?, harvest: Vec::with_capacity(EVENTS_PER_TURN) })
    }
}

impl Poller for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn trigger(&self) -> Trigger {
        Trigger::Edge
    }

    fn add(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.add(registration.descriptor, data(registration), edge(registration.interest))
    }

    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.modify(registration.descriptor, data(registration), edge(registration.interest))
    }

    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.remove(registration.descriptor)
    }

    fn forget(&mut self, _registration: Registration<'_>) {
        // Closing it ends the registration without a call, and a rebuild those that live on in a duplicate.
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        wait(&mut self.selector, timeout, &mut self.harvest, events)
    }

    fn judge(&mut self, ended: Ended, owned: usize) -> bool {
        self.selector.judge(ended, owned)
    }

    fn rebuild(&mut self, alive: &mut dyn Iterator<Item = Registration<'_>>) -> io::Result<()> {
        rebuild(&mut self.selector, alive, edge)
    }
}

fn edge(interest: Interest) -> EventFlags {
    let flags = flags(interest) | EventFlags::ET;
    if interest.level { flags - EventFlags::ET } else { flags }
}

pub(super) fn data(registration: Registration<'_>) -> EventData {
    EventData::new_u64(registration.token.bits())
}

/// The kernel's words for an interest, without how it reports.
pub(super) fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.read);
    flags.set(EventFlags::RDHUP, interest.read && interest.end);
    flags.set(EventFlags::OUT, interest.write);
    flags.set(EventFlags::EXCLUSIVE, interest.exclusive);
    flags
}

pub(super) fn wait(
    selector: &mut Selector,
    timeout: Option<Duration>,
    harvest: &mut Vec<epoll::Event>,
    events: &mut Vec<Event>,
) -> Ended {
    let ended = selector.wait(timeout, harvest);
    events.clear();
    events.extend(harvest.iter().map(|event| {
        let flags = event.flags;
        let ready = Ready {
            read: flags.intersects(EventFlags::IN),
            write: flags.intersects(EventFlags::OUT),
            end: flags.intersects(EventFlags::RDHUP),
            failed: flags.intersects(EventFlags::ERR | EventFlags::HUP),
        };
        Event { token: Token::from_bits(event.data.u64()), ready }
    }));
    ended
}

pub(super) fn rebuild(
    selector: &mut Selector,
    alive: &mut dyn Iterator<Item = Registration<'_>>,
    flags: fn(Interest) -> EventFlags,
) -> io::Result<()> {
    selector.rebuild(|new| {
        for one in alive {
            new.add(one.descriptor, data(one), flags(one.interest))?;
        }
        Ok(())
    })
}
