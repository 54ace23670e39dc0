//! A descriptor that its task reads and writes itself, and the driver's watch on it.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;

use super::Lease;
use crate::current;
use crate::driver::WatchId;

#[cfg(test)]
mod tests;

#[derive(Debug)]
pub(super) struct Watched {
    descriptor: OwnedFd,
    watch: WatchId,
    /// The last read did not say that nothing is left, so reading is tried before waiting.
    has_more: std::cell::Cell<bool>,
}

impl Watched {
    /// Watches a descriptor that does not block.
    pub(super) fn new(descriptor: OwnedFd) -> io::Result<Watched> {
        let copy = descriptor.try_clone()?;
        let watch = current::with(|worker| worker.driver().borrow_mut().watch(copy))?;
        Ok(Watched { descriptor, watch, has_more: std::cell::Cell::new(false) })
    }

    pub(super) fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }

    /// Reads into a buffer that the core lends; waits while `read` would block.
    pub(super) fn poll_read<T>(
        &self,
        context: &Context<'_>,
        mut read: impl FnMut(&OwnedFd, Lease) -> Result<io::Result<T>, Errno>,
    ) -> Poll<io::Result<T>> {
        loop {
            if !self.has_more.get() {
                let polled = current::with(|worker| worker.driver().borrow_mut().poll_watch(self.watch, context));
                ready!(polled)?;
                self.has_more.set(true);
            }
            let lease = current::with(|worker| worker.driver().borrow_mut().lease())?;
            match read(&self.descriptor, lease) {
                Ok(result) => return Poll::Ready(result),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.has_more.set(false),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes; waits while `write` would block.
    pub(super) fn poll_write<T>(
        &self,
        context: &Context<'_>,
        mut write: impl FnMut(&OwnedFd) -> Result<T, Errno>,
    ) -> Poll<io::Result<T>> {
        loop {
            match write(&self.descriptor) {
                Ok(written) => return Poll::Ready(Ok(written)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let polled =
                        current::with(|worker| worker.driver().borrow_mut().poll_watch_writable(self.watch, context));
                    ready!(polled)?;
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        current::try_with(|worker| worker.driver().borrow_mut().unwatch(self.watch));
    }
}
