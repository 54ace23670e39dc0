//! A burst of frames comes in, and walks through the engine in stages.
//!
//! At ten million connections no flow and no control block is in cache. So nothing is looked up when a frame is parsed:
//! first every frame of the burst is parsed and hashed and its bucket of the flow table asked for; then every bucket is read
//! and the control block in it asked for; only then are the segments worked on, and all they need is there. The waits for
//! memory overlap instead of adding up.

mod ack;
mod data;
mod fin;
mod half_open;
mod icmp;
mod live;
mod reset;
pub(crate) mod segment;
mod sequence;
mod stranger;
mod syn;
mod syn_sent;
mod time_wait;
mod urgent;

pub(crate) use syn_sent::send_mss;

use crore_base::frame::Frame;
use crore_base::time::Instant;
use crore_wire::checksum::Sum;
use crore_wire::packet::{Link, Packet};
use crore_wire::{protocol, tcp};

use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::CloseReason;
use crate::limits::BURST_FRAMES;
use crate::output::reply::Reply;
use crate::record::Record;
use crate::tcb::Tcb;
use crate::tuple::Tuple;
use segment::{Segment, Staged, Verdict};

/// How many segments before the work on one its payload is asked for, and its part as many before that.
const AHEAD: usize = 3;

impl Engine {
    /// Takes every frame out of `burst` and processes it. Frames whose bytes wait for the application stay with the engine,
    /// the others go back to the pool.
    ///
    /// Every frame is counted as delivered or dropped for one reason.
    pub fn on_input(&mut self, now: Instant, burst: &mut Vec<Frame>) {
        self.set_clock(now);
        let mut stage = std::mem::take(&mut self.stage);
        let mut frames = burst.drain(..).peekable();
        while frames.peek().is_some() {
            for frame in frames.by_ref().take(BURST_FRAMES) {
                self.parse(frame, &mut stage);
            }
            self.look_up(&mut stage);
            for at in 0..stage.len() {
                self.ask_for_part(stage.get(at + 2 * AHEAD));
                self.ask_for_payload(stage.get(at + AHEAD));
                self.work_on(&mut stage[at]);
            }
            stage.clear();
        }
        drop(frames);
        self.stage = stage;
        self.take_resolved();
        debug_assert!(burst.is_empty() && self.cx.counters.unaccounted() == 0, "every frame has come to an end");
    }

    /// Stage one: what is it? TCP segments go on to the next stage, all else ends here.
    #[inline]
    fn parse(&mut self, frame: Frame, stage: &mut Vec<Staged>) {
        self.cx.counters.count(Counter::FramesIn);
        let bytes = self.cx.frames.bytes(&frame);
        let outcome = match Link::parse(bytes) {
            Ok(Link::Ip(packet)) if packet.protocol == protocol::TCP => match self.check(&packet, bytes) {
                Ok(hash) => {
                    self.cx.flows.prefetch(hash);
                    stage.push(Staged { frame: Some(frame), packet, hash, candidate: None });
                    return;
                }
                Err(reason) => Err(reason),
            },
            Ok(Link::Ip(packet)) => self.on_other(&packet, &frame),
            Ok(Link::Arp(packet)) => match self.cx.link.on_arp(self.cx.clock.now, &packet) {
                true => Ok(()),
                false => Err(Counter::DroppedElsewhere),
            },
            Err(_) => Err(Counter::DroppedMalformed),
        };
        self.cx.counters.count(outcome.err().unwrap_or(Counter::FramesDelivered));
        self.cx.frames.free(frame);
    }

