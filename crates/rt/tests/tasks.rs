//! Tasks: spawning, joining, cancelling, panics, waking from anywhere; with the combinators of the `futures` crate.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use crore_base::time::Duration;
use crore_rt::channel::{mesh, mpsc as queue, oneshot};
use crore_rt::{JoinError, Runtime, core, spawn, spawn_detached, spawn_on, stats, task_count, time, yield_now};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, select};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).pin(false).build().expect("a small runtime can be built")
}

/// Sets a flag when dropped.
struct Witness(Rc<Cell<bool>>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_joined_task_gives_its_result() {
    let sum = runtime(1).block_on(async {
        let tasks: Vec<_> = (0..1000_u64).map(|n| spawn(async move { n })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it does not panic");
        }
        sum
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn dropping_a_handle_cancels_and_detaching_does_not() {
    runtime(1).block_on(async {
        let (dropped, detached) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let witness = Witness(Rc::clone(&dropped));
        let handle = spawn(async move {
            let _witness = witness;
            pending::<()>().await;
        });
        yield_now().await;
        assert!(!dropped.get());
        drop(handle);
        assert!(dropped.get(), "cancelled at once");
        let witness = Witness(Rc::clone(&detached));
        spawn(async move {
            yield_now().await;
            drop(witness);
        })
        .detach();
        while !detached.get() {
            yield_now().await;
        }
    });
}

#[test]
fn a_task_that_cancels_itself_ends_after_its_poll() {
    runtime(1).block_on(async {
        let own = Rc::new(RefCell::new(None));
        let (inside, after) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let (handle_place, reached, witness) = (Rc::clone(&own), Rc::clone(&inside), Witness(Rc::clone(&after)));
        let handle = spawn(async move {
            let _witness = witness;
            drop(handle_place.borrow_mut().take());
            reached.set(true);
            pending::<()>().await;
        });
        *own.borrow_mut() = Some(handle);
        while !after.get() {
            yield_now().await;
        }
        assert!(inside.get());
    });
}

#[test]
fn a_panic_ends_its_task_alone_and_is_counted() {
    runtime(1).block_on(async {
        let handle = spawn(async { panic!("on purpose") });
        match handle.await {
            Err(JoinError::Panicked(payload)) => assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose")),
            other => panic!("expected the panic, got {:?}", other.err()),
        }
        spawn_detached(async { panic!("unseen") }).expect("there is room");
        yield_now().await;
        yield_now().await;
        assert_eq!(stats(None).task_panics, 2);
    });
}

#[test]
fn when_main_returns_the_rest_is_dropped() {
    let dropped = Rc::new(Cell::new(false));
    let witness = Witness(Rc::clone(&dropped));
    runtime(2).block_on(async move {
        spawn_detached(async move {
            let _witness = witness;
            pending::<()>().await;
        })
        .expect("there is room");
        yield_now().await;
    });
    assert!(dropped.get());
}

#[test]
fn a_task_on_another_core_runs_there_and_can_be_cancelled_from_here() {
    runtime(3).block_on(async {
        for other in 0..3 {
            assert_eq!(spawn_on(other, || async { core() }).await.expect("it does not panic"), other);
        }
        let (told, dropped) = mpsc::channel::<()>();
        let handle = spawn_on(1, move || async move {
            let _told_when_dropped = told;
            pending::<()>().await;
        });
        drop(handle);
        while dropped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
            time::sleep(Duration::from_millis(1)).await;
        }
        let panicked = spawn_on(2, || async { panic!("over there") }).await;
        assert!(matches!(panicked, Err(JoinError::Panicked(_))));
    });
}

#[test]
fn ten_thousand_tasks_woken_by_other_threads_all_finish() {
    let done = runtime(1).block_on(async {
        let (wakers, to_wake) = mpsc::channel::<Waker>();
        let waking = thread::spawn(move || to_wake.into_iter().for_each(Waker::wake));
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                let wakers = wakers.clone();
                spawn(async move {
                    let mut sent = false;
                    poll_fn(|context| {
                        if std::mem::replace(&mut sent, true) {
                            return Poll::Ready(());
                        }
                        wakers.send(context.waker().clone()).expect("the thread listens");
                        Poll::Pending
                    })
                    .await;
                })
            })
            .collect();
        drop(wakers);
        let mut done = 0;
        for task in tasks {
            task.await.expect("it does not panic");
            done += 1;
        }
        waking.join().expect("it does not panic");
        done
    });
    assert_eq!(done, 10_000);
}

#[test]
fn a_waker_that_outlives_its_runtime_is_harmless() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = std::sync::Arc::clone(&place);
    runtime(1).block_on(poll_fn(move |context| {
        *keep.lock().unwrap() = Some(context.waker().clone());
        Poll::Ready(())
    }));
    let stale = place.lock().unwrap().take().expect("a waker was kept");
    stale.wake_by_ref();
    runtime(1).block_on(async move {
        stale.wake();
        yield_now().await;
    });
}

