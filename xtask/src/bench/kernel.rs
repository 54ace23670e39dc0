//! The memory that the kernel keeps for everybody: what a connection makes it keep is the growth.
//!
//! Counted are the lines of `/proc/meminfo` (proc(5)) that grow with sockets, descriptors, watches and requests of io_uring, and
//! queued bytes (`/proc/net/sockstat`). Other programs move them too, so they should stand still.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::usage::kilobytes;

/// Lines of `/proc/meminfo`, KiB: objects, page tables, stacks of threads, and tables of each processor.
const LINES: [&str; 4] = ["Slab:", "PageTables:", "KernelStack:", "Percpu:"];

/// Bytes of a page, in which queued bytes are counted.
const PAGE_BYTES: u64 = 4_096;

/// Between two looks; so many without much change, and it stands still. Objects that were freed go back after a grace period.
const LOOK: Duration = Duration::from_millis(200);
const STILL_LOOKS: u32 = 5;

/// Much.
const CHANGE_BYTES: u64 = 128 << 10;

/// How long to wait; then it counts as it is, because other programs move it.
const SETTLING: Duration = Duration::from_secs(10);

/// All of it, bytes.
///
/// # Errors
/// `/proc` cannot be read.
pub(super) fn memory() -> Result<u64, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let (meminfo, sockets) = (read("/proc/meminfo")?, read("/proc/net/sockstat")?);
    let kept: u64 = LINES.iter().map(|line| kilobytes(&meminfo, line)).sum();
    Ok(kept * 1_024 + queued_pages(&sockets) * PAGE_BYTES)
}

/// All of it, once it stands still.
pub(super) fn settled_memory() -> Result<u64, String> {
    let begun = Instant::now();
    let (mut last, mut still) = (memory()?, 0);
    while still < STILL_LOOKS && begun.elapsed() < SETTLING {
        thread::sleep(LOOK);
        let now = memory()?;
        still = if now.abs_diff(last) <= CHANGE_BYTES { still + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

/// Pages that TCP's queues take, from `/proc/net/sockstat`.
pub(super) fn queued_pages(sockstat: &str) -> u64 {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"));
    let words = line.and_then(|line| line.split_once(" mem ")).map(|(_, rest)| rest);
    words.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
