//! A sender with nothing but a [`Window`], a path that loses what it is told to lose, and a receiver that keeps what comes
//! early: losses are repaired, without a timeout where that is promised.

use std::collections::{BTreeSet, VecDeque};

use crore_base::random::Rng;

use super::*;

/// A transfer of `total` segments; numbers are those of segments.
struct Transfer {
    total: u32,
    window: Window,
    una: u32,
    next: u32,
    /// One after the highest ever sent.
    highest: u32,
    path: VecDeque<u32>,
    received: BTreeSet<u32>,
    expected: u32,
    /// How often each segment will still be lost.
    losses: Vec<u32>,
    timeouts: u32,
    sent: u32,
}

impl Transfer {
    fn new(total: u32, losses: Vec<u32>) -> Self {
        Self {
            total,
            window: Window::initial(MSS, START),
            una: 0,
            next: 0,
            highest: 0,
            path: VecDeque::new(),
            received: BTreeSet::new(),
            expected: 0,
            losses,
            timeouts: 0,
            sent: 0,
        }
    }

    fn seq(segment: u32) -> Seq {
        START + segment * MSS
    }

    fn send(&mut self, segment: u32) {
        self.sent += 1;
        self.highest = self.highest.max(segment + 1);
        let lost = &mut self.losses[segment as usize];
        if *lost > 0 {
            *lost -= 1;
        } else {
            self.path.push_back(segment);
        }
    }

    fn send_what_fits(&mut self) {
        while self.next < self.total && (self.next - self.una + 1) * MSS <= self.window.limit(MSS) {
            self.send(self.next);
            self.next += 1;
        }
    }

    /// A segment arrives; the acknowledgment that it causes.
    fn receive(&mut self, segment: u32) -> u32 {
        self.received.insert(segment);
        while self.received.contains(&self.expected) {
            self.expected += 1;
        }
        self.expected
    }

    fn acknowledged(&mut self, ack: u32) {
        let flight = (self.highest - self.una) * MSS;
        let verdict = if ack > self.una {
            let acked = (ack - self.una) * MSS;
            self.una = ack;
            self.next = self.next.max(ack);
            self.window.on_ack(acked, Self::seq(ack), flight, MSS)
        } else if flight > 0 {
            self.window.on_duplicate_ack(Self::seq(ack), Self::seq(self.highest), flight, MSS)
        } else {
            Verdict::Nothing
        };
        if verdict == Verdict::RetransmitFirst {
            self.send(self.una);
        }
    }

    fn run(&mut self) {
        for _ in 0..1_000_000 {
            if self.una == self.total {
                return;
            }
            self.send_what_fits();
            if let Some(segment) = self.path.pop_front() {
                let ack = self.receive(segment);
                self.acknowledged(ack);
            } else {
                self.timeouts += 1;
                let flight = (self.highest - self.una) * MSS;
                self.window.on_timeout(Self::seq(self.una), Self::seq(self.highest), flight, MSS);
                self.next = self.una;
            }
        }
        panic!("the transfer hangs at {} of {} segments", self.una, self.total);
    }
}

fn losing(total: u32, lost: &[u32]) -> Transfer {
    let mut losses = vec![0; total as usize];
    lost.iter().for_each(|&segment| losses[segment as usize] += 1);
    Transfer::new(total, losses)
}

/// RFC 6582 PARTIAL-ACK
#[test]
fn many_losses_of_one_window_are_repaired_without_a_timeout_and_nothing_is_sent_in_vain() {
    for lost in [&[20][..], &[20, 21], &[20, 24, 28], &[20, 21, 22, 23, 24], &[20, 22, 24, 26, 28, 30, 32]] {
        let mut transfer = losing(200, lost);
        transfer.run();
        assert_eq!(transfer.timeouts, 0, "losing {lost:?}");
        assert_eq!(transfer.sent, 200 + lost.len() as u32, "losing {lost:?}");
    }
}

#[test]
fn a_loss_in_the_first_window_is_repaired_without_a_timeout() {
    for segment in 0..7 {
        let mut transfer = losing(100, &[segment]);
        transfer.run();
        assert_eq!((transfer.timeouts, transfer.sent), (0, 101), "losing {segment}");
    }
}

#[test]
fn a_lost_tail_or_a_lost_retransmission_costs_a_timeout_and_no_more() {
    for lost in [&[99][..], &[98, 99], &[50, 50]] {
        let mut transfer = losing(100, lost);
        transfer.run();
        assert_eq!(transfer.timeouts, 1, "losing {lost:?}");
    }
}

#[test]
fn every_transfer_ends_whatever_is_lost() {
    for seed in 0..300 {
        let mut rng = Rng::from_seed(seed);
        let chance = rng.below(40);
        let losses = (0..400).map(|_| (0..3).filter(|_| rng.chance(chance, 100)).count() as u32).collect();
        let mut transfer = Transfer::new(400, losses);
        transfer.run();
        assert_eq!(transfer.expected, 400);
        assert!(transfer.sent < 4 * 400, "seed {seed}: {} segments for 400", transfer.sent);
    }
}
