//! Small pools, in which a queue is full with one job and the only thread is busy when the test wants it.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::Wake;

use super::*;

fn small(threads_max: usize, queued_max: usize) -> Pool {
    let kept = std::time::Duration::from_secs(60);
    Pool::new(Settings { name: "small", threads_max, queued_max, kept, low_priority: false })
}

/// Counts how often it was woken, and lets a test wait for that.
struct Bell(AtomicUsize, std::thread::Thread);

impl Bell {
    fn new() -> Arc<Bell> {
        Arc::new(Bell(AtomicUsize::new(0), std::thread::current()))
    }

    fn rung(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        self.1.unpark();
    }
}

fn poll<T: 'static>(pending: &mut Pending<T>, bell: &Arc<Bell>) -> Poll<Result<T, JoinError>> {
    Pin::new(pending).poll(&mut Context::from_waker(&Arc::clone(bell).into()))
}

fn wait<F: Future>(future: F) -> F::Output {
    let (mut future, bell) = (pin!(future), Bell::new());
    let waker = Arc::clone(&bell).into();
    loop {
        let rung = bell.rung();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while bell.rung() == rung {
            std::thread::park();
        }
    }
}

/// Keeps the pool's thread busy until the sender is dropped.
fn occupy(pool: &Pool) -> (mpsc::Sender<()>, Pending<()>) {
    let (release, released) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let mut busy = pool.submit(move || {
        tell.send(()).expect("the test waits");
        let _ = released.recv();
    });
    assert!(poll(&mut busy, &Bell::new()).is_pending());
    told.recv().expect("the closure runs");
    (release, busy)
}

#[test]
fn who_finds_the_queue_full_waits_in_line_and_is_let_in_in_order() {
    let pool = small(1, 1);
    let (release, busy) = occupy(&pool);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let bells: Vec<_> = (0..4).map(|_| Bell::new()).collect();
    let mut all: Vec<_> = (0..4)
        .map(|who| {
            let order = Arc::clone(&order);
            pool.submit(move || order.lock().unwrap().push(who))
        })
        .collect();
    for (pending, bell) in all.iter_mut().zip(&bells) {
        assert!(poll(pending, bell).is_pending());
    }
    let stats = pool.shared.stats();
    assert_eq!((stats.running, stats.queued, stats.in_line), (1, 1, 3));
    drop(all.remove(2)); // it waited in line
    assert_eq!(pool.shared.stats().in_line, 2);
    drop(release);
    wait(busy).expect("it does not panic");
    for pending in all {
        wait(pending).expect("it does not panic");
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 3]);
    assert_eq!(pool.shared.stats().abandoned, 0, "who only waited in line was never the pool's");
}

#[test]
fn a_place_that_was_granted_and_not_taken_is_passed_on() {
    let pool = small(1, 1);
    let (_release, _busy) = occupy(&pool);
    let (first, second, third) = (Bell::new(), Bell::new(), Bell::new());
    let (mut queued, mut granted, mut next) = (pool.submit(|| ()), pool.submit(|| ()), pool.submit(|| ()));
    assert!(poll(&mut queued, &first).is_pending());
    assert!(poll(&mut granted, &second).is_pending());
    assert!(poll(&mut next, &third).is_pending());
    drop(queued);
    assert_eq!((second.rung(), third.rung()), (1, 0), "the first in line is let in");
    let mut newcomer = pool.submit(|| ());
    assert!(poll(&mut newcomer, &first).is_pending());
    assert_eq!(pool.shared.stats().queued, 0, "nobody overtakes who was granted the place");
    drop(granted);
    assert_eq!(third.rung(), 1, "the grant went to the next");
    assert!(poll(&mut next, &third).is_pending());
    assert_eq!((pool.shared.stats().queued, pool.shared.stats().in_line), (1, 1));
}

#[test]
fn a_closure_that_was_taken_back_never_runs_and_is_dropped_at_once() {
    let pool = small(1, 4);
    let (release, busy) = occupy(&pool);
    let witness = Arc::new(());
    let held = Arc::clone(&witness);
    let mut pending = pool.submit(move || drop(held));
    assert!(poll(&mut pending, &Bell::new()).is_pending());
    drop(pending);
    assert_eq!(Arc::strong_count(&witness), 1);
    drop(release);
    wait(busy).expect("it does not panic");
    wait(pool.submit(|| ())).expect("it does not panic");
    assert_eq!(pool.shared.stats().abandoned, 1);
}

/// Does not like to be dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped on purpose");
    }
}

#[test]
fn a_closure_that_panics_when_it_is_taken_back_passes_its_place_on() {
    let pool = small(1, 1);
    let (release, busy) = occupy(&pool);
    let bomb = Bomb;
    let (mut queued, mut next) = (pool.submit(move || std::mem::forget(bomb)), pool.submit(|| 7));
    let bell = Bell::new();
    assert!(poll(&mut queued, &Bell::new()).is_pending());
    assert!(poll(&mut next, &bell).is_pending());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(queued))).is_err());
    assert_eq!((bell.rung(), pool.shared.stats().queued), (1, 0));
    drop(release);
    wait(busy).expect("it does not panic");
    assert_eq!(wait(next).expect("it does not panic"), 7);
}

#[test]
fn a_waker_that_panics_costs_no_job_and_no_thread() {
    struct Angry;
    impl Wake for Angry {
        fn wake(self: Arc<Self>) {
            panic!("woken on purpose");
        }
    }
    let pool = small(1, 1);
    let (release, busy) = occupy(&pool);
    let mut queued = pool.submit(|| 7);
    assert!(poll(&mut queued, &Bell::new()).is_pending());
    let mut in_line = pool.submit(|| ());
    assert!(Pin::new(&mut in_line).poll(&mut Context::from_waker(&Arc::new(Angry).into())).is_pending());
    drop(release);
    wait(busy).expect("it does not panic");
    assert_eq!(wait(queued).expect("the thread lives, and took it"), 7);
    drop(in_line);
    assert_eq!(wait(pool.submit(|| 8)).expect("there is a place"), 8);
    // It is counted just after its result was given.
    while pool.shared.stats().running > 0 {
        std::thread::yield_now();
    }
    assert_eq!(pool.shared.stats().threads, 1);
}

#[test]
fn a_result_that_panics_when_nobody_wants_it_leaves_the_thread_alive() {
    let pool = small(1, 4);
    let (release, released) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let mut pending = pool.submit(move || {
        tell.send(()).expect("the test waits");
        let _ = released.recv();
        Bomb
    });
    assert!(poll(&mut pending, &Bell::new()).is_pending());
    told.recv().expect("the closure runs");
    drop(pending);
    drop(release);
    assert_eq!(wait(pool.submit(|| 7)).expect("the thread lives"), 7);
    assert_eq!((pool.shared.stats().threads, pool.shared.stats().abandoned), (1, 1));
}

#[test]
fn a_pool_that_ends_lets_its_threads_go() {
    let pool = small(3, 4);
    let (release, busy) = occupy(&pool);
    let shared = Arc::clone(&pool.shared);
    drop(pool);
    drop(release);
    wait(busy).expect("what was begun is finished");
    while shared.stats().threads > 0 {
        std::thread::yield_now();
    }
}
