//! The network: a switch that carries frames from host to host, and all that can happen to them on the way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};
use crore_wire::ethernet;
use crore_wire::packet::Link;

use crate::plan::{LinkPlan, Plan, dice};

const RATE_BASE: u64 = 10_000;

/// A frame that has arrived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    order: u64,
    pub(crate) to: usize,
    pub(crate) bytes: Vec<u8>,
    /// It was changed on the way, and nobody may take it for good.
    pub(crate) tampered: bool,
}

/// What the network did, to see that it does something.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Deeds {
    pub(crate) carried: u64,
    pub(crate) lost: u64,
    pub(crate) cut: u64,
    pub(crate) swallowed: u64,
    pub(crate) doubled: u64,
    pub(crate) overtaken: u64,
    pub(crate) flipped: u64,
    pub(crate) truncated: u64,
    pub(crate) padded: u64,
}

/// See the module.
pub(crate) struct Network {
    rng: Rng,
    plan: LinkPlan,
    start: Instant,
    flying: BinaryHeap<Reverse<Arrival>>,
    order: u64,
    /// When the last frame in order reaches each host from each host.
    last: Vec<Vec<Instant>>,
    pub(crate) deeds: Deeds,
}

impl Network {
    pub(crate) fn new(plan: &Plan) -> Self {
        let hosts = plan.hosts.len();
        Self {
            rng: dice(plan.seed, "network"),
            plan: plan.link.clone(),
            start: plan.start,
            flying: BinaryHeap::new(),
            order: 0,
            last: vec![vec![Instant::ZERO; hosts]; hosts],
            deeds: Deeds::default(),
        }
    }

    /// Nothing happens to frames any more. What is under way still arrives as it was to.
    pub(crate) fn heal(&mut self) {
        self.plan = self.plan.healed();
    }

    /// When the next frame arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse(arrival)| arrival.at)
    }

    /// The next frame that has arrived by `now`.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Arrival> {
        self.next().filter(|&at| at <= now)?;
        self.flying.pop().map(|Reverse(arrival)| arrival)
    }

    /// Takes a frame from a host and carries it to whom it is for. Hosts have the link-layer addresses of their numbers.
    pub(crate) fn send(&mut self, now: Instant, from: usize, bytes: &[u8]) {
        let Ok(header) = ethernet::Header::parse(bytes) else { return };
        let hosts = self.last.len();
        for to in (0..hosts).filter(|&to| to != from) {
            if header.destination.is_group() || header.destination == crate::host::mac_of(to) {
                self.carry(now, from, to, bytes);
            }
        }
    }

    fn carry(&mut self, now: Instant, from: usize, to: usize, bytes: &[u8]) {
        let age = now - self.start;
        if self.is_cut(age, from, to) {
            self.deeds.cut += 1;
            return;
        }
        if let Some((most, start, end)) = self.plan.black_hole
            && bytes.len() > most
            && (start..end).contains(&age)
        {
            self.deeds.swallowed += 1;
            return;
        }
        if self.happens(self.plan.loss) {
            self.deeds.lost += 1;
            return;
        }
        self.launch(now, from, to, bytes);
        if self.happens(self.plan.duplicate) {
            self.deeds.doubled += 1;
            self.launch(now, from, to, bytes);
        }
    }

    fn is_cut(&self, age: Duration, from: usize, to: usize) -> bool {
        self.plan.cuts.iter().any(|cut| {
            (cut.start..cut.end).contains(&age)
                && cut.from.is_none_or(|host| host == from)
                && cut.to.is_none_or(|host| host == to)
        })
    }

    fn launch(&mut self, now: Instant, from: usize, to: usize, bytes: &[u8]) {
        self.deeds.carried += 1;
        let mut bytes = bytes.to_vec();
        let mut tampered = false;
        if self.happens(self.plan.truncate) {
            self.deeds.truncated += 1;
            tampered = true;
            bytes.truncate(self.rng.range(1..bytes.len() as u64) as usize);
        } else if self.happens(self.plan.flip) {
            tampered = flip(&mut self.rng, &mut bytes);
            self.deeds.flipped += u64::from(tampered);
        } else if self.happens(self.plan.pad) {
            self.deeds.padded += 1;
            let padding = self.rng.range(1..47) as usize;
            let room = crore_base::limits::FRAME_BYTES - bytes.len();
            let mut noise = vec![0; padding.min(room)];
            self.rng.fill(&mut noise);
            bytes.extend(noise);
        }
        let mut at = now + self.plan.delay + self.up_to(self.plan.jitter);
        if self.happens(self.plan.reorder) {
            self.deeds.overtaken += 1;
            at += self.up_to(self.plan.reorder_by);
        } else {
            at = at.max(self.last[from][to]);
            self.last[from][to] = at;
        }
        self.order += 1;
        self.flying.push(Reverse(Arrival { at, order: self.order, to, bytes, tampered }));
    }

    fn happens(&mut self, rate: u64) -> bool {
        rate > 0 && self.rng.chance(rate, RATE_BASE)
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        if most.is_zero() { most } else { Duration::from_micros(self.rng.below(most.as_micros() + 1)) }
    }
}

/// Flips one bit, or a burst within 16 bits, where the Internet checksum sees it for certain. False if there is no such place:
/// ARP has no checksum, and what Ethernet's own would catch is not ours to judge.
fn flip(rng: &mut Rng, bytes: &mut [u8]) -> bool {
    let Ok(Link::Ip(packet)) = Link::parse(bytes) else { return false };
    let end = usize::from(packet.payload_end);
    let first = if packet.source.is_v4() { ethernet::LEN } else { usize::from(packet.payload_start) };
    let at = rng.range(first as u64..end as u64) as usize;
    if rng.chance(1, 2) {
        bytes[at] ^= 1 << rng.below(8);
    } else {
        // Aligned to the words of the checksum: any change of one word shows, but for 0 and 0xffff, which sum up alike.
        let word = at - (at - first) % 2;
        let last = (word + 1).min(end - 1);
        let before = (bytes[word], bytes[last]);
        bytes[word] ^= rng.below(256) as u8;
        bytes[last] ^= rng.below(256) as u8;
        let alike = |pair: (u8, u8)| pair == (0, 0) || pair == (0xff, 0xff);
        let now = (bytes[word], bytes[last]);
        if now == before || alike(now) && alike(before) {
            bytes[word] = before.0 ^ 1;
        }
    }
    true
}
