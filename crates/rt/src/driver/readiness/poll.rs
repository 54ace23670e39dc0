//! `poll`: each wait shows the kernel everything that is watched, and finds who is ready by looking at all of it (poll(2)). Any number
//! can be watched, and each costs a little of every wait.
//!
//! Invariants: `polled` and `tokens` are dense and of one length, and `places[descriptor]` is where a descriptor stands in them. No
//! exclusive waiting: a connection to a socket that cores share wakes all that sleep.
//!
//! `unsafe` here: descriptors are kept without their owner's lifetime.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crore_base::time::Duration;
use rustix::event::{self, PollFd, PollFlags};
use rustix::io::Errno;

use super::poller::{Event, Failures, Interest, Poller, Ready, Registration, Trigger};
use super::token::Token;
use crate::limits::EVENTS_PER_TURN;
use crate::selector::{Ended, timespec};

/// The place of a descriptor that is not watched.
const NOWHERE: u32 = u32::MAX;

pub(super) struct Poll {
    polled: Vec<PollFd<'static>>,
    tokens: Vec<Token>,
    /// By descriptor.
    places: Vec<u32>,
    /// Where the next harvest begins: with more ready than are taken at once, nobody is passed over for ever.
    next: usize,
    failures: Failures,
}

impl Poll {
    pub(super) fn new() -> Poll {
        Poll { polled: Vec::new(), tokens: Vec::new(), places: Vec::new(), next: 0, failures: Failures::default() }
    }

    /// Where a number stands, if it is watched.
    fn place_at(&self, number: usize) -> Option<usize> {
        self.places.get(number).filter(|&&place| place != NOWHERE).map(|&place| place as usize)
    }

    /// Where it stands, if it is watched for this owner.
    fn place_of(&self, registration: Registration<'_>) -> Result<usize, Errno> {
        let place = self.place_at(registration.descriptor.as_raw_fd() as usize);
        place.filter(|&place| self.tokens[place] == registration.token).ok_or(Errno::NOENT)
    }

    /// The last takes the place of the one that goes.
    fn remove_at(&mut self, place: usize) {
        let gone = self.polled.swap_remove(place);
        self.tokens.swap_remove(place);
        self.places[number(&gone)] = NOWHERE;
        if let Some(moved) = self.polled.get(place) {
            self.places[number(moved)] = place as u32;
        }
        assert_eq!(self.polled.len(), self.tokens.len());
    }

    fn harvest(&mut self, ready: usize, events: &mut Vec<Event>) {
        let all = self.polled.len();
        let first = self.next.min(all);
        let mut left = ready.min(EVENTS_PER_TURN);
        let mut bad = Vec::new();
        for place in (first..all).chain(0..first) {
            if left == 0 {
                break;
            }
            self.next = place + 1;
            let flags = self.polled[place].revents();
            if flags.is_empty() {
                continue;
            }
            left -= 1;
            if flags.intersects(PollFlags::NVAL) {
                bad.push(place);
            }
            events.push(Event { token: self.tokens[place], ready: ready_of(flags) });
        }
        self.remove_bad(bad);
    }

    /// Their owners were told that they have failed. Left in, each would end every wait at once.
    fn remove_bad(&mut self, mut places: Vec<usize>) {
        places.sort_unstable();
        // From the end, since the last takes the place of the one that goes.
        for place in places.into_iter().rev() {
            let descriptor = number(&self.polled[place]);
            tracing::error!(descriptor, "somebody else closed a descriptor that is watched: who waits on it is told");
            self.remove_at(place);
        }
    }
}

impl Poller for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn trigger(&self) -> Trigger {
        Trigger::Level
    }

    fn add(&mut self, registration: Registration<'_>) -> io::Result<()> {
        let polled = polled(registration);
        let number = number(&polled);
        if self.place_at(number).is_some() {
            return Err(Errno::EXIST.into());
        }
        if self.places.len() <= number {
            self.places.resize(number + 1, NOWHERE);
        }
        self.places[number] = self.polled.len() as u32;
        self.polled.push(polled);
        self.tokens.push(registration.token);
        Ok(())
    }

    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()> {
        let place = self.place_of(registration)?;
        self.polled[place] = polled(registration);
        Ok(())
    }

    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()> {
        let place = self.place_of(registration)?;
        self.remove_at(place);
        Ok(())
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        events.clear();
        match event::poll(&mut self.polled, timeout.map(timespec).as_ref()) {
            Ok(ready) => {
                self.failures.end();
                self.harvest(ready, events);
                if ready > 0 { Ended::WithEvents } else { Ended::InOrder }
            }
            Err(Errno::INTR) => Ended::InOrder,
            Err(error) => self.failures.add(self.name(), &error.into()),
        }
    }
}

fn number(polled: &PollFd<'_>) -> usize {
    polled.as_fd().as_raw_fd() as usize
}

fn polled(registration: Registration<'_>) -> PollFd<'static> {
    // SAFETY: it is removed before it is closed (`Poller`). Should somebody else close it, the kernel says `POLLNVAL`: the number is
    // only ever given to poll(2).
    let descriptor = unsafe { BorrowedFd::borrow_raw(registration.descriptor.as_raw_fd()) };
    PollFd::from_borrowed_fd(descriptor, flags(registration.interest))
}

fn flags(interest: Interest) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::RDHUP, interest.read && interest.end);
    flags.set(PollFlags::OUT, interest.write);
    flags
}

fn ready_of(flags: PollFlags) -> Ready {
    Ready {
        read: flags.intersects(PollFlags::IN),
        write: flags.intersects(PollFlags::OUT),
        end: flags.intersects(PollFlags::RDHUP),
        failed: flags.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
    }
}
