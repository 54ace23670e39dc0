//! One core's world: its tasks, its driver, its timers; and the turn that runs them.
//!
//! A turn is a batch: wait and harvest → expire timers → take what came from other cores → run ready tasks within a
//! budget → flush. Nothing outside is acted on in the middle of a turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use crore_base::counters::{CoreCounters, Counters};
use crore_base::time::{Duration, Instant};

use crate::clock::Clock;
use crate::control::Control;
use crate::driver::Driver;
use crate::executor::budget;
use crate::executor::shared::SharedCore;
use crate::executor::task::{CANCELLED, RUNNING, SCHEDULED, TaskPointer, Tasks};
use crate::executor::waker::{ForeignWakers, GENERATION_MASK, TaskRef, WakeSlot};
use crate::limits::TASKS_PER_TURN;
use crate::stall::Onlooker;
use crate::stats;
use crate::task_figures::Kinds;
use crate::timers::Timers;

/// Ready tasks whose memory is fetched before the first of them is polled.
const PREFETCH_AHEAD: usize = 4;

/// Turns after which a core that does not sleep tells how many connections and tasks it has.
const GAUGES_EVERY_TURNS: u64 = 64;

/// One core of a runtime. All of it belongs to one thread.
pub(crate) struct Worker {
    runtime_id: u8,
    core: usize,
    cores: usize,
    pub(crate) shared: &'static SharedCore,
    clock: Clock,
    now: Cell<Instant>,
    tasks: RefCell<Tasks>,
    ready: RefCell<VecDeque<u32>>,
    /// Tasks that gave way: ready again in the next turn, after the network has had its turn.
    deferred: RefCell<Vec<WakeSlot>>,
    driver: RefCell<Box<dyn Driver>>,
    /// Memory for those who are about to be woken; empty in between.
    woken: Cell<Vec<WakeSlot>>,
    timers: RefCell<Timers>,
    tls: crate::tls::Table,
    control: RefCell<Control>,
    foreign: RefCell<ForeignWakers>,
    /// Woken whenever something came from another core: who waits on a ring looks into it then.
    ring_waiters: RefCell<Vec<Rc<Cell<WakeSlot>>>>,
    all_counters: Arc<Counters>,
    counters: CoreCounters,
    onlooker: Option<Onlooker>,
    kinds: Option<Box<RefCell<Kinds>>>,
    stopping: Cell<bool>,
    turns: Cell<u64>,
}

/// What a worker is made of.
pub(crate) struct Parts {
    pub(crate) runtime_id: u8,
    pub(crate) core: usize,
    pub(crate) cores: usize,
    pub(crate) shared: &'static SharedCore,
    pub(crate) clock: Clock,
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) control: Control,
    pub(crate) counters: Arc<Counters>,
    /// Who looks for stalls, if anybody does.
    pub(crate) onlooker: Option<Onlooker>,
    /// Whether to keep figures of each kind of task.
    pub(crate) task_figures: bool,
}

impl Worker {
    pub(crate) fn new(parts: Parts) -> Rc<Worker> {
        assert!(parts.core < parts.cores);
        let now = parts.clock.now();
        Rc::new(Worker {
            runtime_id: parts.runtime_id,
            core: parts.core,
            cores: parts.cores,
            shared: parts.shared,
            clock: parts.clock,
            now: Cell::new(now),
            tasks: RefCell::new(Tasks::new()),
            ready: RefCell::default(),
            deferred: RefCell::default(),
            driver: RefCell::new(parts.driver),
            woken: Cell::default(),
            timers: RefCell::new(Timers::new(now)),
            tls: crate::tls::Table::default(),
            control: RefCell::new(parts.control),
            foreign: RefCell::default(),
            ring_waiters: RefCell::default(),
            counters: parts.counters.core(parts.core),
            all_counters: parts.counters,
            onlooker: parts.onlooker,
            kinds: parts.task_figures.then(Box::default),
            stopping: Cell::new(false),
            turns: Cell::new(0),
        })
    }

    pub(crate) fn runtime_id(&self) -> u8 {
        self.runtime_id
    }

    pub(crate) fn core(&self) -> usize {
        self.core
    }

    pub(crate) fn cores(&self) -> usize {
        self.cores
    }

    /// The time of this turn; the clock is read once a turn.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// The time right now.
    pub(crate) fn clock_now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn driver(&self) -> &RefCell<Box<dyn Driver>> {
        &self.driver
    }

    /// The TLS sessions of this core's streams.
    pub(crate) fn tls(&self) -> &crate::tls::Table {
        &self.tls
    }

    pub(crate) fn timers(&self) -> &RefCell<Timers> {
        &self.timers
    }

    pub(crate) fn control(&self) -> &RefCell<Control> {
        &self.control
    }

    pub(crate) fn foreign_wakers(&self) -> &RefCell<ForeignWakers> {
        &self.foreign
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.all_counters
    }

