//! Whether these tests would notice: with the feature `canary` the hub loses one delivery in a thousand on purpose, and the very
//! same worlds that hold without it must fail.

use std::panic::catch_unwind;

use crore_base::time::Duration;

use crate::storm::{Seen, Weather, fair, storms};
use crate::subscriber::Habits;

/// A good network and well over a thousand deliveries a core: whatever is missing then was lost by the server.
static BUSY: Weather = Weather {
    faults: fair,
    habits: Habits { cuts: 0, vanishes: 0, leaves: 100, toggles: 0 },
    history_size: 2000,
    queue_bytes: 1 << 20,
    publications: 400,
    pause_max: Duration::from_millis(40),
    talkers: 1,
    bytes_max: 50,
};

fn run(workers: usize) -> Result<Seen, String> {
    catch_unwind(|| storms(3, workers, &BUSY)).map_err(|payload| {
        let text = payload.downcast::<String>();
        *text.expect("the failure of an actor, or of the wait for all, is told as text")
    })
}

fn judge(workers: usize) {
    let outcome = run(workers);
    if cfg!(feature = "canary") {
        let found = outcome.expect_err("a lost publication went unnoticed");
        println!("the canary was found: {found}");
        assert!(found.contains("was lost") || found.contains("are behind"), "found something else: {found}");
    } else {
        let seen = outcome.unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(seen.gaps, 0);
        assert!(seen.received > 3 * 4 * 1000, "too quiet for the canary: {seen:?}");
    }
}

#[test]
fn the_canary_is_found_where_it_sings_and_nothing_where_it_does_not_on_one_core() {
    judge(1);
}

#[test]
fn the_canary_is_found_where_it_sings_and_nothing_where_it_does_not_on_four_cores() {
    judge(4);
}
