//! What this process takes of the machine, as the system counts it (proc(5)).

use std::fs;

/// Kernel ticks a second in `/proc/PID/stat`: fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident bytes, huge pages included, which `VmRSS` alone leaves out. 0 where there is no `/proc`.
pub(crate) fn memory_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0)
    };
    (kib("VmRSS:") + kib("HugetlbPages:")) * 1024
}

/// Processor seconds used since the start, user and system. 0 where there is no `/proc`.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold anything; the fields that follow are counted from 3.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(14) + ticks(15)) as f64 / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_system_tells_our_memory() {
        let bytes = super::memory_bytes();
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
        assert!(super::cpu_seconds() >= 0.0);
    }
}
