//! What the network says about our segments. (RFC 9293 section 3.9.2.2, RFC 5927, RFC 5461, RFC 1191, RFC 8201.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, Ready};
use crore_wire::icmp::{self, Echo, ErrorKind};
use crore_wire::packet::Packet;
use crore_wire::{emit, ethernet, icmpv6, ipv4};

use crate::table::segment::Seen;
use crate::table::setup::Setup;
use crate::table::*;

/// An ICMP error from the peer's address about a frame of the engine's.
fn error_about(t: &Table, frame: &[u8], kind: ErrorKind, code: u8, mtu: u32) -> Vec<u8> {
    let quoted = &frame[ethernet::LEN..];
    let mut out = vec![0; 2048];
    let error = icmp::Error { kind, code, mtu, quoted: &quoted[..quoted.len().min(64)] };
    let len = if t.peer.address.is_v4() {
        emit::icmp(&mut out, &t.peer.path(), &icmp::Message::Error(error))
    } else {
        emit::icmpv6(&mut out, &t.peer.path(), &icmpv6::Message::Error(error))
    };
    out.truncate(len);
    out
}

#[track_caller]
fn arrives(t: &mut Table, seen: &Seen, kind: ErrorKind, code: u8, mtu: u32) {
    let error = error_about(t, &seen.frame, kind, code, mtu);
    assert!(t.injects(&[error]));
}

/// An error arrives that quotes a frame of the engine's with other bytes at one place.
#[track_caller]
fn forged(t: &mut Table, seen: &Seen, at: usize, bytes: &[u8]) {
    let mut frame = seen.frame.clone();
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    let error = error_about(t, &frame, ErrorKind::Unreachable, 1, 0);
    assert!(t.injects(&[error]));
}

/// A connection with five bytes under way.
fn sending(setup: Setup) -> (Table, Seen) {
    let mut t = setup.established();
    t.writes(b"hello");
    let seen = t.expects(data(b"hello"));
    (t, seen)
}

/// RFC 9293 MUST-56, MUST-47
#[test]
fn an_error_that_may_pass_is_told_and_ends_nothing() {
    let v4 = [
        (ErrorKind::Unreachable, 0),
        (ErrorKind::Unreachable, 1),
        (ErrorKind::Unreachable, 5),
        (ErrorKind::Unreachable, 9),
        (ErrorKind::Unreachable, 13),
        (ErrorKind::TimeExceeded, 0),
        (ErrorKind::TimeExceeded, 1),
        (ErrorKind::ParameterProblem, 0),
    ];
    let v6 = [
        (ErrorKind::Unreachable, 0),
        (ErrorKind::Unreachable, 1),
        (ErrorKind::Unreachable, 3),
        (ErrorKind::TimeExceeded, 0),
        (ErrorKind::ParameterProblem, 1),
    ];
    for (v6, kind, code) in v4.map(|(kind, code)| (false, kind, code)).into_iter().chain(v6.map(|(k, c)| (true, k, c)))
    {
        let setup = || if v6 { Setup::new().v6() } else { Setup::new() };
        let (mut t, seen) = sending(setup());
        arrives(&mut t, &seen, kind, code, 0);
        assert_eq!((t.told(), t.state()), (Ready::SOFT_ERROR, "ESTABLISHED"), "{kind:?} {code}, v6 {v6}");
        assert_eq!(t.counted(Counter::IcmpNoted), 1);
        t.sends(ack());
        // An open that is under way goes on too.
        let mut t = setup().idle();
        t.connect();
        let seen = t.next();
        arrives(&mut t, &seen, kind, code, 0);
        assert_eq!((t.told(), t.state()), (Ready::SOFT_ERROR, "SYN-SENT"), "{kind:?} {code}, v6 {v6}");
        t.answers_syn(syn_ack().mss(1220));
    }
}

/// RFC 9293 SHLD-26
#[test]
fn a_hard_error_ends_an_open_that_is_under_way() {
    for (v6, codes) in [(false, &[2, 3][..]), (true, &[4])] {
        for &code in codes {
            let mut t = if v6 { Setup::new().v6() } else { Setup::new() }.idle();
            t.connect();
            let seen = t.next();
            arrives(&mut t, &seen, ErrorKind::Unreachable, code, 0);
            t.is_closed(CloseReason::Unreachable);
            t.is_quiet_for(10_000);
        }
    }
}

