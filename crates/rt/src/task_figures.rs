//! Figures of each kind of task on a core: how many polls, and how long they take. Kept where a runtime was told to.

use std::collections::HashMap;

use crore_base::time::{Duration, Instant};

use crate::current;

/// What one kind of task has done on a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskFigures {
    /// The type of the task's future.
    pub name: &'static str,
    /// Polls.
    pub polls: u64,
    /// Time in them.
    pub busy: Duration,
    /// The longest of them.
    pub longest: Duration,
}

/// The kinds of task of one core. As many as the program has types of tasks.
#[derive(Default)]
pub(crate) struct Kinds(HashMap<&'static str, TaskFigures>);

impl Kinds {
    pub(crate) fn add(&mut self, name: &'static str, begun: Instant, ended: Instant) {
        let took = ended.saturating_since(begun);
        let none = TaskFigures { name, polls: 0, busy: Duration::ZERO, longest: Duration::ZERO };
        let figures = self.0.entry(name).or_insert(none);
        figures.polls += 1;
        figures.busy = Duration::from_nanos(figures.busy.as_nanos().saturating_add(took.as_nanos()));
        figures.longest = figures.longest.max(took);
    }
}

/// The kinds of task that this core has polled, those that took most time first; empty unless
/// [`Builder::task_figures`](crate::Builder::task_figures) was asked for.
pub fn task_figures() -> Vec<TaskFigures> {
    let mut figures: Vec<TaskFigures> = current::with(|worker| {
        let kinds = worker.kinds()?.borrow();
        Some(kinds.0.values().copied().collect())
    })
    .unwrap_or_default();
    figures.sort_by_key(|figures| (std::cmp::Reverse(figures.busy), figures.name));
    figures
}
