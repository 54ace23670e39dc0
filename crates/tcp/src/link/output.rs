//! What the link itself sends: questions for neighbours, answers to theirs, echo replies.
//!
//! Frames come from the pool's reserve if need be: a host that has run out of buffers must still be found. What waits
//! is bounded by the tables and queues behind it, so output never has to be refused here; it waits for the next pass.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Instant;
use crore_wire::arp::{self, Operation};
use crore_wire::emit;
use crore_wire::ethernet::Mac;
use crore_wire::icmpv6::Message;
use crore_wire::ip::Ip;
use crore_wire::ndp::{self, NeighbourAdvertisement, NeighbourSolicitation};

use super::limits::ANSWERS_MAX;
use super::neighbours::Question;
use super::{ALL_NODES, Link};

/// Something to be told about an address of ours.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// By ARP, to whom it asked.
    Arp { to: Mac, theirs: Ipv4Addr, ours: Ipv4Addr },
    /// By neighbour advertisement, to whom it asked.
    Neighbour { to_mac: Mac, to: Ip, ours: Ip, solicited: bool },
    /// To everybody, without being asked.
    Announcement(Ip),
}

/// Announcements of every address of ours, to be sent at start so that nobody keeps an old idea of where they are.
pub(super) fn announcements(hosts: &[Ip]) -> VecDeque<Answer> {
    assert!(hosts.len() < ANSWERS_MAX);
    hosts.iter().copied().map(Answer::Announcement).collect()
}

impl Link {
    /// Writes what waits and appends it to `out`, until that holds `max` frames. Returns how many were added. What
    /// finds no frame waits for the next call.
    ///
    /// Copies the data of echo replies; allocates nothing but the room in `out`.
    pub(crate) fn poll_output(
        &mut self,
        _now: Instant,
        frames: &mut FramePool,
        out: &mut Vec<Frame>,
        max: usize,
    ) -> usize {
        let before = out.len();
        // Bounded by `max` and by what waits: each turn takes something out of a queue.
        while out.len() < max && self.has_output() {
            let Some(mut frame) = frames.alloc_reserved() else {
                self.counters.frames_exhausted += 1;
                break;
            };
            match self.write_next(frames.buffer_mut(&mut frame)) {
                Some(len) => {
                    frame.set_len(len);
                    out.push(frame);
                }
                None => frames.free(frame),
            }
        }
        assert!(out.len() <= max.max(before));
        out.len() - before
    }

    /// Whether a call of [`poll_output`](Self::poll_output) could have something to write.
    pub(crate) fn has_output(&self) -> bool {
        self.neighbours.has_questions() || !self.answers.is_empty() || !self.echoes.is_empty()
    }

    /// Queues an answer, unless too many wait.
    pub(super) fn answer(&mut self, answer: Answer) {
        if self.answers.len() >= ANSWERS_MAX {
            self.counters.answers_left_out += 1;
            return;
        }
        self.answers.push_back(answer);
        debug_assert!(self.answers.len() <= ANSWERS_MAX);
    }

    /// Writes one frame into `buffer` and says how many bytes it has. Our own questions come first: others can fill the
    /// queues behind them.
    fn write_next(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if let Some(question) = self.neighbours.poll_question() {
            self.counters.questions_sent += 1;
            return self.write_question(buffer, &question);
        }
        if let Some(answer) = self.answers.pop_front() {
            self.counters.answers_sent += 1;
            return Some(self.write_answer(buffer, answer));
        }
        let (path, echo) = self.echoes.pop()?;
        self.counters.echoes_sent += 1;
        Some(emit::icmp_echo_reply(buffer, &path, &echo))
    }

    fn write_question(&self, buffer: &mut [u8], question: &Question) -> Option<usize> {
        let target = question.target;
        // Every next hop is on a network of ours, so there is an address.
        let source = self.addresses.facing(&target)?;
        if target.is_v4() {
            return Some(self.write_arp_request(buffer, question.to.unwrap_or(Mac::BROADCAST), source, target));
        }
        let group = target.solicited_node();
        let (destination, destination_mac) = match question.to {
            Some(mac) => (target, mac),
            None => (group, Mac::of_ipv6_multicast(&group)),
        };
        let message = Message::Solicitation(NeighbourSolicitation { target, source_mac: Some(self.mac) });
        Some(emit::icmpv6(buffer, &self.discovery_path(source, destination, destination_mac), &message))
    }

    fn write_answer(&self, buffer: &mut [u8], answer: Answer) -> usize {
        match answer {
            Answer::Arp { to, theirs, ours } => {
                let operation = Operation::Reply;
                let (sender_mac, target_mac) = (self.mac, to);
                let packet = arp::Packet { operation, sender_mac, sender: ours, target_mac, target: theirs };
                emit::arp(buffer, to, &packet)
            }
            // A question for one's own address is the announcement that all systems understand (RFC 5227 section 2.3).
            Answer::Announcement(ours) if ours.is_v4() => self.write_arp_request(buffer, Mac::BROADCAST, ours, ours),
            Answer::Announcement(ours) => {
                let to_mac = Mac::of_ipv6_multicast(&ALL_NODES);
                self.write_advertisement(buffer, to_mac, ALL_NODES, ours, false)
            }
            Answer::Neighbour { to_mac, to, ours, solicited } => {
                self.write_advertisement(buffer, to_mac, to, ours, solicited)
            }
        }
    }

    fn write_arp_request(&self, buffer: &mut [u8], to: Mac, source: Ip, target: Ip) -> usize {
        debug_assert!(source.is_v4() && target.is_v4());
        let packet = arp::Packet {
            operation: Operation::Request,
            sender_mac: self.mac,
            sender: source.v4_octets().into(),
            target_mac: Mac::default(),
            target: target.v4_octets().into(),
        };
        emit::arp(buffer, to, &packet)
    }

    fn write_advertisement(&self, buffer: &mut [u8], to_mac: Mac, to: Ip, ours: Ip, solicited: bool) -> usize {
        let message = Message::Advertisement(NeighbourAdvertisement {
            target: ours,
            router: false,
            solicited,
            replaces: true,
            target_mac: Some(self.mac),
        });
        emit::icmpv6(buffer, &self.discovery_path(ours, to, to_mac), &message)
    }

    fn discovery_path(&self, source: Ip, destination: Ip, destination_mac: Mac) -> emit::Path {
        emit::Path { source_mac: self.mac, destination_mac, source, destination, hop_limit: ndp::HOP_LIMIT, dscp: 0 }
    }
}