#[test]
fn the_combinators_of_futures_work() {
    runtime(1).block_on(async {
        let mut unordered: FuturesUnordered<_> = (0..100_u64)
            .map(|n| async move {
                time::sleep(Duration::from_micros(n % 7 * 500)).await;
                n
            })
            .collect();
        let mut seen = Vec::new();
        while let Some(n) = unordered.next().await {
            seen.push(n);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());

        let (sender, receiver) = oneshot::channel();
        let mut receiver = receiver.fuse();
        let mut timer = Box::pin(time::sleep(Duration::from_secs(3600)).fuse());
        spawn_detached(async move {
            yield_now().await;
            sender.send(7).expect("somebody waits");
        })
        .expect("there is room");
        let value = select! { value = receiver => value.expect("it was sent"), () = timer => 0 };
        assert_eq!(value, 7);
    });
}

#[test]
fn futures_of_every_size_keep_their_bytes() {
    async fn holder<const BYTES: usize>(fill: u8) -> bool {
        let bytes = [fill; BYTES];
        yield_now().await;
        bytes.iter().all(|&byte| byte == fill)
    }
    runtime(1).block_on(async {
        let mut all = Vec::new();
        for fill in 0..200 {
            all.push(spawn(holder::<1>(fill)));
            all.push(spawn(holder::<100>(fill)));
            all.push(spawn(holder::<1000>(fill)));
            all.push(spawn(holder::<10_000>(fill)));
            let aligned = spawn(async move {
                #[repr(align(64))]
                struct Line(u8);
                let line = Line(fill);
                yield_now().await;
                (&raw const line).addr().is_multiple_of(64) && line.0 == fill
            });
            all.push(aligned);
        }
        for (which, task) in all.into_iter().enumerate() {
            assert!(task.await.expect("it does not panic"), "future {which}");
        }
        assert_eq!(task_count(), 2, "only the main task and the one that waits for it");
    });
}

#[test]
fn a_full_queue_makes_its_senders_wait_and_loses_nothing() {
    runtime(1).block_on(async {
        let (sender, mut receiver) = queue::channel(2);
        let senders: Vec<_> = (0..10_u32)
            .map(|who| {
                let sender = sender.clone();
                spawn(async move {
                    for n in 0..100 {
                        sender.send(who * 100 + n).await.expect("the receiver lives");
                    }
                })
            })
            .collect();
        drop(sender);
        let mut seen = Vec::new();
        while let Some(value) = receiver.recv().await {
            seen.push(value);
        }
        for handle in senders {
            handle.await.expect("it does not panic");
        }
        for who in 0..10 {
            let of_one: Vec<u32> = seen.iter().copied().filter(|value| value / 100 == who).collect();
            assert_eq!(of_one, (who * 100..who * 100 + 100).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_tiny_mesh_carries_everything_in_order_between_all_cores() {
    const CORES: usize = 3;
    const EACH: u64 = 2_000;
    let sums: Vec<u64> = runtime(CORES).block_on(async {
        let mut ends: Vec<_> = mesh::mesh::<u64>(CORES, 2).into_iter().map(Some).collect();
        let handles: Vec<_> = (0..CORES)
            .map(|core| {
                let ends = ends[core].take().expect("each is taken once");
                spawn_on(core, move || async move { exchange(&ends.open(), EACH).await })
            })
            .collect();
        let mut sums = Vec::new();
        for handle in handles {
            sums.push(handle.await.expect("it does not panic"));
        }
        sums
    });
    assert_eq!(sums, [EACH * (EACH - 1) / 2 * CORES as u64; CORES]);
}

/// Sends 0.. to every core and sums up what comes, checking each sender's order.
async fn exchange(port: &mesh::Port<u64>, each: u64) -> u64 {
    let cores = crore_rt::cores();
    let (mut next_out, mut next_in, mut sum) = (vec![0; cores], vec![0; cores], 0);
    while next_out.iter().chain(&next_in).any(|&n| n < each) {
        let mut moved = false;
        for (to, next) in next_out.iter_mut().enumerate() {
            while *next < each && port.try_send(to, *next).is_ok() {
                *next += 1;
                moved = true;
            }
        }
        while let Some((from, value)) = port.try_recv() {
            assert_eq!(value, next_in[from], "in order from core {from}");
            next_in[from] += 1;
            sum += value;
            moved = true;
        }
        if !moved {
            port.changed().await;
        }
    }
    sum
}

#[test]
fn an_idle_runtime_sleeps() {
    runtime(2).block_on(async {
        let before = stats(None).turns;
        time::sleep(Duration::from_millis(300)).await;
        let turns = stats(None).turns - before;
        assert!(turns < 20, "{turns} turns while nothing was to be done");
    });
}

#[test]
fn an_unknown_driver_is_refused_with_the_known_ones() {
    let error = Runtime::builder().driver("kqueue9").build().err().expect("there is no such driver").to_string();
    assert!(error.contains("kqueue9") && error.contains("epoll"), "{error}");
}
