//! A segment whose flow nobody knows: for a listener, or for nobody. (RFC 9293 sections 3.10.7.1 and 3.10.7.2.)

use crore_wire::tcp::{Flags as Bits, Timestamps};

use crate::cookie;
use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::ListenerId;
use crate::input::segment::{Segment, Verdict};
use crate::limits::{MSS_DEFAULT_V4, MSS_DEFAULT_V6, WINDOW_SCALE_MAX};
use crate::link::Destination;
use crate::output::reply::Reply;
use crate::record::Record;
use crate::syn_cache::Record as HalfOpen;
use crate::time_wait;

impl Engine {
    pub(super) fn on_stranger(&mut self, segment: &mut Segment) -> Verdict {
        if let Err(reason) = self.check_addresses(segment) {
            return Verdict::Dropped(reason);
        }
        if segment.has(Bits::RST) {
            return Verdict::Dropped(Counter::DroppedStray);
        }
        let listener = self.cx.listeners.find(&segment.destination, segment.header.destination_port);
        let Some((listener, _)) = listener else {
            return Verdict::Refused(Counter::DroppedStray);
        };
        if segment.has(Bits::ACK) {
            return self.on_cookie(listener, segment);
        }
        if !segment.has(Bits::SYN) || segment.has(Bits::FIN) {
            return Verdict::Dropped(Counter::DroppedHandshake);
        }
        self.on_syn(listener, segment, None)
    }

    /// Whether the segment is for us, and from somebody who can be answered.
    fn check_addresses(&self, segment: &Segment) -> Result<(), Counter> {
        match self.cx.link.destination(&segment.destination) {
            Destination::Ours => {}
            // RFC 9293 MUST-57: silently.
            Destination::Group => return Err(Counter::DroppedAddress),
            // RFC 1122 NOT-OURS: neither answered nor forwarded.
            Destination::Elsewhere => return Err(Counter::DroppedElsewhere),
        }
        // RFC 9293 MUST-63: silently.
        if self.cx.link.is_valid_source(&segment.source) { Ok(()) } else { Err(Counter::DroppedAddress) }
    }

    /// RFC 9293 MUST-42, MUST-41 and RFC 4987: a half-open connection is a small record, and when there are too many of
    /// those, a cookie and no record at all. Neither touches another connection. A tuple that was in use before continues
    /// behind the sequence numbers of `before`.
    pub(super) fn on_syn(
        &mut self,
        listener: ListenerId,
        segment: &Segment,
        before: Option<&time_wait::Record>,
    ) -> Verdict {
        if !self.cx.listeners.has_room(listener) {
            return Verdict::Dropped(Counter::DroppedBacklog);
        }
        let mut half = self.half_open_of(listener, segment);
        if let Some(before) = before {
            half.iss = before.reopened_at(half.iss);
        }
        let remembered = match self.can_remember(listener) {
            true => self.cx.half_open.insert(self.cx.clock.now, half),
            false => None,
        };
        match remembered {
            Some(index) => {
                let entry = self.cx.flows.insert(segment.hash, Record::HalfOpen(index).to_bits());
                assert!(entry.is_ok(), "the table of flows has room for every record there can be");
                self.send_syn_ack(&half, false);
            }
            // RFC 4987 NO-REFLECTION: what is not remembered is not sent again.
            None => {
                half.iss = self.cx.cookies.make(self.cx.clock.now, &half.tuple, half.irs, half.mss);
                self.cx.counters.count(Counter::CookiesSent);
                self.last_cookie = Some(self.cx.clock.now);
                self.send_syn_ack(&half, true);
            }
        }
        Verdict::Delivered
    }

    /// Whether there is room for one more half-open connection of this listener.
    pub(super) fn can_remember(&self, listener: ListenerId) -> bool {
        let waiting = self.cx.half_open.waiting(u32::from(listener.index));
        waiting < self.cx.listeners.half_open_max(listener) && self.cx.half_open.len() < self.cx.config.half_open_max
    }

