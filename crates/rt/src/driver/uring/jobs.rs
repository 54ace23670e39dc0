//! Operations on files: begun, gone on with after a part, ended, given up.
//!
//! They go through the first ring. The kernel tries a short read of what is in its cache when it is submitted, and leaves to threads of
//! its own what would wait, and all of what changes names (io_uring_enter(2)).
//!
//! `unsafe` here: the kernel has buffers and paths by address. Invariant: an operation stays at its place, untouched, from when it is
//! pushed until its completion, which is its only one, also if it was cancelled; whoever waited for it may be long gone.

use std::collections::VecDeque;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Waker;

use crore_base::time::Duration;
use rustix::io::Errno;

use super::Uring;
use super::file::made;
use super::ring::Ring;
use super::token::{Completion, Operation, Token};
use crate::executor::join::JoinError;
use crate::fs::{FileJob, FileOperation, Outcome};
use crate::limits::{URING_FILE_OPERATIONS_MAX, URING_FILES_LAST_WAIT};
use crate::stats;

/// The operations of one core: those under way, and the jobs that wait for a place, in order, each with a caller who waits for it or has
/// just given up.
#[derive(Default)]
pub(super) struct Jobs {
    places: Vec<Option<UnderWay>>,
    free: Vec<u32>,
    line: VecDeque<Arc<FileJob>>,
}

struct UnderWay {
    operation: FileOperation,
    /// None: nobody waits.
    job: Option<Arc<FileJob>>,
    /// A thread of the kernel's makes the attempts, whatever they take.
    apart: bool,
}

impl Jobs {
    /// How many the kernel has.
    fn under_way(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn has_room(&self) -> bool {
        self.under_way() < URING_FILE_OPERATIONS_MAX as usize
    }

    fn start(&mut self, ring: &mut Ring, operation: FileOperation, job: Option<Arc<FileJob>>) {
        assert!(self.has_room(), "{} operations on files are under way", self.under_way());
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[index as usize];
        assert!(place.is_none(), "a place is taken once");
        push(ring, index, place.insert(UnderWay { operation, job, apart: false }));
    }

    fn stand_in_line(&mut self, job: Arc<FileJob>) {
        if self.line.len() == self.line.capacity() {
            // Those who gave up meanwhile do not make it grow. With room for twice as many this costs a look at each job.
            self.line.retain(|job| !job.is_over());
            self.line.reserve(self.line.len() + 1);
        }
        self.line.push_back(job);
    }

    /// Begins what waits, as far as there is room.
    fn move_up(&mut self, ring: &mut Ring) {
        while self.has_room() {
            let Some(job) = self.line.pop_front() else { return };
            if let Some(operation) = job.begin() {
                self.start(ring, operation, Some(job));
            }
        }
    }

    /// The operation with this index has come to an end, or to the end of a part of it.
    pub(super) fn on_completion(&mut self, ring: &mut Ring, completion: Completion, wake: impl FnOnce(Waker)) {
        let index = completion.token.index();
        let place = &mut self.places[index as usize];
        let under_way = place.as_mut().expect("what completes was under way");
        let result = outcome(&under_way.operation, completion.result);
        let was_cancelled = matches!(result, Err(Errno::CANCELED));
        let would_block = matches!(result, Err(Errno::AGAIN)) && !under_way.apart;
        under_way.apart |= would_block;
        let ended = if would_block { None } else { under_way.operation.advance(result) };
        if ended.is_none() && under_way.job.as_ref().is_some_and(|job| !job.is_over()) {
            return push(ring, index, under_way);
        }
        let UnderWay { operation, job, .. } = place.take().expect("it was just there");
        self.free.push(index);
        match (operation, ended, job) {
            // The kernel has closed it, whatever else it says (close(2)), unless it never came to that.
            (FileOperation::Close(descriptor), ..) if !was_cancelled => mem::forget(descriptor),
            (operation, Some(end), Some(job)) => {
                job.settle(Ok((end, operation)), wake);
            }
            _ => {}
        }
        self.move_up(ring);
    }
}

fn push(ring: &mut Ring, index: u32, UnderWay { operation, apart, .. }: &mut UnderWay) {
    // SAFETY: the operation's memory stays as it is until its completion: see this file's invariant.
    unsafe { ring.operate(operation, *apart, Token::new(Operation::File, index, 0)) };
}

fn outcome(operation: &FileOperation, result: i32) -> Result<Outcome, Errno> {
    match (usize::try_from(result), operation) {
        (Err(_), _) => Err(Errno::from_raw_os_error(-result)),
        (Ok(_), FileOperation::Open { .. }) => Ok(Outcome::Opened(made(result))),
        (Ok(count), _) => Ok(Outcome::Count(count)),
    }
}

impl Uring {
    /// Whether the ring does the same as the system call: not for bytes without positions, nor for positions that are none, of which
    /// io_uring takes the last for "where the file stands".
    fn carries(&self, operation: &FileOperation) -> bool {
        let features = self.rings[0].features();
        let has_it = features.files && (features.resizes || !matches!(operation, FileOperation::Resize { .. }));
        let position = operation.position();
        has_it && position.is_none_or(|(file, first)| i64::try_from(first).is_ok() && file.has_positions())
    }

