//! The machine: what it is, and whether other programs disturb a measurement.
//!
//! Disturbance is the processor time of the whole machine less our own and our children's. A child counts when it has been
//! waited for, so a measured closure must end all that it starts.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::figures::Table;

/// A run during which others took more of the machine than this is made again.
const OTHERS_SHARE_MAX: f64 = 0.08;

/// Attempts at an undisturbed run; then the least disturbed one counts.
const ATTEMPTS: usize = 2;

/// How long to wait for the machine to become quiet before a run; then it runs all the same.
const QUIET_WAIT: Duration = Duration::from_secs(180);

/// Over how long quiet is judged.
const QUIET_STEP: Duration = Duration::from_secs(2);

/// Ticks a second in `/proc`: the same on every architecture that we run on.
pub(super) const TICKS_PER_SECOND: f64 = 100.0;

/// How quiet the runs of a table were.
#[derive(Default)]
pub(super) struct Quiet {
    share_max: f64,
    repeated: usize,
}

impl Quiet {
    /// Runs `body` when the machine is quiet, and again if it was disturbed.
    pub(super) fn run<T>(&mut self, mut body: impl FnMut() -> Result<T, String>) -> Result<T, String> {
        let mut best: Option<(f64, T)> = None;
        for attempt in 1..=ATTEMPTS {
            let begun = Instant::now();
            while others_share(|| thread::sleep(QUIET_STEP)).1 > OTHERS_SHARE_MAX && begun.elapsed() < QUIET_WAIT {}
            let (result, share) = others_share(&mut body);
            let value = result?;
            if best.as_ref().is_none_or(|(least, _)| share < *least) {
                best = Some((share, value));
            }
            if share <= OTHERS_SHARE_MAX {
                break;
            }
            self.repeated += usize::from(attempt < ATTEMPTS);
            eprintln!("  other programs took {:.0} % of the machine", share * 100.0);
        }
        let (share, value) = best.ok_or("no attempt was made")?;
        self.share_max = self.share_max.max(share);
        Ok(value)
    }

    /// Says it below the table.
    pub(super) fn note(self, table: &mut Table) {
        let (share, repeated) = (self.share_max * 100.0, self.repeated);
        table.note(format!(
            "Other programs took at most {share:.0} % of the machine during these runs; {repeated} disturbed ones were repeated."
        ));
    }
}

/// The share of the machine that others took while `body` ran.
fn others_share<T>(body: impl FnOnce() -> T) -> (T, f64) {
    let (begun, busy, own) = (Instant::now(), machine_seconds(), own_seconds());
    let value = body();
    let others = (machine_seconds() - busy) - (own_seconds() - own);
    let capacity = begun.elapsed().as_secs_f64() * processors() as f64;
    (value, (others / capacity).max(0.0))
}

/// Seconds that all processors were busy, or taken by other machines on the same hardware.
fn machine_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).flat_map(str::parse).collect();
    // user, nice, system, (idle, iowait,) irq, softirq, steal
    [0, 1, 2, 5, 6, 7].iter().filter_map(|&index| fields.get(index)).sum::<f64>() / TICKS_PER_SECOND
}

/// Seconds that we and the children that we waited for were on a processor.
pub(super) fn own_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().skip(11).take(4).flat_map(str::parse::<f64>).sum::<f64>() / TICKS_PER_SECOND
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// One line: processors, memory, kernel.
pub(super) fn describe() -> String {
    let line = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
    };
    let model = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "processors of unknown make".to_owned());
    let memory = line("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kilobytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or(0.0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let gigabytes = kilobytes / 1_048_576.0;
    format!("{} x {model}, {gigabytes:.0} GiB, Linux {}, loopback", processors(), kernel.trim())
}
