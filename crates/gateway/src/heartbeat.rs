//! Pings by the million: a ring of moments, each with the clients whose turn it is.
//!
//! No timer a client: a client is one entry in one bucket, eight bytes, and moves on when its turn has come. The first
//! ping comes at a random time of the second half of the interval, so that those who came back together are not pinged
//! together (section 7 of the protocol).

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};
use crore_hub::ClientKey;

use crate::limits::{PING_GRAIN_MAX, PING_GRAIN_MIN};

/// The ring of one core.
pub(crate) struct Heartbeat {
    interval: Duration,
    grain: Duration,
    buckets: Vec<Vec<u64>>,
    /// The bucket whose moment is next, and that moment.
    next: usize,
    next_at: Instant,
    entries: usize,
    rng: Rng,
}

impl Heartbeat {
    /// A ring for this interval. None: the interval is zero, and there are no pings.
    pub(crate) fn new(interval: Duration, seed: u64) -> Option<Heartbeat> {
        if interval == Duration::ZERO {
            return None;
        }
        let grain = (interval / 64).clamp(PING_GRAIN_MIN, PING_GRAIN_MAX);
        let buckets = interval.as_nanos().div_ceil(grain.as_nanos()) as usize + 2;
        Some(Heartbeat {
            interval,
            grain,
            buckets: vec![Vec::new(); buckets],
            next: 0,
            next_at: Instant::ZERO,
            entries: 0,
            rng: Rng::from_seed(seed),
        })
    }

    /// A new client: its first ping is due at a random time in the second half of the interval from now.
    pub(crate) fn enter(&mut self, now: Instant, client: ClientKey) {
        let half = self.interval / 2;
        let span = Duration::from_nanos(self.rng.below(half.as_nanos().max(1)));
        self.schedule(now, half + span, client);
    }

    /// The turn of a client comes again after `span`, at most one interval.
    pub(crate) fn schedule(&mut self, now: Instant, span: Duration, client: ClientKey) {
        assert!(span <= self.interval);
        if self.entries == 0 {
            self.next_at = now + self.grain;
        }
        let ahead = (now + span).saturating_since(self.next_at).as_nanos().div_ceil(self.grain.as_nanos());
        let ahead = (ahead as usize).min(self.buckets.len() - 1);
        let place = (self.next + ahead) % self.buckets.len();
        self.buckets[place].push(client.to_bits());
        self.entries += 1;
    }

    /// When the next bucket is due; none: nobody is in the ring.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        (self.entries > 0).then_some(self.next_at)
    }

    /// Takes the clients whose turn it is, gone ones among them.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<u64> {
        let mut due = Vec::new();
        while self.entries > 0 && self.next_at <= now {
            let bucket = std::mem::take(&mut self.buckets[self.next]);
            self.entries -= bucket.len();
            due.extend(bucket);
            self.next = (self.next + 1) % self.buckets.len();
            self.next_at += self.grain;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u64) -> ClientKey {
        ClientKey::from_bits(1 << 32 | number).expect("a generation and an index")
    }

    #[test]
    fn first_pings_spread_over_the_second_half_and_later_ones_keep_the_interval() {
        let interval = Duration::from_secs(8);
        let mut heartbeat = Heartbeat::new(interval, 7).expect("there are pings");
        let start = Instant::ZERO + Duration::from_secs(100);
        for number in 0..1000 {
            heartbeat.enter(start, client(number));
        }
        let mut turns = vec![Vec::new(); 1000];
        while turns.iter().any(|times: &Vec<Instant>| times.len() < 3) {
            let now = heartbeat.next_deadline().expect("all are in the ring");
            for bits in heartbeat.due(now) {
                let key = ClientKey::from_bits(bits).expect("what was put in");
                turns[key.index() as usize].push(now);
                heartbeat.schedule(now, interval, key);
            }
        }
        let grain = Duration::from_millis(125);
        let firsts: Vec<Duration> = turns.iter().map(|times| times[0].saturating_since(start)).collect();
        assert!(firsts.iter().all(|&first| first >= interval / 2 && first <= interval + grain * 2));
        let early = firsts.iter().filter(|&&first| first < interval * 3 / 4).count();
        assert!((350..650).contains(&early), "{early} of 1000 in the first half of the window");
        for times in &turns {
            let gap = times[2].saturating_since(times[1]);
            assert!(gap >= interval && gap <= interval + grain, "{gap:?}");
        }
    }

    #[test]
    fn an_empty_ring_wants_nothing_and_begins_anew_later() {
        let mut heartbeat = Heartbeat::new(Duration::from_secs(1), 1).expect("there are pings");
        assert_eq!(heartbeat.next_deadline(), None);
        let late = Instant::ZERO + Duration::from_secs(3600);
        heartbeat.enter(late, client(1));
        assert!(heartbeat.next_deadline().is_some_and(|at| at > late));
        assert!(Heartbeat::new(Duration::ZERO, 1).is_none());
    }
}
