//! The windows of both sides: what is offered, what is used, and silly windows. (RFC 9293 section 3.8.6.)

use crore_tcp::Ready;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 SHLD-14
#[test]
fn the_window_closes_as_data_comes_and_opens_as_it_is_read() {
    let mut t = Setup::new().receive_bytes_max(10_000).established();
    t.sends_all((0..4).map(|n| more(&bytes_from(1 + n * 1250, 1250))));
    t.expects(ack().ack(5001).window(5000));
    t.sends_all((4..8).map(|n| more(&bytes_from(1 + n * 1250, 1250))));
    t.expects(ack().ack(10_001).window(0));
    assert_eq!(t.reads(), bytes(10_000));
    t.expects(ack().ack(10_001).window(10_000));
    t.sends_all((8..10).map(|n| more(&bytes_from(1 + n * 1250, 1250))));
    t.expects(ack().ack(12_501).window(7500));
    t.reads();
}

/// RFC 9293 SHLD-14
#[test]
fn the_right_edge_stays_while_nothing_is_read() {
    for (limit, scale) in [(65_535, 0), (65_536, 1), (1 << 18, 3), (1 << 20, 5)] {
        let mut t = Setup::new().receive_bytes_max(limit).peer_scale(0).frames(4096, 32).established();
        assert_eq!(t.statistics().window_scales.1, scale);
        let mut edge = 0;
        for _ in 0..200 {
            t.sends(data(&bytes_from(t.peer.next, 137)));
            t.waits(40);
            for seen in t.rest() {
                let here = seen.ack + (u32::from(seen.window()) << scale);
                // What the scale rounds off may be missing (RFC 7323 section 2.4), and is never added.
                assert!(here + (1 << scale) > edge, "{here} after {edge}");
                edge = edge.max(here);
                assert!(edge <= limit + 1, "{edge} is more than {limit} bytes behind the first");
            }
        }
        assert_eq!(t.reads().len(), 200 * 137);
        t.rest();
    }
}

/// RFC 9293 SHLD-14
#[test]
fn with_room_to_spare_nothing_is_rounded_off_the_right_edge() {
    let mut t = Setup::new().receive_bytes_max(1 << 20).peer_scale(0).established();
    let mut edge = 0;
    for n in 0..500 {
        t.sends(data(&bytes_from(t.peer.next, 40 + n % 61)));
        t.reads();
        t.waits(40);
        for seen in t.rest() {
            let here = seen.ack + (u32::from(seen.window()) << 5);
            assert!(here >= edge, "{here} after {edge}");
            edge = here;
        }
    }
}

/// Bytes that nobody takes stay within the limit, in however small pieces they come.
#[test]
fn a_window_closes_however_small_the_segments_are() {
    for (limit, step) in [(2000, 1), (65_536, 997), (65_540, 513), (1 << 18, 1459)] {
        let mut t = Setup::new().receive_bytes_max(limit).peer_scale(0).frames(8192, 32).established();
        let scale = t.statistics().window_scales.1;
        let mut room = limit.min(65_535);
        while room > 0 {
            let len = room.min(step);
            t.sends(data(&bytes_from(t.peer.next, len as usize)));
            t.waits(40);
            let last = t.rest().pop().expect("all is acknowledged");
            room = u32::from(last.window()) << scale;
            assert!(last.ack - 1 + room <= limit, "{} bytes are promised of {limit}", last.ack - 1 + room);
        }
        let unread = t.statistics().unread;
        assert!(unread <= limit && unread + (1 << scale) > limit, "{unread} of {limit} bytes");
        assert_eq!(t.reads(), bytes(unread as usize));
        t.rest();
    }
}

/// RFC 9293 MUST-39
#[test]
fn the_window_does_not_open_in_small_steps() {
    let mut t = Setup::new().receive_bytes_max(10_000).established();
    for n in 0..10 {
        t.sends(data(&bytes_from(1 + n * 1000, 1000)));
    }
    t.waits(40);
    assert_eq!(t.rest().pop().unwrap().window(), 0);
    // One piece after the other is read. Half of the buffer must be free before the peer hears of it.
    for _ in 0..4 {
        t.reads_one().unwrap();
        t.collect();
        t.expects_nothing();
    }
    t.reads_one().unwrap();
    t.collect();
    t.expects(ack().ack(10_001).window(5000));
    t.reads();
    t.rest();
}

/// RFC 9293 MUST-39
#[test]
fn an_acknowledgment_opens_the_window_by_a_segment_at_least() {
    let mut t = Setup::new().receive_bytes_max(10_000).established();
    for n in 0..10 {
        t.sends(data(&bytes_from(1 + n * 1000, 1000)));
    }
    t.waits(40);
    t.rest();
    t.reads_one().unwrap();
    // A probe is answered: the window has room for one segment, which is the least.
    t.sends(data(b"x").seq(10_001));
    t.expects(ack().ack(10_001).window(1000));

    let mut t = Setup::new().receive_bytes_max(10_000).established();
    t.sends(data(&bytes(9900)[..1000]));
    for n in 0..89 {
        t.sends(data(&bytes_from(1001 + n * 100, 100)));
    }
    t.waits(40);
    let edge = t.rest().pop().map(|seen| seen.ack + u32::from(seen.window())).unwrap();
    assert_eq!(edge, 10_001);
    t.reads_one().unwrap();
    t.reads_one().unwrap();
    t.rest();
    // 1,100 bytes are free more than were promised: a segment. The next 100 alone are not.
    t.sends(data(&bytes_from(9901, 50)).seq(9901));
    t.waits(40);
    t.expects(ack().ack(9951).window(1150));
    t.reads_one().unwrap();
    t.sends(data(&bytes_from(9951, 50)).seq(9951));
    t.waits(40);
    t.expects(ack().ack(10_001).window(1100));
    t.reads();
    t.rest();
}

