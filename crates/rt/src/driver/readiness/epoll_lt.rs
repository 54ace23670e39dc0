//! `epoll-lt`: as `epoll`, but reported by each wait while it is so, which is what epoll(7) does unless told otherwise.
//!
//! No `EPOLLEXCLUSIVE`: the kernel refuses to change such a registration (epoll_ctl(2)), and a listener at rest must be watched no
//! more. So a connection to a socket that cores share wakes all that sleep.

use std::io;

use crore_base::time::Duration;
use rustix::event::epoll::{self, EventFlags};

use super::epoll::{data, flags, rebuild, wait};
use super::poller::{Event, Interest, Poller, Registration, Trigger};
use crate::limits::EVENTS_PER_TURN;
use crate::selector::{Ended, Selector};

pub(super) struct EpollLt {
    selector: Selector,
    harvest: Vec<epoll::Event>,
}

impl EpollLt {
    pub(super) fn new() -> io::Result<EpollLt> {
        Ok(EpollLt { selector: Selector::new()?, harvest: Vec::with_capacity(EVENTS_PER_TURN) })
    }
}

impl Poller for EpollLt {
    fn name(&self) -> &'static str {
        "epoll-lt"
    }

    fn trigger(&self) -> Trigger {
        Trigger::Level
    }

    fn add(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.add(registration.descriptor, data(registration), level(registration.interest))
    }

    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.modify(registration.descriptor, data(registration), level(registration.interest))
    }

    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.selector.remove(registration.descriptor)
    }

    fn forget(&mut self, _registration: Registration<'_>) {
        // As with `epoll`.
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        wait(&mut self.selector, timeout, &mut self.harvest, events)
    }

    fn judge(&mut self, ended: Ended, owned: usize) -> bool {
        self.selector.judge(ended, owned)
    }

    fn rebuild(&mut self, alive: &mut dyn Iterator<Item = Registration<'_>>) -> io::Result<()> {
        rebuild(&mut self.selector, alive, level)
    }
}

fn level(interest: Interest) -> EventFlags {
    flags(interest) - EventFlags::EXCLUSIVE
}
