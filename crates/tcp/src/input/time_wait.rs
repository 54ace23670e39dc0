//! A segment for a connection in TIME-WAIT, which is a small record; and how a connection becomes one. (RFC 9293 section
//! 3.10.7.4, RFC 1337, RFC 6191.)

use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags as Bits, Timestamps};

use crate::conn::Conn;
use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::CloseReason;
use crate::input::segment::{Segment, Verdict};
use crate::link::{HopId, LocalId};
use crate::output::reply::Reply;
use crate::record::Record as Flow;
use crate::tcb::{Flags, State};
use crate::time_wait::{Judgement, Record, Substate};
use crate::tuple::Tuple;

impl Engine {
    pub(super) fn on_time_wait(&mut self, index: u32, segment: &mut Segment) -> Verdict {
        let record = *self.cx.time_wait.get(index).expect("a flow leads to a record that exists");
        let now = self.cx.clock.now;
        match record.judge(&segment.header, segment.len) {
            Judgement::Reopen => self.reopen(index, &record, segment),
            Judgement::Acknowledge => self.acknowledge_from(index, segment),
            Judgement::Restart => {
                self.cx.time_wait.refresh(now, index);
                self.acknowledge_from(index, segment)
            }
            Judgement::Finish => {
                if let Some(record) = self.cx.time_wait.get_mut(index) {
                    record.finish(&segment.header);
                }
                self.cx.time_wait.refresh(now, index);
                self.acknowledge_from(index, segment)
            }
            Judgement::Close => {
                self.drop_record(index, &record);
                Verdict::Delivered
            }
            Judgement::Reset => {
                self.drop_record(index, &record);
                Verdict::Refused(Counter::DroppedClosed)
            }
            Judgement::Drop => Verdict::Dropped(Counter::DroppedTimeWait),
        }
    }

    /// RFC 6191 REUSE: a newer SYN ends the wait, if somebody listens.
    fn reopen(&mut self, index: u32, record: &Record, segment: &Segment) -> Verdict {
        let listener = self.cx.listeners.find(&segment.destination, segment.header.destination_port);
        let Some((listener, _)) = listener else { return Verdict::Dropped(Counter::DroppedTimeWait) };
        // Nobody is let in, or only by a cookie, which cannot begin behind the old connection's numbers: the wait goes on.
        if !self.cx.listeners.has_room(listener) || !self.can_remember(listener) {
            return Verdict::Dropped(Counter::DroppedBacklog);
        }
        self.drop_record(index, record);
        self.cx.counters.count(Counter::TimeWaitReopened);
        self.on_syn(listener, segment, Some(record))
    }

    fn acknowledge_from(&mut self, index: u32, segment: &Segment) -> Verdict {
        let Some(record) = self.cx.time_wait.get_mut(index) else { return Verdict::Delivered };
        record.heard(&segment.header);
        let mut reply = Reply::new(&segment.tuple(), segment.mac, record.snd_nxt, record.rcv_nxt, Bits::ACK);
        reply.header.window = record.substate.window();
        reply.header.options.timestamps = record
            .timestamps
            .then(|| Timestamps { value: self.cx.clock.ms.wrapping_add(record.ts_offset), echo: record.ts_recent });
        self.cx.reply(reply);
        Verdict::Delivered
    }

    fn drop_record(&mut self, index: u32, record: &Record) {
        self.cx.time_wait.remove(index);
        self.cx.forget_record(index, record);
    }
}

impl crate::context::Context {
    /// Takes the flow of a TIME-WAIT record that is no more out of the table, and gives its shares of names back.
    pub(crate) fn forget_record(&mut self, index: u32, record: &Record) {
        let local = LocalId::from_number(record.local);
        let tuple = Tuple {
            local: self.link.address(local),
            remote: record.remote,
            local_port: record.local_port,
            remote_port: record.remote_port,
        };
        let removed = self.flows.remove(tuple.hash(&self.key), Flow::TimeWait(index).to_bits());
        assert!(removed, "a record in TIME-WAIT is found by its flow");
        self.link.release_local(local);
        self.link.release_hop(HopId::from_number(record.hop));
    }
}

impl Conn<'_> {
    /// Leaves the flow to a record: of TIME-WAIT, or of an orphan whose peer has yet to finish.
    pub(crate) fn become_record(&mut self) {
        let waits_for_fin = self.tcb.state == State::FinWait2;
        assert!(waits_for_fin || self.tcb.state == State::TimeWait, "only the last states become records");
        assert!(self.tcb.snd_una == self.tcb.snd_nxt, "everything that we sent is acknowledged");
        let substate = if waits_for_fin { Substate::FinWait2 } else { Substate::TimeWait };
        if self.tcb.is(Flags::ACK_NOW) {
            self.reply_ack(substate);
        }
        self.cx.link.acquire_hop(self.tcb.hop);
        self.cx.link.acquire_local(self.tcb.local);
        let record = Record {
            remote: self.tcb.remote,
            remote_port: self.tcb.remote_port,
            local_port: self.tcb.local_port,
            local: self.tcb.local.get(),
            hop: self.tcb.hop.get(),
            snd_nxt: self.tcb.snd_nxt,
            rcv_nxt: self.tcb.rcv_nxt,
            ts_recent: self.tcb.ts_recent,
            ts_offset: self.tcb.ts_offset,
            entered_ms: 0,
            timestamps: self.tcb.is(Flags::TIMESTAMPS),
            substate,
        };
        let (index, evicted) = self.cx.time_wait.insert(self.cx.clock.now, record);
        if let Some(old) = evicted {
            self.cx.counters.count(Counter::TimeWaitEvicted);
            self.cx.forget_record(index, &old);
        }
        let hash = self.tuple().hash(&self.cx.key);
        let (live, waiting) = (Flow::Live(self.index).to_bits(), Flow::TimeWait(index).to_bits());
        let replaced = self.flows().replace(hash, live, waiting);
        assert!(replaced, "a connection that lives is found by its flow");
        self.tcb.set(Flags::NO_FLOW);
        self.end(CloseReason::InOrder);
    }

    /// The ACK of what the peer sent last, from a connection that will be gone when the output pass comes.
    fn reply_ack(&mut self, substate: Substate) {
        let mut reply = self.bare_reply(self.tcb.snd_nxt, self.tcb.rcv_nxt, Bits::ACK);
        reply.header.window = substate.window();
        if self.tcb.is(Flags::TIMESTAMPS) {
            let value = self.timestamp();
            reply.header.options.timestamps = Some(Timestamps { value, echo: self.tcb.ts_recent });
        }
        self.cx.reply(reply);
    }

    /// An RST for the peer, with the number that it expects (RFC 9293 section 3.10.5).
    pub(crate) fn say_reset(&mut self) {
        let reset = self.bare_reply(self.bare_seq(), self.tcb.rcv_nxt, Bits::RST.with(Bits::ACK));
        self.cx.reply(reset);
    }

    fn bare_reply(&self, seq: Seq, ack: Seq, flags: Bits) -> Reply {
        Reply::new(&self.tuple(), self.cx.link.hop_mac(self.tcb.hop), seq, ack, flags)
    }
}
