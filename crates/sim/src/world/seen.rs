//! What happened in worlds: sums that show whether there was anything to see.

use crore_tcp::counter::Counter;

/// What happened in some worlds, to see that they show something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Bytes that applications have read.
    pub delivered: u64,
    /// Streams that went on as another one after a cookie had come back twice.
    pub mixed: u64,
    /// Active opens that were begun.
    pub opened: u64,
    /// Active opens that could not be begun, for want of room.
    pub refused_opens: u64,
    /// Passive opens that were accepted.
    pub accepted: u64,
    /// Events of engines.
    pub events: u64,
    /// Turns of hosts.
    pub turns: u64,
    /// Segments whose numbers wrapped.
    pub wraps: u64,
    /// Frames put on the wire, and lost or cut, swallowed for their size, doubled, overtaken, flipped, truncated, padded.
    pub frames: [u64; 8],
    /// Frames that found no room in the host.
    pub pool_empty: u64,
    /// Starts anew.
    pub restarts: u64,
    /// Steps of clocks.
    pub clock_steps: u64,
    /// Ends of connections, by the number of their reason.
    pub ends: [u64; 8],
    /// What the engines counted, in the order of [`Counter::ALL`].
    pub counters: Vec<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            delivered: 0,
            mixed: 0,
            opened: 0,
            refused_opens: 0,
            accepted: 0,
            events: 0,
            turns: 0,
            wraps: 0,
            frames: [0; 8],
            pool_empty: 0,
            restarts: 0,
            clock_steps: 0,
            ends: [0; 8],
            counters: vec![0; Counter::ALL.len()],
        }
    }
}

impl Seen {
    /// Adds what happened in another world.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.mixed += other.mixed;
        self.opened += other.opened;
        self.refused_opens += other.refused_opens;
        self.accepted += other.accepted;
        self.events += other.events;
        self.turns += other.turns;
        self.wraps += other.wraps;
        self.pool_empty += other.pool_empty;
        self.restarts += other.restarts;
        self.clock_steps += other.clock_steps;
        let add = |sums: &mut [u64], more: &[u64]| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.frames, &other.frames);
        add(&mut self.ends, &other.ends);
        add(&mut self.counters, &other.counters);
    }

    /// What the engines counted under a name.
    pub fn counted(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }
}
