//! What one host has said and heard on one pair of ends.
//!
//! The same ends can be used again, and a server that remembers nothing may offer several beginnings at once; so a flow is a
//! few *lives*, and a segment belongs to the one whose numbers it fits best.

use crore_base::time::Instant;
use crore_wire::seq::Seq;
use crore_wire::tcp::Flags;

use super::Seen;
use crate::Check;
use crate::limits::ACKS_TO_ACKS_PER_SECOND_MAX;

/// Lives remembered for one pair of ends.
const LIVES_MAX: usize = 8;

/// No stream of a world is longer.
const STREAM_BYTES_MAX: u32 = 1 << 22;

/// What a SYN says.
#[derive(Copy, Clone, Debug)]
struct Syn {
    seq: Seq,
    scale: Option<u8>,
    mss: Option<u16>,
}

/// From one SYN of ours to the end.
#[derive(Clone, Debug)]
struct Life {
    ours: Syn,
    theirs: Option<Syn>,
    /// The highest right edge that we offered, acknowledgment and timestamp that we sent.
    advertised: Option<Seq>,
    acknowledged: Option<Seq>,
    timestamp: Option<u32>,
    /// The highest right edge that the peer offered us.
    allowed: Option<Seq>,
    /// One after the peer's FIN.
    their_end: Option<Seq>,
    given_up: bool,
    /// An RST was sent.
    is_over: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    lives: Vec<Life>,
    /// SYNs heard that no life belongs to yet.
    heard: Vec<Syn>,
    /// Acknowledgments that may be sent for what came or was read.
    pub(super) owed: u32,
    /// Acknowledgments in this second that nothing called for.
    unasked: u32,
    second: u64,
}

impl Flow {
    /// The host has sent this.
    pub(super) fn emitted(&mut self, now: Instant, seen: &Seen, cookies: bool) -> Check {
        self.check_storm(now, seen)?;
        if seen.has(Flags::RST) {
            self.lives.iter_mut().for_each(|life| life.is_over = true);
            return Ok(());
        }
        if seen.has(Flags::SYN) {
            self.begin(seen);
        }
        let Some(life) = self.life(seen.header.seq, seen.has(Flags::ACK).then_some(seen.header.ack)) else {
            return Err("belongs to no connection that has begun".to_owned());
        };
        let life = &mut self.lives[life];
        let goes_back = life.acknowledged.is_some_and(|before| seen.header.ack.is_before(before));
        if cookies && (life.is_over || life.given_up || goes_back) {
            // Its cookie came back once more, with whatever options a later segment of it seemed to have.
            return Ok(());
        }
        life.check_size(seen)?;
        life.check_window(seen)?;
        life.check_acknowledgment(seen)
    }

    /// The host was given this.
    pub(super) fn delivered(&mut self, seen: &Seen) {
        if !seen.is_bare() {
            self.owed += 1;
        }
        if seen.has(Flags::RST) {
            return;
        }
        let syn = seen.has(Flags::SYN).then(|| syn_of(seen));
        if let Some(syn) = syn {
            self.heard.retain(|heard| heard.seq != syn.seq);
            self.heard.push(syn);
            if self.heard.len() > LIVES_MAX {
                self.heard.remove(0);
            }
        }
        if !seen.has(Flags::ACK) {
            // Two SYNs may cross.
            if let (Some(syn), Some(life)) = (syn, self.lives.last_mut()) {
                life.theirs.get_or_insert(syn);
            }
            return;
        }
        // The peer acknowledges our numbers and uses its own.
        let Some(life) = self.life(seen.header.ack, None) else { return };
        let life = &mut self.lives[life];
        if let Some(syn) = syn
            && seen.header.ack == life.ours.seq + 1
        {
            life.theirs.get_or_insert(syn);
        }
        life.hear(seen);
    }

    pub(super) fn given_up(&mut self) {
        if let Some(life) = self.lives.last_mut() {
            life.given_up = true;
        }
    }

    /// A SYN of ours that was not sent before begins a life.
    fn begin(&mut self, seen: &Seen) {
        let ours = syn_of(seen);
        // A server that remembers nothing answers an old SYN as it did before, long after that connection has ended.
        self.lives
            .retain(|life| life.ours.seq != ours.seq || life.acknowledged.is_none_or(|ack| ack == seen.header.ack));
        if self.lives.iter().any(|life| life.ours.seq == ours.seq) {
            return;
        }
        let answered = seen.has(Flags::ACK);
        let theirs = self.heard.iter().copied().find(|syn| answered && syn.seq + 1 == seen.header.ack);
        self.lives.push(Life {
            ours,
            theirs,
            advertised: None,
            acknowledged: None,
            timestamp: None,
            allowed: None,
            their_end: None,
            given_up: false,
            is_over: false,
        });
        if self.lives.len() > LIVES_MAX {
            self.lives.remove(0);
        }
    }

