//! Clients of all kinds in bad weather: first what must hold whatever happens, then, when the faults have stopped, that
//! everything comes to life again, and that nothing is left when all have gone.

use std::cell::RefCell;
use std::rc::Rc;

use crore_base::random::Rng;
use crore_base::time::Duration;
use crore_gateway::Config;
use crore_rt::sim::{self, Faults, Worlds};
use crore_rt::{JoinHandle, time};

use crate::ledger::Reader;
use crate::publisher::{self, Task};
use crate::subscriber::{self, Habits};
use crate::world::{World, join};
use crate::{events, poller};

/// After the faults have stopped, all readers have all publications within this: links that have fallen silent are noticed
/// after 15 s, segments that were held up come after 8 s, and twice over.
const LIVE_WITHIN: Duration = Duration::from_secs(60);

/// What happens in a world.
pub(crate) struct Weather {
    pub(crate) faults: fn(&mut Rng) -> Faults,
    pub(crate) habits: Habits,
    pub(crate) history_size: u32,
    pub(crate) queue_bytes: u32,
    /// Of each publisher.
    pub(crate) publications: u64,
    /// Between two of one publisher.
    pub(crate) pause_max: Duration,
    pub(crate) bytes_max: u64,
    /// Clients that publish, up to four publications in one message.
    pub(crate) talkers: u64,
}

/// What happened, added over all worlds of a test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) publications: u64,
    pub(crate) received: u64,
    pub(crate) recoveries: u64,
    pub(crate) gaps: u64,
    /// When the last reader of the last world had everything, in nanoseconds of its time.
    pub(crate) live_at: u64,
}

type Readers = Vec<Rc<RefCell<Reader>>>;

const CHANNELS: [&str; 3] = ["news", "chat:room", "scores:7"];

/// Runs so many worlds, and adds up what was seen.
pub(crate) fn storms(seeds: u64, workers: usize, weather: &'static Weather) -> Seen {
    let all = Rc::new(RefCell::new(Seen::default()));
    let sum = Rc::clone(&all);
    sim::run(Worlds { seeds, workers }, move || {
        let sum = Rc::clone(&sum);
        async move {
            let seen = storm(weather).await;
            sum.borrow_mut().add(seen);
        }
    });
    println!("{seeds} worlds of {workers} cores: {:?}", all.borrow());
    all.take()
}

/// Runs one world from its beginning to its end.
pub(crate) async fn storm(weather: &Weather) -> Seen {
    let alter = |config: &mut Config| {
        config.without_namespace.history_size = weather.history_size;
        config.queue_bytes = weather.queue_bytes;
    };
    let world = World::start(alter).await;
    let mut rng = world.dice();
    let (mut actors, readers) = start_readers(&world, weather.habits);
    // They begin in good weather, so that all know from where they must see everything.
    let all = readers.clone();
    world.until(LIVE_WITHIN, &mut actors, || all.iter().all(|it| it.borrow().last.is_some()), || list(&all)).await;
    sim::set_faults((weather.faults)(&mut rng));
    let publishers = start_publishers(&world, weather);
    join(publishers, Duration::from_secs(1200)).await;
    calm_down(&world, &mut actors, &readers).await;
    let live_at = time::now().as_nanos();
    world.is_over.set(true);
    join(actors, LIVE_WITHIN).await;
    world.expect_empty().await;
    let sum = |of: fn(&Reader) -> u64| readers.iter().map(|reader| of(&reader.borrow())).sum();
    let seen = Seen {
        publications: world.ledger.borrow().publications() as u64,
        received: sum(|reader| reader.received),
        recoveries: sum(|reader| reader.recoveries),
        gaps: sum(|reader| reader.gaps),
        live_at,
    };
    if seen.gaps == 0 {
        world.ledger.borrow().expect_complete();
    }
    seen
}

fn start_readers(world: &Rc<World>, habits: Habits) -> (Vec<JoinHandle<()>>, Readers) {
    let (mut actors, mut readers) = (Vec::new(), Vec::new());
    for number in 0..5 {
        let who = format!("subscriber {number}");
        let channels = if number < 3 { &CHANNELS[..] } else { &CHANNELS[..2] };
        let (actor, of_it) = subscriber::start(world, &who, channels, habits);
        actors.push(actor);
        readers.extend(of_it);
    }
    for channel in CHANNELS {
        for (actor, reader) in
            [events::start(world, "event stream", channel), poller::start(world, "long poll", channel)]
        {
            actors.push(actor);
            readers.push(reader);
        }
    }
    (actors, readers)
}

fn start_publishers(world: &Rc<World>, weather: &Weather) -> Vec<JoinHandle<()>> {
    let channels: Vec<String> = CHANNELS.iter().map(|&channel| channel.to_owned()).collect();
    let task = |who| Task {
        who,
        channels: channels.clone(),
        count: weather.publications,
        pause_max: weather.pause_max,
        bytes_max: weather.bytes_max,
    };
    let mut publishers = vec![publisher::by_api(world, task(1)), publisher::by_api(world, task(2))];
    publishers.extend((0..weather.talkers).map(|talker| publisher::by_client(world, task(3 + talker))));
    publishers
}