/// RFC 9293 MUST-38
#[test]
fn a_window_that_opens_a_little_is_not_filled_with_a_little() {
    let mut t = Setup::new().peer_window(4000).established();
    t.writes(&bytes(10_000));
    t.expects(more(&bytes(1460)));
    t.expects(more(&bytes_from(1461, 1460)));
    // 1,080 bytes more would fit: less than a segment, and less than half of the largest window.
    t.expects_nothing();
    for (number, window) in [(1461, 2550), (2921, 1100), (2921, 1200), (2921, 1459)] {
        t.sends(ack().ack(number).window(window));
        t.expects_nothing();
    }
    t.sends(ack().ack(2921).window(1460));
    t.expects(more(&bytes_from(2921, 1460)));
}

/// RFC 9293 MUST-38
#[test]
fn half_of_the_largest_window_is_enough_to_send() {
    let mut t = Setup::new().peer_window(2000).established();
    t.writes(&bytes(5000));
    t.expects(more(&bytes(1460)));
    t.sends(ack().ack(1461).window(999));
    t.expects_nothing();
    t.sends(ack().ack(1461).window(1000));
    t.expects(more(&bytes_from(1461, 1000)));
}

/// RFC 9293 MUST-38
#[test]
fn a_window_that_stays_small_is_used_after_a_while() {
    let mut t = Setup::new().peer_window(4000).established();
    t.writes(&bytes(10_000));
    t.rest();
    t.sends(ack().ack(2921).window(500));
    let waited = t.waits_for_output(1000);
    assert!((100..=1000).contains(&waited), "{waited} ms");
    t.expects(more(&bytes_from(2921, 500)));
    // And if it is lost it leaves again, small as it is.
    t.waits_for_output(2000);
    t.expects(more(&bytes_from(2921, 500)).seq(2921));
}

/// RFC 9293 MUST-38
#[test]
fn the_last_of_the_queue_leaves_however_small_it_is() {
    let mut t = Setup::new().peer_window(4000).established();
    t.writes(&bytes(1461));
    t.expects(more(&bytes(1460)));
    t.expects(data(&bytes_from(1461, 1)));
}

/// RFC 9293 MUST-34
#[test]
fn a_window_that_was_taken_back_stops_new_data_and_breaks_nothing() {
    let mut t = Setup::new().peer_window(20_000).established();
    t.writes(&bytes(14_600));
    assert_eq!(t.rest().len(), 10);
    t.queues(&bytes_from(14_601, 5000)).unwrap();
    // The right edge moves from 20,001 back to 5,841.
    t.sends(ack().ack(1461).window(4380));
    t.expects_nothing();
    assert_eq!((t.statistics().in_flight, t.statistics().send_window), (13_140, 4380));
    // What was sent beyond it may have come all the same.
    t.sends(ack().ack(14_601).window(5000));
    t.expects(more(&bytes_from(14_601, 1460)));
    t.expects(more(&bytes_from(16_061, 1460)));
    t.expects(more(&bytes_from(17_521, 1460)));
    t.expects(data(&bytes_from(18_981, 620)));
}

/// RFC 9293 MUST-34
#[test]
fn after_a_window_was_taken_back_only_what_fits_is_sent_again() {
    let mut t = Setup::new().peer_window(20_000).established();
    t.writes(&bytes(14_600));
    t.rest();
    t.sends(ack().ack(1461).window(700));
    t.waits_for_output(3000);
    t.expects(more(&bytes_from(1461, 700)).seq(1461));
    t.sends(ack().ack(2161).window(1460));
    t.expects(more(&bytes_from(2161, 1460)).seq(2161));
    t.sends(ack().ack(14_601).window(1460));
    t.is_quiet_for(10_000);
    assert_eq!(t.told(), Ready::default());
}

/// Lost, retransmitted into a window as small as before: the rule against silly windows is not for what was sent already.
#[test]
fn a_small_segment_that_was_lost_is_sent_again_into_a_small_window() {
    let mut t = Setup::new().peer_window(4000).established();
    t.writes(&bytes(1460));
    t.writes(&bytes_from(1461, 300));
    t.rest();
    t.queues(&bytes_from(1761, 10_000)).unwrap();
    // The window has room for the 300 bytes under way and no more.
    t.sends(ack().ack(1461).window(300));
    t.expects_nothing();
    t.waits_for_output(3000);
    t.expects(more(&bytes_from(1461, 300)).seq(1461));
    t.waits_for_output(3000);
    t.expects(more(&bytes_from(1461, 300)).seq(1461));
    t.sends(ack().ack(1761).window(4000));
    t.expects(more(&bytes_from(1761, 1460)));
}