/// RFC 5461: nobody ends an established connection by a message that anybody can send.
#[test]
fn a_hard_error_does_not_end_an_established_connection() {
    for code in [2, 3] {
        let (mut t, seen) = sending(Setup::new());
        arrives(&mut t, &seen, ErrorKind::Unreachable, code, 0);
        assert_eq!((t.told(), t.state()), (Ready::SOFT_ERROR, "ESTABLISHED"));
        t.sends(ack());
    }
}

/// RFC 9293 MUST-54
#[test]
fn an_error_counts_only_if_it_quotes_what_is_under_way() {
    let (mut t, seen) = sending(Setup::new());
    let tcp = t.tcp_start();
    let seq = seen.header.seq.0;
    for wrong in [seq.wrapping_sub(1), seq + 5, seq + 1000, seq ^ 1 << 31] {
        forged(&mut t, &seen, tcp + 4, &wrong.to_be_bytes());
    }
    forged(&mut t, &seen, tcp, &81u16.to_be_bytes());
    forged(&mut t, &seen, tcp + 2, &5001u16.to_be_bytes());
    forged(&mut t, &seen, ethernet::LEN + 16, &[10, 0, 0, 3]);
    assert_eq!(t.counted(Counter::IcmpUnmatched), 7);
    assert_eq!(t.told(), Ready::default());
    // A source that is not ours is not even a segment of ours.
    forged(&mut t, &seen, ethernet::LEN + 12, &[10, 0, 0, 9]);
    assert_eq!((t.counted(Counter::DroppedIcmp), t.told()), (1, Ready::default()));
    // Any number under way will do.
    forged(&mut t, &seen, tcp + 4, &(seq + 4).to_be_bytes());
    assert_eq!(t.told(), Ready::SOFT_ERROR);
    t.sends(ack());
    // And once it is acknowledged it is under way no more.
    arrives(&mut t, &seen, ErrorKind::Unreachable, 1, 0);
    assert_eq!(t.told(), Ready::default());
}

/// RFC 9293 MUST-55
#[test]
fn a_source_quench_is_dropped_without_effect() {
    let (mut t, seen) = sending(Setup::new());
    let before = t.statistics().congestion_window;
    arrives(&mut t, &seen, ErrorKind::SourceQuench, 0, 0);
    assert_eq!((t.told(), t.statistics().congestion_window), (Ready::default(), before));
    assert_eq!((t.counted(Counter::DroppedIcmp), t.counted(Counter::IcmpNoted)), (1, 0));
    t.sends(ack());
}

/// RFC 9293 MUST-54: code 4 of IPv4, "packet too big" of IPv6.
#[test]
fn a_segment_that_was_too_big_leaves_again_in_smaller_ones() {
    for (v6, whole, mtu, size) in [(false, 1460, 1000, 960), (true, 1440, 1280, 1220)] {
        let mut t = if v6 { Setup::new().v6() } else { Setup::new() }.established();
        t.writes(&bytes(2000));
        let seen = t.expects(more(&bytes(whole)));
        t.rest();
        arrives(&mut t, &seen, ErrorKind::PacketTooBig, 4, mtu);
        let sizes: Vec<usize> = t.rest().iter().map(|seen| seen.payload.len()).collect();
        let expected: Vec<usize> = bytes(2000).chunks(size).map(<[u8]>::len).collect();
        assert_eq!(sizes, expected, "v6 {v6}");
        assert_eq!(usize::from(t.statistics().segment_size), size);
        t.sends(ack().ack(2001));
    }
}

/// RFC 9293 MUST-16
#[test]
fn the_bytes_of_options_come_off_what_the_path_carries() {
    let mut t = Setup::new().timestamps().established();
    t.writes(&bytes(2000));
    let seen = t.expects(more(&bytes(1448)));
    t.rest();
    arrives(&mut t, &seen, ErrorKind::PacketTooBig, 4, 1000);
    let lens: Vec<usize> = t.rest().iter().map(|seen| seen.frame.len() - ethernet::LEN).collect();
    assert_eq!(lens, [1000, 1000, 52 + 2000 - 2 * 948], "20 bytes of IP, 20 of TCP and 12 of options");
    t.sends(ack().ack(2001));
}

/// RFC 6298 KARN
#[test]
fn nothing_is_measured_on_what_was_sent_again_in_smaller_segments() {
    let mut t = Setup::new().established();
    t.writes(&bytes(1460));
    let seen = t.next();
    t.waits(100);
    arrives(&mut t, &seen, ErrorKind::PacketTooBig, 4, 1000);
    assert_eq!(t.rest().len(), 2);
    t.waits(50);
    t.sends(ack().ack(1461));
    assert_eq!(t.statistics().round_trip, None);
}

