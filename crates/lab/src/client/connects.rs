//! A connection for each exchange: how fast a model accepts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_rt::spawn;
use crore_rt::time::{Instant, precise_now};

use super::caller::{Caller, Target};
use super::questions::{Kind, Questions};
use super::tally::Tally;
use crate::harness::limits::OPENINGS_MAX;

struct Run {
    target: Target,
    questions: Rc<Questions>,
    next: Cell<u64>,
    count: u64,
    tally: RefCell<Tally>,
    answered_at: RefCell<Vec<Instant>>,
}

/// Connects `count` times, 64 at the same time at most; each asks once and closes. Latencies go from the start of the connect to
/// the answer. Gives the moments of the answers, after the start, in ns, in order.
pub(crate) async fn run(target: Target, questions: &Rc<Questions>, count: u64) -> (Tally, Vec<u64>) {
    let start = precise_now();
    let run = Rc::new(Run {
        target,
        questions: Rc::clone(questions),
        next: Cell::new(0),
        count,
        tally: RefCell::default(),
        answered_at: RefCell::default(),
    });
    let tasks: Vec<_> = (0..OPENINGS_MAX.min(count)).map(|_| spawn(connect(Rc::clone(&run)))).collect();
    for task in tasks {
        if task.await.is_err() {
            run.tally.borrow_mut().failed("the client's own task panicked");
        }
    }
    let mut tally = run.tally.take();
    let moments: Vec<u64> = run.answered_at.take().iter().map(|moment| (*moment - start).as_nanos()).collect();
    assert_eq!(moments.len() as u64, tally.answers(), "each answer has its moment");
    tally.span = crore_rt::time::Duration::from_nanos(moments.last().copied().unwrap_or(0));
    (tally, moments)
}

async fn connect(run: Rc<Run>) {
    while run.next.get() < run.count {
        let index = run.next.replace(run.next.get() + 1);
        let begun = precise_now();
        match Caller::open(run.target, index, &run.questions).await {
            Ok(_) => {
                let now = precise_now();
                run.tally.borrow_mut().answered(Kind::Plain, now - begun);
                run.answered_at.borrow_mut().push(now);
            }
            Err(reason) => {
                run.tally.borrow_mut().failed(&reason);
                return; // this lane ends: what fails once would fail for as long as its deadline each time
            }
        }
    }
}

/// Milliseconds for each thousand of `moments`, which are ns after the start; fewer than a thousand: as long as a thousand would
/// take at that pace.
pub(crate) fn ms_of_each_thousand(moments: &[u64]) -> Vec<f64> {
    let Some(&last) = moments.last() else {
        return Vec::new();
    };
    if moments.len() < 1_000 {
        return vec![last as f64 / 1e6 * 1_000.0 / moments.len() as f64];
    }
    let before = |at: usize| at.checked_sub(1).map_or(0, |at| moments[at]);
    moments.chunks_exact(1_000).enumerate().map(|(nth, part)| (part[999] - before(nth * 1_000)) as f64 / 1e6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thousand_takes_what_lies_between_its_last_and_the_last_before() {
        let moments: Vec<u64> = (1..=2_500).map(|nth| nth * 1_000).collect();
        assert_eq!(ms_of_each_thousand(&moments), [1.0, 1.0]);
        assert_eq!(ms_of_each_thousand(&moments[..500]), [1.0]);
        assert!(ms_of_each_thousand(&[]).is_empty());
    }
}
