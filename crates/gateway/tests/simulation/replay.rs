//! The same seed gives the same world, gateway and clients included: what a failing seed is worth.

use crore_base::time::Duration;

use crate::storm::{Weather, foul, storms};
use crate::subscriber::Habits;

static WEATHER: Weather = Weather {
    faults: foul,
    habits: Habits { cuts: 30, vanishes: 100, leaves: 30, toggles: 10 },
    history_size: 10,
    queue_bytes: 1 << 20,
    publications: 30,
    pause_max: Duration::from_millis(200),
    talkers: 1,
    bytes_max: 300,
};

#[test]
fn a_storm_replays_from_its_seed() {
    for workers in [1, 4] {
        for seeds in [1, 5] {
            assert_eq!(storms(seeds, workers, &WEATHER), storms(seeds, workers, &WEATHER));
        }
    }
}
