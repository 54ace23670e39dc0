//! The one thin wrapper of epoll(7), beneath the drivers `epoll` and `epoll-lt` and the reactor.
//!
//! It keeps no table of what is registered: whoever owns a descriptor gives 64 bits with it, and gets them back with each event.
//!
//! It watches for *wake-ups without progress*: waits that end early with nothing, and waits that name only descriptors that
//! nobody owns any more. The kernel does that for ever when a registration has outlived its descriptor: a registration belongs to the
//! open file behind the number, and lives on while a duplicate of it is open, where `EPOLL_CTL_DEL` no longer reaches it. Java's
//! selectors spun so, and Netty's cure is ours: after a bounded number in a row, a new epoll with all that is alive, and a word
//! in the log.
//!
//! Invariant: `fruitless` counts waits in a row without progress; it is below `bearable` except between a wait and the rebuild
//! that it asks for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use crore_base::time::Duration;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::limits::{FRUITLESS_WAITS_MAX, FRUITLESS_WAITS_MIN};

#[cfg(test)]
mod tests;

/// How a wait ended, but for its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// Somebody is named: the caller says in [`Selector::judge`] whether anybody of them was there.
    WithEvents,
    /// In order, with nothing: the time was over, it was not to sleep, or a signal came.
    InOrder,
    /// Early, with nothing and for no reason, or with an error.
    Early,
}

/// A duration in the words of the system calls that wait.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: (duration.as_nanos() / 1_000_000_000).cast_signed(),
        tv_nsec: (duration.as_nanos() % 1_000_000_000).cast_signed(),
    }
}

pub(crate) struct Selector {
    epoll: OwnedFd,
    /// Waits in a row without progress.
    fruitless: u32,
    /// So many of them make a rebuild. It doubles with each that did not help, since one costs a system call a descriptor.
    bearable: u32,
    /// When the last wait ended with nothing, if it was the last.
    empty_at: Option<Instant>,
}

impl Selector {
    pub(crate) fn new() -> io::Result<Selector> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Selector { epoll, fruitless: 0, bearable: FRUITLESS_WAITS_MIN, empty_at: None })
    }

    /// Registers a descriptor; `data` comes back with each of its events.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): registered already, a file that cannot be waited on, no memory.
    pub(crate) fn add(&self, descriptor: impl AsFd, data: EventData, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, descriptor, data, interest)?)
    }

    /// Changes what a registered descriptor is watched for. What is so already is reported once more.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): not registered, no memory.
    pub(crate) fn modify(&self, descriptor: impl AsFd, data: EventData, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, descriptor, data, interest)?)
    }

    /// Ends a registration. Closing the descriptor does it too, if it has no duplicate.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): not registered, or not under this descriptor.
    pub(crate) fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Sleeps until something happens, at most `timeout` (none: for ever), and puts at most as many events into `events` as it
    /// has room for. What was in it is gone.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended {
        assert!(events.capacity() > 0, "a wait without room for an event would be an error of epoll_wait(2)");
        events.clear();
        let limit = timeout.map(timespec);
        let waited = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), limit.as_ref());
        if !events.is_empty() {
            self.empty_at = None;
            return Ended::WithEvents;
        }
        match waited {
            Ok(_) => self.on_nothing(timeout),
            Err(Errno::INTR) => Ended::InOrder,
            Err(_) => Ended::Early,
        }
    }

    /// Nothing has come: early or not? The clock is read here only, so the end of the empty wait before stands for the beginning
    /// of this one, which was later. What is shorter even so is early; the first in a row is never called that.
    fn on_nothing(&mut self, timeout: Option<Duration>) -> Ended {
        if timeout == Some(Duration::ZERO) {
            return Ended::InOrder;
        }
        let now = Instant::now();
        let before = self.empty_at.replace(now);
        let early = before.is_some_and(|before| match timeout {
            None => true,
            Some(timeout) => now.duration_since(before) < std::time::Duration::from(timeout),
        });
        if early { Ended::Early } else { Ended::InOrder }
    }

    /// The caller's verdict on the last wait: how it ended, and how many of its events had an owner. True: it is time to
    /// [`rebuild`](Selector::rebuild).
    pub(crate) fn judge(&mut self, ended: Ended, owned: usize) -> bool {
        let fruitless = match ended {
            Ended::WithEvents => owned == 0,
            Ended::InOrder => false,
            Ended::Early => true,
        };
        if fruitless {
            self.fruitless += 1;
            return self.fruitless >= self.bearable;
        }
        if self.fruitless != 0 || self.bearable != FRUITLESS_WAITS_MIN {
            (self.fruitless, self.bearable) = (0, FRUITLESS_WAITS_MIN);
        }
        false
    }

    /// A new epoll in place of the old: `register` registers all that is alive with the one that it is given. What is ready then is
    /// reported once more. Should that fail, the old one stays.
    ///
    /// # Errors
    /// No descriptor is free, or those of `register`.
    pub(crate) fn rebuild(&mut self, register: impl FnOnce(&Selector) -> io::Result<()>) -> io::Result<()> {
        let fruitless = std::mem::take(&mut self.fruitless);
        self.bearable = self.bearable.saturating_mul(2).min(FRUITLESS_WAITS_MAX);
        let renewed = Selector::new().and_then(|new| register(&new).map(|()| new));
        match renewed {
            Ok(new) => {
                self.epoll = new.epoll;
                self.empty_at = None;
                tracing::warn!(fruitless, "wake-ups without progress: the selector was built anew");
                Ok(())
            }
            Err(error) => {
                tracing::error!(fruitless, %error, "wake-ups without progress, and the selector cannot be built anew");
                Err(error)
            }
        }
    }
}
