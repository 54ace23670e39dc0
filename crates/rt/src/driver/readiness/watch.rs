//! Descriptors that are no connections. Reading is watched, but for what a model that does not report at the edge would report again.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};

use super::Readiness;
use super::poller::{Interest, Poller, Ready, Registration};
use super::token::{Kind, Token};
use crate::driver::WatchId;
use crate::driver::watches::{Watch, Writing};
use crate::executor::waker::WakeSlot;

/// What is kept beside a watched descriptor.
#[derive(Default)]
pub(super) struct Reading {
    /// It is not watched while the descriptor is readable.
    unwatched: bool,
}

impl Watch<Reading> {
    pub(super) fn registration(&self, index: u32) -> Registration<'_> {
        let token = Token::new(Kind::Watch, index, 0);
        Registration { descriptor: self.descriptor.as_fd(), token, interest: self.interest() }
    }

    fn interest(&self) -> Interest {
        assert!(self.readable || !self.state.unwatched, "who is not watched has something to read");
        Interest { read: !self.state.unwatched, write: self.writing == Writing::Armed, ..Interest::NONE }
    }
}

impl Readiness {
    pub(super) fn start_watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        let id = self.watches.insert(descriptor, Reading::default())?;
        let added = self.poller.add(self.watches.get_mut(id)?.registration(id));
        added.map(|()| id).inspect_err(|_| drop(self.watches.remove(id)))
    }

    /// False if it is watched no more.
    pub(super) fn on_watch_event(&mut self, token: Token, ready: Ready, woken: &mut Vec<WakeSlot>) -> bool {
        let Ok(watch) = self.watches.get_mut(token.index()) else { return false };
        let left = self.trigger.left_of(watch.interest());
        if ready.read || ready.failed {
            watch.state.unwatched |= self.trigger.ends_reading(watch.readable);
            watch.on_readable(woken);
        }
        if watch.writing == Writing::Armed && (ready.write || ready.failed) {
            watch.on_writable(woken);
        }
        // Watching less takes no memory; should it fail even so, the core is woken in vain now and then.
        let _ = change(&mut *self.poller, watch, token.index(), left);
        true
    }

    pub(super) fn watch_readable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let watch = self.watches.get_mut(id)?;
        let before = watch.interest();
        if std::mem::take(&mut watch.state.unwatched)
            && let Err(error) = change(&mut *self.poller, watch, id, before)
        {
            watch.state.unwatched = true;
            return Poll::Ready(Err(error));
        }
        watch.poll_readable(context)
    }

    pub(super) fn watch_writable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let watch = self.watches.get_mut(id)?;
        let before = watch.interest();
        let polled = watch.poll_writable(context);
        if let Err(error) = change(&mut *self.poller, watch, id, before) {
            watch.writing = Writing::Unwatched;
            return Poll::Ready(Err(error));
        }
        polled
    }

    pub(super) fn end_watch(&mut self, id: WatchId) {
        if let Some(gone) = self.watches.remove(id) {
            // Who watches may have a duplicate open, so that closing ours would not end the registration.
            let _ = self.poller.remove(gone.registration(id));
        }
    }
}

/// Has it watched for what it is to be watched for now, if that was not so `before`.
fn change(poller: &mut dyn Poller, watch: &Watch<Reading>, id: WatchId, before: Interest) -> io::Result<()> {
    let registration = watch.registration(id);
    if registration.interest == before { Ok(()) } else { poller.change(registration, before) }
}
