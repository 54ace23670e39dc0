//! The atomics, locks and threads of the few files that several threads share: the standard library's, or, in a build with
//! `--cfg loom`, those of `loom`, which runs the models in `models/` through every order that the memory model permits.
//!
//! Only what a model looks into takes them from here. Rings are `rtrb`'s, which loom
//! does not see into; in its build another of the same steps stands for them.

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, fence};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread;

    pub(crate) use rtrb as ring;
}

#[cfg(loom)]
mod modelled {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, fence};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use loom::thread;

    pub(crate) use crate::models::ring;
}

#[cfg(loom)]
pub(crate) use modelled::*;
#[cfg(not(loom))]
pub(crate) use real::*;

/// Locks, also after a panic elsewhere: what these locks guard is whole whenever they are free.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
