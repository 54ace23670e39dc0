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
use crore_wire::packet::{Link, Packet, Tcp};
use crore_wire::tcp::Flags;
use crore_wire::{Refused, protocol};

use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::CloseReason;
use crate::limits::BURST_FRAMES;
use crate::output::reply::Reply;
use crate::pool::PartId;
use crate::record::Record;
use crate::tcb::Tcb;
use crate::tuple::Tuple;
use segment::{Segment, Verdict};

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
                self.ask_for_part(stage.get_mut(at + 2 * AHEAD));
                self.ask_for_payload(stage.get(at + AHEAD));
                let segment = &mut stage[at];
                let verdict = self.process(segment);
                self.done(segment, verdict);
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
    fn parse(&mut self, frame: Frame, stage: &mut Vec<Segment>) {
        self.cx.counters.count(Counter::FramesIn);
        let mac = self.cx.link.mac();
        match Tcp::plain(self.cx.frames.bytes(&frame)) {
            Some(tcp) if tcp.destination_mac == mac => stage.push(self.segment(&tcp, frame)),
            _ => self.parse_any(frame, stage),
        }
    }

    /// As [`parse`](Self::parse), for whatever is not plain TCP, or not in order.
    #[inline(never)]
    fn parse_any(&mut self, frame: Frame, stage: &mut Vec<Segment>) {
        let bytes = self.cx.frames.bytes(&frame);
        let outcome = match Link::parse(bytes) {
            Ok(Link::Ip(packet)) if packet.protocol == protocol::TCP => match self.read(&packet, bytes) {
                Ok(tcp) => {
                    stage.push(self.segment(&tcp, frame));
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

    fn read(&self, packet: &Packet, frame: &[u8]) -> Result<Tcp, Counter> {
        // TCP is between two: what a whole link was told at once is not for us (RFC 1122 section 3.3.6).
        if packet.destination_mac != self.cx.link.mac() {
            return Err(Counter::DroppedElsewhere);
        }
        // RFC 9293 MUST-3: with a wrong checksum it is dropped, and nothing else happens.
        Tcp::of(packet, frame).map_err(|refused| match refused {
            Refused::TcpChecksum => Counter::DroppedChecksum,
            _ => Counter::DroppedTcpHeader,
        })
    }

    /// A segment that is in order; its flow's cache line is asked for. Its addresses are not looked at: those of a flow that we
    /// know are right, and a stranger's are checked with the rest about him.
    #[inline(always)]
    fn segment(&self, tcp: &Tcp, mut frame: Frame) -> Segment {
        let len = tcp.data_end - tcp.data_start;
        frame.advance(tcp.data_start.into());
        frame.truncate(len.into());
        let tuple = Tuple {
            local: tcp.destination,
            remote: tcp.source,
            local_port: tcp.header.destination_port,
            remote_port: tcp.header.source_port,
        };
        let hash = tuple.hash(&self.cx.key);
        self.cx.flows.prefetch(hash);
        Segment {
            header: tcp.header,
            len: len.into(),
            frame: Some(frame),
            source: tcp.source,
            destination: tcp.destination,
            mac: tcp.source_mac,
            opens: tcp.header.flags.contains(Flags::SYN),
            after_rest: false,
            hash,
            candidate: None,
            part: PartId::NONE,
        }
    }

    /// Stage two: whose is it? The answer is a guess until the record has been looked at, which is asked for here.
    #[inline]
    fn look_up(&self, stage: &mut [Segment]) {
        for segment in stage {
            segment.candidate = self.cx.flows.candidate(segment.hash).map(Record::from_bits);
            match segment.candidate {
                Some(Record::Live(index)) => self.tcbs.prefetch_slot(index),
                Some(Record::HalfOpen(index)) => self.cx.half_open.prefetch(index),
                Some(Record::TimeWait(index)) => self.cx.time_wait.prefetch(index),
                None => {}
            }
        }
    }

    /// On the way to stage three: the control block is there by now, and says which part will be needed.
    #[inline]
    fn ask_for_part(&self, ahead: Option<&mut Segment>) {
        if let Some(segment) = ahead
            && let Some(Record::Live(index)) = segment.candidate
            && let Some(tcb) = self.tcbs.slot(index)
        {
            segment.part = tcb.sending;
            self.cx.sending.prefetch(tcb.sending);
        }
    }

    /// And further on: the part is there, and says which payload an ACK will forget.
    #[inline]
    fn ask_for_payload(&self, ahead: Option<&Segment>) {
        if let Some(segment) = ahead
            && !segment.part.is_none()
        {
            self.cx.sending.of(segment.part).queue.prefetch();
        }
    }

    /// Stage three: what becomes of a segment.
    #[inline]
    fn process(&mut self, segment: &mut Segment) -> Verdict {
        match self.find(segment) {
            Some(Record::Live(index)) => {
                let verdict = self.with(index, |conn| conn.on_segment(segment));
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
        if let Some(record) = segment.candidate
            && self.is_flow_of(segment, record)
        {
            return Some(record);
        }
        let is_right = |bits| self.is_flow_of(segment, Record::from_bits(bits));
        self.cx.flows.find(segment.hash, is_right).map(Record::from_bits)
    }

    #[inline]
    fn is_flow_of(&self, segment: &Segment, record: Record) -> bool {
        match record {
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
    fn done(&mut self, segment: &mut Segment, verdict: Verdict) {
        let counter =
            if verdict == Verdict::Delivered { Counter::FramesDelivered } else { self.judged(segment, verdict) };
        self.cx.counters.count(counter);
        if let Some(frame) = segment.frame.take() {
            self.cx.frames.free(frame);
        }
    }

    /// What a segment counts as that did not just do what it came for.
    fn judged(&mut self, segment: &Segment, verdict: Verdict) -> Counter {
        match verdict {
            Verdict::Delivered | Verdict::Ends(_) => Counter::FramesDelivered,
            Verdict::Dropped(reason) => reason,
            Verdict::Refused(reason) => {
                if !self.cx.config.stealth
                    && let Some(reset) = Reply::reset(segment)
                {
                    self.cx.reply_reset(reset);
                }
                reason
            }
            Verdict::Unwanted => Counter::DroppedClosed,
        }
    }
}

impl crate::conn::Conn<'_> {
    /// Does to the connection what the verdict on its segment demands.
    pub(super) fn follow(&mut self, verdict: Verdict) {
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