    /// The life that a number of ours, and perhaps one of the peer's, fits best.
    fn life(&self, ours: Seq, theirs: Option<Seq>) -> Option<usize> {
        let distance = |life: &Life| {
            let first = ours - life.ours.seq;
            let second = theirs.zip(life.theirs).map_or(0, |(ack, syn)| ack - syn.seq);
            first.max(second)
        };
        let fits = (0..self.lives.len()).filter(|&index| distance(&self.lives[index]) < STREAM_BYTES_MAX);
        fits.min_by_key(|&index| distance(&self.lives[index]))
    }

    fn check_storm(&mut self, now: Instant, seen: &Seen) -> Check {
        if !seen.is_bare() {
            return Ok(());
        }
        let called_for = self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        let second = now.as_millis() / 1000;
        if second != self.second {
            (self.second, self.unasked) = (second, 0);
        }
        self.unasked += u32::from(!called_for);
        if self.unasked > ACKS_TO_ACKS_PER_SECOND_MAX {
            return Err(format!("{} acknowledgments in a second that nothing called for", self.unasked));
        }
        Ok(())
    }
}

impl Life {
    /// The scale of windows, ours or the peer's: only if both offered one.
    fn scale(&self, ours: bool) -> u8 {
        let both = self.theirs.and_then(|theirs| self.ours.scale.zip(theirs.scale));
        both.map_or(0, |(our, their)| if ours { our } else { their }.min(14))
    }

    fn check_size(&self, seen: &Seen) -> Check {
        let default = if seen.ends.0.is_ipv4() { 536 } else { 1220 };
        let mss = self.theirs.and_then(|syn| syn.mss).unwrap_or(default);
        let size = seen.len + seen.options_len;
        if seen.len > 0 && size > u32::from(mss) {
            return Err(format!("{size} bytes of data and options for a peer that takes {mss}"));
        }
        Ok(())
    }

    /// Data stays within what the peer offered, and one byte that probes.
    fn check_window(&self, seen: &Seen) -> Check {
        if seen.has(Flags::SYN) {
            return if seen.len == 0 { Ok(()) } else { Err("a SYN with data".to_owned()) };
        }
        let end = seen.header.seq + seen.len + u32::from(seen.has(Flags::FIN));
        if end == seen.header.seq {
            return Ok(());
        }
        let Some(allowed) = self.allowed else {
            return Err("a segment of a connection that no peer has agreed to".to_owned());
        };
        if end.is_after(allowed + 1) {
            return Err(format!("ends at {end}, and the peer's window at {allowed}"));
        }
        Ok(())
    }

    fn check_acknowledgment(&mut self, seen: &Seen) -> Check {
        let header = &seen.header;
        if let Some(timestamps) = header.options.timestamps {
            if self.timestamp.is_some_and(|before| Seq(timestamps.value).is_before(Seq(before))) {
                return Err(format!("its timestamp was {:?} before", self.timestamp));
            }
            // A SYN-ACK without memory carries a timestamp that is a little too old.
            self.timestamp = Some(timestamps.value);
        }
        if !seen.has(Flags::ACK) {
            return Ok(());
        }
        if let Some(before) = self.acknowledged
            && header.ack.is_before(before)
        {
            return Err(format!("acknowledged {before} before"));
        }
        self.acknowledged = Some(header.ack);
        let scale = if seen.has(Flags::SYN) { 0 } else { self.scale(true) };
        let edge = header.ack + header.scaled_window(scale);
        // Behind its FIN the peer has nothing to send, and to an application that is gone it may not.
        // The window of a SYN has 16 bits and no scale, so one that is sent again may not be able to say what was offered.
        let can_tell = !seen.has(Flags::SYN) || header.window < u16::MAX;
        let matters = can_tell && self.their_end.is_none_or(|end| header.ack.is_before(end)) && !self.given_up;
        // Rounding down to the scale may hide a part of what was promised, though it is kept (RFC 7323 section 2.4).
        let hidden = (1 << scale) - 1;
        if let Some(before) = self.advertised
            && matters
            && (edge + hidden).is_before(before)
        {
            return Err(format!("the right edge of its window was {before} before and is {edge} now"));
        }
        self.advertised = Some(self.advertised.map_or(edge, |before| Seq::later_of(before, edge)));
        Ok(())
    }

    /// Takes note of what the peer says.
    fn hear(&mut self, seen: &Seen) {
        let header = &seen.header;
        let Some(theirs) = self.theirs else { return };
        if header.seq - theirs.seq > STREAM_BYTES_MAX {
            return;
        }
        let scale = if seen.has(Flags::SYN) { 0 } else { self.scale(false) };
        let edge = header.ack + header.scaled_window(scale);
        self.allowed = Some(self.allowed.map_or(edge, |before| Seq::later_of(before, edge)));
        if seen.has(Flags::FIN) {
            self.their_end = Some(header.seq + seen.len + 1);
        }
    }
}

fn syn_of(seen: &Seen) -> Syn {
    let options = &seen.header.options;
    Syn { seq: seen.header.seq, scale: options.window_scale, mss: options.mss }
}
