//! Work that would hold the core, on threads of its own: [`blocking`] for what waits, [`compute`] for what calculates.
//!
//! ```no_run
//! # crore_rt::Runtime::builder().build().unwrap().block_on(async {
//! let hosts = crore_rt::blocking(|| std::fs::read_to_string("/etc/hosts")).await;
//! let sum = crore_rt::compute(|| (0..1_000_000_000_u64).fold(0, |sum, n| sum ^ n)).await;
//! # });
//! ```
//!
//! The two pools belong to the process, not to a runtime: a thread that is stuck in a system call cannot be ended by anybody,
//! so a runtime that owned it would have to wait for it, maybe for ever. So the end of a runtime waits for nobody: its tasks
//! are dropped, which takes back what has not begun and abandons the results of what has; the threads finish what they run,
//! are there for the next runtime, and end with the process. What must be finished before the end is to be awaited.
//!
//! In a simulated world (`#[crore::test]`) there are no threads: the closure runs where it is awaited, in the next turn, so that
//! the same seed gives the same world.

mod job;
mod queue;
mod thread;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use self::job::Answer;
pub(crate) use self::job::Job;
use self::queue::{Place, Shared};
pub(crate) use self::queue::{Pool, Settings};
pub(crate) use self::thread::remember_processors;
use crate::executor::join::JoinError;
use crate::limits::{
    BLOCKING_QUEUED_MAX, BLOCKING_THREADS_MAX, COMPUTE_QUEUED_MAX, COMPUTE_THREADS_MIN, POOL_THREAD_KEPT,
};
use crate::{current, sim};

static BLOCKING: LazyLock<Pool> = LazyLock::new(|| {
    Pool::new(Settings {
        name: "crore-blocking",
        threads_max: BLOCKING_THREADS_MAX,
        queued_max: BLOCKING_QUEUED_MAX,
        kept: POOL_THREAD_KEPT,
        low_priority: false,
    })
});

static COMPUTE: LazyLock<Pool> = LazyLock::new(|| {
    Pool::new(Settings {
        name: "crore-compute",
        threads_max: COMPUTE_THREADS_MIN,
        queued_max: COMPUTE_QUEUED_MAX,
        kept: POOL_THREAD_KEPT,
        low_priority: true,
    })
});

/// Runs a closure that waits (for a disk, a resolver, a library that blocks) on another thread.
///
/// Threads are started when there is work, at most 128, and stay 10 s without work. At most 1,024 closures wait for a thread;
/// whoever comes then waits for a place, in order: back-pressure, not an error. Costs one allocation, two hand-overs between
/// threads and, where no thread is idle, the start of one.
///
/// Nothing happens until the future is polled. Dropping it takes the closure back if it has not begun, and abandons its
/// result if it has: a closure that runs cannot be stopped.
///
/// # Errors
/// [`JoinError::Panicked`]: the closure panicked. [`JoinError::NoThread`]: the pool has no thread, and the system starts none.
pub fn blocking<F, T>(closure: F) -> Pending<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    BLOCKING.submit(closure)
}

/// Runs a closure that calculates for longer than a turn may take (hashing, compressing, rendering) on another thread.
///
/// As [`blocking`], but on as many threads as the largest runtime so far has had cores, and with niceness 10: where both want
/// a processor, the loops have it first. So a long calculation is slow on a busy machine, and the connections are not.
///
/// # Errors
/// As [`blocking`].
pub fn compute<F, T>(closure: F) -> Pending<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if let Some(cores) = current::try_with(|worker| worker.cores()) {
        COMPUTE.shared.allow(cores);
    }
    COMPUTE.submit(closure)
}

/// What a pool has done since the process began, and what it does now. A closure is counted just after its result was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStats {
    /// Threads alive.
    pub threads: usize,
    /// Closures that wait for a thread.
    pub queued: usize,
    /// Callers that wait for a place in the queue.
    pub in_line: usize,
    /// Closures that run.
    pub running: usize,
    /// Closures that ran to their end.
    pub done: u64,
    /// Closures that panicked.
    pub panicked: u64,
    /// Closures that were taken back, and results that nobody wanted any more.
    pub abandoned: u64,
}

/// The figures of [`blocking`].
pub fn blocking_stats() -> PoolStats {
    BLOCKING.shared.stats()
}

/// The figures of [`compute`].
pub fn compute_stats() -> PoolStats {
    COMPUTE.shared.stats()
}

impl Pool {
    pub(crate) fn submit<F, T>(&self, closure: F) -> Pending<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Pending { pool: Arc::clone(&self.shared), job: Arc::new(Job::new(closure)), progress: Progress::New }
    }
}

/// A closure on its way through a pool: a future of its result.
#[must_use = "nothing runs unless this is awaited"]
pub struct Pending<T> {
    pool: Arc<Shared>,
    job: Arc<dyn Answer<T>>,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// Nobody but us has seen the closure.
    New,
    /// In a simulated world: it runs in the next turn, so that who awaits many of them does not hold the core.
    NextTurn,
    /// The pool has it, or will.
    At(Place),
    /// The result was given.
    Over,
}

impl<T: 'static> Pending<T> {
    /// Queues the closure now, if there is room, so that it may be done by the time it is awaited. In a simulated world it
    /// still runs when it is polled.
    pub(crate) fn begin(&mut self) {
        if self.progress == Progress::New
            && !sim::is_running()
            && let Some(place) = self.pool.offer(Arc::clone(&self.job) as _, None, None)
        {
            self.progress = Progress::At(place);
        }
    }

    fn poll_simulated(&mut self, context: &Context<'_>) -> Poll<Result<T, JoinError>> {
        if self.progress == Progress::New {
            self.progress = Progress::NextTurn;
            current::with(|worker| worker.defer(context.waker()));
            return Poll::Pending;
        }
        self.job.run();
        self.progress = Progress::Over;
        self.job.poll_result(context)
    }
}

impl<T: 'static> Future for Pending<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if sim::is_running() && matches!(this.progress, Progress::New | Progress::NextTurn) {
            return this.poll_simulated(context);
        }
        // The waker is in place before a thread can see the job.
        if let Poll::Ready(result) = this.job.poll_result(context) {
            this.progress = Progress::Over;
            return Poll::Ready(result);
        }
        let held = match this.progress {
            Progress::New | Progress::NextTurn => None,
            Progress::At(Place::InLine(ticket)) => Some(ticket),
            Progress::At(Place::Queued(_)) => return Poll::Pending,
            Progress::Over => unreachable!("a result is given once"),
        };
        let place = this.pool.offer(Arc::clone(&this.job) as _, held, Some(context.waker()));
        this.progress = Progress::At(place.expect("with a waker there is a place, if only in line"));
        Poll::Pending
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if self.progress == Progress::Over {
            return;
        }
        // The place first: dropping a closure is somebody else's code, which may panic.
        if let Progress::At(place) = self.progress {
            self.pool.leave(place);
        }
        self.job.abandon();
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        let kind = match error {
            JoinError::NoThread(kind) => kind,
            JoinError::Panicked(_) | JoinError::Cancelled | JoinError::Full => io::ErrorKind::Other,
        };
        io::Error::new(kind, error.to_string())
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
