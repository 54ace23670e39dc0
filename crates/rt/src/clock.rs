//! Where a worker's time comes from: the machine's monotonic clock, or the simulated world's.

use std::cell::Cell;
use std::rc::Rc;

use crore_base::time::Instant;

#[derive(Clone)]
pub(crate) enum Clock {
    /// Nanoseconds since this instant, the same for all workers of a runtime.
    Real(std::time::Instant),
    /// Whatever the world says it is.
    Virtual(Rc<Cell<Instant>>),
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        match self {
            Clock::Real(origin) => {
                Instant::from_nanos(u64::try_from(origin.elapsed().as_nanos()).expect("584 years have not passed"))
            }
            Clock::Virtual(now) => now.get(),
        }
    }
}
