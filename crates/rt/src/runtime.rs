//! Building a runtime and running it: one worker on the calling thread, the others on threads of their own.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::abort;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;

use crore_base::counters::Counters;
use crore_base::time::Duration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::clock::Clock;
use crate::control::{self, Control};
use crate::current;
use crate::driver::{self, Driver, Model, Surroundings, UringOptions, stack};
use crate::executor::join::{JoinError, spawn};
use crate::executor::shared::{PlaceGuard, SharedCore};
use crate::limits::{CONNECTIONS_PER_CORE_MAX, CORES_MAX, STALL_MIN};
use crate::net::Network;
use crate::pool;
use crate::stall::StallDetector;
use crate::stats;
use crate::worker::{Parts, Worker};

/// Settings of a runtime that is to be.
#[derive(Debug, Clone)]
pub struct Builder {
    workers: usize,
    driver: String,
    pin: bool,
    connections: u32,
    network: Network,
    uring: UringOptions,
    stall_after: Option<Duration>,
    task_figures: bool,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            workers: 0,
            driver: "auto".to_owned(),
            pin: true,
            connections: CONNECTIONS_PER_CORE_MAX,
            network: Network::default(),
            uring: UringOptions::default(),
            stall_after: None,
            task_figures: false,
        }
    }
}

impl Builder {
    /// Workers, 1 to 128; 0, the default, is one for each processor that this process may use.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = workers;
        self
    }

    /// The I/O model by name, one of [`DRIVERS`](crate::DRIVERS); `auto` by default.
    pub fn driver(mut self, name: &str) -> Builder {
        self.driver = name.to_owned();
        self
    }

    /// Ties each worker to a processor of its own while there are enough of them (the default).
    pub fn pin(mut self, pin: bool) -> Builder {
        self.pin = pin;
        self
    }

    /// Connections of each core, at most 16 M (the default). A core that has as many refuses those that come, and rests.
    pub fn connections(mut self, connections: u32) -> Builder {
        self.connections = connections;
        self
    }

    /// Who this host is on the network of a device (`wire:`, `tap:`, `xdp:`, `dpdk:`); for the other models it means nothing.
    pub fn network(mut self, network: Network) -> Builder {
        self.network = network;
        self
    }

    /// Sizes and ways of the I/O model `uring`; for the other models they mean nothing.
    pub fn uring(mut self, options: UringOptions) -> Builder {
        self.uring = options;
        self
    }

    /// Has a thread look on and warn, with the task's name and how long, when one poll of a task holds its core for `threshold`, 10 ms at
    /// least; none, the default: nobody looks. Costs two stores a poll, and no wake-up while all cores sleep.
    pub fn stall_after(mut self, threshold: Option<Duration>) -> Builder {
        self.stall_after = threshold;
        self
    }

    /// Keeps figures of each kind of task, for [`task_figures`](crate::task_figures). Costs two readings of the clock a poll.
    pub fn task_figures(mut self, on: bool) -> Builder {
        self.task_figures = on;
        self
    }

    /// Builds the runtime, and opens its device if it has one.
    ///
    /// # Errors
    /// A number of workers or connections out of range, an unknown I/O model, a device that cannot be opened, or no
    /// descriptors left.
    pub fn build(self) -> io::Result<Runtime> {
        let processors = processors();
        pool::remember_processors();
        let workers = if self.workers == 0 { processors.len().clamp(1, CORES_MAX) } else { self.workers };
        if workers > CORES_MAX {
            let text = format!("{workers} workers were asked for, at most {CORES_MAX} can be: one a core is best");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if !(1..=CONNECTIONS_PER_CORE_MAX).contains(&self.connections) {
            let asked = self.connections;
            let text = format!("{asked} connections a core were asked for: 1 to {CONNECTIONS_PER_CORE_MAX} can be");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if let Some(threshold) = self.stall_after.filter(|&threshold| threshold < STALL_MIN) {
            let text = format!("a stall after {threshold} was asked for: {STALL_MIN} is the least that can be told");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        driver::check_driver(&self.driver).map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?;
        self.uring.check().map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?;
        if self.driver == "auto" {
            let chosen = driver::automatic();
            tracing::info!(io = chosen.name, "auto: {}", chosen.why);
        }
        // A device has a model of the kernel's beside it, for a few connections.
        let beside = if driver::is_device(&self.driver) { "epoll" } else { &self.driver };
        let model = Model::named(beside, &self.uring).expect("`check_driver` knows the name");
        let place = PlaceGuard::take(workers)?;
        let seats = match driver::is_device(&self.driver) {
            true => {
                let cores: Vec<_> = (0..workers).map(|core| place.core(core)).collect();
                stack::open_seats(&self.driver, &cores, &self.network)?.into_iter().map(Some).collect()
            }
            false => (0..workers).map(|_| None).collect(),
        };
        let counters = Counters::new(workers, stats::COUNTERS);
        let start_detector = |threshold: Duration| {
            let cores = (0..workers).map(|core| place.core(core)).collect();
            StallDetector::start(threshold.into(), cores, Arc::clone(&counters))
        };
        let detector = self.stall_after.map(start_detector).transpose()?;
        let pin = self.pin && workers <= processors.len();
        Ok(Runtime {
            place,
            workers,
            model,
            seats: Mutex::new(seats),
            connections: self.connections,
            processors: if pin { processors } else { Vec::new() },
            counters,
            detector,
            task_figures: self.task_figures,
        })
    }
}

/// The processors that this process may use, lowest first.
fn processors() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_default();
    (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor)).collect()
}

