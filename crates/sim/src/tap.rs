//! Watches every frame that a host puts on the wire, and checks it against what the host was told before.
//!
//! It knows nothing of engines: it reads frames as a stranger on the cable would, with the parsers of `crore-wire`.
//! What must hold:
//!
//! - every frame is well formed, from who sends it, no larger than the link carries, and its checksums are right;
//! - a segment belongs to a connection that has begun, or is an RST;
//! - what is acknowledged, the right edge of the window, and the timestamp never go back;
//! - no data beyond the window that the peer offered, but for one byte that probes it;
//! - no segment is larger than the peer asked for;
//! - acknowledgments do not answer acknowledgments for ever.

mod flow;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crore_base::time::Instant;
use crore_wire::checksum::Sum;
use crore_wire::ethernet;
use crore_wire::packet::{Link, Packet};
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags, Header};
use crore_wire::{icmp, icmpv6, protocol};

use crate::Check;
use crate::family::Family;
use crate::host::{address_of, mac_of};
use crate::ledger::Side;
use crate::plan::Plan;
use flow::Flow;

/// One end of a flow, as its host sees it.
type Ends = (SocketAddr, SocketAddr);

/// A segment as read from a frame.
pub(crate) struct Seen {
    pub(crate) ends: Ends,
    pub(crate) header: Header,
    pub(crate) len: u32,
    pub(crate) options_len: u32,
}

impl Seen {
    fn has(&self, flag: Flags) -> bool {
        self.header.flags.contains(flag)
    }

    /// Whether it carries nothing that must be acknowledged.
    fn is_bare(&self) -> bool {
        self.len == 0 && !self.header.flags.intersects(Flags::SYN | Flags::FIN | Flags::RST)
    }
}

/// See the module.
pub(crate) struct Tap {
    mtus: Vec<u16>,
    flows: Vec<HashMap<Ends, Flow>>,
    /// Flows of each host that were touched in its present turn.
    touched: Vec<Vec<Ends>>,
    /// Servers may answer with cookies.
    cookies: bool,
    pub(crate) frames: u64,
    /// The first sequence number that anybody used, and how many segments wrapped around zero.
    pub(crate) first_number: Option<Seq>,
    pub(crate) wraps: u64,
    /// When anything was last put on the wire.
    pub(crate) last: Instant,
}

impl Tap {
    pub(crate) fn new(plan: &Plan) -> Self {
        let hosts = plan.hosts.len();
        Self {
            mtus: plan.hosts.iter().map(|host| host.mtu).collect(),
            flows: vec![HashMap::new(); hosts],
            touched: vec![Vec::new(); hosts],
            cookies: plan.has(Family::SmallSynCache),
            frames: 0,
            first_number: None,
            wraps: 0,
            last: plan.start,
        }
    }

    /// A host has put a frame on the wire. `local` is the time by its own clock.
    pub(crate) fn emitted(&mut self, host: usize, now: Instant, local: Instant, bytes: &[u8]) -> Check {
        self.frames += 1;
        self.last = now;
        let segment = self.read_frame(host, bytes).map_err(|what| format!("host {host} sent a frame that {what}"))?;
        let Some(segment) = segment else { return Ok(()) };
        self.touched[host].push(segment.ends);
        let seq = segment.header.seq;
        self.first_number.get_or_insert(seq);
        self.wraps += u64::from(seq.0.checked_add(segment.len).is_none());
        let flow = self.flows[host].entry(segment.ends).or_default();
        flow.emitted(local, &segment, self.cookies).map_err(|what| {
            let (local, remote) = segment.ends;
            format!("host {host}, {local} to {remote}: {what}: {:?} with {} bytes", segment.header, segment.len)
        })
    }

    /// A host has been given a frame that was not damaged.
    pub(crate) fn delivered(&mut self, host: usize, bytes: &[u8]) -> Check {
        let Ok(Link::Ip(packet)) = Link::parse(bytes) else { return Ok(()) };
        if packet.protocol != protocol::TCP || packet.destination_mac != mac_of(host) {
            return Ok(());
        }
        let mut segment = read_segment(&packet, bytes)?;
        segment.ends = (segment.ends.1, segment.ends.0);
        self.touched[host].push(segment.ends);
        self.flows[host].entry(segment.ends).or_default().delivered(&segment);
        Ok(())
    }

    /// An application has read, so that a window may open.
    pub(crate) fn read(&mut self, host: usize, side: &Side) {
        let ends = (side.local, side.remote);
        self.touched[host].push(ends);
        self.flows[host].entry(ends).or_default().owed += 1;
    }

    /// An application has given a connection up, so nobody reads there any more.
    pub(crate) fn given_up(&mut self, host: usize, side: &Side) {
        self.flows[host].entry((side.local, side.remote)).or_default().given_up();
    }

    /// A host has said all that it had to say.
    pub(crate) fn turn_ended(&mut self, host: usize) {
        for ends in self.touched[host].drain(..) {
            if let Some(flow) = self.flows[host].get_mut(&ends) {
                // One acknowledgment may still wait for its delay.
                flow.owed = flow.owed.min(1);
            }
        }
    }

    /// A host has started anew and knows nothing.
    pub(crate) fn forget(&mut self, host: usize) {
        self.flows[host].clear();
        self.touched[host].clear();
    }

    fn read_frame(&self, host: usize, bytes: &[u8]) -> Result<Option<Seen>, String> {
        let most = usize::from(self.mtus[host]) + ethernet::LEN;
        if bytes.len() > most {
            return Err(format!("has {} bytes, more than {most}", bytes.len()));
        }
        let packet = match Link::parse(bytes).map_err(|reason| format!("is none: {reason:?}"))? {
            Link::Ip(packet) => packet,
            Link::Arp(arp) if arp.sender_mac == mac_of(host) => return Ok(None),
            Link::Arp(arp) => return Err(format!("speaks for another: {arp:?}")),
        };
        if packet.source_mac != mac_of(host) || packet.destination_mac == mac_of(host) {
            return Err(format!("goes from {} to {}", packet.source_mac, packet.destination_mac));
        }
        let source = packet.source.to_std();
        let is_ours = source == address_of(host, packet.source.is_v4()) || is_link_local(source);
        if !is_ours {
            return Err(format!("comes from {source}"));
        }
        let payload = packet.payload(bytes);
        match packet.protocol {
            protocol::TCP => read_segment(&packet, bytes).map(Some),
            protocol::ICMP => {
                icmp::parse(payload).map(|_| None).map_err(|reason| format!("is none of ICMP: {reason:?}"))
            }
            protocol::ICMPV6 => {
                let message = icmpv6::parse(payload, &packet);
                message.map(|_| None).map_err(|reason| format!("is none of ICMPv6: {reason:?}"))
            }
            other => Err(format!("carries protocol {other}")),
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80)
}

fn read_segment(packet: &Packet, frame: &[u8]) -> Result<Seen, String> {
    let segment = packet.payload(frame);
    let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, protocol::TCP, segment.len() as u32);
    if !tcp::verify(segment, &pseudo) {
        return Err("has a wrong TCP checksum".to_owned());
    }
    let (header, start) = tcp::parse(segment).map_err(|reason| format!("has a bad TCP header: {reason:?}"))?;
    Ok(Seen {
        ends: (
            SocketAddr::new(packet.source.to_std(), header.source_port),
            SocketAddr::new(packet.destination.to_std(), header.destination_port),
        ),
        header,
        len: (segment.len() - start) as u32,
        options_len: (start - tcp::LEN) as u32,
    })
}
