//! The header and its options, as the engine takes and writes them. (RFC 9293 sections 3.1, 3.2 and 3.7.1.)

use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::peer::repair;
use crate::table::setup::Setup;
use crate::table::*;

const END: u8 = 0;
const NOP: u8 = 1;

/// RFC 9293 MUST-1
#[test]
fn the_largest_window_is_not_taken_for_a_negative_one() {
    let mut t = Setup::new().peer_scale(14).peer_window(0xffff).established();
    assert_eq!(t.statistics().send_window, 0xffff << 14);
    t.writes(&bytes(2920));
    t.expects(more(&bytes(1460)));
    t.expects(data(&bytes_from(1461, 1460)));
}

/// RFC 9293 MUST-3
#[test]
fn a_segment_with_a_wrong_checksum_is_counted_and_changes_nothing() {
    let mut t = Setup::new().established();
    let right = t.peer.frame(&data(b"hello"));
    for bit in 0..8 * (right.len() - t.tcp_start()) {
        let mut wrong = right.clone();
        let at = t.tcp_start() + bit / 8;
        wrong[at] ^= 1 << (bit % 8);
        assert!(t.injects(&[wrong]));
        assert_eq!(t.counted(Counter::DroppedChecksum), bit as u64 + 1, "bit {bit}");
    }
    t.is_quiet_for(1000);
    t.sends(data(b"hello"));
    t.waits(40);
    t.expects(ack().ack(6));
    assert_eq!(t.reads(), b"hello");
}

/// RFC 9293 MUST-2
#[test]
fn every_kind_of_segment_leaves_with_a_right_checksum() {
    for setup in [Setup::new(), Setup::new().v6()] {
        // The guard of the harness computes each checksum anew.
        let mut t = setup.established();
        for len in [1, 2, 3, 63, 64, 65, 1439] {
            t.writes(&bytes_from(t.peer.engine_next, len));
            let from = t.peer.engine_next - len as u32;
            t.expects(data(&bytes_from(from, len)));
            t.sends(ack());
        }
        t.finishes();
        t.expects(fin());
        let mut other = t.other_peer(6000);
        other.engine_port = 81;
        assert!(t.injects(&[other.frame(&syn())]));
        assert!(t.strays.pop_back().unwrap().is(Flags::RST | Flags::ACK));
    }
}

/// RFC 9293 MUST-4, MUST-64
#[test]
fn the_options_of_a_syn_are_read_in_every_order_and_at_every_byte() {
    let mss = [2, 4, 0x02, 0x58];
    let scale = [3, 3, 5];
    let sack_permitted = [4, 2];
    let orders: [[&[u8]; 3]; 6] = [
        [&mss, &scale, &sack_permitted],
        [&mss, &sack_permitted, &scale],
        [&scale, &mss, &sack_permitted],
        [&scale, &sack_permitted, &mss],
        [&sack_permitted, &mss, &scale],
        [&sack_permitted, &scale, &mss],
    ];
    for (order, nops) in orders.iter().flat_map(|order| (0..4).map(move |nops| (order, nops))) {
        let mut options = vec![NOP; nops];
        options.extend(order.concat());
        // What follows the end of the list is no option, whatever it looks like.
        options.extend([END, 2, 4, 0xff, 0xff]);
        options.resize(options.len().next_multiple_of(4), END);
        let mut t = Setup::new().listening();
        t.opens_passively(syn().raw_options(&options));
        let statistics = t.statistics();
        assert_eq!(statistics.segment_size, 600, "{options:?}");
        assert_eq!(statistics.window_scales, (5, 0), "{options:?}");
        assert!(statistics.sack_permitted);
    }
}

/// RFC 9293 MUST-5
#[test]
fn options_may_come_with_data_with_a_fin_and_with_a_reset() {
    let options = [NOP, 2, 4, 0x02, 0x00, NOP, 3, 3];
    let options = [&options[..], &[7, 4, 2, END]].concat();
    let mut t = Setup::new().established();
    t.sends(data(b"abc").raw_options(&options));
    assert_eq!(t.reads(), b"abc");
    t.sends(fin().raw_options(&options));
    t.expects(ack());
    assert_eq!(t.state(), "CLOSE-WAIT");
    assert_eq!(t.statistics().segment_size, 1460, "a segment size counts on a SYN only");
    t.sends(rst().raw_options(&options));
    t.is_closed(crore_tcp::CloseReason::Reset);
}

/// RFC 9293 MUST-6, MUST-68
#[test]
fn an_option_that_nobody_knows_is_skipped_by_its_length() {
    for kind in [6, 7, 9, 30, 34, 200, 253, 255] {
        let options = [kind, 6, 2, 4, 0xff, 0xff, 2, 4, 0x02, 0x58, kind, 2];
        let mut t = Setup::new().listening();
        t.opens_passively(syn().raw_options(&options));
        assert_eq!(t.statistics().segment_size, 600, "behind an option of kind {kind}");
    }
}

