//! A ring of `rtrb`'s steps, for the models: two counters, each stored (release) by one end and loaded (acquire) by the other.
//! The values between them stand in a queue that loom does not see, as the slots of the real one: no counter, no order.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard};

use loom::sync::atomic::AtomicUsize;

pub(crate) use rtrb::PushError;

struct Ring<T> {
    values: Mutex<VecDeque<T>>,
    capacity: usize,
    pushed: AtomicUsize,
    popped: AtomicUsize,
}

pub(crate) struct Producer<T> {
    ring: Arc<Ring<T>>,
    pushed: usize,
}

pub(crate) struct Consumer<T> {
    ring: Arc<Ring<T>>,
    popped: usize,
}

pub(crate) struct RingBuffer;

impl RingBuffer {
    #[expect(clippy::new_ret_no_self, reason = "it stands for rtrb's")]
    pub(crate) fn new<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
        let (pushed, popped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ring = Arc::new(Ring { values: Mutex::default(), capacity, pushed, popped });
        (Producer { ring: Arc::clone(&ring), pushed: 0 }, Consumer { ring, popped: 0 })
    }
}

impl<T> Ring<T> {
    fn values(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.values.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<T> Producer<T> {
    pub(crate) fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        if self.pushed - self.ring.popped.load(Acquire) == self.ring.capacity {
            return Err(PushError::Full(value));
        }
        self.ring.values().push_back(value);
        self.pushed += 1;
        self.ring.pushed.store(self.pushed, Release);
        Ok(())
    }
}

impl<T> Consumer<T> {
    pub(crate) fn pop(&mut self) -> Result<T, rtrb::PopError> {
        if self.is_empty() {
            return Err(rtrb::PopError::Empty);
        }
        let value = self.ring.values().pop_front().expect("the counters say that it is there");
        self.popped += 1;
        self.ring.popped.store(self.popped, Release);
        Ok(value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.pushed.load(Acquire) == self.popped
    }
}
