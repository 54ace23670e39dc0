//! `portable`: whatever the system has, through the crate `polling`: kqueue, event ports, IOCP, and epoll on Linux, where alone this
//! driver has been run.
//!
//! In the mode that all of them have, *once*: who was named is not watched until asked for again, so each read that empties a
//! socket costs a call. The crate's own descriptors (a timer, a bell that nobody rings) cost each wait some more. No exclusive
//! waiting: a connection to a socket that cores share wakes all that sleep.
//!
//! `unsafe` here: the crate keeps descriptors without their owner's lifetime.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;

use crore_base::time::Duration;
use polling::Events;

use super::poller::{Event, Failures, Interest, Poller, Ready, Registration, Trigger};
use super::token::Token;
use crate::limits::EVENTS_PER_TURN;
use crate::selector::Ended;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(EVENTS_PER_TURN).expect("a turn takes events");
const _: () = assert!(size_of::<usize>() >= size_of::<Token>(), "a token is the crate's key");

pub(super) struct Portable {
    poller: polling::Poller,
    harvest: Events,
    failures: Failures,
}

impl Portable {
    pub(super) fn new() -> io::Result<Portable> {
        let (poller, harvest) = (polling::Poller::new()?, Events::with_capacity(CAPACITY));
        Ok(Portable { poller, harvest, failures: Failures::default() })
    }
}

impl Poller for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn trigger(&self) -> Trigger {
        Trigger::Once
    }

    fn add(&mut self, registration: Registration<'_>) -> io::Result<()> {
        // SAFETY: it is removed before it is closed (`Poller`), and the crate's poller goes before the driver that owns it.
        unsafe { self.poller.add(registration.descriptor.as_raw_fd(), wanted(registration)) }
    }

    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.poller.modify(registration.descriptor, wanted(registration))
    }

    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.poller.delete(registration.descriptor)
    }

    fn change(&mut self, registration: Registration<'_>, _before: Interest) -> io::Result<()> {
        // Who was named is still registered.
        self.modify(registration)
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        events.clear();
        self.harvest.clear();
        match self.poller.wait(&mut self.harvest, timeout.map(Into::into)) {
            Ok(_) => self.failures.end(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return self.failures.add(self.name(), &error),
        }
        // Ends and failures are something to read or to write here, on every system.
        events.extend(self.harvest.iter().map(|event| Event {
            token: Token::from_bits(event.key as u64),
            ready: Ready { read: event.readable, write: event.writable, ..Ready::default() },
        }));
        if events.is_empty() { Ended::InOrder } else { Ended::WithEvents }
    }
}

fn wanted(registration: Registration<'_>) -> polling::Event {
    let Interest { read, write, .. } = registration.interest;
    polling::Event::new(registration.token.bits() as usize, read, write)
}
