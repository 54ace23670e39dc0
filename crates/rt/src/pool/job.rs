//! One closure on its way through a pool: from the task that asks, to the thread that runs it, and the result back. An operation on
//! a file takes the same way through a ring ([`FileJob`](crate::fs::FileJob)).
//!
//! Not the queue (`queue.rs`). Invariants: the closure is run once or never; the result goes to the one who asked or is
//! dropped; whoever waits is woken after the result is there; closures, results and wakers are dropped while nothing is
//! locked, because dropping them is somebody else's code.

use std::any::Any;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use crate::executor::join::JoinError;
use crate::sync::{Mutex, lock};

/// What a pool's thread sees of a job.
pub(super) trait Work: Send + Sync {
    /// Runs the closure, unless nobody wants its result any more.
    fn run(&self) -> Ran;
    /// The job will never be run: no thread could be started.
    fn refuse(&self, why: io::ErrorKind);
}

/// What the one who asked sees of it.
pub(super) trait Answer<T>: Work {
    /// As [`Job::poll_result`].
    fn poll_result(&self, context: &Context<'_>) -> Poll<Result<T, JoinError>>;
    /// As [`Job::abandon`].
    fn abandon(&self);
}

/// How a job ended, for the counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ran {
    /// The result was given to whoever asked.
    Done,
    /// So was its panic.
    Panicked,
    /// Nobody wanted it any more, before or after it ran.
    Abandoned,
}

pub(crate) struct Job<F, T>(Mutex<Stage<F, T>>);

enum Stage<F, T> {
    /// Nobody has begun it.
    Given { closure: F, waiter: Option<Waker> },
    /// A thread runs it.
    Running { waiter: Option<Waker> },
    /// The result waits to be fetched.
    Done(Result<T, JoinError>),
    /// The result was fetched, or nobody will fetch it.
    Over,
}

impl<F, T> Job<F, T> {
    pub(crate) fn new(closure: F) -> Job<F, T> {
        Job(Mutex::new(Stage::Given { closure, waiter: None }))
    }

    /// Takes the closure to run it; none when it was abandoned.
    pub(crate) fn begin(&self) -> Option<F> {
        let mut stage = lock(&self.0);
        match mem::replace(&mut *stage, Stage::Over) {
            Stage::Given { closure, waiter } => {
                *stage = Stage::Running { waiter };
                Some(closure)
            }
            Stage::Over => None,
            Stage::Running { .. } | Stage::Done(_) => unreachable!("a job is begun once: its queue gave it out once"),
        }
    }

    /// Leaves the result for whoever asked, and gives whom to wake to `wake`; false when nobody wants it.
    pub(crate) fn settle(&self, result: Result<T, JoinError>, wake: impl FnOnce(Waker)) -> bool {
        let mut stage = lock(&self.0);
        let (closure, waiter) = match mem::replace(&mut *stage, Stage::Over) {
            Stage::Given { closure, waiter } => (Some(closure), waiter),
            Stage::Running { waiter } => (None, waiter),
            Stage::Over => {
                drop(stage);
                drop(result);
                return false;
            }
            Stage::Done(_) => unreachable!("a job has one result"),
        };
        *stage = Stage::Done(result);
        drop(stage);
        if let Some(waiter) = waiter {
            wake(waiter);
        }
        drop(closure);
        true
    }

    /// The result, once. Until it is there, `context` is woken when it comes.
    pub(crate) fn poll_result(&self, context: &Context<'_>) -> Poll<Result<T, JoinError>> {
        let mine = context.waker().clone();
        let mut stage = lock(&self.0);
        let before = match &mut *stage {
            Stage::Given { waiter, .. } | Stage::Running { waiter } => waiter.replace(mine),
            Stage::Done(_) => match mem::replace(&mut *stage, Stage::Over) {
                Stage::Done(result) => return Poll::Ready(result),
                _ => unreachable!("it was looked at under the same lock"),
            },
            Stage::Over => panic!("polled after it was ready"),
        };
        drop(stage);
        drop(before);
        Poll::Pending
    }

    /// Nobody wants the result any more. A closure that was not begun is dropped here and now.
    pub(crate) fn abandon(&self) {
        let stage = mem::replace(&mut *lock(&self.0), Stage::Over);
        drop(stage);
    }

    /// True if nobody wants the result any more, or it was given.
    pub(crate) fn is_over(&self) -> bool {
        matches!(*lock(&self.0), Stage::Over)
    }
}

impl<F, T> Work for Job<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self) -> Ran {
        let Some(closure) = self.begin() else { return Ran::Abandoned };
        let result: Result<T, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(closure));
        let ran = if result.is_ok() { Ran::Done } else { Ran::Panicked };
        if self.settle(result.map_err(JoinError::Panicked), Waker::wake) { ran } else { Ran::Abandoned }
    }

    fn refuse(&self, why: io::ErrorKind) {
        self.settle(Err(JoinError::NoThread(why)), Waker::wake);
    }
}

impl<F, T> Answer<T> for Job<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn poll_result(&self, context: &Context<'_>) -> Poll<Result<T, JoinError>> {
        self.poll_result(context)
    }

    fn abandon(&self) {
        self.abandon();
    }
}
