//! What the loaded server uses of this machine: memory and processor time of its process and all below it.
//!
//! Read from `/proc` (proc(5)). Resident memory does not count huge pages of hugetlbfs, so both are added.

use std::collections::HashMap;
use std::fs;
use std::thread::sleep;

use crate::limits::{SETTLE_MAX, SETTLE_STEP, SETTLE_STEPS, SETTLED_BYTES};

/// A server that runs on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    pid: u32,
}

/// What it has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Resident memory and huge pages, bytes.
    pub(crate) bytes: u64,
    /// User and system time since its start, seconds; of children that ended, too.
    pub(crate) cpu_seconds: f64,
}

impl Server {
    /// # Errors
    /// No such process is visible.
    pub(crate) fn new(pid: u32) -> Result<Server, String> {
        let server = Server { pid };
        match server.usage() {
            Some(_) => Ok(server),
            None => Err(format!("--server-pid {pid} is no process here: give the number of the running server")),
        }
    }

    /// What it uses now; none when it has ended.
    pub(crate) fn usage(self) -> Option<Usage> {
        let own = of_process(self.pid)?;
        let below = descendants(self.pid).into_iter().filter_map(of_process);
        Some(below.fold(own, |sum, one| Usage {
            bytes: sum.bytes + one.bytes,
            cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
        }))
    }

    /// What it uses when its memory stands still, or after some seconds in any case. Blocks.
    pub(crate) fn settled(self) -> Option<Usage> {
        let mut usage = self.usage()?;
        let (mut still, mut waited) = (0, crore_base::time::Duration::ZERO);
        while still < SETTLE_STEPS && waited < SETTLE_MAX {
            sleep(SETTLE_STEP.into());
            waited += SETTLE_STEP;
            let next = self.usage()?;
            still = if next.bytes.abs_diff(usage.bytes) < SETTLED_BYTES { still + 1 } else { 0 };
            usage = next;
        }
        Some(usage)
    }
}

/// What one process uses, without those below it.
pub(crate) fn of_process(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks: u64 = stat_fields(&stat)?.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    let kilobytes = kilobytes(&status, "VmRSS:") + kilobytes(&status, "HugetlbPages:");
    let cpu_seconds = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Some(Usage { bytes: kilobytes * 1_024, cpu_seconds })
}

/// A value of `/proc/PID/status` in kB; 0 if it is not there.
pub(crate) fn kilobytes(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

/// The fields of `/proc/PID/stat` behind the name, from the state on. The name may hold anything, also spaces and
/// parentheses, so it ends with the last parenthesis.
fn stat_fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

/// All processes below `pid`.
fn descendants(pid: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = stat_fields(&stat).and_then(|mut fields| fields.nth(1)?.parse().ok()) {
            children.entry(parent).or_default().push(child);
        }
    }
    let (mut found, mut at) = (children.remove(&pid).unwrap_or_default(), 0);
    while let Some(&next) = found.get(at) {
        found.extend(children.remove(&next).unwrap_or_default());
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_counts_with_its_children() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let own = std::process::id();
        assert!(descendants(own).contains(&child.id()));
        let usage = Server::new(own).unwrap().usage().unwrap();
        assert!(usage.bytes > 100_000 && usage.bytes > of_process(child.id()).unwrap().bytes);
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_is_none_is_refused_by_its_number() {
        let error = Server::new(u32::MAX).unwrap_err();
        assert!(error.contains("4294967295"), "{error}");
    }

    #[test]
    fn names_with_spaces_and_parentheses_do_not_shift_the_fields() {
        let stat = "7 (a) b) (c) S 3 7 7 0 -1 0 0 0 0 0 11 12 13 14 20";
        let fields: Vec<&str> = stat_fields(stat).unwrap().collect();
        assert_eq!((fields[0], fields[1], &fields[11..15]), ("S", "3", &["11", "12", "13", "14"][..]));
    }

    #[test]
    fn resident_memory_and_huge_pages_are_read_from_the_status() {
        let status = "Name:\tx\nVmRSS:\t    1234 kB\nHugetlbPages:\t    2048 kB\n";
        assert_eq!((kilobytes(status, "VmRSS:"), kilobytes(status, "HugetlbPages:")), (1_234, 2_048));
        assert_eq!(kilobytes(status, "VmSwap:"), 0);
    }
}
