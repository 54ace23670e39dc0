//! Processors and memory of the whole machine, from `/proc/stat` and `/proc/meminfo` (proc(5)).

use std::fs;
use std::ops::Sub;

/// What all processors have done since the start of the machine, in seconds of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Processors {
    pub(super) busy_seconds: f64,
    pub(super) all_seconds: f64,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) used: u64,
    pub(super) total: u64,
}

impl Processors {
    pub(super) fn now() -> Processors {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        Processors::parse(&text, rustix::param::clock_ticks_per_second() as f64)
    }

    fn parse(text: &str, ticks_per_second: f64) -> Processors {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "));
        // User, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen. Guests are in user already.
        let ticks: Vec<u64> = line.unwrap_or_default().split_whitespace().map_while(|word| word.parse().ok()).collect();
        let all: u64 = ticks.iter().take(8).sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Processors { busy_seconds: (all - idle) as f64 / ticks_per_second, all_seconds: all as f64 / ticks_per_second }
    }
}

impl Sub for Processors {
    type Output = Processors;

    fn sub(self, earlier: Processors) -> Processors {
        Processors {
            busy_seconds: self.busy_seconds - earlier.busy_seconds,
            all_seconds: self.all_seconds - earlier.all_seconds,
        }
    }
}

impl Memory {
    pub(super) fn now() -> Memory {
        Memory::parse(&fs::read_to_string("/proc/meminfo").unwrap_or_default())
    }

    fn parse(text: &str) -> Memory {
        let bytes = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) * 1_024
        };
        let total = bytes("MemTotal:");
        Memory { used: total.saturating_sub(bytes("MemAvailable:")), total }
    }

    /// What is neither used nor needed by the kernel.
    pub(super) fn available(self) -> u64 {
        self.total - self.used
    }

    /// Of all memory.
    pub(super) fn percent(self) -> f64 {
        self.used as f64 / self.total.max(1) as f64 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_working_and_guests_are_not_counted_twice() {
        let text = "cpu  100 10 50 700 40 5 5 90 100 10\ncpu0 1 2 3\n";
        assert_eq!(Processors::parse(text, 100.0), Processors { busy_seconds: 2.6, all_seconds: 10.0 });
        assert_eq!(Processors::parse("", 100.0), Processors::default());
    }

    #[test]
    fn memory_is_used_that_is_not_available() {
        let memory = Memory::parse("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  250 kB\n");
        assert_eq!((memory.used, memory.available(), memory.percent()), (750 * 1_024, 250 * 1_024, 75.0));
    }

    #[test]
    fn this_machine_has_both() {
        let (processors, memory) = (Processors::now(), Memory::now());
        assert!(processors.busy_seconds > 0.0 && processors.all_seconds > processors.busy_seconds);
        assert!(memory.total > memory.used && memory.used > 0);
    }
}
