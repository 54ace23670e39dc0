//! Memory and processor time of a process, as the kernel counts them.

use std::fs;

use crate::host::Outcome;

/// Bytes of memory that process `pid` has had at most at a time: resident memory at its peak, and huge pages.
pub(crate) fn peak_bytes(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok((kilobytes(&status, "VmHWM:") + kilobytes(&status, "HugetlbPages:")) * 1024)
}

/// Seconds that the process has been on a processor.
pub(crate) fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let nanoseconds: u64 = text.split_whitespace().next().ok_or("schedstat is empty")?.parse()?;
    Ok(nanoseconds as f64 / 1e9)
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