    /// Figures of each kind of task, if they are kept.
    pub(crate) fn kinds(&self) -> Option<&RefCell<Kinds>> {
        self.kinds.as_deref()
    }

    pub(crate) fn count(&self, counter: usize, amount: u64) {
        self.counters.add(counter, amount);
    }

    pub(crate) fn add_ring_waiter(&self, slot: Rc<Cell<WakeSlot>>) {
        self.ring_waiters.borrow_mut().push(slot);
    }

    /// Puts a future into a slot and into the ready queue. The future comes back when its size class is full, or when
    /// the runtime is ending.
    pub(crate) fn spawn<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<TaskRef, F> {
        if self.stopping.get() {
            return Err(future);
        }
        let (index, generation) = self.tasks.borrow_mut().insert(future)?;
        let task = TaskRef::new(self.runtime_id, self.core as u8, index, generation);
        self.make_ready(task);
        Ok(task)
    }

    /// Puts a task into the ready queue unless it is there. A stale number does nothing.
    pub(crate) fn make_ready(&self, task: TaskRef) {
        if self.is_live(task) {
            self.make_ready_at(task.index());
        }
    }

    /// Has a task woken in the next turn.
    pub(crate) fn defer(&self, waker: &Waker) {
        let mut slot = WakeSlot::EMPTY;
        slot.store(waker);
        self.deferred.borrow_mut().push(slot);
    }

    fn make_ready_at(&self, index: u32) {
        let Some(pointer) = self.tasks.borrow_mut().at(index) else {
            return;
        };
        if !pointer.has(SCHEDULED) {
            pointer.set(SCHEDULED);
            self.ready.borrow_mut().push_back(index);
        }
    }

    fn is_live(&self, task: TaskRef) -> bool {
        let generation = self.tasks.borrow().generation_at(task.index());
        generation.is_some_and(|generation| generation & GENERATION_MASK == task.generation())
    }

    /// Drops a task's future now, or as soon as its poll returns. A stale number does nothing.
    pub(crate) fn cancel(&self, task: TaskRef) {
        if !self.is_live(task) {
            return;
        }
        let pointer = self.tasks.borrow_mut().at(task.index()).expect("a live task has a slot");
        if pointer.has(RUNNING) {
            pointer.set(CANCELLED);
        } else {
            self.finish(task.index(), pointer);
        }
    }

    /// One turn. With `may_block`, sleeps until there is something to do.
    pub(crate) fn turn(&self, may_block: bool) {
        self.harvest(may_block);
        self.expire_timers();
        self.take_from_elsewhere();
        self.run_ready();
        self.with_driver_waking(|driver, woken| driver.flush(woken));
        if self.turns.get().is_multiple_of(GAUGES_EVERY_TURNS) {
            self.set_gauges();
        }
        self.turns.set(self.turns.get() + 1);
    }

    fn set_gauges(&self) {
        self.counters.set(stats::CONNECTIONS, self.driver.borrow().connection_count() as u64);
        self.counters.set(stats::TASKS, self.tasks.borrow().len() as u64);
    }

    /// True if a turn would find something to do without waiting.
    pub(crate) fn has_work(&self) -> bool {
        !self.ready.borrow().is_empty()
            || !self.deferred.borrow().is_empty()
            || self.shared.has_pending()
            || self.control.borrow().has_work()
            || self.next_deadline().is_some_and(|deadline| deadline <= self.clock.now())
    }

