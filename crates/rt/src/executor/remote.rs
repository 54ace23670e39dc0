//! Spawning on another core: a function travels there, makes its future there, and the result travels back.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

use super::join::{JoinError, poll_caught, spawn_detached};
use crate::current;

struct State<T> {
    result: Option<Result<T, JoinError>>,
    waiter: Option<Waker>,
    runner: Option<Waker>,
    cancelled: bool,
}

/// The one place where two cores share a lock: it is taken a few times in the life of such a task, never on a hot path.
struct Shared<T>(Mutex<State<T>>);

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn settle(&self, result: Result<T, JoinError>) {
        let mut state = self.state();
        if state.result.is_none() {
            state.result = Some(result);
            let waiter = state.waiter.take();
            drop(state);
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }
    }
}

/// A task on another core. Like [`JoinHandle`](crate::JoinHandle): await it, or drop it to cancel, or detach it.
#[must_use = "dropping the handle cancels the task: await it, or call detach()"]
pub struct RemoteHandle<T> {
    shared: Option<Arc<Shared<T>>>,
}

impl<T> RemoteHandle<T> {
    /// Lets the task run to its end without anybody waiting for it.
    pub fn detach(mut self) {
        self.shared = None;
    }
}

impl<T> Drop for RemoteHandle<T> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            let mut state = shared.state();
            state.cancelled = true;
            let runner = state.runner.take();
            drop(state);
            if let Some(runner) = runner {
                runner.wake();
            }
        }
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared.as_ref().expect("a detached handle is gone");
        let mut state = shared.state();
        match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                state.waiter = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Runs the future until it ends or its handle is dropped.
struct Runner<F: Future> {
    future: Pin<Box<F>>,
    shared: Arc<Shared<F::Output>>,
}

impl<F: Future> Future for Runner<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        {
            let mut state = this.shared.state();
            if state.cancelled {
                return Poll::Ready(());
            }
            state.runner = Some(context.waker().clone());
        }
        let result = ready!(poll_caught(this.future.as_mut(), context));
        this.shared.settle(result);
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Runner<F> {
    fn drop(&mut self) {
        self.shared.settle(Err(JoinError::Cancelled));
    }
}

/// Starts a task on core `core` (counted from 0): `make` is called there, and its future never leaves that core.
///
/// # Panics
/// If there is no such core.
pub fn spawn_on<F, M>(core: usize, make: M) -> RemoteHandle<F::Output>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let state = State { result: None, waiter: None, runner: None, cancelled: false };
    let shared = Arc::new(Shared(Mutex::new(state)));
    let there = Arc::clone(&shared);
    let start = move || {
        let future = Box::pin(async move { make().await });
        let unsettled = Arc::clone(&there);
        if spawn_detached(Runner { future, shared: there }).is_err() {
            unsettled.settle(Err(JoinError::Full));
        }
    };
    current::with(|worker| {
        let cores = worker.cores();
        assert!(core < cores, "there is no core {core}: the runtime has {cores}, counted from 0");
        worker.control().borrow_mut().send(core, Box::new(start));
    });
    RemoteHandle { shared: Some(shared) }
}
