//! What stands in a standard, or in a document or a source file of this project.

use super::figure::{Figure, specified};

/// Frames of a core of our own stack.
pub(in crate::plan) const OWN_CORE: Figure = specified(
    "own stack: frames of a core",
    33_554_432.0,
    "bytes",
    "16,384 frames of 2 KiB, crates/rt/src/limits.rs; already within the bytes of a subscriber for the core that was measured",
);

/// How many `select` can watch.
pub(in crate::plan) const SELECT_WATCHED: Figure = specified(
    "select: descriptors that it can watch",
    1_024.0,
    "",
    "select(2): FD_SETSIZE, a constant of the C library's binary interface; it holds for a process",
);

/// What surrounds a publication's data, and how often.
pub(in crate::plan) const ENVELOPE: Figure = specified(
    "JSON around the data of a publication",
    r#"{"push":{"channel":"c10m","pub":{"data":,"offset":1000000}}}"#.len() as f64,
    "bytes",
    "docs/protocol.md, with a channel's name of four letters and an offset of seven digits",
);

/// Ethernet beside the packet.
pub(in crate::plan) const ETHERNET: Figure = specified(
    "Ethernet: preamble, header, checksum and gap of a frame",
    38.0,
    "bytes",
    "IEEE 802.3: 8 + 14 + 4 + 12; no VLAN tag",
);

/// The smallest frame.
pub(in crate::plan) const FRAME_MIN: Figure =
    specified("Ethernet: the smallest frame, its preamble and gap", 84.0, "bytes", "IEEE 802.3: 64 + 8 + 12");

/// IP beside the segment.
pub(in crate::plan) const IP_HEADER: Figure =
    specified("IPv4: header", 20.0, "bytes", "RFC 791 section 3.1; IPv6 takes 40");

/// TCP beside the data.
pub(in crate::plan) const TCP_HEADER: Figure =
    specified("TCP: header with timestamps", 32.0, "bytes", "RFC 9293 section 3.1, RFC 7323 section 3");

/// The most that one frame carries.
pub(in crate::plan) const MTU: Figure = specified("Ethernet: the largest packet", 1_500.0, "bytes", "RFC 894");
