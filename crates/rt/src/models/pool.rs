//! A pool's hand-over: jobs come while threads start, wait and end, while the queue is full, and while nobody wants them any more.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::sync::atomic::AtomicUsize;
use loom::thread;

use super::model::check;
use crate::pool::{Pending, Pool, Settings};

fn pool(threads_max: usize, queued_max: usize, kept: Duration) -> Arc<Pool> {
    Arc::new(Pool::new(Settings { name: "model", threads_max, queued_max, kept, low_priority: false }))
}

/// Loom's threads wait without a limit, so a kept thread stays until the pool ends.
const KEPT: Duration = Duration::from_secs(1);

/// Awaits all of them at once, in one task.
fn all<T: 'static>(pending: Vec<Pending<T>>) -> Vec<T> {
    let pending = RefCell::new(pending);
    let mut results: Vec<Option<T>> = pending.borrow().iter().map(|_| None).collect();
    block_on(poll_fn(|context| {
        for (pending, result) in pending.borrow_mut().iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(ready) = Pin::new(pending).poll(context)
            {
                *result = Some(ready.expect("it does not panic"));
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    }));
    results.into_iter().flatten().collect()
}

#[test]
fn a_job_that_comes_while_the_only_thread_ends_is_run() {
    check(2, || {
        let pool = pool(1, 2, Duration::ZERO);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || block_on(pool.submit(|| 1)).expect("it does not panic"))
        };
        assert_eq!(block_on(pool.submit(|| 2)).expect("it does not panic"), 2);
        assert_eq!(other.join().expect("it does not panic"), 1);
    });
}

#[test]
fn a_job_that_comes_while_a_thread_falls_idle_is_run() {
    check(2, || {
        let pool = pool(1, 2, KEPT);
        for round in 0..2 {
            assert_eq!(block_on(pool.submit(move || round)).expect("it does not panic"), round);
        }
    });
}

#[test]
fn two_threads_serve_two_callers() {
    check(2, || {
        let pool = pool(2, 2, KEPT);
        assert_eq!(all(vec![pool.submit(|| 1), pool.submit(|| 2)]), [1, 2]);
    });
}

#[test]
fn whoever_waits_in_line_is_let_in() {
    check(2, || {
        let pool = pool(1, 1, KEPT);
        assert_eq!(all((0..3).map(|n| pool.submit(move || n)).collect()), [0, 1, 2]);
    });
}

#[test]
fn a_job_that_nobody_wants_any_more_runs_once_or_never_and_lets_the_next_in() {
    check(2, || {
        let pool = pool(1, 1, KEPT);
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let mut unwanted = pool.submit(move || counted.fetch_add(1, SeqCst));
        assert!(Pin::new(&mut unwanted).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || block_on(pool.submit(|| 7)).expect("it does not panic"))
        };
        drop(unwanted);
        assert_eq!(other.join().expect("it does not panic"), 7);
        assert!(runs.load(SeqCst) <= 1);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn planted_a_caller_that_drops_its_waker_waits_for_ever() {
    check(2, || {
        let pool = pool(1, 2, KEPT);
        let mut pending = pool.submit(|| 1);
        block_on(poll_fn(|_| Pin::new(&mut pending).poll(&mut Context::from_waker(Waker::noop())))).expect("never");
    });
}
