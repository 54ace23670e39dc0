//! The simulated world: all cores on one thread, virtual time, a network inside the process, everything from one seed.
//!
//! `#[crore::test]` runs a test in such worlds. What the program under test sees is the ordinary API: the same listeners,
//! streams, timers and rings. What differs is that the world splits, shortens, delays, stalls and cuts, in an order that
//! the seed decides; and that the same seed does it again.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use crore_base::counters::Counters;
use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};

use crate::clock::Clock;
use crate::control;
use crate::current;
use crate::driver::Surroundings;
use crate::driver::sim::{Network, Sim};
use crate::executor::shared::PlaceGuard;
use crate::limits::{CONNECTIONS_PER_CORE_MAX, CORES_MAX};
use crate::net::StreamId;
use crate::runtime::run_to_end;
use crate::stats;
use crate::worker::{Parts, Worker};

/// Turns at one virtual moment after which a world counts as running in a circle.
const TURNS_AT_ONE_MOMENT_MAX: u64 = 1_000_000;

/// What the network of a world does to its connections. The default is a good network: short delays, and nothing lost.
#[derive(Debug, Clone)]
pub struct Faults {
    /// Every segment takes this long at least ...
    pub delay_min: Duration,
    /// ... and this long at most.
    pub delay_max: Duration,
    /// In one of so many sends the bytes are split at a random place, down to single bytes; 0: never.
    pub split_one_in: u64,
    /// In one of so many receives fewer bytes are lent than are there; 0: never.
    pub shorten_one_in: u64,
    /// One of so many segments holds its direction up for up to `stall_max`; 0: never.
    pub stall_one_in: u64,
    /// See `stall_one_in`.
    pub stall_max: Duration,
    /// One of so many segments is the connection's last: it is reset, and what was under way is lost; 0: never.
    pub reset_one_in: u64,
    /// After one of so many sends the link falls silent for ever, and nobody is told; 0: never.
    pub vanish_one_in: u64,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            delay_min: Duration::from_micros(50),
            delay_max: Duration::from_millis(2),
            split_one_in: 4,
            shorten_one_in: 4,
            stall_one_in: 0,
            stall_max: Duration::ZERO,
            reset_one_in: 0,
            vanish_one_in: 0,
        }
    }
}

/// How many worlds a test runs in, and how large they are.
#[derive(Debug, Clone, Copy)]
pub struct Worlds {
    /// Seeds tried, from 0 on. The environment variable `CRORE_SEEDS` overrides it, `CRORE_SEED` replays a single one.
    pub seeds: u64,
    /// Cores of each world, 1 to 128.
    pub workers: usize,
}

impl Default for Worlds {
    fn default() -> Worlds {
        Worlds { seeds: 1, workers: 1 }
    }
}

impl Worlds {
    /// See [`Worlds::seeds`](Worlds#structfield.seeds).
    pub fn seeds(self, seeds: u64) -> Worlds {
        Worlds { seeds, ..self }
    }

    /// See [`Worlds::workers`](Worlds#structfield.workers).
    pub fn workers(self, workers: usize) -> Worlds {
        Worlds { workers, ..self }
    }
}

/// Runs `test` once for each seed, each time in a world of its own.
///
/// # Panics
/// If the test panics, or its world stands still for ever: the seed is printed first.
pub fn run<F, M>(worlds: Worlds, test: M)
where
    F: Future<Output = ()> + 'static,
    M: Fn() -> F,
{
    let from_environment = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a seed is a number"));
    let seeds = match from_environment("CRORE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("CRORE_SEEDS").unwrap_or(worlds.seeds),
    };
    for seed in seeds {
        let world = || run_world(seed, worlds.workers, test());
        if let Err(payload) = catch_unwind(AssertUnwindSafe(world)) {
            let name = std::thread::current().name().unwrap_or("the test").to_owned();
            eprintln!(
                "seed {seed} failed with {} workers; replay: CRORE_SEED={seed} cargo test {name}",
                worlds.workers
            );
            resume_unwind(payload);
        }
    }
}

struct World {
    now: Rc<Cell<Instant>>,
    network: Rc<RefCell<Network>>,
    rng: RefCell<Rng>,
    seed: u64,
    workers: Vec<Rc<Worker>>,
    turns_at_this_moment: Cell<u64>,
}

thread_local! {
    static NETWORK: RefCell<Option<(u64, Rc<RefCell<Network>>)>> = const { RefCell::new(None) };
}

