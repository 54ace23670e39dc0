//! A tokio runtime on a thread of its own, for client libraries that need one.
//!
//! [`Bridge::run`] sends a future there; what it gives back is awaited on the core, which is woken as by any other thread. Data crosses twice,
//! and two threads are woken for each future: for databases and the like, not for the data path. Dropping what is awaited aborts the
//! future; a panic comes back as an error. In a simulated world nothing knows when the other thread will answer, so use it on real ones.
//!
//! Invariants: at most [`BRIDGE_FUTURES_MAX`] futures are under way; the thread has ended when the last [`Bridge`] is gone, unless that was
//! dropped on the thread itself.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::limits::{BRIDGE_FUTURES_MAX, BRIDGE_LAST_WORDS};

/// A tokio runtime beside ours. Clones are the same one, for all cores; it ends with the last.
#[derive(Clone, Debug)]
pub struct Bridge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tokio: runtime::Handle,
    under_way: Arc<AtomicUsize>,
    /// Dropping it ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Why a future of a bridge has no result.
#[non_exhaustive]
pub enum BridgeError {
    /// It panicked; this is what it panicked with.
    Panicked(Box<dyn Any + Send>),
    /// The bridge ended before it did.
    Ended,
    /// As many futures are under way as may be.
    Full {
        /// How many that is.
        limit: usize,
    },
}

impl fmt::Debug for BridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for BridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BridgeError::Panicked(payload) => {
                let text = payload.downcast_ref::<&str>().copied();
                let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
                write!(f, "the future panicked on the bridge: {}", text.unwrap_or("(no text)"))
            }
            BridgeError::Ended => f.write_str("the bridge ended before the future did"),
            BridgeError::Full { limit } => {
                write!(f, "{limit} futures are under way on the bridge, and no more may be: wait for some of them")
            }
        }
    }
}

impl std::error::Error for BridgeError {}

impl Bridge {
    /// Starts the thread `crore-bridge` with a tokio runtime of one thread, its I/O and its timers.
    ///
    /// # Errors
    /// The system has no thread or descriptor for it.
    pub fn start() -> io::Result<Bridge> {
        let tokio = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = tokio.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // Nothing is ever sent: it ends because the sender is dropped.
            let _ = tokio.block_on(stopped);
            tokio.shutdown_timeout(BRIDGE_LAST_WORDS);
        };
        let thread = thread::Builder::new().name("crore-bridge".to_owned()).spawn(run)?;
        let (stop, thread) = (Some(stop), Some(thread));
        Ok(Bridge(Arc::new(Inner { tokio: handle, under_way: Arc::default(), stop, thread })))
    }

    /// Sends a future to the bridge, where it begins at once; await what comes back for its result. Drop that to abort the future.
    ///
    /// Costs an allocation and two wake-ups between threads. The first of them wakes the bridge.
    pub fn run<F>(&self, future: F) -> Bridged<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Some(place) = Place::take(&self.0.under_way) else { return Bridged { task: None } };
        let task = self.0.tokio.spawn(async move {
            let _place = place;
            future.await
        });
        Bridged { task: Some(task) }
    }

    /// How many futures are under way.
    pub fn under_way(&self) -> usize {
        self.0.under_way.load(Relaxed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.stop.take());
        let thread = self.thread.take().expect("it is there until now");
        // A future of the bridge may hold the last of it; then the thread ends after that future, and nobody waits.
        if thread.thread().id() != thread::current().id() {
            thread.join().expect("tokio catches the panics of its tasks, and nothing else runs there");
        }
    }
}

/// One of the futures that may be under way.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(under_way: &Arc<AtomicUsize>) -> Option<Place> {
        let place = Place(Arc::clone(under_way));
        let before = under_way.fetch_add(1, Relaxed);
        (before < BRIDGE_FUTURES_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let before = self.0.fetch_sub(1, Relaxed);
        assert!(before > 0, "each place is given back once");
    }
}

/// The result of a future that runs on the bridge. Dropping it aborts the future.
#[must_use = "dropping it aborts the future: await it"]
#[derive(Debug)]
pub struct Bridged<T> {
    /// None: the bridge was full.
    task: Option<JoinHandle<T>>,
}

impl<T> Future for Bridged<T> {
    type Output = Result<T, BridgeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = &mut self.task else {
            return Poll::Ready(Err(BridgeError::Full { limit: BRIDGE_FUTURES_MAX }));
        };
        Poll::Ready(match ready!(Pin::new(task).poll(context)) {
            Ok(result) => Ok(result),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => Err(BridgeError::Panicked(payload)),
                Err(_) => Err(BridgeError::Ended),
            },
        })
    }
}

impl<T> Drop for Bridged<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
