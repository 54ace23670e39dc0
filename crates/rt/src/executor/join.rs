//! Spawning on this core, and the handle that waits for, cancels or lets go of what was spawned.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::waker::{TaskRef, WakeSlot};
use crate::current;

/// Why a task has no result.
pub enum JoinError {
    /// It panicked; this is what it panicked with.
    Panicked(Box<dyn Any + Send>),
    /// It was cancelled, or the runtime ended before it did.
    Cancelled,
    /// It was never begun: the core has no room for more tasks of this size.
    Full,
    /// It was never begun: its pool has no thread, and the system starts none, for this reason.
    NoThread(std::io::ErrorKind),
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Panicked(payload) => write!(f, "the task panicked: {}", panic_text(&**payload)),
            JoinError::Cancelled => f.write_str("the task was cancelled"),
            JoinError::Full => f.write_str("the core has no room for another task of this size"),
            JoinError::NoThread(why) => write!(f, "the pool has no thread and the system starts none: {why}"),
        }
    }
}

impl std::error::Error for JoinError {}

pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

/// No task slot of the size needed is free on this core (16 M a size class), or the runtime is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TasksFull;

impl fmt::Display for TasksFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = crate::limits::TASKS_PER_CLASS_MAX;
        write!(f, "no room for another task of this size on this core ({most} at most), or the runtime is ending")
    }
}

impl std::error::Error for TasksFull {}

struct JoinCell<T> {
    result: RefCell<Option<Result<T, JoinError>>>,
    waiter: Cell<WakeSlot>,
}

impl<T> JoinCell<T> {
    fn settle(&self, result: Result<T, JoinError>) {
        let mut place = self.result.borrow_mut();
        if place.is_none() {
            *place = Some(result);
            drop(place);
            self.waiter.take().wake();
        }
    }
}

/// A spawned task. Awaiting it gives the task's result; **dropping it cancels the task**, so that nothing runs on without
/// an owner. [`detach`](JoinHandle::detach) lets the task run.
#[must_use = "dropping the handle cancels the task: await it, or call detach()"]
pub struct JoinHandle<T> {
    cell: Rc<JoinCell<T>>,
    task: Option<TaskRef>,
}

impl<T> JoinHandle<T> {
    /// Lets the task run to its end without anybody waiting for it.
    pub fn detach(mut self) {
        self.task = None;
    }

    /// Drops the task's future now, or, called from inside that task, as soon as its poll returns.
    pub fn cancel(&mut self) {
        if let Some(task) = self.task.take() {
            current::try_with(|worker| worker.cancel(task));
        }
    }

    /// True when a result is there.
    pub fn is_finished(&self) -> bool {
        self.cell.result.borrow().is_some()
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        self.cancel();
        let mut waiter = self.cell.waiter.take();
        waiter.clear();
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(result) = this.cell.result.borrow_mut().take() {
            this.task = None;
            return Poll::Ready(result);
        }
        let mut waiter = this.cell.waiter.take();
        waiter.store(context.waker());
        this.cell.waiter.set(waiter);
        Poll::Pending
    }
}

/// Polls a future whose panic is its result's, and counted.
pub(super) fn poll_caught<F: Future>(
    future: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<Result<F::Output, JoinError>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => {
            current::with(|worker| worker.count_panic(std::any::type_name::<F>()));
            Poll::Ready(Err(JoinError::Panicked(payload)))
        }
    }
}

/// The task behind a handle: settles the cell when it ends, however it ends.
struct Joined<F: Future> {
    future: Pin<Box<F>>,
    cell: Rc<JoinCell<F::Output>>,
}

impl<F: Future> Future for Joined<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let result = ready!(poll_caught(this.future.as_mut(), context));
        this.cell.settle(result);
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Joined<F> {
    fn drop(&mut self) {
        self.cell.settle(Err(JoinError::Cancelled));
    }
}

/// Starts a task on this core. It is polled first when the running task yields.
///
/// Costs a slot, a box for the future and a counted cell for the result; where no result is wanted and many tasks live, as for
/// connections, [`spawn_detached`] costs the slot alone.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let cell = Rc::new(JoinCell { result: RefCell::new(None), waiter: Cell::default() });
    let joined = Joined { future: Box::pin(future), cell: Rc::clone(&cell) };
    let task = match current::with(|worker| worker.spawn(joined)) {
        Ok(task) => Some(task),
        Err(refused) => {
            refused.cell.settle(Err(JoinError::Full));
            None
        }
    };
    JoinHandle { cell, task }
}

/// Starts a task that nobody waits for: Go's `go`. Costs one slot of the future's size and eight bytes, nothing else.
///
/// # Errors
/// [`TasksFull`]; the future is dropped.
pub fn spawn_detached<F>(future: F) -> Result<(), TasksFull>
where
    F: Future<Output = ()> + 'static,
{
    let refused = match current::with(|worker| worker.spawn(future)) {
        Ok(_) => return Ok(()),
        Err(future) => future,
    };
    drop(refused);
    Err(TasksFull)
}

/// Gives way: the other ready tasks, the network and the timers have their turn first.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        current::with(|worker| worker.defer(context.waker()));
        Poll::Pending
    })
}
