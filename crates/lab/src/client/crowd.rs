//! Opening many connections, until there are enough or one fails.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_rt::spawn;

use super::caller::{Caller, Target};
use super::questions::Questions;
use crate::harness::limits::OPENINGS_MAX;

/// Connections that are open, each with an answer.
#[derive(Default)]
pub(crate) struct Crowd {
    pub(crate) callers: Vec<Caller>,
    /// What the first one met that could not be opened.
    pub(crate) stopped_by: Option<String>,
}

struct Opening {
    target: Target,
    questions: Rc<Questions>,
    next: Cell<u64>,
    until: u64,
    opened: RefCell<Vec<Caller>>,
    stopped_by: RefCell<Option<String>>,
}

impl Crowd {
    /// Opens connections until there are `count`, at most 64 at the same time; no more after one has failed, now or before.
    pub(crate) async fn grow(&mut self, count: u64, target: Target, questions: &Rc<Questions>) {
        let held = self.held();
        if self.stopped_by.is_some() || held >= count {
            return;
        }
        let opening = Rc::new(Opening {
            target,
            questions: Rc::clone(questions),
            next: Cell::new(held),
            until: count,
            opened: RefCell::default(),
            stopped_by: RefCell::default(),
        });
        let lanes = OPENINGS_MAX.min(count - held);
        let tasks: Vec<_> = (0..lanes).map(|_| spawn(open(Rc::clone(&opening)))).collect();
        for task in tasks {
            if task.await.is_err() {
                opening.stopped_by.borrow_mut().get_or_insert("the client's own task panicked".to_owned());
            }
        }
        self.callers.append(&mut opening.opened.borrow_mut());
        self.stopped_by = opening.stopped_by.take();
        assert!(self.held() <= count, "no more are opened than were asked for");
    }

    /// How many are open.
    pub(crate) fn held(&self) -> u64 {
        self.callers.len() as u64
    }
}

async fn open(opening: Rc<Opening>) {
    while opening.stopped_by.borrow().is_none() && opening.next.get() < opening.until {
        let index = opening.next.replace(opening.next.get() + 1);
        match Caller::open(opening.target, index, &opening.questions).await {
            Ok(caller) => opening.opened.borrow_mut().push(caller),
            Err(reason) => {
                opening.stopped_by.borrow_mut().get_or_insert(reason);
            }
        }
    }
}
