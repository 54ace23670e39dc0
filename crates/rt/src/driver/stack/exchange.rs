//! Frames that came to one core and concern another.
//!
//! Two kinds. What a neighbour says about itself (answers to ARP and neighbour discovery) comes to one queue, and every core
//! that asked must hear it. And on a device whose hardware spreads flows by a hash that we do not know, a flow belongs to the core
//! that *our* hash names, wherever its frames come in: the receiving core passes them on. Whether that is needed is seen from the
//! first thousands of frames, and said in the log; it is done for ever, because a device may be set otherwise while it works.
//! The rings are bounded; a frame that finds its ring full is lost, as in a network, and counted.

use crore_base::frame::{Frame, FramePool};
use crore_nic::steering::Flow;
use crore_wire::ethernet::{EtherType, LEN as ETHERNET_BYTES};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::executor::shared::SharedCore;
use crate::limits::{EXCHANGE_FRAMES, STEERING_PROOF_FRAMES};

/// Where the next header of an IPv6 packet stands in a frame, and the type of an ICMPv6 message without extension headers.
const IPV6_NEXT_HEADER: usize = ETHERNET_BYTES + 6;
const ICMPV6_TYPE: usize = ETHERNET_BYTES + 40;
const ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// The low byte of the operation of an ARP packet, and what it is in an answer.
const ARP_OPERATION: usize = ETHERNET_BYTES + 7;
const ARP_REPLY: u8 = 2;

/// One core's ends of the rings to and from the others.
pub(super) struct Exchange {
    own: u16,
    /// By core; none to itself.
    outgoing: Vec<Option<Outgoing>>,
    incoming: Vec<Consumer<Box<[u8]>>>,
    /// Flows belong to the cores that our hash names, whatever the device thinks.
    in_software: bool,
    /// Frames whose flow was looked at, and those of them that belonged to another core.
    looked_at: u64,
    handed_over: u64,
    lost: u64,
}

struct Outgoing {
    ring: Producer<Box<[u8]>>,
    receiver: &'static SharedCore,
    /// Something was put in since the receiver was told last.
    news: bool,
}

/// The exchanges of all cores, in order.
pub(super) fn mesh(cores: &[&'static SharedCore], in_software: bool) -> Vec<Exchange> {
    let empty = |own| Exchange {
        own: own as u16,
        outgoing: Vec::new(),
        incoming: Vec::new(),
        in_software,
        looked_at: 0,
        handed_over: 0,
        lost: 0,
    };
    let mut ends: Vec<Exchange> = (0..cores.len()).map(empty).collect();
    for from in 0..cores.len() {
        for (to, &receiver) in cores.iter().enumerate() {
            if from == to {
                ends[from].outgoing.push(None);
                continue;
            }
            let (ring, end) = RingBuffer::new(EXCHANGE_FRAMES);
            ends[from].outgoing.push(Some(Outgoing { ring, receiver, news: false }));
            ends[to].incoming.push(end);
        }
    }
    ends
}

impl Exchange {
    /// How many cores share the device.
    pub(super) fn cores(&self) -> u16 {
        self.outgoing.len() as u16
    }

    /// Whether what comes back to this flow, seen from our side, comes to this core.
    pub(super) fn is_home(&self, flow: &Flow) -> bool {
        flow.queue(self.cores()) == self.own
    }

    /// Frames that came to this core and belonged to another, those that were lost on the way included.
    pub(super) fn handed_over(&self) -> u64 {
        self.handed_over
    }

    /// Frames that found the ring to their core full.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes what other cores have passed on, then passes on what concerns others: of `frames` from `first` on, which have just
    /// come. One core has nobody to exchange with, and pays a comparison.
    pub(super) fn sort(&mut self, pool: &mut FramePool, frames: &mut Vec<Frame>, first: usize) {
        if self.outgoing.len() < 2 {
            return;
        }
        for frame in &frames[first..] {
            if is_news_of_a_neighbour(pool.bytes(frame)) {
                (0..self.outgoing.len()).for_each(|core| self.pass(core, pool.bytes(frame).into()));
            }
        }
        if self.in_software {
            let is_stray = |frame: &mut Frame| self.stranger_of(pool.bytes(frame)).is_some();
            let came = frames.len() - first;
            let strays: Vec<Frame> = frames.extract_if(first.., is_stray).collect();
            self.note(came, strays.len());
            for frame in strays {
                let core = self.stranger_of(pool.bytes(&frame)).expect("it was just found to be one");
                self.pass(core, pool.bytes(&frame).into());
                pool.free(frame);
            }
        }
        self.collect(pool, frames);
        for outgoing in self.outgoing.iter_mut().flatten() {
            if std::mem::take(&mut outgoing.news) {
                outgoing.receiver.notify();
            }
        }
    }

    /// Counts, and says once how the device spreads flows, when enough has come to tell.
    fn note(&mut self, came: usize, strays: usize) {
        assert!(strays <= came, "strays are among the frames that came");
        let was_known = self.looked_at >= STEERING_PROOF_FRAMES;
        self.looked_at += came as u64;
        self.handed_over += strays as u64;
        if was_known || self.looked_at < STEERING_PROOF_FRAMES {
            return;
        }
        let (core, frames, handed_over) = (self.own, self.looked_at, self.handed_over);
        match handed_over {
            0 => tracing::info!(core, frames, "every frame came to the core that it belongs to"),
            _ => tracing::info!(
                core,
                frames,
                handed_over,
                "the device spreads flows by a hash of its own: cores hand frames over, which costs a copy each"
            ),
        }
    }

    /// The core that a frame belongs to, if it is another.
    fn stranger_of(&self, bytes: &[u8]) -> Option<usize> {
        let flow = Flow::of_frame(bytes)?;
        let home = flow.queue(self.cores());
        (home != self.own).then_some(usize::from(home))
    }

    fn pass(&mut self, core: usize, frame: Box<[u8]>) {
        let Some(outgoing) = &mut self.outgoing[core] else { return };
        match outgoing.ring.push(frame) {
            Ok(()) => outgoing.news = true,
            Err(_) => self.lost += 1,
        }
    }

    fn collect(&mut self, pool: &mut FramePool, frames: &mut Vec<Frame>) {
        for ring in &mut self.incoming {
            while !ring.is_empty()
                && let Some(mut frame) = pool.alloc()
            {
                let bytes = ring.pop().expect("it was not empty, and nobody else takes from it");
                pool.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(&bytes);
                frame.set_len(bytes.len());
                frames.push(frame);
            }
        }
    }
}

/// Whether a neighbour says where it is: a reply of ARP, or a neighbour advertisement (RFC 4861 section 4.4).
fn is_news_of_a_neighbour(bytes: &[u8]) -> bool {
    let Some(&[high, low]) = bytes.get(ETHERNET_BYTES - 2..ETHERNET_BYTES) else { return false };
    match EtherType(u16::from_be_bytes([high, low])) {
        EtherType::ARP => bytes.get(ARP_OPERATION) == Some(&ARP_REPLY),
        EtherType::IPV6 => {
            bytes.get(IPV6_NEXT_HEADER) == Some(&ICMPV6) && bytes.get(ICMPV6_TYPE) == Some(&NEIGHBOUR_ADVERTISEMENT)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