/// RFC 9293 MUST-7
#[test]
fn an_option_of_an_impossible_length_is_counted_and_does_no_harm() {
    let wrong: [&[u8]; 7] = [
        &[2, 0, 5, 0xb4],
        &[2, 1, 5, 0xb4],
        &[2, 3, 5, END],
        &[200, 5, 0, 0],
        &[200, 255, 0, 0],
        &[NOP, NOP, NOP, 8],
        &[3, 4, 7, END],
    ];
    let mut t = Setup::new().established();
    for (times, options) in wrong.iter().enumerate() {
        t.sends(data(b"x").raw_options(options).seq(1));
        assert_eq!(t.counted(Counter::DroppedTcpHeader), times as u64 + 1, "{options:?}");
    }
    t.is_quiet_for(1000);
    assert_eq!(t.statistics().unread, 0);
}

/// RFC 9293 MUST-7
#[test]
fn a_header_of_an_impossible_length_is_counted_and_does_no_harm() {
    let mut t = Setup::new().established();
    for (times, words) in [0, 1, 4, 7, 15].into_iter().enumerate() {
        let mut frame = t.peer.frame(&data(b"abcdefg"));
        let at = t.tcp_start() + 12;
        frame[at] = words << 4;
        repair(&mut frame);
        assert!(t.injects(&[frame]));
        assert_eq!(t.counted(Counter::DroppedTcpHeader), times as u64 + 1, "{words} words");
    }
    t.is_quiet_for(1000);
}

/// RFC 9293 MUST-14, MUST-65, MUST-67
#[test]
fn a_syn_names_what_the_link_can_bring_in_and_nothing_else_does() {
    for (mtu, v6, mss) in
        [(1500, false, 1460), (1500, true, 1440), (576, false, 536), (1280, true, 1220), (2034, false, 1994)]
    {
        let setup = || if v6 { Setup::new().v6().mtu(mtu) } else { Setup::new().mtu(mtu) };
        let mut t = setup().listening();
        t.sends(syn().mss(1400));
        t.expects(syn_ack().mss(mss));
        let mut t = setup().idle();
        t.connect();
        assert_eq!(t.next().header.options.mss, Some(mss));
        // That no other segment names one, the guard sees everywhere.
        t.answers_syn(syn_ack().mss(1400));
        t.writes(b"x");
        t.expects(data(b"x"));
    }
}

/// RFC 9293 MUST-14, MUST-16
#[test]
fn no_segment_is_larger_than_the_peer_asked_for() {
    for (peer, v6, size) in
        [(1460, false, 1460), (1000, false, 1000), (536, false, 536), (9000, false, 1460), (9000, true, 1440)]
    {
        let setup = Setup::new().peer_mss(peer);
        let mut t = if v6 { setup.v6() } else { setup }.established();
        t.writes(&bytes(size + 1));
        t.expects(more(&bytes(size)));
        t.expects(data(&bytes_from(size as u32 + 1, 1)));
    }
}

/// RFC 9293 MUST-15
#[test]
fn a_peer_that_names_no_segment_size_gets_the_default_of_its_family() {
    for (v6, size) in [(false, 536), (true, 1220)] {
        for opens in [Setup::established, Setup::connected] {
            let setup = Setup::new().peer_mss(None);
            let mut t = opens(if v6 { setup.v6() } else { setup });
            t.writes(&bytes(size + 1));
            t.expects(more(&bytes(size)));
            t.expects(data(&bytes_from(size as u32 + 1, 1)));
        }
    }
}

/// RFC 9293 MUST-16
#[test]
fn the_bytes_of_options_come_off_the_segment_size() {
    for opens in [Setup::established, Setup::connected] {
        let mut t = opens(Setup::new().timestamps());
        t.writes(&bytes(1449));
        t.expects(more(&bytes(1448)));
        t.expects(data(&bytes_from(1449, 1)));
    }
}

/// RFC 9293 MUST-69
#[test]
fn the_padding_of_options_is_zero() {
    // A window scale takes three bytes; the guard looks at the fourth, wherever it is.
    let mut t = Setup::new().timestamps().peer_scale(7).listening();
    t.sends(syn().mss(1460).scale(7).clock(5));
    let seen = t.next();
    let segment = &seen.frame[t.tcp_start()..];
    assert_eq!(segment[12] >> 4, 10, "20 bytes of options: 4, 12, 3 and one of padding");
    assert_eq!(segment[39], 0);
}
