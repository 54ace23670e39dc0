//! Descriptors that are no connections: signals, datagrams, whatever else a task waits on. Nobody reads or writes them but the task.
//!
//! Reading is always watched, by one poll that goes on by itself; writing by one poll each time that somebody waits for it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};

use super::Uring;
use super::token::{Completion, Operation, Token};
use crate::driver::places::free_place;
use crate::driver::{WatchId, gone};
use crate::executor::waker::WakeSlot;

/// A descriptor of the kernel's that somebody waits on.
pub(super) struct Watch {
    descriptor: OwnedFd,
    /// Counts the descriptors that were at this place.
    generation: u32,
    /// There may be something to read.
    readable: bool,
    /// The poll for reading is under way.
    armed: bool,
    writing: Writing,
    reader: WakeSlot,
    writer: WakeSlot,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writing {
    /// Nobody waits for it.
    Unwatched,
    /// The poll for writing is under way.
    Armed,
    /// It was possible, and nobody was told.
    Possible,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.clear();
        self.writer.clear();
    }
}

impl Uring {
    pub(super) fn start_watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        let index = free_place(&mut self.watches, "watched descriptors")?;
        self.generations = self.generations.wrapping_add(1);
        self.watches[index as usize] = Some(Watch {
            descriptor,
            generation: self.generations,
            readable: true,
            armed: false,
            writing: Writing::Unwatched,
            reader: WakeSlot::EMPTY,
            writer: WakeSlot::EMPTY,
        });
        self.arm_watch(index);
        Ok(index)
    }

    fn arm_watch(&mut self, index: WatchId) {
        let Some(Some(watch)) = self.watches.get_mut(index as usize) else { return };
        if !std::mem::replace(&mut watch.armed, true) {
            let token = Token::new(Operation::Readable, index, watch.generation);
            self.rings[0].poll(watch.descriptor.as_fd(), libc::POLLIN, true, token);
        }
    }

    fn watch_of(&mut self, completion: Completion) -> Option<&mut Watch> {
        let token = completion.token;
        let watch = self.watches.get_mut(token.index() as usize)?.as_mut()?;
        token.is_of(watch.generation).then_some(watch)
    }

    pub(super) fn on_readable(&mut self, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let Some(watch) = self.watch_of(completion) else { return };
        watch.armed = completion.goes_on();
        watch.readable = true;
        woken.push(std::mem::take(&mut watch.reader));
    }

    pub(super) fn on_writable(&mut self, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let Some(watch) = self.watch_of(completion) else { return };
        watch.writing = Writing::Possible;
        woken.push(std::mem::take(&mut watch.writer));
    }

    pub(super) fn watch_readable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(Some(watch)) = self.watches.get_mut(id as usize) else {
            return Poll::Ready(Err(gone()));
        };
        if std::mem::take(&mut watch.readable) {
            return Poll::Ready(Ok(()));
        }
        watch.reader.store(context.waker());
        self.arm_watch(id);
        Poll::Pending
    }

    pub(super) fn watch_writable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(Some(watch)) = self.watches.get_mut(id as usize) else {
            return Poll::Ready(Err(gone()));
        };
        match watch.writing {
            Writing::Possible => {
                watch.writing = Writing::Unwatched;
                return Poll::Ready(Ok(()));
            }
            Writing::Unwatched => {
                watch.writing = Writing::Armed;
                let token = Token::new(Operation::Writable, id, watch.generation);
                self.rings[0].poll(watch.descriptor.as_fd(), libc::POLLOUT, false, token);
            }
            Writing::Armed => {}
        }
        watch.writer.store(context.waker());
        Poll::Pending
    }

    pub(super) fn end_watch(&mut self, id: WatchId) {
        if let Some(watch) = self.watches[id as usize].take() {
            for operation in [Operation::Readable, Operation::Writable] {
                let under_way =
                    if operation == Operation::Readable { watch.armed } else { watch.writing == Writing::Armed };
                if under_way {
                    self.rings[0].cancel(Token::new(operation, id, watch.generation));
                }
            }
        }
    }
}