    fn half_open_of(&self, listener: ListenerId, segment: &Segment) -> HalfOpen {
        let tuple = segment.tuple();
        let options = &segment.header.options;
        let wanted = self.cx.listeners.of(listener).map(|listener| self.cx.profiles.of(listener.profile));
        let timestamps = wanted.is_some_and(|profile| profile.options.timestamps);
        let default = if tuple.remote.is_v4() { MSS_DEFAULT_V4 } else { MSS_DEFAULT_V6 };
        HalfOpen {
            tuple,
            mac: segment.mac,
            // RFC 9293 MUST-8, MUST-9.
            iss: self.cx.isn.initial_sequence(self.cx.clock.now, &tuple),
            irs: segment.header.seq,
            mss: options.mss.unwrap_or(default),
            // RFC 7323 SCALE-14.
            scale: options.window_scale.map(|scale| scale.min(WINDOW_SCALE_MAX)).into(),
            sack: options.sack_permitted,
            timestamps: timestamps && options.timestamps.is_some(),
            ts_recent: options.timestamps.map_or(0, |timestamps| timestamps.value),
            ts_offset: self.cx.isn.timestamp_offset(&tuple),
            listener: u32::from(listener.index),
            retransmissions: 0,
        }
    }

    /// Answers a SYN. A cookie's timestamp carries the options that its sequence number has no room for.
    pub(super) fn send_syn_ack(&mut self, half: &HalfOpen, is_cookie: bool) {
        let Some((_, listener)) = self.cx.listeners.at(half.listener) else { return };
        let profile = self.cx.profiles.of(listener.profile);
        let mut reply = Reply::new(&half.tuple, half.mac, half.iss, half.irs + 1, Bits::SYN.with(Bits::ACK));
        // RFC 7323 SYN-WINDOW: not scaled.
        reply.header.window = profile.options.receive_bytes_max.min(65_535) as u16;
        reply.header.options.mss = Some(self.cx.link.mss(half.tuple.remote.is_v4()));
        let forgets = is_cookie && !half.timestamps;
        reply.header.options.window_scale = half.scale.get().filter(|_| !forgets).map(|_| profile.receive_scale);
        reply.header.options.timestamps = half.timestamps.then(|| {
            let value = self.cx.clock.ms.wrapping_add(half.ts_offset);
            let value = if is_cookie { cookie::pack(value, half.scale.get(), half.sack) } else { value };
            Timestamps { value, echo: half.ts_recent }
        });
        self.cx.reply(reply);
    }

    /// An ACK without a connection completes a handshake that we do not remember, if it brings our cookie back.
    fn on_cookie(&mut self, listener: ListenerId, segment: &mut Segment) -> Verdict {
        let none_sent = self.last_cookie.is_none_or(|at| self.cx.clock.now - at > cookie::LIFE);
        if none_sent || segment.has(Bits::SYN) {
            return Verdict::Refused(Counter::DroppedStray);
        }
        let tuple = segment.tuple();
        let (irs, iss) = (segment.header.seq - 1, segment.header.ack - 1);
        let Some(mss) = self.cx.cookies.check(self.cx.clock.now, &tuple, irs, iss) else {
            return Verdict::Refused(Counter::DroppedStray);
        };
        let mut half = self.half_open_of(listener, segment);
        half.iss = iss;
        half.irs = irs;
        half.mss = mss;
        let (scale, sack) = match segment.header.options.timestamps {
            Some(timestamps) if half.timestamps => cookie::unpack(timestamps.echo),
            _ => (None, false),
        };
        half.scale = scale.into();
        half.sack = sack;
        let verdict = self.establish(&half, None, segment);
        if verdict == Verdict::Delivered {
            self.cx.counters.count(Counter::CookiesAccepted);
        }
        verdict
    }
}
