//! Which worker the running thread is at this moment.
//!
//! A real worker is its thread's for ever; the simulator lets several take turns on one thread.

use std::cell::RefCell;
use std::rc::Rc;

use crate::worker::Worker;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Worker>>> = const { RefCell::new(None) };
}

/// Runs `f` with this thread's worker.
///
/// # Panics
/// Outside a runtime: everything in this crate that touches tasks, time or the network belongs inside `block_on`.
pub(crate) fn with<T>(f: impl FnOnce(&Worker) -> T) -> T {
    try_with(f)
        .expect("called outside a crore runtime: run it inside Runtime::block_on, #[crore::main] or #[crore::test]")
}

/// Runs `f` with this thread's worker, if it has one.
pub(crate) fn try_with<T>(f: impl FnOnce(&Worker) -> T) -> Option<T> {
    // While a thread ends its locals may be gone; then there is no worker either.
    CURRENT.try_with(|current| current.try_borrow().ok()?.as_deref().map(f)).ok().flatten()
}

/// Makes `worker` the current one until the guard is dropped; then it is again whoever was before.
pub(crate) fn enter(worker: &Rc<Worker>) -> Entered {
    let before = CURRENT.with(|current| current.borrow_mut().replace(Rc::clone(worker)));
    Entered { before }
}

pub(crate) struct Entered {
    before: Option<Rc<Worker>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let entered = CURRENT.with(|current| std::mem::replace(&mut *current.borrow_mut(), before));
        drop(entered);
    }
}
