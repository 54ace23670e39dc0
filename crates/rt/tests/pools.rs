//! The pools for closures that block and closures that calculate, as tasks see them.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use crore_base::time::Duration;
use crore_rt::{JoinError, Runtime, blocking, compute, pool, spawn, spawn_on, time, yield_now};
use futures::future::join_all;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().expect("a small runtime can be built")
}

#[test]
fn closures_run_on_other_threads_and_their_results_come_back() {
    runtime(2).block_on(async {
        let here = thread::current().id();
        let there = blocking(thread::current).await.expect("it does not panic");
        assert_ne!(there.id(), here);
        assert_eq!(there.name(), Some("crore-blocking"));
        let there = spawn_on(1, || async { compute(thread::current).await.expect("it does not panic") }).await;
        assert_eq!(there.expect("it does not panic").name(), Some("crore-compute"));
        let squares = join_all((0..3_000_u64).map(|n| blocking(move || n * n))).await;
        let sum: u64 = squares.into_iter().map(|square| square.expect("it does not panic")).sum();
        assert_eq!(sum, (0..3_000).map(|n| n * n).sum());
        assert!(pool::blocking_stats().threads <= crore_rt::limits::BLOCKING_THREADS_MAX);
    });
}

#[test]
fn the_loop_goes_on_while_a_closure_blocks() {
    runtime(1).block_on(async {
        let (release, released) = mpsc::channel::<()>();
        let blocked = spawn(blocking(move || released.recv()));
        // If the closure held the core, nobody would ever come here.
        for _ in 0..10 {
            time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!blocked.is_finished());
        release.send(()).expect("the closure waits");
        blocked.await.expect("it is not cancelled").expect("it does not panic").expect("it was released");
    });
}

#[test]
fn a_panic_comes_back_and_the_pool_goes_on() {
    runtime(1).block_on(async {
        let before = pool::compute_stats().panicked;
        for _ in 0..20 {
            match compute(|| -> () { panic!("on purpose") }).await {
                Err(JoinError::Panicked(payload)) => assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose")),
                other => panic!("expected the panic, got {other:?}"),
            }
        }
        assert_eq!(compute(|| 7).await.expect("it does not panic"), 7);
        while pool::compute_stats().panicked < before + 20 {
            yield_now().await; // the thread counts after it has told us
        }
    });
}

#[test]
fn a_calculation_is_not_tied_to_the_core_that_asked_and_gives_way_to_it() {
    let of_process = thread::available_parallelism().expect("it may be asked");
    runtime(1).block_on(async move {
        let (processors, niceness) = compute(|| {
            let processors = rustix::thread::sched_getaffinity(None).expect("it may be asked");
            (processors.count(), rustix::process::getpriority_process(None).expect("it may be asked"))
        })
        .await
        .expect("it does not panic");
        // The worker that asked is tied to one processor while this test runs.
        assert!(processors as usize >= of_process.get(), "{processors} processors");
        assert!(niceness >= crore_rt::limits::COMPUTE_NICENESS, "niceness {niceness}");
    });
}

#[test]
fn a_closure_whose_future_was_never_polled_does_not_run() {
    runtime(1).block_on(async {
        let ran = Arc::new(AtomicBool::new(false));
        let would = Arc::clone(&ran);
        drop(blocking(move || would.store(true, SeqCst)));
        blocking(|| ()).await.expect("it does not panic");
        assert!(!ran.load(SeqCst));
        assert_eq!(Arc::strong_count(&ran), 1);
    });
}

#[test]
fn a_runtime_ends_although_a_closure_never_does() {
    let (release, released) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let began = Rc::new(Cell::new(false));
    let seen = Rc::clone(&began);
    runtime(1).block_on(async move {
        spawn(blocking(move || {
            tell.send(()).expect("the test waits");
            released.recv()
        }))
        .detach();
        while told.try_recv().is_err() {
            time::sleep(Duration::from_millis(1)).await;
        }
        seen.set(true);
    });
    // The closure still waits: only now may it end.
    assert!(began.get());
    drop(release);
}

#[test]
fn a_deadline_gives_up_on_a_closure_that_hangs() {
    runtime(1).block_on(async {
        let (release, released) = mpsc::channel::<()>();
        let waited = time::timeout(Duration::from_millis(5), blocking(move || released.recv())).await;
        assert!(waited.is_err());
        drop(release);
    });
}

#[crore_rt::test(seeds = 3)]
async fn in_a_simulated_world_closures_run_on_its_own_thread_one_turn_later() {
    let here = thread::current().id();
    let other = Rc::new(Cell::new(false));
    let set = Rc::clone(&other);
    spawn(async move { set.set(true) }).detach();
    assert_eq!(blocking(move || thread::current().id()).await.expect("it does not panic"), here);
    assert!(other.get(), "the other tasks had their turn");
    assert_eq!(compute(move || thread::current().id()).await.expect("it does not panic"), here);
    let panicked = compute(|| panic!("on purpose")).await;
    assert!(matches!(panicked, Err(JoinError::Panicked(_))));
    yield_now().await;
}
