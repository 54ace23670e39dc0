//! SYN cookies (RFC 4987 section 3.6): a half-open connection that we do not remember, because the peer carries it.
//!
//! Our initial sequence number is the peer's plus a keyed hash of it and the 4-tuple, plus the class of the peer's segment size.
//! The acknowledgment that completes the handshake brings both numbers back, and whoever was not sent the cookie had to
//! guess one of eight among 2^32. The key is another in each period of 64 s; cookies of the period before are still good. So a cookie
//! lives 64 to 128 s.
//!
//! Window scale and SACK do not fit there. They ride in the low bits of our timestamp, as in Linux, so a peer without
//! timestamps goes without them.
//!
//! Linux keeps its clock in the top eight bits of a cookie and hashes the other 24; a forger there has 16 times 2^-24.
//! With a key a period all 32 bits hide behind the hash, and a forger has 16 times 2^-32. At a million guesses a second
//! that is one connection in four minutes instead of one a second.

use crore_base::hash::HashKey;
use crore_base::time::{Duration, Instant};
use crore_wire::seq::Seq;

use crate::isn::key_for;
use crate::limits::{MSS_MIN_V4, MSS_MIN_V6, WINDOW_SCALE_MAX};
use crate::tuple::Tuple;

/// How long one key makes cookies. They must outlive the answer of a slow peer, a few round trips with a lost segment.
const PERIOD: Duration = Duration::from_secs(64);

/// How long a cookie is good at most: for the period of its key and the next one.
pub(crate) const LIFE: Duration = Duration::from_nanos(2 * PERIOD.as_nanos());

/// Segment sizes that a cookie can name: it has three bits for them.
const CLASSES: usize = 8;

/// Where the class stands in what is added to the hash: at its top. Below, it would make a cookie of every number that
/// follows one closely, and with it a new connection of a segment that belongs to an old one.
const CLASS_SHIFT: u32 = 29;

const _: () = assert!(CLASSES == 1 << (u32::BITS - CLASS_SHIFT), "three bits name every class");

/// Segment sizes of IPv4 peers that a cookie can name, ascending: the smallest that we let a peer impose, the default of
/// RFC 9293, the smallest IPv6 path, common tunnels, Ethernet, jumbo frames.
const MSS_V4: [u16; CLASSES] = [MSS_MIN_V4, 536, 1220, 1360, 1400, 1440, 1460, 8960];

/// As [`MSS_V4`], of IPv6 peers; 1220 is what fits every path.
const MSS_V6: [u16; CLASSES] = [MSS_MIN_V6, 536, 1220, 1280, 1360, 1400, 1440, 8940];

/// Bits of a timestamp that carry options. The rest of it still advances every 64 ms.
const OPTION_BITS: u32 = 0x3f;
/// Of them, those for the window scale.
const SCALE_BITS: u32 = 0x0f;
/// A scale that cannot be, so it means none.
const NO_SCALE: u32 = 0x0f;
/// The bit for SACK.
const SACK_BIT: u32 = 0x10;

const _: () = assert!((WINDOW_SCALE_MAX as u32) < NO_SCALE, "every scale fits its bits");

/// Makes cookies and knows its own again. Costs a hash each, two for a forged or older one; keeps nothing per peer.
#[derive(Debug)]
pub(crate) struct Cookies {
    seed: u64,
    period: u64,
    current: HashKey,
    previous: HashKey,
}

impl Cookies {
    /// The cookies of this seed, which must come from the system's entropy at each start.
    pub(crate) fn new(seed: u64, now: Instant) -> Self {
        let period = period_of(now);
        let previous = key_of(seed, period.wrapping_sub(1));
        Self { seed, period, current: key_of(seed, period), previous }
    }

    /// The sequence number to answer a SYN with: `irs` is the SYN's own, `mss` the segment size that the peer asked for. A
    /// size between two classes becomes the smaller one; one below all of them becomes the smallest.
    pub(crate) fn make(&mut self, now: Instant, tuple: &Tuple, irs: Seq, mss: u16) -> Seq {
        self.turn(now);
        let classes = classes_of(tuple);
        let class = classes.iter().rposition(|&of_class| of_class <= mss).unwrap_or(0);
        assert!(class < CLASSES && (classes[class] <= mss || class == 0));
        // RFC 4987 COOKIE, COOKIE-OPTIONS: nothing is remembered; the segment size is in the cookie itself.
        cookie(&self.current, tuple, irs) + ((class as u32) << CLASS_SHIFT)
    }

