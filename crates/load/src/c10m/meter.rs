//! What gateway and swarm take of the machine: processor time by phase, and memory all the time.
//!
//! Memory is resident memory and huge pages together, since resident memory alone hides huge pages (proc(5)). The peak of
//! resident memory is the kernel's own (`VmHWM`); huge pages have none, so they are sampled.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use serde::Serialize;

use crate::limits::{MEMORY_STEP, PLOT_POINTS_MAX};
use crate::server::{kilobytes, of_process};

/// Of both processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Both<T> {
    /// The gateway.
    pub server: T,
    /// The swarm.
    pub client: T,
}

/// Memory so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Seconds since the start, and bytes.
    pub(super) samples: Vec<(f64, Both<u64>)>,
    /// The kernel's peaks of resident memory, bytes.
    resident: Both<u64>,
    huge: Both<u64>,
}

impl Memory {
    /// Resident memory and huge pages at their peaks, bytes.
    pub(super) fn peak(&self) -> Both<u64> {
        Both { server: self.resident.server + self.huge.server, client: self.resident.client + self.huge.client }
    }

    fn take(&mut self, at_s: f64, pids: Both<u32>) {
        let mut now = Both::default();
        let each = [
            (pids.server, &mut now.server, &mut self.resident.server, &mut self.huge.server),
            (pids.client, &mut now.client, &mut self.resident.client, &mut self.huge.client),
        ];
        for (pid, now, resident, huge) in each {
            // One that has ended has no memory, and keeps its peak.
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let bytes = |name| kilobytes(&status, name) * 1_024;
            *now = bytes("VmRSS:") + bytes("HugetlbPages:");
            *resident = (*resident).max(bytes("VmHWM:"));
            *huge = (*huge).max(bytes("HugetlbPages:"));
        }
        if self.samples.len() == PLOT_POINTS_MAX {
            let mut nth = 0;
            self.samples.retain(|_| {
                nth += 1;
                nth % 2 == 1
            });
        }
        self.samples.push((at_s, now));
    }
}

/// Measures until it is stopped.
pub(super) struct Meter {
    pids: Both<u32>,
    begun: Instant,
    memory: Arc<Mutex<Memory>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Meter {
    /// Begins to measure.
    pub(super) fn start(pids: Both<u32>) -> std::io::Result<Meter> {
        let (memory, ending): (Arc<Mutex<Memory>>, Arc<AtomicBool>) = Default::default();
        let begun = Instant::now();
        let (shared, stop) = (Arc::clone(&memory), Arc::clone(&ending));
        let run = move || {
            while !stop.load(SeqCst) {
                let at_s = begun.elapsed().as_secs_f64();
                // A panic elsewhere leaves nothing half done in here.
                shared.lock().unwrap_or_else(PoisonError::into_inner).take(at_s, pids);
                thread::park_timeout(MEMORY_STEP.into());
            }
        };
        let thread = thread::Builder::new().name("crore-meter".to_owned()).spawn(run)?;
        Ok(Meter { pids, begun, memory, ending, thread: Some(thread) })
    }

    /// Processor time of both since their start, seconds; of one that was collected none.
    pub(super) fn cpu_seconds(&self) -> Both<f64> {
        let of = |pid| of_process(pid).map_or(0.0, |usage| usage.cpu_seconds);
        Both { server: of(self.pids.server), client: of(self.pids.client) }
    }

    /// Memory until now, with a last sample.
    pub(super) fn memory(&self) -> Memory {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.take(self.begun.elapsed().as_secs_f64(), self.pids);
        memory.clone()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.ending.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_of_a_process_are_measured() {
        let pid = std::process::id();
        let meter = Meter::start(Both { server: pid, client: u32::MAX }).unwrap();
        let memory = meter.memory();
        assert!(memory.peak().server > 100_000 && memory.peak().client == 0);
        assert!(!memory.samples.is_empty() && meter.cpu_seconds().client == 0.0);
    }

    #[test]
    fn a_long_run_keeps_few_samples() {
        let mut memory = Memory::default();
        (0..2 * PLOT_POINTS_MAX).for_each(|at| memory.take(at as f64, Both { server: u32::MAX, client: u32::MAX }));
        assert!(memory.samples.len() <= PLOT_POINTS_MAX);
    }
}
