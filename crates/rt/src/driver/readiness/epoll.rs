//! `epoll` and `epoll-lt`: the kernel keeps what is watched and who is ready, and reports at the edge, or by each wait while it is so,
//! which is what epoll(7) does unless told otherwise. A wait costs as much as there is to report, however many are watched.
//!
//! No `EPOLLEXCLUSIVE` at the level: the kernel refuses to change such a registration (epoll_ctl(2)), and a listener at rest must be
//! watched no more. So a connection to a socket that cores share wakes all that sleep.

use std::io;

use crore_base::time::Duration;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::poller::{Event, Interest, Poller, Ready, Registration, Trigger};
use super::token::Token;
use crate::limits::EVENTS_PER_TURN;
use crate::selector::{Ended, Selector};

pub(super) struct Epoll {
    name: &'static str,
    trigger: Trigger,
    selector: Selector,
    harvest: Vec<epoll::Event>,
}

impl Epoll {
    pub(super) fn at_the_edge() -> io::Result<Epoll> {
        Epoll::new("epoll", Trigger::Edge)
    }

    pub(super) fn at_the_level() -> io::Result<Epoll> {
        Epoll::new("epoll-lt", Trigger::Level)
    }

    fn new(name: &'static str, trigger: Trigger) -> io::Result<Epoll> {
        Ok(Epoll { name, trigger, selector: Selector::new()?, harvest: Vec::with_capacity(EVENTS_PER_TURN) })
    }
}

impl Poller for Epoll {
    fn name(&self) -> &'static str {
        self.name
    }

    fn trigger(&self) -> Trigger {
        self.trigger
    }

    fn add(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.add(registration.descriptor, data(registration), flags(self.trigger, registration.interest))
    }

    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.modify(registration.descriptor, data(registration), flags(self.trigger, registration.interest))
    }

    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.remove(registration.descriptor)
    }

    fn forget(&mut self, _registration: Registration<'_>) {
        // Closing it ends the registration without a call, and a rebuild those that live on in a duplicate.
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        let ended = self.selector.wait(timeout, &mut self.harvest);
        events.clear();
        events.extend(self.harvest.iter().map(event));
        ended
    }

    fn judge(&mut self, ended: Ended, owned: usize) -> bool {
        self.selector.judge(ended, owned)
    }

    fn rebuild(&mut self, alive: &mut dyn Iterator<Item = Registration<'_>>) -> io::Result<()> {
        self.selector.rebuild(|new| {
            for one in alive {
                new.add(one.descriptor, data(one), flags(self.trigger, one.interest))?;
            }
            Ok(())
        })
    }
}

fn data(registration: Registration<'_>) -> EventData {
    EventData::new_u64(registration.token.bits())
}

/// The kernel's words for an interest.
fn flags(trigger: Trigger, interest: Interest) -> EventFlags {
    let is_at_the_edge = trigger == Trigger::Edge;
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.read);
    flags.set(EventFlags::RDHUP, interest.read && interest.end);
    flags.set(EventFlags::OUT, interest.write);
    flags.set(EventFlags::EXCLUSIVE, interest.exclusive && is_at_the_edge);
    flags.set(EventFlags::ET, is_at_the_edge && !interest.level);
    flags
}

fn event(reported: &epoll::Event) -> Event {
    let flags = reported.flags;
    let ready = Ready {
        read: flags.intersects(EventFlags::IN),
        write: flags.intersects(EventFlags::OUT),
        end: flags.intersects(EventFlags::RDHUP),
        failed: flags.intersects(EventFlags::ERR | EventFlags::HUP),
    };
    Event { token: Token::from_bits(reported.data.u64()), ready }
}
