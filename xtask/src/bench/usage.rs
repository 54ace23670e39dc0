//! What a process uses, from `/proc`; and waiting until it stands still.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(100);

/// Memory that has not changed for so many looks is settled: a second.
const STILL_LOOKS: u32 = 10;

/// Resident memory and huge pages, in bytes.
///
/// # Errors
/// There is no such process, here and below.
pub(super) fn memory(pid: u32) -> Result<u64, String> {
    let status = read(&format!("/proc/{pid}/status"))?;
    Ok((kilobytes(&status, "VmRSS:") + kilobytes(&status, "HugetlbPages:")) * 1_024)
}

/// The most resident memory so far, with the huge pages of now, in bytes.
pub(super) fn memory_peak(pid: u32) -> Result<u64, String> {
    let status = read(&format!("/proc/{pid}/status"))?;
    Ok((kilobytes(&status, "VmHWM:") + kilobytes(&status, "HugetlbPages:")) * 1_024)
}

/// Memory once it has not changed for a second.
///
/// # Errors
/// It still changes after `limit`.
pub(super) fn settled_memory(pid: u32, limit: Duration) -> Result<u64, String> {
    let (mut last, mut still) = (memory(pid)?, 0);
    until("memory to stand still", limit, || {
        let now = memory(pid)?;
        still = if now == last { still + 1 } else { 0 };
        last = now;
        Ok((still >= STILL_LOOKS).then_some(now))
    })
}

/// Seconds on a processor of all living threads, to the nanosecond where the kernel counts so finely.
pub(super) fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let mut nanoseconds = 0;
    for thread in threads(pid)? {
        // A thread that has ended since it was listed is none of the living.
        let Ok(text) = read(&format!("{thread}/schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// How often its threads have gone to sleep by themselves.
pub(super) fn voluntary_switches(pid: u32) -> Result<u64, String> {
    let mut switches = 0;
    for thread in threads(pid)? {
        let Ok(status) = read(&format!("{thread}/status")) else { continue };
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        switches += line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(switches)
}

/// Asks until there is an answer.
///
/// # Errors
/// What `ask` says, or that there was none within `limit`.
pub(super) fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if begun.elapsed() > limit {
            return Err(format!("waited {} s for {what}", limit.as_secs()));
        }
        thread::sleep(LOOK);
    }
}

/// A line of `/proc/PID/status`; 0 if it is not there.
pub(super) fn kilobytes(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

fn threads(pid: u32) -> Result<Vec<String>, String> {
    let folder = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    Ok(entries.flatten().map(|entry| entry.path().display().to_string()).collect())
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
