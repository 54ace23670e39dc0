//! Descriptors that are no connections: signals, datagrams, whatever else a task waits on. Nobody reads or writes them but the task.
//!
//! Here is what the kernel's drivers keep of them alike; `readiness/watch.rs` and `uring/watch.rs` have them watched, and keep
//! beside each what that takes (`S`). Reading is watched always, writing only while somebody waits for it, since a datagram socket
//! would otherwise wake the core for each datagram that has left.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use super::places::free_place;
use super::{WatchId, gone};
use crate::executor::waker::WakeSlot;

/// A descriptor of the kernel's that somebody waits on.
pub(super) struct Watch<S> {
    pub(super) descriptor: OwnedFd,
    pub(super) state: S,
    /// There may be something to read.
    pub(super) readable: bool,
    pub(super) writing: Writing,
    reader: WakeSlot,
    writer: WakeSlot,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Writing {
    /// Nobody waits for it.
    Unwatched,
    /// It is watched.
    Armed,
    /// It was possible, and nobody was told.
    Possible,
}

impl<S> Watch<S> {
    pub(super) fn on_readable(&mut self, woken: &mut Vec<WakeSlot>) {
        self.readable = true;
        woken.push(std::mem::take(&mut self.reader));
    }

    pub(super) fn on_writable(&mut self, woken: &mut Vec<WakeSlot>) {
        self.writing = Writing::Possible;
        woken.push(std::mem::take(&mut self.writer));
    }

    pub(super) fn poll_readable(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.readable) {
            return Poll::Ready(Ok(()));
        }
        self.reader.store(context.waker());
        Poll::Pending
    }

    /// Pending: it is armed now, and the caller has it watched if it was not before.
    pub(super) fn poll_writable(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if self.writing == Writing::Possible {
            self.writing = Writing::Unwatched;
            return Poll::Ready(Ok(()));
        }
        self.writing = Writing::Armed;
        self.writer.store(context.waker());
        Poll::Pending
    }
}

impl<S> Drop for Watch<S> {
    fn drop(&mut self) {
        self.reader.clear();
        self.writer.clear();
    }
}

/// The watches of one core, by number.
pub(super) struct Watches<S>(Vec<Option<Watch<S>>>);

impl<S> Default for Watches<S> {
    fn default() -> Watches<S> {
        Watches(Vec::new())
    }
}

impl<S> Watches<S> {
    /// Of a descriptor that may have something to read.
    ///
    /// # Errors
    /// The core has as many as there can be.
    pub(super) fn insert(&mut self, descriptor: OwnedFd, state: S) -> io::Result<WatchId> {
        let id = free_place(&mut self.0, "watched descriptors")?;
        let (reader, writer) = (WakeSlot::EMPTY, WakeSlot::EMPTY);
        let watch = Watch { descriptor, state, readable: true, writing: Writing::Unwatched, reader, writer };
        self.0[id as usize] = Some(watch);
        Ok(id)
    }

    pub(super) fn get_mut(&mut self, id: WatchId) -> io::Result<&mut Watch<S>> {
        self.0.get_mut(id as usize).and_then(Option::as_mut).ok_or_else(gone)
    }

    pub(super) fn remove(&mut self, id: WatchId) -> Option<Watch<S>> {
        self.0.get_mut(id as usize)?.take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (WatchId, &Watch<S>)> {
        (0..).zip(&self.0).filter_map(|(id, watch)| Some((id, watch.as_ref()?)))
    }
}