    /// The segment size of a cookie that we made, or `None` if we did not, or too long ago. `irs` is the peer's initial
    /// sequence number and `iss` the cookie: one less each than what the peer's acknowledgment carries.
    pub(crate) fn check(&mut self, now: Instant, tuple: &Tuple, irs: Seq, iss: Seq) -> Option<u16> {
        self.turn(now);
        // RFC 4987 COOKIE-ROTATES: only the keys of this period and the last one open anything.
        let class_by = |key: &HashKey| (iss - cookie(key, tuple, irs)).rotate_right(CLASS_SHIFT) as usize;
        let classes = classes_of(tuple);
        let current = classes.get(class_by(&self.current));
        current.or_else(|| classes.get(class_by(&self.previous))).copied()
    }

    /// Draws a new key if the period is over. A `now` before an earlier one counts as that.
    fn turn(&mut self, now: Instant) {
        let period = period_of(now);
        if period <= self.period {
            return;
        }
        let is_next = period == self.period + 1;
        self.previous = if is_next { self.current } else { key_of(self.seed, period - 1) };
        self.current = key_of(self.seed, period);
        self.period = period;
        assert_eq!(self.period, period_of(now));
    }
}

/// `ts`, a timestamp of ours as it goes over the wire, with the options in its low bits. Never later than `ts`, and at most
/// 63 ms earlier: a measured round trip is too long by that, and never too short.
pub(crate) fn pack(ts: u32, scale: Option<u8>, sack: bool) -> u32 {
    assert!(scale.is_none_or(|scale| scale <= WINDOW_SCALE_MAX), "{scale:?} is no window scale");
    // RFC 4987 COOKIE-OPTIONS: what three bits of a sequence number have no room for.
    let options = scale.map_or(NO_SCALE, u32::from) | if sack { SACK_BIT } else { 0 };
    let packed = ts & !OPTION_BITS | options;
    // A timestamp of the future would make the next ones look old to the peer.
    let packed = if options > ts & OPTION_BITS { packed.wrapping_sub(OPTION_BITS + 1) } else { packed };
    assert!(ts.wrapping_sub(packed) <= OPTION_BITS, "a packed timestamp is a little earlier");
    packed
}

/// The peer's window scale and whether it understands SACK, from the echo of a packed timestamp. The echo is the peer's
/// word: a forged one gives options that the peer itself has to live with.
pub(crate) fn unpack(echo: u32) -> (Option<u8>, bool) {
    let scale = echo & SCALE_BITS;
    ((scale != NO_SCALE).then_some(scale as u8), echo & SACK_BIT != 0)
}

/// The cookie of class 0. The hash is what a forger has to guess. It covers the peer's number too: with that only added, a
/// segment by which both sides are the same number of bytes further on would pass for the first.
#[inline]
fn cookie(key: &HashKey, tuple: &Tuple, irs: Seq) -> Seq {
    // Longer than an IPv4 tuple and shorter than an IPv6 one, so no tuple has the same hash.
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&tuple.hash(key).to_le_bytes());
    bytes[8..12].copy_from_slice(&irs.0.to_le_bytes());
    irs + key.hash(&bytes) as u32
}

fn classes_of(tuple: &Tuple) -> &'static [u16; CLASSES] {
    if tuple.remote.is_v4() { &MSS_V4 } else { &MSS_V6 }
}

fn period_of(now: Instant) -> u64 {
    now.as_nanos() / PERIOD.as_nanos()
}

fn key_of(seed: u64, period: u64) -> HashKey {
    let mut purpose = *b"cookies 01234567";
    purpose[8..].copy_from_slice(&period.to_le_bytes());
    key_for(seed, &purpose)
}

#[cfg(test)]
mod tests;