fn run_world<F: Future<Output = ()> + 'static>(seed: u64, workers: usize, main: F) {
    assert!((1..=CORES_MAX).contains(&workers), "{workers} workers were asked for: 1 to {CORES_MAX} can be");
    let place = PlaceGuard::take(workers).unwrap_or_else(|error| panic!("no world could be made: {error}"));
    let world = World::new(seed, &place, workers);
    NETWORK.set(Some((seed, Rc::clone(&world.network))));
    let entered = current::enter(&world.workers[0]);
    let output = run_to_end(&world.workers[0], main, || world.step());
    drop(entered);
    for worker in &world.workers {
        let _entered = current::enter(worker);
        worker.stop();
    }
    NETWORK.set(None);
    if let Err(payload) = output {
        resume_unwind(payload);
    }
}

impl World {
    fn new(seed: u64, place: &PlaceGuard, workers: usize) -> World {
        let mut rng = Rng::from_seed(seed);
        let now = Rc::new(Cell::new(Instant::ZERO));
        let network = Rc::new(RefCell::new(Network::new(Rc::clone(&now), rng.fork(), workers)));
        let counters = Counters::new(workers, stats::COUNTERS);
        let shared: Vec<_> = (0..workers).map(|core| place.core(core)).collect();
        let make = |(core, control)| {
            let clock = Clock::Virtual(Rc::clone(&now));
            let (shared, counters) = (place.core(core), Arc::clone(&counters));
            let surroundings = Surroundings {
                core,
                clock: clock.clone(),
                shared,
                counters: counters.core(core),
                connections: CONNECTIONS_PER_CORE_MAX,
            };
            let driver = Box::new(Sim::new(surroundings, Rc::clone(&network)));
            Worker::new(Parts {
                runtime_id: place.id(),
                core,
                cores: workers,
                shared,
                clock,
                driver,
                control,
                counters,
                onlooker: None,
                task_figures: false,
            })
        };
        let workers = control::mesh(&shared).into_iter().enumerate().map(make).collect();
        World { now, network, rng: RefCell::new(rng), seed, workers, turns_at_this_moment: Cell::new(0) }
    }

    /// One turn of each worker that has something to do, in an order of the seed's; when none has, time passes.
    fn step(&self) {
        self.network.borrow_mut().deliver();
        let mut busy: Vec<&Rc<Worker>> = self.workers.iter().filter(|worker| worker.has_work()).collect();
        if busy.is_empty() {
            return self.pass_time();
        }
        self.rng.borrow_mut().shuffle(&mut busy);
        for worker in busy {
            let _entered = current::enter(worker);
            worker.turn(false);
        }
        let turns = self.turns_at_this_moment.get() + 1;
        self.turns_at_this_moment.set(turns);
        assert!(turns < TURNS_AT_ONE_MOMENT_MAX, "the world of seed {} runs in a circle at {:?}", self.seed, self.now);
    }

    fn pass_time(&self) {
        let deadlines = self.workers.iter().filter_map(|worker| worker.next_deadline());
        let next = deadlines.chain(self.network.borrow().next_event()).min();
        let Some(next) = next else {
            panic!("the world of seed {} stands still at {:?}: every task waits for ever", self.seed, self.now.get());
        };
        assert!(next > self.now.get(), "what is due now was done before time passes");
        self.now.set(next);
        self.turns_at_this_moment.set(0);
    }
}

fn with_network<T>(f: impl FnOnce(&mut Network) -> T) -> T {
    NETWORK.with_borrow(|network| {
        let (_, network) = network.as_ref().expect("called outside a simulated world: use #[crore::test]");
        f(&mut network.borrow_mut())
    })
}

/// Changes what the network does from now on.
pub fn set_faults(faults: Faults) {
    with_network(|network| network.set_faults(faults));
}

/// True on the thread of a simulated world, while it runs.
pub(crate) fn is_running() -> bool {
    NETWORK.try_with(|network| network.try_borrow().is_ok_and(|network| network.is_some())).unwrap_or(false)
}

/// The seed of this world, for randomness of the test's own.
pub fn seed() -> u64 {
    NETWORK.with_borrow(|network| network.as_ref().expect("called outside a simulated world: use #[crore::test]").0)
}

/// Cuts a connection: both ends are reset, and what was under way is lost.
pub fn cut(stream: StreamId) {
    disturb(stream, Disturbance::Cut);
}

/// Lets a connection's link fall silent for ever: nothing arrives in either direction, and nobody is told.
pub fn vanish(stream: StreamId) {
    disturb(stream, Disturbance::Vanish);
}

fn disturb(stream: StreamId, what: Disturbance) {
    let core = current::with(Worker::core);
    with_network(|network| network.disturb(core, stream.connection(), what));
}

/// What [`cut`] and [`vanish`] do to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbance {
    Cut,
    Vanish,
}
