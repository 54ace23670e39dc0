//! What a run took: of whose time, on which processor, how many frames.
//!
//! The time of a process is exact, and softirq work that interrupted it is in it. What share of a processor's time was softirq
//! the kernel knows from ticks only, unless it was built with `CONFIG_IRQ_TIME_ACCOUNTING`.

use std::fs;
use std::time::Instant;

use super::super::{machine, usage};
use super::place::Place;
use super::wrk::Requests;

/// Times in seconds, shares of 1; of two processors the server's first.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) requests: f64,
    pub(super) seconds: f64,
    pub(super) server_s: f64,
    pub(super) wrk_s: f64,
    /// Of both processors' `ksoftirqd`, to which softirq work goes when there is too much of it.
    pub(super) softirq_threads_s: f64,
    pub(super) softirq_share: [f64; 2],
    /// How much of both processors was taken by others.
    pub(super) others_share: f64,
    pub(super) frames_to_server: f64,
    pub(super) frames_from_server: f64,
}

impl Taken {
    /// The time of all who took part.
    pub(super) fn all_s(&self) -> f64 {
        self.server_s + self.wrk_s + self.softirq_threads_s
    }
}

/// Runs wrk and reads the counters before and after it.
///
/// # Errors
/// That of `run`, or the server has ended.
pub(super) fn during(
    place: &Place,
    server: u32,
    run: impl FnOnce() -> Result<Requests, String>,
) -> Result<Taken, String> {
    let threads = softirq_threads(place.processors);
    let softirq_threads_s = || threads.iter().map(|&pid| usage::cpu_seconds(pid)).sum::<Result<f64, String>>();
    let times = || place.processors.map(processor_times);

    let (begun, before, frames, softirq) = (Instant::now(), times(), place.frames()?, softirq_threads_s()?);
    let (server_s, own_s) = (usage::cpu_seconds(server)?, machine::own_seconds());
    let requests = run()?;
    // wrk has been waited for, so its time is in that of our children; the server has not.
    let (server_s, wrk_s) = (usage::cpu_seconds(server)? - server_s, machine::own_seconds() - own_s);
    let softirq_threads_s = softirq_threads_s()? - softirq;
    let (after, elapsed) = (times(), begun.elapsed().as_secs_f64());
    let [to_server, from_server] = place.frames()?;

    let busy: f64 = before.iter().zip(&after).map(|(before, after)| after.busy_s - before.busy_s).sum();
    let softirq_share = [0, 1].map(|at: usize| (after[at].softirq_s - before[at].softirq_s) / elapsed);
    let others_s = busy - server_s - wrk_s - softirq_threads_s;
    Ok(Taken {
        requests: requests.answered,
        seconds: requests.seconds,
        server_s,
        wrk_s,
        softirq_threads_s,
        softirq_share,
        others_share: (others_s / elapsed / 2.0).max(0.0),
        frames_to_server: (to_server - frames[0]) as f64,
        frames_from_server: (from_server - frames[1]) as f64,
    })
}

/// Of one processor, since the machine started.
#[derive(Default, PartialEq, Debug)]
pub(super) struct Times {
    pub(super) busy_s: f64,
    pub(super) softirq_s: f64,
}

fn processor_times(processor: usize) -> Times {
    times_of(&fs::read_to_string("/proc/stat").unwrap_or_default(), processor).unwrap_or_default()
}

/// From `/proc/stat` (proc_stat(5)).
pub(super) fn times_of(stat: &str, processor: usize) -> Option<Times> {
    let line = stat.lines().find_map(|line| line.strip_prefix(&format!("cpu{processor} ")))?;
    let ticks: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
    let seconds = |field: usize| ticks.get(field).map_or(0.0, |ticks| ticks / machine::TICKS_PER_SECOND);
    // user, nice, system, (idle, iowait,) irq, softirq, steal
    Some(Times { busy_s: [0, 1, 2, 5, 6, 7].map(seconds).iter().sum(), softirq_s: seconds(6) })
}

/// The kernel's threads for the softirq work of these processors; none where we do not see them.
fn softirq_threads(processors: [usize; 2]) -> Vec<u32> {
    let names = processors.map(|processor| format!("ksoftirqd/{processor}"));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_one = |pid: &u32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        names.iter().any(|wanted| wanted == name.trim_end())
    };
    numbers.filter(is_one).collect()
}
