//! What a pool's thread does before its first job: it leaves the processor of whoever started it, and takes its rank.
//!
//! A thread inherits its processors from the one that starts it, and a worker is tied to one: without this, all the work of
//! a core would come back to that very core.

use std::sync::OnceLock;

use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::limits::COMPUTE_NICENESS;

/// The processors that this process may use, from before any thread was tied to one.
static PROCESSORS: OnceLock<CpuSet> = OnceLock::new();

/// To be called before a worker is tied to its processor; the first call counts.
pub(crate) fn remember_processors() {
    if let Ok(allowed) = sched_getaffinity(None) {
        let _ = PROCESSORS.set(allowed);
    }
}

/// Both are favours: a system that refuses them is served without.
pub(super) fn settle_in(low_priority: bool) {
    if let Some(processors) = PROCESSORS.get() {
        let _ = sched_setaffinity(None, processors);
    }
    if low_priority {
        // On Linux "this process" is this thread (setpriority(2), section BUGS). Who gives way already does not come forward.
        let inherited = getpriority_process(None).unwrap_or(0);
        let _ = setpriority_process(None, inherited.max(COMPUTE_NICENESS));
    }
}
