//! `select`: each wait shows the kernel two bit maps, who is watched for reading and who for writing, and gets two back (select(2)).
//!
//! A set ends at descriptor 1,023, whatever the limit of open files: one above is refused. Linux itself would take longer sets, but
//! `fd_set` is that long wherever there is select(2), and this model is here to be what it is everywhere.
//!
//! What has failed is readable or writable here, and whoever tries learns why. An end of the stream is something to read. No exclusive
//! waiting: a connection to a socket that cores share wakes all that sleep.
//!
//! Invariant: a descriptor has a token exactly while it is in one of the sets.
//!
//! `unsafe` here: the kernel is given numbers for descriptors.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use crore_base::time::Duration;
use rustix::event::{FdSetElement, FdSetIter, Timespec, fd_set_bound, fd_set_insert, fd_set_remove};
use rustix::io::Errno;

use super::poller::{Event, Failures, Interest, Poller, Ready, Registration, Trigger};
use super::token::Token;
use crate::limits::SELECT_DESCRIPTORS;
use crate::selector::{Ended, timespec};

type Set = [FdSetElement; SELECT_DESCRIPTORS / (8 * size_of::<FdSetElement>())];

#[derive(Clone, Copy, Default)]
struct Sets {
    read: Set,
    write: Set,
}

pub(super) struct Select {
    watched: Sets,
    /// By descriptor.
    tokens: Vec<Option<Token>>,
    failures: Failures,
}

impl Select {
    pub(super) fn new() -> Select {
        let tokens = vec![None; SELECT_DESCRIPTORS];
        Select { watched: Sets::default(), tokens, failures: Failures::default() }
    }

    /// The number that is watched, for this owner.
    fn number_of(&self, registration: Registration<'_>) -> Result<RawFd, Errno> {
        let number = registration.descriptor.as_raw_fd();
        let ours = self.tokens.get(number as usize) == Some(&Some(registration.token));
        if ours { Ok(number) } else { Err(Errno::NOENT) }
    }

    fn set(&mut self, number: RawFd, interest: Interest) {
        for (set, wanted) in [(&mut self.watched.read, interest.read), (&mut self.watched.write, interest.write)] {
            if wanted {
                fd_set_insert(set, number);
            } else {
                fd_set_remove(set, number);
            }
        }
    }

    fn drop_token(&mut self, number: RawFd) -> Option<Token> {
        self.set(number, Interest::NONE);
        self.tokens[number as usize].take()
    }

    fn harvest(&self, ready: &Sets, events: &mut Vec<Event>) {
        let read = FdSetIter::new(&ready.read).map(|number| (number, Ready { read: true, ..Ready::default() }));
        let write = FdSetIter::new(&ready.write).map(|number| (number, Ready { write: true, ..Ready::default() }));
        events.extend(read.chain(write).map(|(number, ready)| {
            let token = self.tokens[number as usize].expect("the kernel names whom it was shown");
            Event { token, ready }
        }));
    }

    /// The kernel says that one of them is closed, and not which: asks for each alone. Left in, it would end every wait at once.
    fn remove_bad(&mut self, events: &mut Vec<Event>) {
        for number in 0..SELECT_DESCRIPTORS as RawFd {
            let mut alone = Sets::default();
            fd_set_insert(&mut alone.read, number);
            if self.tokens[number as usize].is_none() || select(&mut alone, Some(&Timespec::default())).is_ok() {
                continue;
            }
            tracing::error!(
                descriptor = number,
                "somebody else closed a descriptor that is watched: who waits on it is told"
            );
            let token = self.drop_token(number).expect("it was looked at above");
            events.push(Event { token, ready: Ready { failed: true, ..Ready::default() } });
        }
    }
}

impl Poller for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn trigger(&self) -> Trigger {
        Trigger::Level
    }

    fn check(&self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let number = descriptor.as_raw_fd();
        if (number as usize) < SELECT_DESCRIPTORS {
            return Ok(());
        }
        let text = format!(
            "descriptor {number} is too high for select, which watches those below {SELECT_DESCRIPTORS}: choose poll or epoll"
        );
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, text))
    }

    fn add(&mut self, registration: Registration<'_>) -> io::Result<()> {
        self.check(registration.descriptor)?;
        let number = registration.descriptor.as_raw_fd();
        if self.tokens[number as usize].is_some() {
            return Err(Errno::EXIST.into());
        }
        self.tokens[number as usize] = Some(registration.token);
        self.set(number, registration.interest);
        Ok(())
    }

    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()> {
        let number = self.number_of(registration)?;
        self.set(number, registration.interest);
        Ok(())
    }

    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()> {
        let number = self.number_of(registration)?;
        self.drop_token(number);
        Ok(())
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        events.clear();
        let mut ready = self.watched;
        match select(&mut ready, timeout.map(timespec).as_ref()) {
            Ok(()) => {
                self.failures.end();
                self.harvest(&ready, events);
            }
            Err(Errno::INTR) => {}
            Err(Errno::BADF) => self.remove_bad(events),
            Err(error) => return self.failures.add(self.name(), &error.into()),
        }
        if events.is_empty() { Ended::InOrder } else { Ended::WithEvents }
    }
}

/// Waits, and leaves those in the sets who are ready.
fn select(sets: &mut Sets, timeout: Option<&Timespec>) -> Result<(), Errno> {
    let bound = fd_set_bound(&sets.read).max(fd_set_bound(&sets.write));
    // SAFETY: descriptors are removed before they are closed (`Poller`). Should somebody else close one, the kernel says `EBADF`: the
    // numbers are only ever given to select(2).
    unsafe { rustix::event::select(bound, Some(&mut sets.read), Some(&mut sets.write), None, timeout) }.map(drop)
}
