//! The link from outside: frames in, frames out, and what the engine asks. Each file is one subject.

mod addresses;
mod arp;
mod configuration;
mod errors;
mod floods;
mod hops;
mod neighbour_discovery;
mod ping;
mod resolving;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Duration;
use crore_wire::emit::{self, Path};
use crore_wire::icmp::Echo;
use crore_wire::icmpv6;
use crore_wire::ip::Prefix;
use crore_wire::packet::{self, Packet};

use super::input::Ignored;
use super::*;

const OUR_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const GATEWAY_MAC: Mac = Mac([2, 0, 0, 0, 0, 0xfe]);
const PEER_MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

fn ip(text: &str) -> Ip {
    text.parse().expect("an address")
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// 10.0.0.1/24 and 2001:db8::1/64 with gateways, and all of 10.9.0.0/16 and 2001:db8:9::/48.
fn config() -> LinkConfig {
    LinkConfig {
        mac: OUR_MAC,
        mtu: 1500,
        addresses: vec![prefix("10.0.0.1/24"), prefix("2001:db8::1/64")],
        owned: vec![prefix("10.9.0.0/16"), prefix("2001:db8:9::/48")],
        gateways: vec![ip("10.0.0.254"), ip("2001:db8::fe")],
    }
}

/// A link, and the pool that its frames come from.
struct World {
    link: Link,
    frames: FramePool,
}

impl World {
    /// With [`config`], and its announcements already sent.
    fn new() -> Self {
        Self::of(&config())
    }

    fn of(config: &LinkConfig) -> Self {
        let frames = FramePool::new(2048, 64).expect("there is memory");
        let mut world = Self { link: Link::new(config, 42), frames };
        assert!(!world.sent().is_empty(), "addresses are announced");
        world
    }

    /// Every frame that waits, as bytes.
    fn sent(&mut self) -> Vec<Vec<u8>> {
        let mut out: Vec<Frame> = Vec::new();
        self.link.poll_output(at(0), &mut self.frames, &mut out, usize::MAX);
        let bytes = out.iter().map(|frame| self.frames.bytes(frame).to_vec()).collect();
        out.drain(..).for_each(|frame| self.frames.free(frame));
        assert_eq!(self.frames.in_use(), 0, "no frame is lost");
        bytes
    }

    /// The one frame that waits, read.
    fn sent_one(&mut self) -> (packet::Link, Vec<u8>) {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "one frame waits");
        let bytes = sent.remove(0);
        (packet::Link::parse(&bytes).expect("what we send can be read"), bytes)
    }

    /// Hands an IP frame to the link as the engine does.
    fn deliver(&mut self, now: Instant, frame: &[u8]) -> Icmp {
        let packet = Packet::parse(frame).expect("a well-formed packet");
        let bytes = packet.payload(frame);
        if packet.source.is_v4() {
            self.link.on_icmp(now, &packet, bytes)
        } else {
            self.link.on_icmpv6(now, &packet, bytes)
        }
    }

    fn ask_by_arp(&mut self, now: Instant, sender: &str, target: &str) -> bool {
        self.link.on_arp(now, &arp_packet(crore_wire::arp::Operation::Request, PEER_MAC, sender, target))
    }
}

fn arp_packet(
    operation: crore_wire::arp::Operation,
    sender_mac: Mac,
    sender: &str,
    target: &str,
) -> crore_wire::arp::Packet {
    crore_wire::arp::Packet {
        operation,
        sender_mac,
        sender: sender.parse().expect("an IPv4 address"),
        target_mac: OUR_MAC,
        target: target.parse().expect("an IPv4 address"),
    }
}

/// The way of a packet from the peer's hardware to ours.
fn path(source: &str, destination: &str) -> Path {
    Path {
        source_mac: PEER_MAC,
        destination_mac: OUR_MAC,
        source: ip(source),
        destination: ip(destination),
        hop_limit: 255,
        dscp: 0,
    }
}

fn icmp_frame(path: &Path, message: &icmp::Message<'_>) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let len = emit::icmp(&mut out, path, message);
    out.truncate(len);
    out
}

fn icmpv6_frame(path: &Path, message: &icmpv6::Message<'_>) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let len = emit::icmpv6(&mut out, path, message);
    out.truncate(len);
    out
}

/// An echo request over the family of the path.
fn ping_frame(path: &Path, data: &[u8]) -> Vec<u8> {
    let echo = Echo { identifier: 7, sequence: 8, data };
    if path.source.is_v4() {
        icmp_frame(path, &icmp::Message::EchoRequest(echo))
    } else {
        icmpv6_frame(path, &icmpv6::Message::EchoRequest(echo))
    }
}
