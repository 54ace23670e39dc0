//! Futures of tokio, awaited on our cores.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use crore_compat::{Bridge, BridgeError};
use crore_rt::{Runtime, spawn_on};
use tokio::net::{TcpListener, TcpStream};

fn block_on<F: Future<Output = ()> + 'static>(workers: usize, test: F) {
    Runtime::builder().workers(workers).pin(false).build().unwrap().block_on(test);
}

/// Tells when it is dropped.
struct Tell(mpsc::Sender<()>);

impl Drop for Tell {
    fn drop(&mut self) {
        // Nobody may be listening any more.
        let _ = self.0.send(());
    }
}

#[test]
fn what_needs_tokio_runs_there_and_its_result_comes_back() {
    block_on(1, async {
        let bridge = Bridge::start().unwrap();
        let here = std::thread::current().id();
        let port = bridge.run(async move {
            assert_ne!(std::thread::current().id(), here);
            tokio::time::sleep(Duration::from_millis(1)).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move { listener.accept().await.unwrap().0.try_write(b"hello").unwrap() });
            port
        });
        let port = port.await.unwrap();
        let said = bridge.run(async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let mut said = [0; 5];
            stream.readable().await.unwrap();
            stream.try_read(&mut said).unwrap();
            said
        });
        assert_eq!(&said.await.unwrap(), b"hello");
    });
}

#[test]
fn all_cores_may_use_one_bridge() {
    block_on(3, async {
        let bridge = Bridge::start().unwrap();
        let work = |core: usize| {
            let bridge = bridge.clone();
            spawn_on(core, move || async move {
                let mut sum = 0;
                for number in 0..300 {
                    sum += bridge.run(async move { number + core }).await.unwrap();
                }
                sum
            })
        };
        let sums: Vec<_> = (0..3).map(work).collect();
        for (core, sum) in sums.into_iter().enumerate() {
            assert_eq!(sum.await.unwrap(), 300 * 299 / 2 + 300 * core);
        }
        assert_eq!(bridge.under_way(), 0);
    });
}

#[test]
fn a_panic_comes_back_as_an_error_and_the_bridge_goes_on() {
    block_on(1, async {
        let bridge = Bridge::start().unwrap();
        let error = bridge.run(async { panic!("on the other side") }).await.unwrap_err();
        assert_eq!(error.to_string(), "the future panicked on the bridge: on the other side");
        assert_eq!(bridge.run(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn what_nobody_awaits_any_more_is_aborted() {
    block_on(1, async {
        let bridge = Bridge::start().unwrap();
        let (sender, dropped) = mpsc::channel();
        let tell = Tell(sender);
        let bridged = bridge.run(async move {
            let _tell = tell;
            pending::<()>().await;
        });
        assert_eq!(bridge.under_way(), 1);
        drop(bridged);
        dropped.recv().unwrap();
        // The place is given back with the future, which the other thread may still be dropping.
        while bridge.under_way() > 0 {
            std::thread::yield_now();
        }
    });
}

#[test]
fn a_bridge_that_ends_takes_its_futures_with_it() {
    block_on(1, async {
        let bridge = Bridge::start().unwrap();
        let (sender, dropped) = mpsc::channel();
        let tell = Tell(sender);
        let bridged = bridge.run(async move {
            let _tell = tell;
            pending::<()>().await;
        });
        drop(bridge);
        // The thread has ended, so this is true already.
        dropped.try_recv().unwrap();
        assert!(matches!(bridged.await, Err(BridgeError::Ended)));
    });
}

#[test]
fn the_last_of_a_bridge_may_be_dropped_on_the_bridge() {
    block_on(1, async {
        let bridge = Bridge::start().unwrap();
        let (own, (sender, dropped)) = (bridge.clone(), mpsc::channel());
        let (go, waits) = tokio::sync::oneshot::channel::<()>();
        let tell = Tell(sender);
        let bridged = bridge.run(async move {
            let _tell = tell;
            waits.await.unwrap();
            drop(own);
        });
        drop(bridge);
        go.send(()).unwrap();
        dropped.recv().unwrap();
        // Whether it came to its end before the runtime did is the scheduler's business; it does not hang.
        assert!(matches!(bridged.await, Ok(()) | Err(BridgeError::Ended)));
    });
}
