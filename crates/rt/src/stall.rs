//! The stall detector: a thread that looks on, and names the task that holds its core too long.
//!
//! A task that computes or blocks in one poll keeps everything else of its core waiting, and nothing inside that core could say so. The
//! detector costs a core two stores a poll. While all cores sleep it sleeps too: a core that wakes up wakes it, so an idle runtime stays
//! idle. What a long poll should do instead: [`yield_now`](crate::yield_now), or have it computed elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst, fence};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crore_base::counters::Counters;

use crate::executor::shared::SharedCore;
use crate::limits::STALL_LOOKS;
use crate::stats;

/// The detector of one runtime. Dropping it ends its thread.
pub(crate) struct StallDetector {
    rest: Arc<Rest>,
    thread: Option<JoinHandle<()>>,
}

/// The detector's sleep, which the cores end.
pub(crate) struct Rest {
    is_resting: AtomicBool,
    is_ending: AtomicBool,
}

/// What a core is told of the detector: whom to wake when it wakes up itself.
#[derive(Clone)]
pub(crate) struct Onlooker {
    rest: Arc<Rest>,
    thread: Thread,
}

impl Onlooker {
    /// The core has woken up: nobody may rest.
    pub(crate) fn rouse(&self) {
        fence(SeqCst);
        if self.rest.is_resting.load(SeqCst) {
            self.thread.unpark();
        }
    }
}

impl StallDetector {
    /// Starts looking at `cores`, whose polls are counted in `counters`. A poll of `threshold` is a stall.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(
        threshold: Duration,
        cores: Vec<&'static SharedCore>,
        counters: Arc<Counters>,
    ) -> std::io::Result<StallDetector> {
        let rest = Arc::new(Rest { is_resting: AtomicBool::new(false), is_ending: AtomicBool::new(false) });
        let theirs = Arc::clone(&rest);
        let thread = thread::Builder::new().name("crore-stalls".to_owned());
        let thread = thread.spawn(move || look_on(threshold, &cores, &counters, &theirs))?;
        Ok(StallDetector { rest, thread: Some(thread) })
    }

    pub(crate) fn onlooker(&self) -> Onlooker {
        let thread = self.thread.as_ref().expect("the thread is there until the detector is dropped");
        Onlooker { rest: Arc::clone(&self.rest), thread: thread.thread().clone() }
    }
}

impl Drop for StallDetector {
    fn drop(&mut self) {
        self.rest.is_ending.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It looks and sleeps, and can do nothing else.
            let _ = thread.join();
        }
    }
}

/// What the detector has seen of one core.
#[derive(Clone, Copy)]
struct Seen {
    polls: u64,
    task: &'static str,
    since: Instant,
    is_reported: bool,
}

fn look_on(threshold: Duration, cores: &[&'static SharedCore], counters: &Arc<Counters>, rest: &Rest) {
    let mut seen: Vec<Option<Seen>> = vec![None; cores.len()];
    while !rest.is_ending.load(SeqCst) {
        for (core, (shared, seen)) in cores.iter().zip(&mut seen).enumerate() {
            *seen = look(core, shared, counters, *seen, threshold);
        }
        thread::park_timeout(threshold / STALL_LOOKS);
        if seen.iter().all(Option::is_none) {
            rest_with(cores, rest);
        }
    }
}

/// Sleeps while all cores do. Announced first and looked after then, as the cores wake first and look then: one of both is seen.
fn rest_with(cores: &[&'static SharedCore], rest: &Rest) {
    rest.is_resting.store(true, SeqCst);
    fence(SeqCst);
    while cores.iter().all(|core| core.is_asleep()) && !rest.is_ending.load(SeqCst) {
        thread::park();
    }
    rest.is_resting.store(false, SeqCst);
}

/// Looks at one core: the poll that is under way, if it is.
fn look(
    core: usize,
    shared: &SharedCore,
    counters: &Arc<Counters>,
    seen: Option<Seen>,
    threshold: Duration,
) -> Option<Seen> {
    let (polls, now) = (counters.of(core, stats::POLLS), Instant::now());
    let task = shared.polled.name();
    let same = seen.filter(|seen| seen.polls == polls && task == Some(seen.task));
    if same.is_none()
        && let Some(Seen { task, since, is_reported: true, .. }) = seen
    {
        let held_ms = (now - since).as_millis();
        tracing::warn!(core, task, held_ms, "the task that held its core has let go of it");
    }
    let fresh = |task| Seen { polls, task, since: now, is_reported: false };
    let mut looked = same.or(task.map(fresh))?;
    let held = now - looked.since;
    if held >= threshold && !looked.is_reported {
        looked.is_reported = true;
        let (task, held_ms) = (looked.task, held.as_millis());
        tracing::warn!(core, task, held_ms, "a task holds its core: everything else there waits");
        counters.core(core).add(stats::STALLS, 1);
    }
    Some(looked)
}
