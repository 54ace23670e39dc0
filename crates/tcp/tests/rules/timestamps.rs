//! Timestamps: negotiating them, echoing them. (RFC 7323 sections 3 and 4.)

use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 7323 TS-ALWAYS
#[test]
fn timestamps_are_on_every_segment_once_agreed_on_but_not_on_resets() {
    for opens in [Setup::established, Setup::connected] {
        let mut t = opens(Setup::new().timestamps().keep_alive(60, 5, 3));
        assert!(t.statistics().timestamps);
        // The table expects them by itself: on data, retransmissions, acknowledgments, probes, challenges, a FIN.
        t.writes(b"abc");
        t.expects(data(b"abc"));
        t.waits_for_output(2000);
        t.expects(data(b"abc").seq(1));
        t.sends(ack());
        t.sends(data(b"def"));
        t.waits(40);
        t.expects(ack());
        t.sends(rst().seq(100));
        t.expects(ack());
        t.waits_for_output(100_000);
        t.expects(ack().seq(3));
        t.sends(ack());
        t.reads();
        t.finishes();
        t.expects(fin());
        t.aborts();
        t.expects(rst_ack().seq(5).no_timestamps());
    }
}

/// RFC 7323 TS-ALWAYS
#[test]
fn timestamps_are_used_only_if_both_sides_want_them() {
    let unwilling = || Setup::new().options(|options| options.timestamps = false);
    let mut t = unwilling().listening();
    t.sends(syn().mss(1460).clock(7));
    t.expects(syn_ack().mss(1460).no_timestamps());
    t.sends(ack());
    t.accepts();
    t.writes(b"abc");
    t.expects(data(b"abc").no_timestamps());

    let mut t = unwilling().idle();
    t.connect();
    assert_eq!(t.next().header.options.timestamps, None);
    t.sends(syn_ack().ack(1).mss(1460).clock(7));
    t.expects(ack().no_timestamps());

    // The peer wants none.
    let mut t = Setup::new().connected();
    assert!(!t.statistics().timestamps);
    t.writes(b"abc");
    t.expects(data(b"abc").no_timestamps());
}

/// RFC 7323 TS-ALWAYS: section 3.2, what lacks its timestamp is dropped silently.
#[test]
fn a_segment_without_its_timestamp_is_dropped() {
    let mut t = Setup::new().timestamps().established();
    t.sends(data(b"abc").no_timestamps());
    t.is_quiet_for(1000);
    assert_eq!((t.statistics().unread, t.counted(Counter::DroppedNoTimestamp)), (0, 1));
    t.peer.next = 1;
    t.sends(data(b"abc"));
    assert_eq!(t.reads(), b"abc");
    t.waits(40);
    t.expects(ack());
}

#[test]
fn a_timestamp_that_was_not_agreed_on_means_nothing() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc").clock(5));
    t.sends(data(b"def").clock(4));
    assert_eq!(t.reads(), b"abcdef");
    t.waits(40);
    t.expects(ack().ack(7).no_timestamps());
}

/// RFC 7323 RECENT
#[test]
fn the_clock_of_the_segment_that_fills_the_left_edge_is_echoed() {
    let mut t = Setup::new().timestamps().established();
    t.sends(data(b"abc").clock(1_000_010));
    t.waits(40);
    t.expects(ack().echoes(1_000_010));
    // With a delayed acknowledgment it is the first segment's, which is the longer round trip (section 4.3, A).
    t.sends(data(b"d").clock(1_000_020));
    t.sends(data(b"e").clock(1_000_030));
    t.waits(40);
    t.expects(ack().echoes(1_000_020));
    t.reads();
}

/// RFC 7323 RECENT
#[test]
fn what_comes_early_does_not_tell_the_clock() {
    let mut t = Setup::new().timestamps().established();
    t.sends(data(&bytes_from(101, 100)).seq(101).clock(1_000_050));
    t.expects(ack().ack(1).echoes(1_000_000));
    // The one that fills the gap does (section 4.3, C).
    t.sends(data(&bytes(100)).seq(1).clock(1_000_060));
    t.expects(ack().ack(201).echoes(1_000_060));
    t.reads();
}

/// RFC 7323 RECENT
#[test]
fn a_segment_at_the_edge_without_data_tells_the_clock() {
    let mut t = Setup::new().timestamps().established();
    t.sends(ack().clock(1_000_070));
    t.writes(b"abc");
    t.expects(data(b"abc").echoes(1_000_070));
}

/// RFC 7323 RECENT
#[test]
fn a_clock_comes_only_with_an_acknowledgment_that_can_be() {
    // Who guesses the sequence number alone must not be able to make the true peer look old.
    let mut t = Setup::new().timestamps().established();
    t.sends(data(b"evil").clock(0x4000_0000).ack(1 << 30));
    t.expects(ack().ack(1).echoes(1_000_000));
    t.peer.next = 1;
    t.sends(Segment::new(Flags::PSH).seq(1).payload(b"evil").clock(0x4000_0000));
    t.sends(rst().seq(2).clock(0x4000_0000));
    t.sends(Segment::new(Flags::SYN).seq(1).clock(0x4000_0000));
    t.peer.next = 1;
    t.sends(data(b"good").clock(1_000_001));
    assert_eq!(t.reads(), b"good");
    t.waits(600);
    t.rest();
}

#[test]
fn clocks_count_milliseconds_from_a_place_that_each_peer_has_for_itself() {
    let mut t = Setup::new().timestamps().established();
    t.writes(b"a");
    let first = t.expects(data(b"a")).clock();
    t.waits(150);
    t.sends(ack());
    t.writes(b"b");
    assert_eq!(t.expects(data(b"b")).clock().wrapping_sub(first), 150);
    let mut offsets = vec![first];
    for port in 6000..6010 {
        let peer = t.other_peer(port);
        assert!(t.injects(&[peer.frame(&syn().clock(5))]));
        offsets.push(t.strays.pop_back().unwrap().clock());
    }
    offsets.sort_unstable();
    assert!(offsets.windows(2).all(|pair| pair[1] - pair[0] > 1 << 12), "{offsets:?}");
}

#[test]
fn the_clock_of_one_pair_of_ends_goes_on_between_connections() {
    let mut t = Setup::new().timestamps().idle();
    let mut last = None;
    for _ in 0..3 {
        t.connect();
        let clock = t.next().clock();
        assert!(last.is_none_or(|last| clock.wrapping_sub(last) == 500));
        last = Some(clock);
        t.sends(rst_ack().seq(0).ack(1));
        t.closes();
        t.waits(500);
    }
}
