//! A task that holds its core is named, and so is its end; an idle runtime's detector rests.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crore_rt::time::{self, Duration};
use crore_rt::{Runtime, core, spawn, stats, task_figures};

/// The log, readable while it is written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn has(&self, words: &[&str]) -> bool {
        let log = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&log);
        text.lines().any(|line| words.iter().all(|word| line.contains(word)))
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn a_selfish_task() {
    while stats(Some(core())).stalls == 0 {
        std::hint::spin_loop();
    }
}

#[test]
fn a_task_that_holds_its_core_is_named_and_so_is_its_end() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let threshold = Duration::from_millis(20);
    let runtime = Runtime::builder().workers(1).pin(false).stall_after(Some(threshold)).task_figures(true);
    runtime.build().unwrap().block_on(async move {
        let mut others = spawn(async { time::sleep(Duration::from_millis(1)).await });
        spawn(a_selfish_task()).await.unwrap();
        (&mut others).await.unwrap();
        assert!(stats(None).stalls >= 1, "a machine that schedules nobody for so long may add others");
        assert!(log.has(&["holds its core", "a_selfish_task", "core=0"]));
        while !log.has(&["has let go of it", "a_selfish_task"]) {
            time::sleep(Duration::from_millis(1)).await;
        }
        let figures = task_figures();
        let selfish = figures.iter().find(|figures| figures.name.contains("a_selfish_task")).unwrap();
        assert_eq!(selfish.polls, 1);
        assert!(selfish.longest >= threshold && selfish.busy == selfish.longest, "{selfish:?}");
    });
}

#[test]
fn a_threshold_that_cannot_be_told_is_refused() {
    let built = Runtime::builder().workers(1).stall_after(Some(Duration::from_millis(1))).build();
    let error = built.err().expect("it is refused").to_string();
    assert!(error.contains("1ms") && error.contains("10ms"), "{error}");
}