    /// When the next timer is due, a driver's own included.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.borrow().next_deadline();
        let driver = self.driver.borrow().next_deadline();
        [timer, driver].into_iter().flatten().min()
    }

    fn harvest(&self, may_block: bool) {
        let sleeps = may_block && !self.has_work() && self.shared.fall_asleep();
        let timeout = match sleeps {
            false => Some(Duration::ZERO),
            true => self.next_deadline().map(|deadline| deadline.saturating_since(self.clock.now())),
        };
        let slept_from = self.clock.now();
        if sleeps {
            self.set_gauges();
            self.counters.set(stats::ASLEEP_SINCE, slept_from.as_nanos());
        }
        self.with_driver_waking(|driver, woken| {
            driver.wait(timeout, woken);
            woken.append(&mut self.deferred.borrow_mut());
        });
        self.shared.wake_up();
        self.now.set(self.clock.now());
        self.count(stats::TURNS, 1);
        if sleeps {
            if let Some(onlooker) = &self.onlooker {
                onlooker.rouse();
            }
            self.counters.set(stats::ASLEEP_SINCE, 0);
            self.count(stats::SLEPT_NANOS, self.now.get().saturating_since(slept_from).as_nanos());
        }
    }

    /// Calls the driver, then wakes whom it named: wakers may be somebody else's code, which may call the driver.
    fn with_driver_waking(&self, call: impl FnOnce(&mut dyn Driver, &mut Vec<WakeSlot>)) {
        let mut woken = self.woken.take();
        call(&mut **self.driver.borrow_mut(), &mut woken);
        self.wake_all(woken);
    }

    fn expire_timers(&self) {
        let mut due = self.woken.take();
        self.timers.borrow_mut().expire(self.now.get(), &mut due);
        self.wake_all(due);
    }

    /// Wakes them all and keeps the list's memory.
    fn wake_all(&self, mut woken: Vec<WakeSlot>) {
        for mut slot in woken.drain(..) {
            slot.wake();
        }
        self.woken.set(woken);
    }

    fn take_from_elsewhere(&self) {
        let came = self.shared.take(|index| self.make_ready_at(index));
        if came {
            let waiters: Vec<WakeSlot> = self.ring_waiters.borrow().iter().map(|slot| slot.take()).collect();
            for mut slot in waiters {
                slot.wake();
            }
        }
        loop {
            // The function runs after the borrow: it may spawn, and send functions itself.
            let next = self.control.borrow_mut().next();
            match next {
                Some(function) => function(),
                None => break,
            }
        }
    }

    fn run_ready(&self) {
        for _ in 0..TASKS_PER_TURN {
            let (index, ahead) = {
                let mut ready = self.ready.borrow_mut();
                let Some(index) = ready.pop_front() else { return };
                (index, ready.get(PREFETCH_AHEAD - 1).copied())
            };
            if let Some(ahead) = ahead {
                self.tasks.borrow().prefetch(ahead);
            }
            self.run(index);
        }
    }

    fn run(&self, index: u32) {
        let Some(pointer) = self.tasks.borrow_mut().at(index) else {
            return; // cancelled after it was queued
        };
        if !pointer.has(SCHEDULED) {
            return; // cancelled, and the slot is somebody else's who is not queued
        }
        let generation = self.tasks.borrow().generation_at(index).expect("a live task has a generation");
        let waker = TaskRef::new(self.runtime_id, self.core as u8, index, generation).to_waker();
        pointer.clear(SCHEDULED);
        pointer.set(RUNNING);
        budget::refill();
        let polled = self.poll(pointer, &mut Context::from_waker(&waker));
        pointer.clear(RUNNING);
        if polled.is_err() {
            self.count_panic(pointer.name());
        }
        if !matches!(polled, Ok(std::task::Poll::Pending)) || pointer.has(CANCELLED) {
            self.finish(index, pointer);
        }
    }

    /// Polls a task, seen by who looks on. Err: it panicked.
    fn poll(&self, pointer: TaskPointer, context: &mut Context<'_>) -> thread::Result<Poll<()>> {
        let _span =
            tracing::trace_span!(target: "crore::task", "poll", task = pointer.name(), core = self.core).entered();
        let begun = self.kinds.as_ref().map(|_| self.clock.now());
        self.shared.polled.begin(pointer);
        let polled = catch_unwind(AssertUnwindSafe(|| pointer.poll(context)));
        self.shared.polled.end();
        self.count(stats::POLLS, 1);
        if let (Some(kinds), Some(begun)) = (&self.kinds, begun) {
            kinds.borrow_mut().add(pointer.name(), begun, self.clock.now());
        }
        polled
    }

    /// Drops the future and frees the slot. A drop that panics ends alone, too.
    fn finish(&self, index: u32, pointer: TaskPointer) {
        // While its future is being dropped the task counts as running: a wake-up or a cancel then changes nothing.
        let name = pointer.name();
        pointer.set(RUNNING);
        let dropped = catch_unwind(AssertUnwindSafe(|| pointer.drop_future()));
        self.tasks.borrow_mut().remove(index);
        if dropped.is_err() {
            self.count_panic(name);
        }
    }

    pub(crate) fn count_panic(&self, task: &'static str) {
        self.count(stats::TASK_PANICS, 1);
        tracing::error!(task, core = self.core, "a task panicked and was ended; the others go on");
    }

    /// Drops every task, as in Go when `main` returns. Tasks that others' destructors spawn are refused.
    pub(crate) fn stop(&self) {
        self.stopping.set(true);
        let indexes = self.tasks.borrow().indexes();
        for index in indexes {
            let pointer = self.tasks.borrow_mut().at(index);
            if let Some(pointer) = pointer {
                self.finish(index, pointer);
            }
        }
        assert_eq!(self.tasks.borrow().len(), 0, "a stopped worker has no tasks");
        self.with_driver_waking(|driver, woken| driver.flush(woken));
        self.driver.borrow_mut().finish();
    }

    pub(crate) fn task_count(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// Gives memory of tasks and connections back to the system after a storm: bytes.
    pub(crate) fn trim(&self) -> usize {
        self.tasks.borrow_mut().trim() + self.driver.borrow_mut().trim()
    }
}
