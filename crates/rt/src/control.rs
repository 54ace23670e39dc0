//! Functions that one core asks another to run: the runtime's own mesh of single-producer rings.
//!
//! A ring that is full never blocks anybody: what does not fit waits at its sender, in order, and moves on in a later turn.

use std::collections::VecDeque;

use crate::executor::shared::SharedCore;
use crate::limits::CONTROL_RING;
use crate::sync::ring::{Consumer, Producer, PushError, RingBuffer};

/// Something to do on a core.
pub(crate) type Function = Box<dyn FnOnce() + Send>;

/// One core's ends of the rings to and from every core.
pub(crate) struct Control {
    outgoing: Vec<Outgoing>,
    incoming: Vec<Consumer<Function>>,
    /// The ring to look into first next time, so that all get their turn.
    first: usize,
}

struct Outgoing {
    ring: Producer<Function>,
    waiting: VecDeque<Function>,
    receiver: &'static SharedCore,
}

/// The rings of a runtime with these cores: one `Control` for each.
pub(crate) fn mesh(cores: &[&'static SharedCore]) -> Vec<Control> {
    let mut controls: Vec<Control> =
        cores.iter().map(|_| Control { outgoing: Vec::new(), incoming: Vec::new(), first: 0 }).collect();
    for from in 0..cores.len() {
        for (to, &receiver) in cores.iter().enumerate() {
            let (ring, end) = RingBuffer::new(CONTROL_RING);
            controls[from].outgoing.push(Outgoing { ring, waiting: VecDeque::new(), receiver });
            controls[to].incoming.push(end);
        }
    }
    controls
}

impl Control {
    pub(crate) fn send(&mut self, core: usize, function: Function) {
        let outgoing = &mut self.outgoing[core];
        outgoing.waiting.push_back(function);
        outgoing.push();
    }

    /// The next function to run here. Also moves on what waits for other cores.
    pub(crate) fn next(&mut self) -> Option<Function> {
        for outgoing in &mut self.outgoing {
            outgoing.push();
        }
        let rings = self.incoming.len();
        for step in 0..rings {
            let from = (self.first + step) % rings;
            if let Ok(function) = self.incoming[from].pop() {
                self.first = (from + 1) % rings;
                return Some(function);
            }
        }
        None
    }

    /// True while something waits at either end: the core must not sleep then.
    pub(crate) fn has_work(&self) -> bool {
        self.outgoing.iter().any(|outgoing| !outgoing.waiting.is_empty())
            || self.incoming.iter().any(|ring| !ring.is_empty())
    }
}

impl Outgoing {
    fn push(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        while let Some(function) = self.waiting.pop_front() {
            if let Err(PushError::Full(function)) = self.ring.push(function) {
                self.waiting.push_front(function);
                break;
            }
        }
        self.receiver.notify();
    }
}