/// Cores that run tasks while [`block_on`](Runtime::block_on) is under way.
pub struct Runtime {
    place: PlaceGuard,
    workers: usize,
    /// Who carries connections where no device does.
    model: Model,
    /// What each core takes when it begins: its queue of the device, if there is one.
    seats: Mutex<Vec<Option<stack::Seat>>>,
    connections: u32,
    /// Where each worker is pinned; empty: nowhere.
    processors: Vec<usize>,
    counters: Arc<Counters>,
    detector: Option<StallDetector>,
    task_figures: bool,
}

impl Runtime {
    /// The settings to begin with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Runs `main` as a task of core 0, on this thread, and the other cores on threads of their own, until `main` returns.
    /// All other tasks are then dropped, as in Go.
    ///
    /// # Panics
    /// If `main` panics, with the same payload; if called inside a runtime; if a worker cannot be started.
    pub fn block_on<F: Future + 'static>(self, main: F) -> F::Output {
        assert!(current::try_with(|_| ()).is_none(), "block_on was called inside a runtime: spawn a task instead");
        let cores: Vec<_> = (0..self.workers).map(|core| self.place.core(core)).collect();
        let mut controls = control::mesh(&cores).into_iter();
        let first = controls.next().expect("there is at least one worker");
        let clock = std::time::Instant::now();
        let ending = AtomicBool::new(false);
        thread::scope(|scope| {
            let (started, starts) = mpsc::channel();
            for (core, control) in (1..).zip(controls) {
                let (this, ending, started) = (&self, &ending, started.clone());
                let run = move || dies_loudly(core, || this.run_worker(core, control, clock, ending, started));
                let thread = thread::Builder::new().name(format!("crore-{core}"));
                thread.spawn_scoped(scope, run).expect("the system starts one thread for each core");
            }
            drop(started);
            // However this ends, also by a panic, the other cores end with it.
            let _end = EndOthers { ending: &ending, cores: &cores };
            // A worker that cannot start says so here; if one dies instead, its panic passes through the scope.
            let failures: Vec<io::Error> = starts.iter().filter_map(Result::err).collect();
            let output = match failures.first() {
                None => Some(self.run_main(main, first, clock)),
                Some(_) => None,
            };
            match output {
                Some(Ok(output)) => output,
                Some(Err(payload)) => resume_unwind(payload),
                None => panic!("a worker could not open its driver: {}", failures[0]),
            }
        })
    }

    fn worker(&self, core: usize, control: Control, clock: std::time::Instant) -> io::Result<Rc<Worker>> {
        if let Some(&processor) = self.processors.get(core) {
            let mut set = CpuSet::new();
            set.set(processor);
            // Pinning helps but is not needed: a system that refuses it is served unpinned.
            let _ = sched_setaffinity(None, &set);
        }
        let (shared, clock) = (self.place.core(core), Clock::Real(clock));
        let surroundings = Surroundings {
            core,
            clock: clock.clone(),
            shared,
            counters: self.counters.core(core),
            connections: self.connections,
        };
        let seat = self.seats.lock().unwrap_or_else(|poisoned| poisoned.into_inner())[core].take();
        let driver = driver::open(seat, &self.model, surroundings)?;
        Ok(Worker::new(self.parts(core, control, clock, driver)))
    }

    fn parts(&self, core: usize, control: Control, clock: Clock, driver: Box<dyn Driver>) -> Parts {
        Parts {
            runtime_id: self.place.id(),
            core,
            cores: self.workers,
            shared: self.place.core(core),
            clock,
            driver,
            control,
            counters: Arc::clone(&self.counters),
            onlooker: self.detector.as_ref().map(StallDetector::onlooker),
            task_figures: self.task_figures,
        }
    }

    fn run_worker(
        &self,
        core: usize,
        control: Control,
        clock: std::time::Instant,
        ending: &AtomicBool,
        started: mpsc::Sender<io::Result<()>>,
    ) {
        let worker = match self.worker(core, control, clock) {
            Ok(worker) => worker,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        drop(started); // it runs: nothing to say
        let _entered = current::enter(&worker);
        while !ending.load(SeqCst) {
            worker.turn(true);
        }
        worker.stop();
    }

    fn run_main<F: Future + 'static>(
        &self,
        main: F,
        control: Control,
        clock: std::time::Instant,
    ) -> Result<F::Output, Box<dyn std::any::Any + Send>> {
        let before = sched_getaffinity(None);
        let worker = self.worker(0, control, clock).unwrap_or_else(|error| panic!("core 0 has no driver: {error}"));
        let entered = current::enter(&worker);
        let output = run_to_end(&worker, main, || worker.turn(true));
        worker.stop();
        drop(entered);
        if let Ok(before) = before {
            let _ = sched_setaffinity(None, &before);
        }
        output
    }
}

