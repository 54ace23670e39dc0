//! Tasks of one core: where they live, how they are woken, how they are spawned, joined and cancelled.

mod bell;
pub(crate) mod budget;
pub(crate) mod join;
pub(crate) mod remote;
pub(crate) mod shared;
pub(crate) mod task;
mod wakemap;
pub(crate) mod waker;
