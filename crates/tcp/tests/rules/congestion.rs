//! Slow start, congestion avoidance, idle times. (RFC 5681, RFC 6928, RFC 3465.) The window alone has tables of its own in
//! `src/congestion`; here it is seen from outside.

use crate::table::setup::Setup;
use crate::table::*;

const MSS: u32 = 1460;

/// How many full segments the engine has just sent, whichever.
fn burst(t: &mut Table) -> usize {
    t.rest().iter().filter(|seen| !seen.payload.is_empty()).count()
}

/// A connection with 1 MB to send, whose initial window has left.
fn sending() -> Table {
    let mut t = Setup::new().peer_scale(7).established();
    t.sends(ack().window(60_000));
    t.writes(&bytes(1_000_000));
    t
}

/// RFC 6928 INITIAL-WINDOW
#[test]
fn sending_starts_with_ten_segments() {
    for (mss, segments) in [(1460, 10), (536, 10), (1000, 10), (88, 10)] {
        let mut t = Setup::new().peer_mss(mss).established();
        t.writes(&bytes(40_000));
        assert_eq!(burst(&mut t), segments, "segments of {mss} bytes");
    }
    for opens in [Setup::established, Setup::connected] {
        let mut t = opens(Setup::new());
        t.writes(&bytes(40_000));
        assert_eq!(burst(&mut t), 10);
    }
}

/// RFC 6928 INITIAL-WINDOW
#[test]
fn large_segments_start_with_fewer() {
    let mut t = Setup::new().mtu(2034).peer_mss(1994).established();
    t.writes(&bytes(40_000));
    // 14,600 bytes are 7 segments of 1,994 and a part, which waits for a full one's room.
    assert_eq!(t.rest().iter().map(|seen| seen.payload.len()).sum::<usize>(), 7 * 1994);
}

/// RFC 5681 BYTE-COUNTING, RFC 9293 MUST-19
#[test]
fn slow_start_doubles_the_window_each_round_trip() {
    let mut t = sending();
    let mut counts = vec![burst(&mut t)];
    let mut acknowledged = 1;
    for _ in 0..3 {
        let sent = *counts.last().unwrap() as u32;
        t.waits(100);
        let mut more = 0;
        // Every second segment is acknowledged, as a receiver does.
        for _ in 0..sent / 2 {
            acknowledged += 2 * MSS;
            t.sends(ack().ack(acknowledged).window(60_000));
            more += burst(&mut t);
        }
        counts.push(more);
    }
    assert_eq!(counts, [10, 20, 40, 80]);
}

/// RFC 5681 BYTE-COUNTING
#[test]
fn many_acknowledgments_of_one_segment_gain_no_more_than_one() {
    let mut t = sending();
    burst(&mut t);
    for byte in 1..=MSS {
        t.sends(ack().ack(1 + byte).window(60_000));
    }
    // One segment for what was acknowledged, one for the growth of the window.
    assert_eq!(burst(&mut t), 2);
    assert_eq!(t.statistics().congestion_window, 11 * MSS);
}

/// RFC 5681 BYTE-COUNTING
#[test]
fn one_acknowledgment_of_many_segments_gains_two_at_most() {
    let mut t = sending();
    burst(&mut t);
    t.sends(ack().ack(1 + 10 * MSS).window(60_000));
    assert_eq!(t.statistics().congestion_window, 12 * MSS);
    assert_eq!(burst(&mut t), 12);
}

/// RFC 5681 LOSS-THRESHOLD, RFC 9293 MUST-19
#[test]
fn a_timeout_halves_the_threshold_and_starts_over_with_one_segment() {
    let mut t = sending();
    burst(&mut t);
    t.waits_for_output(2000);
    t.expects(more(&bytes(MSS as usize)).seq(1));
    let statistics = t.statistics();
    assert_eq!((statistics.congestion_window, statistics.slow_start_threshold), (MSS, 5 * MSS));
    // Slow start up to the threshold, one segment a round trip beyond it.
    let mut acknowledged = 1;
    let mut windows = Vec::new();
    while windows.len() < 8 {
        t.rest();
        t.waits(50);
        let end = acknowledged + t.statistics().congestion_window / MSS * MSS;
        while acknowledged < end {
            acknowledged += MSS;
            t.sends(ack().ack(acknowledged).window(60_000));
        }
        windows.push(t.statistics().congestion_window / MSS);
    }
    t.rest();
    assert_eq!(windows, [2, 4, 5, 6, 7, 8, 9, 10]);
}

/// RFC 5681 LOSS-THRESHOLD
#[test]
fn further_timeouts_of_the_same_segment_leave_the_threshold_alone() {
    let mut t = sending();
    burst(&mut t);
    t.waits(8000);
    assert_eq!(t.statistics().slow_start_threshold, 5 * MSS);
    t.rest();
    // And there are two segments at least.
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.waits(1500);
    assert_eq!(t.statistics().slow_start_threshold, 2 * MSS);
    t.rest();
}

/// RFC 5681 RESTART
#[test]
fn after_an_idle_time_sending_starts_from_the_initial_window() {
    let mut t = sending();
    let mut acknowledged = 1;
    while t.statistics().in_flight > 0 {
        acknowledged = (acknowledged + 2 * MSS).min(1_000_001);
        t.sends(ack().ack(acknowledged).window(60_000));
        t.rest();
    }
    let window = t.statistics().congestion_window;
    assert!(window > 100 * MSS);
    // Without a pause it goes on as it was: all of this at once.
    t.writes(&bytes_from(1_000_001, 900_000));
    assert_eq!(burst(&mut t) as u32, 900_000 / MSS + 1);
    while t.statistics().in_flight > 0 {
        acknowledged = (acknowledged + 2 * MSS).min(1_900_001);
        t.sends(ack().ack(acknowledged).window(60_000));
        t.rest();
    }
    t.waits(5000);
    t.writes(&bytes_from(1_900_001, 100_000));
    assert_eq!(burst(&mut t), 10);
}

/// RFC 5681 RESTART
#[test]
fn a_request_after_an_idle_time_does_not_make_the_path_known() {
    let mut t = sending();
    let mut acknowledged = 1;
    while t.statistics().in_flight > 0 {
        acknowledged = (acknowledged + 2 * MSS).min(1_000_001);
        t.sends(ack().ack(acknowledged).window(60_000));
        t.rest();
    }
    t.waits(60_000);
    t.sends(data(b"give me more").window(60_000));
    t.writes(&bytes_from(1_000_001, 100_000));
    assert_eq!(burst(&mut t), 10, "what counts is when we last sent");
    t.reads();
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let mut t = Setup::new().established();
    for n in 0..200 {
        t.writes(&bytes_from(1 + n * 100, 100));
        t.rest();
        t.waits(1);
        t.sends(ack());
    }
    assert_eq!(t.statistics().congestion_window, 10 * MSS);
}

/// RFC 5681 section 3.1
#[test]
fn a_handshake_that_was_lost_twice_starts_with_one_segment() {
    let mut t = Setup::new().connecting();
    t.waits(3500);
    assert_eq!(t.rest().len(), 2);
    t.answers_syn(syn_ack().mss(1460));
    t.writes(&bytes(40_000));
    assert_eq!(burst(&mut t), 1);

    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.waits(3500);
    assert_eq!(t.rest().len(), 3);
    t.sends(ack());
    t.accepts();
    t.writes(&bytes(40_000));
    assert_eq!(burst(&mut t), 1);
    t.sends(ack());
    assert_eq!(burst(&mut t), 2);
}