/// Ends the workers of all other cores when dropped.
struct EndOthers<'a> {
    ending: &'a AtomicBool,
    cores: &'a [&'static SharedCore],
}

impl Drop for EndOthers<'_> {
    fn drop(&mut self) {
        self.ending.store(true, SeqCst);
        self.cores.iter().for_each(|core| core.notify());
    }
}

/// Runs a core's loop. Tasks that panic end alone; if the loop itself does, an invariant is broken: a process with a dead
/// core would be silent to that core's connections, so there is none.
fn dies_loudly(core: usize, run: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        eprintln!("core {core} has broken an invariant of its own (see above): the process ends");
        abort();
    }
}

/// Runs `main` as a task of the entered worker, turn by turn, until it has ended.
pub(crate) fn run_to_end<F: Future + 'static>(
    worker: &Rc<Worker>,
    main: F,
    mut turn: impl FnMut(),
) -> Result<F::Output, Box<dyn std::any::Any + Send>> {
    let result = Rc::new(std::cell::RefCell::new(None));
    let place = Rc::clone(&result);
    let handle = spawn(main);
    let waiter = spawn(async move { *place.borrow_mut() = Some(handle.await) });
    while result.borrow().is_none() {
        turn();
    }
    waiter.detach();
    assert_eq!(worker.core(), 0, "the main task runs on core 0");
    match result.take().expect("the loop ended with a result") {
        Ok(output) => Ok(output),
        Err(JoinError::Panicked(payload)) => Err(payload),
        Err(error) => panic!("the main task did not run to its end: {error}"),
    }
}

/// The core that this task runs on, counted from 0.
pub fn core() -> usize {
    current::with(Worker::core)
}

/// How many cores this runtime has.
pub fn cores() -> usize {
    current::with(Worker::cores)
}

/// The I/O model of this core, by the name it is chosen by.
pub fn driver_name() -> &'static str {
    current::with(|worker| worker.driver().borrow().name())
}

/// Connections open on this core, those included that are sending their last bytes.
pub fn connection_count() -> usize {
    current::with(|worker| worker.driver().borrow().connection_count())
}

/// Whether so much is on its way to peers that whoever sends to very many of them should wait a little: what is sent now would
/// only be lost, or take memory. Always false where the kernel carries connections, which is written to at the end of each turn.
pub fn network_is_behind() -> bool {
    current::with(|worker| worker.driver().borrow().is_behind())
}

/// Tasks alive on this core.
pub fn task_count() -> usize {
    current::with(Worker::task_count)
}

/// Gives memory of this core's ended tasks and connections back to the system: bytes. For the time after a storm; costs
/// time in proportion to the largest number that was ever alive.
pub fn trim() -> usize {
    current::with(Worker::trim)
}

/// Raises this process's limit of open descriptors as far as the system permits without a privilege; how many there may be
/// now. Every connection that the kernel carries needs one.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // A system that refuses leaves the limit as it was, which is what we say then.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
