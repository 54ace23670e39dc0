//! The acknowledgment field. (RFC 9293 section 3.10.7.4, fifth; RFC 5961 section 5.)

use crore_tcp::counter::Counter;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 5961 ACK-RANGE
#[test]
fn an_acknowledgment_of_what_was_never_sent_is_answered_and_ignored() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.sends(ack().ack(5).window(1));
    t.expects(ack().seq(4).ack(1));
    let statistics = t.statistics();
    assert_eq!((statistics.in_flight, statistics.send_window), (3, 65_535));
    t.sends(ack().ack(4));
    assert_eq!(t.statistics().in_flight, 0);
    assert_eq!(t.counted(Counter::DroppedAck), 1);
}

/// RFC 5961 ACK-RANGE
#[test]
fn an_old_acknowledgment_is_taken_only_as_far_back_as_the_largest_window() {
    // The peer's largest window was 5,000 bytes; 10,000 are acknowledged.
    for (number, is_taken) in [(10_001, true), (5_001, true), (5_000, false), (1, false), (0, false), (1 << 31, false)]
    {
        let mut t = Setup::new().peer_window(5000).established();
        for _ in 0..4 {
            t.writes(&bytes_from(t.peer.engine_next, 2500));
            t.rest();
            t.sends(ack());
        }
        t.rest();
        t.sends(data(b"abc").ack(number));
        assert_eq!(t.statistics().unread > 0, is_taken, "an acknowledgment of {number}");
        t.waits(40);
        t.expects(ack().ack(if is_taken { 4 } else { 1 }));
        t.reads();
    }
}

#[test]
fn an_old_acknowledgment_changes_nothing() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.sends(ack().ack(4));
    t.writes(b"def");
    t.expects(data(b"def"));
    t.sends(ack().ack(2).window(0));
    let statistics = t.statistics();
    assert_eq!((statistics.in_flight, statistics.send_window), (3, 65_535));
    t.expects_nothing();
}

#[test]
fn a_part_of_a_segment_can_be_acknowledged() {
    let mut t = Setup::new().established();
    t.writes(&bytes(100));
    t.expects(data(&bytes(100)));
    t.sends(ack().ack(31));
    assert_eq!((t.statistics().in_flight, t.statistics().queued), (70, 70));
    // A timeout without a sample of the round trip; the acknowledgment was one.
    t.waits_for_output(3000);
    t.expects(data(&bytes_from(31, 70)).seq(31));
    t.sends(ack().ack(101));
    assert_eq!(t.statistics().queued, 0);
}

#[test]
fn one_acknowledgment_covers_many_segments_and_payloads() {
    let mut t = Setup::new().established();
    for n in 0..10 {
        t.queues(&bytes_from(1 + n * 700, 700)).unwrap();
    }
    t.collect();
    let sent: Vec<u8> = t.rest().into_iter().flat_map(|seen| seen.payload).collect();
    assert_eq!(sent, bytes(7000));
    t.sends(ack().ack(7001));
    assert_eq!((t.statistics().in_flight, t.statistics().queued), (0, 0));
    t.is_quiet_for(10_000);
}

/// RFC 9293 section 3.10.7.4: the window is told by the segment that was sent last.
#[test]
fn an_older_segment_does_not_tell_the_window() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc").seq(1).window(5000));
    t.sends(data(b"def").seq(4).window(4000));
    assert_eq!(t.statistics().send_window, 4000);
    // It was overtaken on its way.
    t.sends(ack().seq(1).window(9000));
    assert_eq!(t.statistics().send_window, 4000);
    t.rest();
    // Acceptable, but sent before one that has come already.
    t.sends(data(b"later").seq(107).window(3500));
    t.sends(ack().seq(7).window(9000));
    assert_eq!(t.statistics().send_window, 3500);
    t.expects(ack().ack(7));
    t.sends(data(&bytes_from(7, 100)).seq(7));
    t.expects(ack().ack(112));
    // The same place, and a later acknowledgment or the same: it counts.
    t.sends(ack().seq(112).window(3000));
    t.sends(ack().seq(112).window(6000));
    assert_eq!(t.statistics().send_window, 6000);
    t.waits(40);
    t.rest();
}

#[test]
fn the_window_of_an_acknowledgment_that_was_overtaken_does_not_count() {
    let mut t = Setup::new().established();
    t.writes(&bytes(2000));
    t.rest();
    t.sends(ack().ack(1461).window(3000));
    t.sends(ack().ack(1461).window(2000));
    t.sends(ack().ack(1).window(9000));
    assert_eq!(t.statistics().send_window, 2000);
    t.expects_nothing();
}
