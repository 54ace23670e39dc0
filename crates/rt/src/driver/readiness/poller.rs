//! What the driver asks of a readiness model: watch descriptors, wait, say who is ready. Each model is a file of its own beside this
//! one, with the same names inside.
//!
//! Models differ in when they report. At the *edge* a descriptor is named when it becomes ready. At the *level* it is named by each
//! wait while it is ready, and what nobody consumes would make the core spin: so a descriptor that is named once more for reading,
//! though nobody has read, is watched no more until somebody has. Since a level model may report hang-ups and errors even if nothing
//! was asked for, a descriptor that is watched for nothing is not registered at all. *Once* is between them: who was named is watched
//! for nothing until it is asked for again.
//!
//! A descriptor is registered once, and is removed, or [forgotten](Poller::forget), before it is closed.

use std::io;
use std::os::fd::BorrowedFd;

use crore_base::time::Duration;

use super::token::Token;
use crate::limits::FAILED_WAIT_PAUSE;
use crate::selector::Ended;

/// When a model reports that a descriptor is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trigger {
    Edge,
    Level,
    Once,
}

impl Trigger {
    /// Whether reading is to be watched no more after this report of it; `again` if the one before was not consumed.
    pub(super) fn ends_reading(self, again: bool) -> bool {
        match self {
            Trigger::Edge => false,
            Trigger::Level => again,
            Trigger::Once => true,
        }
    }

    /// What a descriptor that has just been named is still watched for.
    pub(super) fn left_of(self, interest: Interest) -> Interest {
        match self {
            Trigger::Edge | Trigger::Level => interest,
            Trigger::Once => Interest::NONE,
        }
    }
}

/// What a descriptor is watched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
    /// With `read`: say that the peer has ended its direction, where the model can tell.
    pub(super) end: bool,
    /// Other cores watch the same socket, and one of those that sleep suffices. Models that cannot do so wake all of them.
    pub(super) exclusive: bool,
    /// Reported at each wait while it is so, also by a model at the edge.
    pub(super) level: bool,
}

impl Interest {
    pub(super) const NONE: Interest =
        Interest { read: false, write: false, end: false, exclusive: false, level: false };
    pub(super) const READ: Interest = Interest { read: true, ..Interest::NONE };

    pub(super) fn is_empty(self) -> bool {
        !self.read && !self.write
    }
}

/// What is so of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ready {
    pub(super) read: bool,
    pub(super) write: bool,
    /// The peer has ended its direction: what there is to read has an end behind it.
    pub(super) end: bool,
    /// It is broken or has ended in both directions; whoever reads or writes learns why.
    pub(super) failed: bool,
}

/// Who is ready for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) token: Token,
    pub(super) ready: Ready,
}

/// A descriptor, what its events are to carry, and what for.
#[derive(Clone, Copy)]
pub(super) struct Registration<'a> {
    pub(super) descriptor: BorrowedFd<'a>,
    pub(super) token: Token,
    pub(super) interest: Interest,
}

/// A readiness model on one core.
pub(super) trait Poller {
    /// The name it is chosen by.
    fn name(&self) -> &'static str;
    fn trigger(&self) -> Trigger;

    /// Whether the descriptor can be watched at all, for who would have to undo something otherwise.
    ///
    /// # Errors
    /// [`QuotaExceeded`](io::ErrorKind::QuotaExceeded): there is no place for it.
    fn check(&self, _descriptor: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Watches a descriptor. What is so already is reported, too.
    ///
    /// # Errors
    /// It is watched already, cannot be watched, or there is no memory.
    fn add(&mut self, registration: Registration<'_>) -> io::Result<()>;
    /// Changes what a descriptor that was added is watched for. What is so already is reported once more.
    ///
    /// # Errors
    /// It is not watched, or there is no memory.
    fn modify(&mut self, registration: Registration<'_>) -> io::Result<()>;
    /// Watches a descriptor no more.
    ///
    /// # Errors
    /// It was not watched.
    fn remove(&mut self, registration: Registration<'_>) -> io::Result<()>;

    /// As [`modify`](Poller::modify), from `before`, for a model that must not have what is watched for nothing.
    ///
    /// # Errors
    /// Those of [`add`](Poller::add) and [`modify`](Poller::modify).
    fn change(&mut self, registration: Registration<'_>, before: Interest) -> io::Result<()> {
        match (before.is_empty(), registration.interest.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => self.add(registration),
            (false, true) => self.remove(registration),
            (false, false) => self.modify(registration),
        }
    }

    /// The descriptor is about to be closed.
    fn forget(&mut self, registration: Registration<'_>) {
        // It may be watched for nothing, and then it is not there.
        let _ = self.remove(registration);
    }

    /// Sleeps until something happens, at most `timeout` (none: for ever), and puts a bounded number of events into `events`. What
    /// was in it is gone.
    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Ended;

    /// The verdict on the last wait: how it ended, and how many of its events had an owner. True: it is time to
    /// [`rebuild`](Poller::rebuild), which a model whose registrations cannot outlive their descriptors never needs.
    fn judge(&mut self, _ended: Ended, _owned: usize) -> bool {
        false
    }

    /// Starts again with all that is alive. Should that fail, everything stays as it is.
    ///
    /// # Errors
    /// No descriptor or no memory is free.
    fn rebuild(&mut self, _alive: &mut dyn Iterator<Item = Registration<'_>>) -> io::Result<()> {
        Ok(())
    }
}

/// Waits in a row that failed, of a model that cannot be built anew.
#[derive(Default)]
pub(super) struct Failures(u32);

impl Failures {
    pub(super) fn end(&mut self) {
        self.0 = 0;
    }

    /// Tells it, more and more rarely, and rests a moment, since the next wait will hardly sleep either.
    pub(super) fn add(&mut self, model: &'static str, error: &io::Error) -> Ended {
        self.0 = self.0.saturating_add(1);
        if self.0.is_power_of_two() {
            tracing::error!(model, in_a_row = self.0, %error, "waiting for the network fails");
        }
        std::thread::sleep(FAILED_WAIT_PAUSE.into());
        Ended::Early
    }
}
