//! What holds for every segment of the engine, whatever a table is about.

use crore_wire::checksum::Sum;
use crore_wire::tcp::{self, Flags};
use crore_wire::{ethernet, ipv4, protocol};

use super::segment::Seen;
use super::setup::{ENGINE_MAC, Setup};

/// See the module.
pub(super) struct Guard {
    /// One after the highest number in the segments that the table has taken.
    pub(super) told_up_to: u32,
    mtu: usize,
    /// What the peer asked for in its SYN.
    peer_mss: usize,
    /// The shift of the engine's windows, once agreed on.
    scale: u8,
    peer_scales: bool,
    /// The right edge of the window that the engine has offered, counted from the peer's SYN.
    edge: Option<u32>,
    /// The number behind the peer's FIN: once it is acknowledged, windows mean nothing.
    peer_end: Option<u32>,
    /// The connection is over: what answers for it now offers no window.
    is_over: bool,
    looks_away: bool,
    hop_limit: u8,
}

impl Guard {
    pub(super) fn new(setup: &Setup) -> Self {
        let peer_mss = if setup.v6 { 1220 } else { 536 };
        Self {
            told_up_to: 0,
            mtu: usize::from(setup.mtu),
            peer_mss,
            scale: 0,
            peer_scales: false,
            edge: None,
            peer_end: None,
            is_over: false,
            looks_away: false,
            hop_limit: setup.options.hop_limit,
        }
    }

    /// The peer finishes at the number before this one.
    pub(super) fn peer_finishes(&mut self, end: u32) {
        self.peer_end = Some(end);
    }

    /// The peer opens, and says what it wants.
    pub(super) fn peer_says(&mut self, options: &tcp::Options) {
        (self.peer_end, self.is_over) = (None, false);
        if let Some(mss) = options.mss {
            self.peer_mss = usize::from(mss);
        }
        self.peer_scales = options.window_scale.is_some();
        self.scale = if self.peer_scales { self.scale } else { 0 };
        self.edge = None;
    }

    /// The table has taken a segment.
    pub(super) fn advance(&mut self, seen: &Seen) {
        if seen.flags.contains(Flags::RST) {
            return;
        }
        if seen.flags.contains(Flags::SYN) {
            self.told_up_to = 1;
        } else if (seen.end().wrapping_sub(self.told_up_to) as i32) > 0 {
            self.told_up_to = seen.end();
        }
    }

    pub(super) fn check(&mut self, seen: &Seen, is_peers: bool) {
        check_frame(seen);
        check_options(seen);
        let ip_len = seen.frame.len() - ethernet::LEN;
        assert!(ip_len <= self.mtu, "{ip_len} bytes do not fit the link");
        assert!(!seen.flags.contains(Flags::URG) && seen.header.urgent == 0, "RFC 9293 SHLD-13: no urgent data");
        if !is_peers {
            return;
        }
        let floor = if seen.packet.source.is_v4() { 88 } else { 216 };
        let with_options = seen.payload.len() + seen.header.options.emitted_len();
        assert!(
            seen.payload.is_empty() || with_options <= self.peer_mss.max(floor),
            "{with_options} bytes is too much"
        );
        let is_alive = seen.packet.hop_limit == self.hop_limit;
        assert!(is_alive || seen.payload.is_empty(), "data travels as the application wants it to");
        self.check_window(seen);
    }

    /// RFC 9293 SHLD-14: the right edge never moves left, but for what the scale rounds off (RFC 7323 section 2.4).
    fn check_window(&mut self, seen: &Seen) {
        if seen.flags.contains(Flags::RST) || self.is_over || self.looks_away || self.peer_end == Some(seen.ack) {
            self.edge = None;
            return;
        }
        if seen.flags.contains(Flags::SYN) {
            let scale = seen.header.options.window_scale.unwrap_or(0);
            self.scale = if self.peer_scales { scale } else { 0 };
            if !seen.flags.contains(Flags::ACK) {
                self.scale = scale;
                return;
            }
        }
        let shift = if seen.flags.contains(Flags::SYN) { 0 } else { self.scale };
        let edge = seen.ack.wrapping_add(u32::from(seen.header.window) << shift);
        if let Some(before) = self.edge {
            let rounding = (1 << self.scale) - 1;
            let back = before.wrapping_sub(edge) as i32;
            assert!(back <= rounding, "the window's edge moved left by {back} bytes, to {edge}");
        }
        let later = self.edge.is_none_or(|before| (edge.wrapping_sub(before) as i32) > 0);
        self.edge = if later { Some(edge) } else { self.edge };
    }

    /// This table's peer is no peer, and windows are not what it is about.
    pub(super) fn look_away(&mut self) {
        self.looks_away = true;
    }

    /// The application has given the connection up, or it has ended.
    pub(super) fn forget_window(&mut self) {
        self.is_over = true;
    }
}

/// Addresses, lengths, checksums and the bits that are always the same.
fn check_frame(seen: &Seen) {
    let segment = seen.packet.payload(&seen.frame);
    let (source, destination) = (&seen.packet.source, &seen.packet.destination);
    let pseudo = Sum::pseudo_header(source, destination, protocol::TCP, segment.len() as u32);
    assert!(tcp::verify(segment, &pseudo), "RFC 9293 MUST-2: the checksum of {seen:?}");
    assert_eq!(usize::from(seen.packet.payload_end), seen.frame.len(), "nothing lies behind the packet");
    assert_eq!(seen.packet.source_mac, ENGINE_MAC);
    assert_eq!(segment[12] & 0x0f, 0, "bits that nobody has defined");
    if source.is_v4() {
        let (header, ..) = ipv4::Header::parse(&seen.frame[ethernet::LEN..]).expect("it was parsed before");
        assert!(header.dont_fragment && header.identification == 0, "RFC 6864: an atomic datagram");
    }
}

/// What is negotiated goes out with SYN only; padding is zero.
fn check_options(seen: &Seen) {
    let options = &seen.header.options;
    let is_syn = seen.flags.contains(Flags::SYN);
    let negotiates = options.mss.is_some() || options.window_scale.is_some() || options.sack_permitted;
    assert!(is_syn || !negotiates, "RFC 9293 MUST-65: {options:?} without SYN");
    assert_eq!(options.mss.is_some(), is_syn, "RFC 9293 MUST-14: a SYN names our segment size");
    let segment = seen.packet.payload(&seen.frame);
    let ranges = tcp::SackBlocks::parse(segment).expect("we send headers in order");
    assert!(ranges.as_slice().is_empty() && !options.sack_permitted, "selective acknowledgments are not spoken");
    let end = usize::from(segment[12] >> 4) * 4;
    let mut at = tcp::LEN;
    while at < end {
        match segment[at] {
            0 => {
                assert!(segment[at..end].iter().all(|&byte| byte == 0), "RFC 9293 MUST-69: padding is zero");
                return;
            }
            1 => at += 1,
            _ => at += usize::from(segment[at + 1]),
        }
    }
}
