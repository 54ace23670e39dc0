//! Measuring round trips. (RFC 6298 section 3; RFC 7323 section 4.)

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 MUST-18
#[test]
fn one_segment_at_a_time_is_measured_without_timestamps() {
    let mut t = Setup::new().established();
    t.writes(b"a");
    t.rest();
    t.waits(10);
    t.writes(b"b");
    t.rest();
    t.waits(30);
    // The first was timed, 40 ms; the acknowledgment covers the second too, which was not.
    t.sends(ack().ack(3));
    assert_eq!(t.statistics().round_trip.unwrap().as_millis(), 40);
}

/// RFC 9293 MUST-18
#[test]
fn a_segment_is_measured_when_its_end_is_acknowledged() {
    let mut t = Setup::new().established();
    t.writes(&bytes(1000));
    t.rest();
    t.waits(20);
    t.sends(ack().ack(500));
    assert_eq!(t.statistics().round_trip, None);
    t.waits(20);
    t.sends(ack().ack(1001));
    assert_eq!(t.statistics().round_trip.unwrap().as_millis(), 40);
}

/// RFC 9293 MUST-18
#[test]
fn the_handshake_is_a_measurement() {
    let mut t = Setup::new().connecting();
    t.waits(120);
    t.answers_syn(syn_ack().mss(1460));
    assert_eq!(t.statistics().round_trip.unwrap().as_millis(), 120);

    let mut t = Setup::new().timestamps().listening();
    t.sends(syn().mss(1460).clock(1));
    t.expects(syn_ack());
    t.peer.timestamps = true;
    t.waits(150);
    t.sends(ack());
    t.accepts();
    assert_eq!(t.statistics().round_trip.unwrap().as_millis(), 150);
}

/// RFC 6298 KARN
#[test]
fn nothing_is_measured_on_a_probe_that_left_again_when_the_window_opened() {
    let mut t = Setup::new().established();
    t.sends(ack().window(0));
    t.writes(&bytes(100));
    t.waits_for_output(2000);
    t.expects(more(&bytes(1)));
    t.waits(100);
    t.sends(ack().ack(1).window(65_535));
    t.expects(data(&bytes(100)).seq(1));
    t.waits(30);
    t.sends(ack().ack(101));
    assert_eq!(t.statistics().round_trip, None, "the answer may be to the first byte of 130 ms ago");
}

/// An echo of the future, of days ago or of nothing cannot be what it says.
#[test]
fn a_senseless_echo_measures_nothing() {
    let mut t = Setup::new().timestamps().established();
    let before = t.statistics().round_trip;
    for change in [1, 1000, 1 << 31, 0u32.wrapping_sub(700_000)] {
        t.writes(b"a");
        t.rest();
        t.sends(ack().clocks(t.peer.clock, t.peer.heard_clock.wrapping_add(change)));
        assert_eq!(t.statistics().round_trip, before, "an echo {change} ahead");
    }
    t.writes(b"a");
    t.rest();
    t.sends(ack().clocks(t.peer.clock, 0));
    assert_eq!(t.statistics().round_trip, before);
}

#[test]
fn every_acknowledgment_of_new_data_is_measured_by_timestamps() {
    let mut t = Setup::new().timestamps().established();
    for _ in 0..60 {
        t.writes(b"a");
        t.rest();
        t.waits(100);
        t.sends(ack());
    }
    let statistics = t.statistics();
    assert!(statistics.round_trip.unwrap().as_millis().abs_diff(100) <= 1, "{:?}", statistics.round_trip);
    assert!(statistics.round_trip_variation.unwrap().as_millis() <= 2);
}
