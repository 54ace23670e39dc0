//! What a runtime counts: per core, without sharing, merged when somebody reads.

use crore_base::counters::Counters;

use crate::current;

pub(crate) const TURNS: usize = 0;
pub(crate) const POLLS: usize = 1;
pub(crate) const SLEPT_NANOS: usize = 2;
pub(crate) const TASK_PANICS: usize = 3;
pub(crate) const ACCEPTED: usize = 4;
pub(crate) const ACCEPT_PAUSED_DESCRIPTORS: usize = 5;
pub(crate) const ACCEPT_PAUSED_FULL: usize = 6;
pub(crate) const ACCEPT_SHED: usize = 7;
pub(crate) const BYTES_RECEIVED: usize = 8;
pub(crate) const BYTES_SENT: usize = 9;
pub(crate) const WRITES: usize = 10;
/// Since when the core sleeps, in nanoseconds of its clock; 0: it does not.
pub(crate) const ASLEEP_SINCE: usize = 11;
/// Gauges of the end of the last turn.
pub(crate) const CONNECTIONS: usize = 12;
pub(crate) const TASKS: usize = 13;
/// Frames that came to one core and belonged to another.
pub(crate) const HANDED_OVER: usize = 14;
/// Those of them that found the other's ring full.
pub(crate) const HANDED_OVER_LOST: usize = 15;
/// Polls that took longer than the stall detector allows. Written by its thread.
pub(crate) const STALLS: usize = 16;
/// Selectors built anew after too many wake-ups without progress.
pub(crate) const SELECTOR_REBUILDS: usize = 17;
/// Operations on files that the driver was given.
pub(crate) const FILE_OPERATIONS: usize = 18;
/// From here on, what our own TCP/IP counts, in the order of [`crore_tcp::counter::Counter::ALL`].
pub(crate) const NETWORK: usize = 19;
/// And from here on, what happened to TLS sessions, in the order of [`TlsEvent::ALL`](crate::tls::TlsEvent::ALL).
pub(crate) const TLS: usize = NETWORK + crore_tcp::counter::Counter::ALL.len();
pub(crate) const COUNTERS: usize = TLS + crate::tls::TlsEvent::ALL.len();

/// The figures of one core, or of all. Each counts from the runtime's start, but for the last two, which are gauges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Turns of the loop.
    pub turns: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Nanoseconds asleep, waiting for something to do.
    pub slept_nanos: u64,
    /// Tasks that ended by a panic.
    pub task_panics: u64,
    /// Polls that held their core longer than the [stall detector](crate::Builder::stall_after) allows.
    pub stalls: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Times a listener rested because descriptors had run out (`EMFILE`, `ENFILE`).
    pub accept_paused_descriptors: u64,
    /// Times a listener rested because the core had no connection slot or the kernel no memory.
    pub accept_paused_full: u64,
    /// Waiting clients refused during such rests, so that they did not wait in vain.
    pub accept_shed: u64,
    /// Bytes received on connections.
    pub bytes_received: u64,
    /// Bytes sent on connections.
    pub bytes_sent: u64,
    /// Writes that took them to the kernel, or to the simulated network.
    pub writes: u64,
    /// Times the selector was built anew, after many wake-ups in a row in which there was nothing to do.
    pub selector_rebuilds: u64,
    /// Operations on files that went through a ring; those of the pool are in [`blocking_stats`](crate::pool::blocking_stats).
    pub file_operations: u64,
    /// Connections open at the end of the last turn, those included that are sending their last bytes.
    pub connections: u64,
    /// Tasks alive at the end of the last turn.
    pub tasks: u64,
}

/// The figures of the runtime that this thread belongs to: of one core, or of all of them.
pub fn stats(core: Option<usize>) -> Stats {
    current::with(|worker| {
        let counters = worker.counters();
        let read = |id| match core {
            Some(core) => counters.of(core, id),
            None => counters.sum(id),
        };
        Stats {
            turns: read(TURNS),
            polls: read(POLLS),
            slept_nanos: read(SLEPT_NANOS) + asleep_now(counters, core, worker.clock_now().as_nanos()),
            task_panics: read(TASK_PANICS),
            stalls: read(STALLS),
            accepted: read(ACCEPTED),
            accept_paused_descriptors: read(ACCEPT_PAUSED_DESCRIPTORS),
            accept_paused_full: read(ACCEPT_PAUSED_FULL),
            accept_shed: read(ACCEPT_SHED),
            bytes_received: read(BYTES_RECEIVED),
            bytes_sent: read(BYTES_SENT),
            writes: read(WRITES),
            selector_rebuilds: read(SELECTOR_REBUILDS),
            file_operations: read(FILE_OPERATIONS),
            connections: read(CONNECTIONS),
            tasks: read(TASKS),
        }
    })
}

/// What our own TCP/IP has counted on all cores, by names for metrics; all zero where the kernel carries the connections. As
/// of a moment ago: a busy core tells now and then, and before it sleeps.
pub fn network_stats() -> Vec<(&'static str, u64)> {
    current::with(|worker| {
        let counters = worker.counters();
        let names = crore_tcp::counter::Counter::ALL.iter().map(|counter| counter.name());
        let of_engine = names.enumerate().map(|(index, name)| (name, counters.sum(NETWORK + index)));
        let between_cores = [("handed_over", HANDED_OVER), ("handed_over_lost", HANDED_OVER_LOST)];
        of_engine.chain(between_cores.map(|(name, id)| (name, counters.sum(id)))).collect()
    })
}

/// How long cores have been in the sleep that they are in.
fn asleep_now(counters: &Counters, core: Option<usize>, now: u64) -> u64 {
    let of = |core| match counters.of(core, ASLEEP_SINCE) {
        0 => 0,
        since => now.saturating_sub(since),
    };
    core.map_or_else(|| (0..counters.cores()).map(of).sum(), of)
}