    /// Whether this is a TCP segment in order, and the hash of its flow. Its addresses are not looked at: those of a flow that
    /// we know are right, and a stranger's are checked with the rest about him.
    #[inline]
    fn check(&self, packet: &Packet, frame: &[u8]) -> Result<u64, Counter> {
        // TCP is between two: what a whole link was told at once is not for us (RFC 1122 section 3.3.6).
        if packet.destination_mac != self.cx.link.mac() {
            return Err(Counter::DroppedElsewhere);
        }
        let segment = packet.payload(frame);
        let len = segment.len() as u32;
        let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, protocol::TCP, len);
        // RFC 9293 MUST-3: dropped, and nothing else happens.
        if !tcp::verify(segment, &pseudo) {
            return Err(Counter::DroppedChecksum);
        }
        let ports = tcp::ports(segment).ok_or(Counter::DroppedTcpHeader)?;
        let tuple = Tuple {
            local: packet.destination,
            remote: packet.source,
            local_port: ports.destination,
            remote_port: ports.source,
        };
        Ok(tuple.hash(&self.cx.key))
    }

    /// Stage two: whose is it? The answer is a guess until the record has been looked at, which is asked for here.
    #[inline]
    fn look_up(&self, stage: &mut [Staged]) {
        for segment in stage {
            segment.candidate = self.cx.flows.candidate(segment.hash);
            match segment.candidate.map(Record::from_bits) {
                Some(Record::Live(index)) => self.tcbs.prefetch_slot(index),
                Some(Record::HalfOpen(index)) => self.cx.half_open.prefetch(index),
                Some(Record::TimeWait(index)) => self.cx.time_wait.prefetch(index),
                None => {}
            }
        }
    }

    /// On the way to stage three: the control block is there by now, and says which part will be needed.
    #[inline]
    fn ask_for_part(&self, staged: Option<&Staged>) {
        let candidate = staged.and_then(|staged| staged.candidate);
        if let Some(Record::Live(index)) = candidate.map(Record::from_bits)
            && let Some(tcb) = self.tcbs.slot(index)
        {
            self.cx.sending.prefetch(tcb.sending);
        }
    }

    /// And further on: the part is there, and says which payload an ACK will forget.
    #[inline]
    fn ask_for_payload(&self, staged: Option<&Staged>) {
        let candidate = staged.and_then(|staged| staged.candidate);
        if let Some(Record::Live(index)) = candidate.map(Record::from_bits)
            && let Some(tcb) = self.tcbs.slot(index)
            && !tcb.sending.is_none()
        {
            self.cx.sending.of(tcb.sending).queue.prefetch();
        }
    }

    /// Stage three: the work.
    #[inline]
    fn work_on(&mut self, staged: &mut Staged) {
        let Some(frame) = staged.frame.take() else { return };
        match self.read(frame, staged) {
            Ok(mut segment) => {
                let verdict = self.process(&mut segment);
                self.done(segment, verdict);
            }
            Err(frame) => {
                self.cx.counters.count(Counter::DroppedTcpHeader);
                self.cx.frames.free(frame);
            }
        }
    }

    /// Reads the header. Gives the frame back if there is none.
    #[inline]
    fn read(&self, mut frame: Frame, staged: &Staged) -> Result<Segment, Frame> {
        let Staged { packet, hash, candidate, .. } = staged;
        let Ok((header, offset)) = tcp::parse(packet.payload(self.cx.frames.bytes(&frame))) else {
            return Err(frame);
        };
        let len = usize::from(packet.payload_len()) - offset;
        frame.advance(usize::from(packet.payload_start) + offset);
        frame.truncate(len);
        Ok(Segment {
            header,
            frame: Some(frame),
            len: len as u32,
            source: packet.source,
            destination: packet.destination,
            mac: packet.source_mac,
            opens: header.flags.contains(tcp::Flags::SYN),
            hash: *hash,
            candidate: *candidate,
        })
    }

    /// What becomes of a segment.
    #[inline]
    fn process(&mut self, segment: &mut Segment) -> Verdict {
        match self.find(segment) {
            Some(Record::Live(index)) => {
                let verdict = self.with(index, |conn| {
                    let verdict = conn.on_segment(segment);
                    conn.follow(verdict);
                    verdict
                });
                verdict.expect("a flow leads to a connection that exists")
            }
            Some(Record::HalfOpen(index)) => self.on_half_open(index, segment),
            Some(Record::TimeWait(index)) => self.on_time_wait(index, segment),
            None => self.on_stranger(segment),
        }
    }

    /// The record of a segment's flow. What the second stage guessed is right, or was changed by this very burst, or was
    /// never so: then the table is asked again.
    #[inline]
    fn find(&self, segment: &Segment) -> Option<Record> {
        if let Some(bits) = segment.candidate
            && self.is_flow_of(segment, bits)
        {
            return Some(Record::from_bits(bits));
        }
        self.cx.flows.find(segment.hash, |bits| self.is_flow_of(segment, bits)).map(Record::from_bits)
    }

    #[inline]
    fn is_flow_of(&self, segment: &Segment, bits: u32) -> bool {
        match Record::from_bits(bits) {
            Record::Live(index) => self.tcbs.slot(index).is_some_and(|tcb| self.is_connection_of(segment, tcb)),
            Record::HalfOpen(index) => self.cx.half_open.get(index).is_some_and(|half| half.tuple == segment.tuple()),
            Record::TimeWait(index) => self.cx.time_wait.get(index).is_some_and(|record| {
                record.remote == segment.source
                    && record.remote_port == segment.header.source_port
                    && record.local_port == segment.header.destination_port
                    && self.cx.link.address(crate::link::LocalId(record.local)) == segment.destination
            }),
        }
    }

    #[inline]
    fn is_connection_of(&self, segment: &Segment, tcb: &Tcb) -> bool {
        tcb.remote_port == segment.header.source_port
            && tcb.local_port == segment.header.destination_port
            && tcb.remote == segment.source
            && !tcb.is(crate::tcb::Flags::NO_FLOW)
            && self.cx.link.address(tcb.local) == segment.destination
    }

    /// The end of a segment: counted, answered if it was refused, its frame given back if nobody kept it.
    #[inline]
    fn done(&mut self, segment: Segment, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Delivered | Verdict::Ends(_) => Counter::FramesDelivered,
            Verdict::Dropped(reason) => reason,
            Verdict::Refused(reason) => {
                self.refuse(&segment);
                reason
            }
            Verdict::Unwanted => Counter::DroppedClosed,
        };
        self.cx.counters.count(counter);
        if let Some(frame) = segment.frame {
            self.cx.frames.free(frame);
        }
    }

    fn refuse(&mut self, segment: &Segment) {
        if let Some(reset) = Reply::reset(segment) {
            self.cx.reply_reset(reset);
        }
    }
}

impl crate::conn::Conn<'_> {
    /// Does to the connection what the verdict on its segment demands.
    #[inline]
    fn follow(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Delivered | Verdict::Dropped(_) | Verdict::Refused(_) => {}
            Verdict::Ends(reason) => self.end(reason),
            Verdict::Unwanted => {
                self.say_reset();
                self.end(CloseReason::Aborted);
            }
        }
    }
}
