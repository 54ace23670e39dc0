//! The processor time of another process, in nanoseconds.

use std::fs;

/// Seconds on a processor of all living threads of `pid`, from `/proc/PID/task/*/schedstat`; none if it has ended, or the
/// kernel keeps no such account.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}