/// The weather turns: everybody gets the last publications, those after the storm among them.
async fn calm_down(world: &Rc<World>, actors: &mut Vec<JoinHandle<()>>, readers: &Readers) {
    world.is_calm.set(true);
    sim::set_faults(Faults::default());
    for (who, channel) in (100..).zip(CHANNELS) {
        let channels = vec![channel.to_owned()];
        let task = Task { who, channels, count: 2, pause_max: Duration::from_secs(1), bytes_max: 10 };
        join(vec![publisher::by_api(world, task)], LIVE_WITHIN).await;
    }
    let is_at_top = |reader: &Rc<RefCell<Reader>>| {
        let reader = reader.borrow();
        reader.last == Some(world.ledger.borrow().top(&reader.channel))
    };
    let behind = || list(&readers.iter().filter(|reader| !is_at_top(reader)).cloned().collect());
    world.until(LIVE_WITHIN, actors, || readers.iter().all(is_at_top), || format!("{} are behind", behind())).await;
    // And nothing comes twice once it has come.
    time::sleep(Duration::from_secs(5)).await;
    world.until(Duration::ZERO, actors, || readers.iter().all(is_at_top), || format!("{} moved", behind())).await;
}

fn list(readers: &Readers) -> String {
    readers.iter().map(|reader| reader.borrow().to_string()).collect::<Vec<_>>().join(", ")
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.publications += other.publications;
        self.received += other.received;
        self.recoveries += other.recoveries;
        self.gaps += other.gaps;
        self.live_at = other.live_at;
    }
}

/// Splits and delays only.
pub(crate) fn fair(_: &mut Rng) -> Faults {
    Faults::default()
}

/// Every segment takes the same time, so that what happens comes together, on all cores in the same moment: joins, publications
/// and goodbyes meet in every order that there is.
#[cfg(not(feature = "canary"))]
pub(crate) fn in_step(_: &mut Rng) -> Faults {
    let delay = Duration::from_millis(1);
    Faults { delay_min: delay, delay_max: delay, split_one_in: 0, shorten_one_in: 0, ..Faults::default() }
}

/// Any family of faults, or none of them.
#[cfg(not(feature = "canary"))]
pub(crate) fn foul(rng: &mut Rng) -> Faults {
    let mut pick = |choices: &[u64]| choices[rng.below(choices.len() as u64) as usize];
    Faults {
        delay_min: Duration::from_micros(50),
        delay_max: Duration::from_millis(pick(&[2, 50, 400])),
        split_one_in: pick(&[0, 1, 4]),
        shorten_one_in: pick(&[0, 1, 4]),
        stall_one_in: pick(&[0, 30, 200]),
        stall_max: Duration::from_millis(pick(&[100, 2000, 8000])),
        reset_one_in: pick(&[0, 60, 300]),
        vanish_one_in: pick(&[0, 300, 1000]),
    }
}

#[cfg(not(feature = "canary"))]
mod tests {
    use super::*;

    const BAD_LINKS: Habits = Habits { cuts: 60, vanishes: 200, leaves: 60, toggles: 40 };

    /// A history that reaches back to the beginning: nobody ever misses anything.
    static LONG: Weather = Weather {
        faults: foul,
        habits: BAD_LINKS,
        history_size: 300,
        queue_bytes: 1 << 20,
        publications: 40,
        pause_max: Duration::from_millis(400),
        bytes_max: 600,
        talkers: 1,
    };

    /// One that does not: what is missed is announced, or not missed.
    static SHORT: Weather = Weather { history_size: 3, publications: 60, bytes_max: 200, ..LONG };

    /// Queues that hold a few publications: whoever falls behind is sent away, and comes back for more than the queue holds.
    static NARROW: Weather =
        Weather { queue_bytes: 8000, pause_max: Duration::from_millis(20), bytes_max: 6000, ..LONG };

    /// Everybody comes and goes all the time, while publications are under way.
    static RESTLESS: Weather = Weather {
        faults: in_step,
        habits: Habits { cuts: 0, vanishes: 0, leaves: 20, toggles: 2 },
        history_size: 300,
        queue_bytes: 1 << 20,
        publications: 60,
        pause_max: Duration::from_millis(1),
        bytes_max: 50,
        talkers: 10,
    };

    /// Nothing is missed for ever, and not because nothing happened.
    fn expect_no_gaps(seeds: u64, workers: usize, weather: &'static Weather) {
        let seen = storms(seeds, workers, weather);
        assert_eq!(seen.gaps, 0);
        assert!(seen.recoveries > 0 && seen.received > 5 * seen.publications, "too quiet: {seen:?}");
    }

    #[test]
    fn nothing_is_lost_doubled_or_reordered_whatever_happens_to_links_on_one_core() {
        expect_no_gaps(60, 1, &LONG);
    }

    #[test]
    fn nothing_is_lost_doubled_or_reordered_whatever_happens_to_links_on_four_cores() {
        expect_no_gaps(60, 4, &LONG);
    }

    #[test]
    fn who_is_slow_on_bad_links_gets_everything_at_last_on_one_core() {
        expect_no_gaps(30, 1, &NARROW);
    }

    #[test]
    fn who_is_slow_on_bad_links_gets_everything_at_last_on_four_cores() {
        expect_no_gaps(30, 4, &NARROW);
    }

    #[test]
    fn what_a_short_history_cannot_give_back_is_announced_on_one_core() {
        let seen = storms(40, 1, &SHORT);
        assert!(seen.gaps > 0 && seen.recoveries > 0, "too quiet: {seen:?}");
    }

    #[test]
    fn what_a_short_history_cannot_give_back_is_announced_on_four_cores() {
        let seen = storms(40, 4, &SHORT);
        assert!(seen.gaps > 0 && seen.recoveries > 0, "too quiet: {seen:?}");
    }

    #[test]
    fn who_comes_and_goes_in_the_middle_of_a_burst_misses_nothing_on_one_core() {
        expect_no_gaps(40, 1, &RESTLESS);
    }

    #[test]
    fn who_comes_and_goes_in_the_middle_of_a_burst_misses_nothing_on_four_cores() {
        expect_no_gaps(40, 4, &RESTLESS);
    }
}
