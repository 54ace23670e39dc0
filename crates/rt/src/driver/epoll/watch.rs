//! Descriptors that are no connections: signals, datagrams, whatever else a task waits on. Nobody reads or writes them but the task.
//!
//! Reading is always watched, at the edge. Writing is watched only while somebody waits for it, since a datagram socket would
//! otherwise wake the core for each datagram that has left.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use rustix::event::epoll::EventFlags;

use super::Epoll;
use super::token::{self, Kind, Token};
use crate::driver::{WatchId, gone};
use crate::executor::waker::WakeSlot;
use crate::selector::Selector;

/// A descriptor of the kernel's that somebody waits on.
pub(super) struct Watch {
    descriptor: OwnedFd,
    /// There may be something to read.
    pub(super) readable: bool,
    writing: Writing,
    reader: WakeSlot,
    writer: WakeSlot,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writing {
    /// Nobody waits for it.
    Unwatched,
    /// `EPOLLOUT` is armed.
    Armed,
    /// It was possible, and nobody was told.
    Possible,
}

impl Watch {
    pub(super) fn register(&self, selector: &Selector, index: u32) -> io::Result<()> {
        selector.add(&self.descriptor, Token::new(Kind::Watch, index, 0).to_data(), self.interest())
    }

    fn interest(&self) -> EventFlags {
        let read = EventFlags::IN | EventFlags::ET;
        if self.writing == Writing::Armed { read | EventFlags::OUT } else { read }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.clear();
        self.writer.clear();
    }
}

impl Epoll {
    pub(super) fn start_watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        let index = token::free_place(&mut self.watches, "watched descriptors")?;
        let watch = Watch {
            descriptor,
            readable: true,
            writing: Writing::Unwatched,
            reader: WakeSlot::EMPTY,
            writer: WakeSlot::EMPTY,
        };
        watch.register(&self.selector, index)?;
        self.watches[index as usize] = Some(watch);
        Ok(index)
    }

    /// False if it is watched no more.
    pub(super) fn on_watch_event(&mut self, token: Token, events: EventFlags, woken: &mut Vec<WakeSlot>) -> bool {
        if token == super::ATTENDED {
            return true;
        }
        let Some(Some(watch)) = self.watches.get_mut(token.index() as usize) else {
            return false;
        };
        let failed = events.intersects(EventFlags::ERR | EventFlags::HUP);
        if events.intersects(EventFlags::IN) || failed {
            watch.readable = true;
            woken.push(std::mem::take(&mut watch.reader));
        }
        if watch.writing == Writing::Armed && (events.intersects(EventFlags::OUT) || failed) {
            watch.writing = Writing::Possible;
            woken.push(std::mem::take(&mut watch.writer));
            let data = token.to_data();
            // Should it stay armed, it wakes the core in vain now and then.
            let _ = self.selector.modify(&watch.descriptor, data, watch.interest());
        }
        true
    }

    pub(super) fn watch_readable(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(Some(watch)) = self.watches.get_mut(watch as usize) else {
            return Poll::Ready(Err(gone()));
        };
        if std::mem::take(&mut watch.readable) {
            return Poll::Ready(Ok(()));
        }
        watch.reader.store(context.waker());
        Poll::Pending
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
            watch.writing = Writing::Armed;
            let data = Token::new(Kind::Watch, id, 0).to_data();
            if let Err(error) = self.selector.modify(&watch.descriptor, data, watch.interest()) {
                watch.writing = Writing::Unwatched;
                return Poll::Ready(Err(error));
            }
        }
        watch.writer.store(context.waker());
        Poll::Pending
    }

    pub(super) fn end_watch(&mut self, watch: WatchId) {
        if let Some(watch) = self.watches[watch as usize].take() {
            // Who watches may have a duplicate open, so that closing ours would not end the registration.
            let _ = self.selector.remove(&watch.descriptor);
        }
    }
}
