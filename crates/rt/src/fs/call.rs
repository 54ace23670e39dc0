//! An operation on its way: through the driver of the core that begins it, if that carries out operations on files; else through
//! the pool.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::operation::{Ended, FileJob, FileOperation, Outcome};
use crate::current;
use crate::executor::join::JoinError;
use crate::pool::{Pending, blocking};

/// A future of how the operation ended. Dropping it takes back what was not begun, and asks a driver to give up what was.
pub(super) struct Call(Way);

enum Way {
    New(FileOperation),
    Driver(Arc<FileJob>),
    Pool(Pending<Ended>),
    Over,
}

/// Whether this core's driver carries out operations on files.
pub(super) fn driver_has_files() -> bool {
    current::try_with(|worker| worker.driver().try_borrow().is_ok_and(|driver| driver.has_files())).unwrap_or(false)
}

impl Call {
    pub(super) fn new(operation: FileOperation) -> Call {
        Call(Way::New(operation))
    }

    /// Begins it now, if there is room, so that it may have ended by the time it is awaited.
    pub(super) fn begin(&mut self) {
        let Way::New(operation) = mem::replace(&mut self.0, Way::Over) else {
            unreachable!("an operation is begun once");
        };
        let begun = match on_this_core(operation) {
            Ok(job) => Way::Driver(job),
            Err(operation) => {
                let mut pending = blocking(move || operation.run());
                pending.begin();
                Way::Pool(pending)
            }
        };
        self.0 = begun;
    }

    /// How it ended, where there is no buffer to come back.
    pub(super) async fn outcome(self) -> io::Result<Outcome> {
        self.await.map_or_else(|failed| Err(failed.into()), |(result, _)| result)
    }

    /// As [`outcome`](Call::outcome), of an operation that opens.
    pub(super) async fn opened(self) -> io::Result<OwnedFd> {
        match self.outcome().await? {
            Outcome::Opened(descriptor) => Ok(descriptor),
            Outcome::Count(_) => unreachable!("what opens has opened"),
        }
    }

    /// How many bytes, and the buffer; an empty one if the pool failed.
    pub(super) async fn with_buffer(self) -> (io::Result<usize>, Vec<u8>) {
        match self.await {
            Ok((result, operation)) => (result.map(Outcome::count), operation.into_buffer()),
            Err(failed) => (Err(failed.into()), Vec::new()),
        }
    }
}

fn on_this_core(operation: FileOperation) -> Result<Arc<FileJob>, FileOperation> {
    let mut operation = Some(operation);
    let begun = current::try_with(|worker| {
        let mut driver = worker.driver().try_borrow_mut().ok()?;
        driver.begin_file(operation.take()?).map_err(|refused| operation = Some(refused)).ok()
    });
    begun.flatten().ok_or_else(|| operation.expect("what was not begun came back"))
}

impl Future for Call {
    type Output = Result<Ended, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if matches!(this.0, Way::New(_)) {
            this.begin();
        }
        let polled = match &mut this.0 {
            Way::Driver(job) => job.poll_result(context),
            Way::Pool(pending) => Pin::new(pending).poll(context),
            Way::New(_) | Way::Over => unreachable!("polled after it was ready"),
        };
        if polled.is_ready() {
            this.0 = Way::Over;
        }
        polled
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Way::Driver(job) = &self.0 else { return };
        job.abandon();
        // On another core, or while the driver is at work, it just goes on until it ends, and nobody is told.
        current::try_with(|worker| {
            if let Ok(mut driver) = worker.driver().try_borrow_mut() {
                driver.abandon_file(job);
            }
        });
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}
