//! Descriptors that are no connections. Reading is watched by one poll that goes on by itself, writing by one poll each time.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};

use super::Uring;
use super::token::{Completion, Operation, Token};
use crate::driver::WatchId;
use crate::driver::watches::{Watch, Writing};
use crate::executor::waker::WakeSlot;

/// What is kept beside a watched descriptor.
pub(super) struct Polls {
    /// Counts the descriptors that were at this place.
    generation: u32,
    /// The poll for reading is under way.
    reading: bool,
}

impl Uring {
    pub(super) fn start_watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        self.generations = self.generations.wrapping_add(1);
        let id = self.watches.insert(descriptor, Polls { generation: self.generations, reading: false })?;
        self.arm_watch(id)?;
        Ok(id)
    }

    fn arm_watch(&mut self, id: WatchId) -> io::Result<()> {
        let watch = self.watches.get_mut(id)?;
        if !std::mem::replace(&mut watch.state.reading, true) {
            let token = Token::new(Operation::Readable, id, watch.state.generation);
            self.rings[0].poll(watch.descriptor.as_fd(), libc::POLLIN, true, token);
        }
        Ok(())
    }

    fn watch_of(&mut self, completion: Completion) -> Option<&mut Watch<Polls>> {
        let watch = self.watches.get_mut(completion.token.index()).ok()?;
        completion.token.is_of(watch.state.generation).then_some(watch)
    }

    pub(super) fn on_readable(&mut self, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let Some(watch) = self.watch_of(completion) else { return };
        watch.state.reading = completion.goes_on();
        watch.on_readable(woken);
    }

    pub(super) fn on_writable(&mut self, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let Some(watch) = self.watch_of(completion) else { return };
        watch.on_writable(woken);
    }

    pub(super) fn watch_readable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.watches.get_mut(id)?.poll_readable(context);
        if polled.is_pending() {
            self.arm_watch(id)?;
        }
        polled
    }

    pub(super) fn watch_writable(&mut self, id: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let watch = self.watches.get_mut(id)?;
        if watch.writing == Writing::Unwatched {
            let token = Token::new(Operation::Writable, id, watch.state.generation);
            self.rings[0].poll(watch.descriptor.as_fd(), libc::POLLOUT, false, token);
        }
        watch.poll_writable(context)
    }

    pub(super) fn end_watch(&mut self, id: WatchId) {
        let Some(watch) = self.watches.remove(id) else { return };
        let polls =
            [(watch.state.reading, Operation::Readable), (watch.writing == Writing::Armed, Operation::Writable)];
        for (_, operation) in polls.into_iter().filter(|&(is_under_way, _)| is_under_way) {
            self.rings[0].cancel(Token::new(operation, id, watch.state.generation));
        }
    }
}