    pub(super) fn begin_job(&mut self, operation: FileOperation) -> Result<Arc<FileJob>, FileOperation> {
        if operation.is_done() || !self.carries(&operation) {
            return Err(operation);
        }
        self.counters.add(stats::FILE_OPERATIONS, 1);
        let job = Arc::new(FileJob::new(operation));
        self.jobs.stand_in_line(Arc::clone(&job));
        self.jobs.move_up(&mut self.rings[0]);
        Ok(job)
    }

    /// Gives up what is under way, and waits until the kernel has done with it: cancelling does not end what a thread of its own is
    /// at, and that writes to where it was told to.
    pub(super) fn end_jobs(&mut self) {
        let under_way = self.jobs.places.iter_mut().flatten().filter_map(|place| place.job.take());
        for job in under_way.chain(self.jobs.line.drain(..)) {
            // Somebody who waits for it elsewhere, if anybody.
            job.settle(Err(JoinError::Cancelled), Waker::wake);
        }
        if self.jobs.under_way() == 0 {
            return;
        }
        self.rings[0].cancel_all();
        let until = self.clock.now() + URING_FILES_LAST_WAIT;
        let mut completions = Vec::new();
        while self.jobs.under_way() > 0 {
            self.rings[0].take(&mut completions, usize::MAX);
            for completion in completions.drain(..).filter(|one| one.token.operation() == Operation::File) {
                self.jobs.on_completion(&mut self.rings[0], completion, Waker::wake);
            }
            let left = until.saturating_since(self.clock.now());
            if left == Duration::ZERO {
                let count = self.jobs.under_way();
                tracing::warn!(count, "a disk still works on operations on files: their buffers stay where they are");
                return mem::forget(mem::take(&mut self.jobs));
            }
            if self.jobs.under_way() > 0 {
                self.rings[0].enter(Some(left), true);
            }
        }
    }

    pub(super) fn abandon_job(&mut self, job: &Arc<FileJob>) {
        let is_it = |place: &Option<UnderWay>| {
            place.as_ref().and_then(|place| place.job.as_ref()).is_some_and(|other| Arc::ptr_eq(job, other))
        };
        if let Some(index) = self.jobs.places.iter().position(is_it) {
            self.rings[0].cancel(Token::new(Operation::File, index as u32, 0));
        }
    }

    /// Closes through the ring, which leaves it to a thread where the file system must be told.
    pub(super) fn close_by_job(&mut self, descriptor: OwnedFd) {
        if self.rings[0].features().files && self.jobs.has_room() {
            self.jobs.start(&mut self.rings[0], FileOperation::Close(descriptor), None);
        }
    }
}

#[cfg(test)]
mod tests;
