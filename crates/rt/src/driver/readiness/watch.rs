//! Descriptors that are no connections: signals, datagrams, whatever else a task waits on. Nobody reads or writes them but the task.
//!
//! Reading is watched, but for what a model that does not report at the edge would report again. Writing is watched only while
//! somebody waits for it, since a datagram socket would otherwise wake the core for each datagram that has left.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};

use super::Readiness;
use super::poller::{Interest, Poller, Ready, Registration};
use super::token::{Kind, Token};
use crate::driver::places::free_place;
use crate::driver::{WatchId, gone};
use crate::executor::waker::WakeSlot;

/// A descriptor of the kernel's that somebody waits on.
pub(super) struct Watch {
    descriptor: OwnedFd,
    /// There may be something to read.
    pub(super) readable: bool,
    /// Reading is not watched while `readable`.
    unwatched: bool,
    writing: Writing,
    reader: WakeSlot,
    writer: WakeSlot,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writing {
    /// Nobody waits for it.
    Unwatched,
    /// It is watched.
    Armed,
    /// It was possible, and nobody was told.
    Possible,
}

impl Watch {
    pub(super) fn registration(&self, index: u32) -> Registration<'_> {
        let token = Token::new(Kind::Watch, index, 0);
        Registration { descriptor: self.descriptor.as_fd(), token, interest: self.interest() }
    }

    fn interest(&self) -> Interest {
        assert!(self.readable || !self.unwatched, "who is not watched has something to read");
        Interest { read: !self.unwatched, write: self.writing == Writing::Armed, ..Interest::NONE }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.clear();
        self.writer.clear();
    }
}

impl Readiness {
    pub(super) fn start_watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        let index = free_place(&mut self.watches, "watched descriptors")?;
        let watch = Watch {
            descriptor,
            readable: true,
            unwatched: false,
            writing: Writing::Unwatched,
            reader: WakeSlot::EMPTY,
            writer: WakeSlot::EMPTY,
        };
        self.poller.add(watch.registration(index))?;
        self.watches[index as usize] = Some(watch);
        Ok(index)
    }

    /// False if it is watched no more.
    pub(super) fn on_watch_event(&mut self, token: Token, ready: Ready, woken: &mut Vec<WakeSlot>) -> bool {
        let Some(Some(watch)) = self.watches.get_mut(token.index() as usize) else {
            return false;
        };
        let left = self.trigger.left_of(watch.interest());
        if ready.read || ready.failed {
            watch.unwatched |= self.trigger.ends_reading(watch.readable);
            watch.readable = true;
            woken.push(std::mem::take(&mut watch.reader));
        }
        if watch.writing == Writing::Armed && (ready.write || ready.failed) {
            watch.writing = Writing::Possible;
            woken.push(std::mem::take(&mut watch.writer));
        }
        // Watching less takes no memory; should it fail even so, the core is woken in vain now and then.
        let _ = change(&mut *self.poller, watch, token.index(), left);
        true
    }

    pub(super) fn watch_readable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(Some(watch)) = self.watches.get_mut(id as usize) else {
            return Poll::Ready(Err(gone()));
        };
        if !watch.readable {
            watch.reader.store(context.waker());
            return Poll::Pending;
        }
        let before = watch.interest();
        if std::mem::take(&mut watch.unwatched)
            && let Err(error) = change(&mut *self.poller, watch, id, before)
        {
            watch.unwatched = true;
            return Poll::Ready(Err(error));
        }
        watch.readable = false;
        Poll::Ready(Ok(()))
    }

    pub(super) fn watch_writable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(Some(watch)) = self.watches.get_mut(id as usize) else {
            return Poll::Ready(Err(gone()));
        };
        if watch.writing == Writing::Possible {
            watch.writing = Writing::Unwatched;
            return Poll::Ready(Ok(()));
        }
        if watch.writing == Writing::Unwatched {
            let before = watch.interest();
            watch.writing = Writing::Armed;
            if let Err(error) = change(&mut *self.poller, watch, id, before) {
                watch.writing = Writing::Unwatched;
                return Poll::Ready(Err(error));
            }
        }
        watch.writer.store(context.waker());
        Poll::Pending
    }

    pub(super) fn end_watch(&mut self, watch: WatchId) {
        if let Some(gone) = self.watches[watch as usize].take() {
            // Who watches may have a duplicate open, so that closing ours would not end the registration.
            let _ = self.poller.remove(gone.registration(watch));
        }
    }
}

/// Has it watched for what it is to be watched for now, if that was not so `before`.
fn change(poller: &mut dyn Poller, watch: &Watch, id: WatchId, before: Interest) -> io::Result<()> {
    let registration = watch.registration(id);
    if registration.interest == before { Ok(()) } else { poller.change(registration, before) }
}
