//! Bounded single-producer rings between every two cores: the only way data travels from core to core.
//!
//! Nobody ever blocks on a ring. `try_send` says when there is no room; whoever waits in [`Port::changed`] is told when
//! something came in or room came free. Two lanes that must not wait for each other are two meshes.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::task::{Context, Poll};

use crate::current;
use crate::executor::shared::{SharedCore, core_of};
use crate::executor::waker::WakeSlot;
use crate::sync::ring::{Consumer, Producer, PushError, RingBuffer};
use crate::sync::{AtomicBool, fence};

/// The ends of one core, made anywhere, to be [opened](Ends::open) on that core.
pub struct Ends<T> {
    core: usize,
    outgoing: Vec<Outgoing<T>>,
    incoming: Vec<Incoming<T>>,
}

/// The sender's end of one ring.
pub(crate) struct Outgoing<T> {
    ring: Producer<T>,
    /// The sender found the ring full: whoever takes from it tells.
    starved: Arc<AtomicBool>,
}

/// The receiver's end of one ring.
pub(crate) struct Incoming<T> {
    ring: Consumer<T>,
    starved: Arc<AtomicBool>,
}

/// One ring, with its word of want.
pub(crate) fn lane<T>(capacity: usize) -> (Outgoing<T>, Incoming<T>) {
    let (producer, consumer) = RingBuffer::new(capacity);
    let starved = Arc::new(AtomicBool::new(false));
    (Outgoing { ring: producer, starved: Arc::clone(&starved) }, Incoming { ring: consumer, starved })
}

impl<T> Outgoing<T> {
    /// Puts a value in and tells the receiver. The value comes back if there is no room; the receiver tells the sender when
    /// there is.
    pub(crate) fn try_send(&mut self, value: T, receiver: &SharedCore) -> Result<(), T> {
        let mut pushed = self.ring.push(value);
        if let Err(PushError::Full(back)) = pushed {
            // Announce the want first, then look once more: the other side may have taken one in between. Of the two fences
            // one comes first, so either we find the room or the other side finds the want.
            self.starved.store(true, Relaxed);
            fence(SeqCst);
            pushed = self.ring.push(back);
        }
        match pushed {
            Ok(()) => {
                receiver.notify();
                Ok(())
            }
            Err(PushError::Full(back)) => Err(back),
        }
    }
}

impl<T> Incoming<T> {
    /// Takes a value out, and tells the sender if it wants room.
    pub(crate) fn try_recv(&mut self, sender: &SharedCore) -> Option<T> {
        let value = self.ring.pop().ok()?;
        fence(SeqCst);
        if self.starved.load(Relaxed) && self.starved.swap(false, Relaxed) {
            sender.notify();
        }
        Some(value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }
}

/// Rings of `capacity` values between each two of `cores` cores: one set of ends for each core, in order.
///
/// # Panics
/// If `cores` or `capacity` is zero.
pub fn mesh<T: Send>(cores: usize, capacity: usize) -> Vec<Ends<T>> {
    assert!(cores > 0 && capacity > 0);
    let mut ends: Vec<Ends<T>> =
        (0..cores).map(|core| Ends { core, outgoing: Vec::new(), incoming: Vec::new() }).collect();
    for from in 0..cores {
        for to in 0..cores {
            let (outgoing, incoming) = lane(capacity);
            ends[from].outgoing.push(outgoing);
            ends[to].incoming.push(incoming);
        }
    }
    ends
}

impl<T> Ends<T> {
    /// Takes the ends into use on their core.
    ///
    /// # Panics
    /// On another core than the one they were made for.
    pub fn open(self) -> Port<T> {
        let waiter = Rc::new(Cell::new(WakeSlot::EMPTY));
        let runtime = current::with(|worker| {
            assert_eq!(worker.core(), self.core, "the ends of core {} were opened elsewhere", self.core);
            worker.add_ring_waiter(Rc::clone(&waiter));
            worker.runtime_id()
        });
        Port {
            runtime,
            outgoing: RefCell::new(self.outgoing),
            incoming: RefCell::new(self.incoming),
            first: Cell::new(0),
            waiter,
        }
    }
}

/// One core's place in a mesh.
pub struct Port<T> {
    runtime: u8,
    outgoing: RefCell<Vec<Outgoing<T>>>,
    incoming: RefCell<Vec<Incoming<T>>>,
    /// The ring to look into first next time, so that all get their turn.
    first: Cell<usize>,
    waiter: Rc<Cell<WakeSlot>>,
}

impl<T> Port<T> {
    /// Sends to core `to`, without waiting.
    ///
    /// # Errors
    /// The value, when the ring is full: [`changed`](Port::changed) tells when to try again.
    ///
    /// # Panics
    /// If there is no such core.
    pub fn try_send(&self, to: usize, value: T) -> Result<(), T> {
        self.outgoing.borrow_mut()[to].try_send(value, self.core(to))
    }

    /// The next value and the core it came from; every core gets its turn.
    pub fn try_recv(&self) -> Option<(usize, T)> {
        let mut incoming = self.incoming.borrow_mut();
        let rings = incoming.len();
        for step in 0..rings {
            let from = (self.first.get() + step) % rings;
            if let Some(value) = incoming[from].try_recv(self.core(from)) {
                self.first.set((from + 1) % rings);
                return Some((from, value));
            }
        }
        None
    }

    /// Waits until something came in, or room came free where there was none.
    pub async fn changed(&self) {
        let mut waited = false;
        poll_fn(
            |context| {
                if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { self.poll_changed(context) }
            },
        )
        .await;
    }

    /// Has `context` woken at the next change; ready at once if something is there to receive.
    pub fn poll_changed(&self, context: &Context<'_>) -> Poll<()> {
        let mut slot = self.waiter.take();
        slot.store(context.waker());
        self.waiter.set(slot);
        if self.incoming.borrow().iter().any(|incoming| !incoming.is_empty()) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn core(&self, core: usize) -> &'static SharedCore {
        core_of(self.runtime, core).expect("the mesh has as many cores as the runtime")
    }
}

impl<T> Drop for Port<T> {
    fn drop(&mut self) {
        self.waiter.take().clear();
    }
}