/// RFC 9293 MUST-54, RFC 5927 section 7: a forged path is no smaller than what every path carries.
#[test]
fn a_forged_path_does_not_make_segments_tiny() {
    for (mtu, size) in [(68, 512), (100, 512), (552, 512), (553, 513), (0, 1452)] {
        let mut t = Setup::new().established();
        t.writes(&bytes(1460));
        let seen = t.next();
        arrives(&mut t, &seen, ErrorKind::PacketTooBig, 4, mtu);
        assert_eq!(t.statistics().segment_size, size, "a path of {mtu} bytes");
        t.rest();
        t.sends(ack().ack(1461));
    }
    for (mtu, size) in [(68, 1440), (1279, 1440), (1280, 1220), (1499, 1439), (1500, 1440), (9000, 1440)] {
        let mut t = Setup::new().v6().established();
        t.writes(&bytes(1440));
        let seen = t.next();
        arrives(&mut t, &seen, ErrorKind::PacketTooBig, 0, mtu);
        assert_eq!(t.statistics().segment_size, size, "a path of {mtu} bytes");
        t.rest();
        t.sends(ack().ack(1441));
    }
}

#[test]
fn a_path_does_not_grow_by_an_error() {
    let mut t = Setup::new().established();
    t.writes(&bytes(1460));
    let seen = t.next();
    arrives(&mut t, &seen, ErrorKind::PacketTooBig, 4, 800);
    arrives(&mut t, &seen, ErrorKind::PacketTooBig, 4, 1200);
    assert_eq!(t.statistics().segment_size, 760);
    t.rest();
    t.sends(ack().ack(1461));
}

#[test]
fn errors_about_half_open_connections_and_records_are_ignored() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    let seen = t.next();
    arrives(&mut t, &seen, ErrorKind::Unreachable, 3, 0);
    assert_eq!(t.counted(Counter::IcmpUnmatched), 1);
    t.sends(ack());
    t.accepts();
    t.finishes();
    let seen = t.next();
    t.sends(fin().ack(2));
    t.expects(ack());
    arrives(&mut t, &seen, ErrorKind::Unreachable, 3, 0);
    assert_eq!(t.counted(Counter::IcmpUnmatched), 2);
}

/// RFC 1122 ECHO-REPLY
#[test]
fn a_ping_is_answered_with_its_own_data() {
    for v6 in [false, true] {
        let mut t = if v6 { Setup::new().v6() } else { Setup::new() }.idle();
        let echo = Echo { identifier: 7, sequence: 9, data: b"0123456789" };
        let mut out = vec![0; 256];
        let len = match v6 {
            false => emit::icmp(&mut out, &t.peer.path(), &icmp::Message::EchoRequest(echo)),
            true => emit::icmpv6(&mut out, &t.peer.path(), &icmpv6::Message::EchoRequest(echo)),
        };
        out.truncate(len);
        t.others.clear();
        assert!(t.injects(&[out]));
        let frame = t.others.pop().expect("an answer");
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!((packet.source, packet.destination), (t.peer.engine, t.peer.address));
        match v6 {
            false => assert_eq!(icmp::parse(packet.payload(&frame)), Ok(icmp::Message::EchoReply(echo))),
            true => assert_eq!(icmpv6::parse(packet.payload(&frame), &packet), Ok(icmpv6::Message::EchoReply(echo))),
        }
        assert!(t.others.is_empty());
    }
}

/// RFC 9293 MUST-50
#[test]
fn ip_options_that_mean_nothing_to_us_are_skipped() {
    let mut t = Setup::new().established();
    let mut frame = t.peer.frame(&data(b"hello"));
    // No-operation, router alert, a kind that nobody knows, end.
    let options = [1, 148, 4, 0, 0, 99, 5, 1, 2, 3, 0, 0];
    let at = ethernet::LEN + ipv4::LEN;
    frame.splice(at..at, options);
    frame[ethernet::LEN] = 0x40 | ((ipv4::LEN + options.len()) / 4) as u8;
    crate::table::peer::repair(&mut frame);
    assert!(t.injects(&[frame]));
    assert_eq!(t.reads(), b"hello");
    t.peer.next = 6;
    t.waits(40);
    t.expects(ack());
}
