//! Many seeds, one after the other; the failing one is shrunk, and printed with what it takes to see it again.
//!
//! | variable | what it does |
//! |---|---|
//! | `SIM_SEEDS=5000` | so many seeds instead of the quick few |
//! | `SIM_FIRST=100000` | beginning with this one |
//! | `SIM_SEED=17` | this one seed and no other |
//! | `SIM_WITHOUT=loss,flips` | without these families of faults |
//! | `SIM_DIVISOR=4` | with a quarter of the connections and bytes |
//! | `SIM_PCAP=FOLDER` | where captures of failing worlds go |
//! | `SIM_GO_ON=1` | all of them, however many fail: a line for each failure |

use std::cell::RefCell;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Once;

use crate::family::{Families, Family};
use crate::plan::{Kind, Plan};
use crate::world::{Failure, Seen, World};

/// A world that failed, as small as it could be made.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its seed.
    pub seed: u64,
    /// Its shape.
    pub kind: Kind,
    /// The families of faults that it does not need.
    pub without: Families,
    /// Those that it needs.
    pub families: Families,
    /// By how much it could be divided.
    pub divisor: u64,
    /// What does not hold.
    pub failure: Failure,
    /// Where its capture is.
    pub capture: Option<PathBuf>,
}

impl Found {
    /// What happened, and how to see it again; `test` is the name of the test that runs worlds of this kind.
    pub fn tell(&self, test: &str) -> String {
        let mut text = String::new();
        let Failure { age, phase, what } = &self.failure;
        let _ = writeln!(text, "seed {} of {:?}, in its part {phase:?}, {age} old: {what}", self.seed, self.kind);
        let _ = writeln!(text, "  with {:?} and a divisor of {}", self.families, self.divisor);
        if let Some(path) = &self.capture {
            let _ = writeln!(text, "  its frames are in {}", path.display());
        }
        let _ = write!(
            text,
            "  again: SIM_SEED={} SIM_WITHOUT={} SIM_DIVISOR={} cargo test -p crore-sim --release -- --exact {test} --nocapture",
            self.seed, self.without, self.divisor
        );
        text
    }
}

/// Runs the worlds that the environment asks for, or the `quick` first ones.
///
/// # Errors
/// The first that fails, shrunk.
pub fn run(kind: Kind, quick: u64) -> Result<Seen, Box<Found>> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let without =
        std::env::var("SIM_WITHOUT").unwrap_or_default().parse().unwrap_or_else(|what| panic!("SIM_WITHOUT: {what}"));
    let divisor = number("SIM_DIVISOR").unwrap_or(1);
    let first = number("SIM_SEED").or(number("SIM_FIRST")).unwrap_or(0);
    let count = if number("SIM_SEED").is_some() { 1 } else { number("SIM_SEEDS").unwrap_or(quick) };
    let go_on = number("SIM_GO_ON").is_some();
    let mut seen = Seen::default();
    for seed in first..first + count {
        match run_one(seed, kind, without, divisor, false).0 {
            Ok(one) => seen.add(&one),
            Err(Failure { phase, what, .. }) if go_on => {
                let families = Plan::draw(seed, kind, without, divisor).families;
                println!("{kind:?} {seed} {phase}: {what} {families:?}");
            }
            Err(failure) => return Err(Box::new(shrink(seed, kind, without, divisor, failure))),
        }
    }
    Ok(seen)
}

/// One world, from its beginning to its end. A panic in it is a failure of it.
pub fn run_one(
    seed: u64,
    kind: Kind,
    without: Families,
    divisor: u64,
    capture: bool,
) -> (Result<Seen, Failure>, World) {
    listen_to_panics();
    let plan = Plan::draw(seed, kind, without, divisor);
    let mut world = World::new(plan, capture).expect("every plan can be");
    LAST_PANIC.set(Some(String::new()));
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    let said = LAST_PANIC.take().unwrap_or_default();
    let outcome = outcome
        .unwrap_or_else(|_| Err(Failure { age: world.age(), phase: world.phase(), what: format!("a panic: {said}") }));
    (outcome, world)
}

thread_local! {
    /// What the last panic of this thread said, while worlds run on it.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what a panic in a world says for its report, instead of printing it once for each attempt at shrinking.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let heard = LAST_PANIC.with_borrow_mut(|last| last.as_mut().map(|text| *text = info.to_string()).is_some());
            if !heard {
                before(info);
            }
        }));
    });
}

/// Switches off what a failing world does not need, and makes it smaller, as long as it fails.
fn shrink(seed: u64, kind: Kind, without: Families, divisor: u64, failure: Failure) -> Found {
    let mut found = Found { seed, kind, without, families: Families::NONE, divisor, failure, capture: None };
    while let Err(failure) = run_one(seed, kind, found.without, found.divisor * 2, false).0
        && found.divisor < 64
    {
        (found.divisor, found.failure) = (found.divisor * 2, failure);
    }
    let has = |without| Plan::draw(seed, kind, without, 1).families;
    for family in Family::ALL.iter().copied().filter(|&family| has(without).has(family)) {
        let less = found.without.with(family);
        if let Err(failure) = run_one(seed, kind, less, found.divisor, false).0 {
            (found.without, found.failure) = (less, failure);
        }
    }
    found.families = has(found.without);
    found.capture = capture(&found);
    found
}

/// Writes down the frames of a failing world.
fn capture(found: &Found) -> Option<PathBuf> {
    let folder = std::env::var_os("SIM_PCAP").map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("sim-{:?}-{}.pcap", found.kind, found.seed).to_lowercase());
    let world = run_one(found.seed, found.kind, found.without, found.divisor, true).1;
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).ok()?);
    world.capture()?.write(&mut file).ok()?;
    Some(path)
}
