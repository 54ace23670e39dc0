//! The retransmission timer. (RFC 6298; RFC 9293 sections 3.8.1 and 3.8.3.)

use crore_tcp::counter::Counter;

use crate::table::setup::Setup;
use crate::table::*;

/// Waits for `times` segments and says how long each took.
fn waits_between(t: &mut Table, times: usize, wanted: impl Fn() -> Segment) -> Vec<u64> {
    (0..times)
        .map(|_| {
            let waited = t.waits_for_output(200_000);
            t.expects(wanted());
            waited
        })
        .collect()
}

#[track_caller]
fn assert_close(got: &[u64], wanted: &[u64]) {
    let close = got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(*wanted) <= 1);
    assert!(close, "got {got:?}, wanted {wanted:?}");
}

/// RFC 6298 INITIAL
#[test]
fn without_a_measurement_the_timeout_is_a_second() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    assert_close(&waits_between(&mut t, 1, || data(b"abc").seq(1)), &[1000]);
}

/// RFC 6298 BACKOFF, BOUNDS, RFC 9293 MUST-19
#[test]
fn each_timeout_is_twice_the_last_up_to_a_minute() {
    let mut t = Setup::new().options(|options| options.user_timeout = hours(2)).established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    let waits = waits_between(&mut t, 9, || data(b"abc").seq(1));
    assert_close(&waits, &[1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    assert_eq!(t.counted(Counter::RetransmittedTimeout), 9);
}

/// RFC 6298 BACKOFF
#[test]
fn an_expiry_sends_the_oldest_segment_again_and_no_more() {
    let mut t = Setup::new().established();
    t.writes(&bytes(14_600));
    assert_eq!(t.rest().len(), 10);
    t.waits_for_output(2000);
    t.expects(more(&bytes(1460)).seq(1));
    t.is_quiet_for(1900);
}

/// RFC 6298 BOUNDS
#[test]
fn the_timeout_has_a_floor() {
    let mut t = Setup::new().established();
    // A round trip of a millisecond, measured often enough.
    for n in 0..20 {
        t.writes(&bytes_from(1 + n, 1));
        t.rest();
        t.waits(1);
        t.sends(ack());
    }
    t.writes(b"x");
    t.expects(data(b"x"));
    assert_close(&waits_between(&mut t, 2, || data(b"x").seq(21)), &[200, 400]);
}

/// RFC 6298 BOUNDS
#[test]
fn no_configuration_has_a_ceiling_under_a_minute() {
    let mut config = Setup::new().config;
    config.link.addresses.push("10.0.0.1/24".parse().unwrap());
    config.rto_max = crore_base::time::Duration::from_millis(59_999);
    assert!(config.validate().unwrap_err().to_string().contains("rto_max"));
    config.rto_max = crore_base::time::Duration::from_secs(60);
    config.validate().unwrap();
}

/// RFC 6298 ESTIMATOR, RFC 9293 MUST-18
#[test]
fn the_timeout_follows_the_round_trips() {
    let mut t = Setup::new().established();
    // A first sample R gives R + 4 * R/2.
    t.writes(b"a");
    t.rest();
    t.waits(200);
    t.sends(ack());
    assert_eq!(t.statistics().retransmission_timeout.as_millis(), 600);
    // A second one R' of 300: variation 3/4 * 100 + 1/4 * 100 = 100, mean 7/8 * 200 + 1/8 * 300 = 212.5.
    t.writes(b"b");
    t.rest();
    t.waits(300);
    t.sends(ack());
    let statistics = t.statistics();
    assert_eq!(statistics.round_trip.unwrap().as_micros(), 212_500);
    assert_eq!(statistics.round_trip_variation.unwrap().as_micros(), 100_000);
    t.writes(b"c");
    t.rest();
    assert_close(&waits_between(&mut t, 1, || data(b"c").seq(3)), &[612]);
}

/// RFC 6298 KARN, RFC 9293 MUST-18
#[test]
fn nothing_is_measured_on_what_was_sent_twice() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.rest();
    t.waits(1000);
    t.expects(data(b"abc").seq(1));
    t.waits(5);
    t.sends(ack().ack(4));
    assert_eq!(t.statistics().round_trip, None);
    // What is sent once after it is measured again.
    t.writes(b"def");
    t.rest();
    t.waits(70);
    t.sends(ack());
    assert_eq!(t.statistics().round_trip.unwrap().as_millis(), 70);
}

/// RFC 6298 KARN
#[test]
fn nothing_is_measured_on_what_was_sent_again_fast() {
    let mut t = Setup::new().established();
    t.writes(&bytes(14_600));
    t.rest();
    t.waits(100);
    for _ in 0..3 {
        t.sends(ack().ack(1));
    }
    assert!(t.rest().iter().any(|seen| seen.seq == 1));
    t.waits(50);
    t.sends(ack().ack(14_601));
    assert_eq!(t.statistics().round_trip, None);
    t.rest();
}

/// RFC 6298 KARN
#[test]
fn with_timestamps_what_was_sent_twice_is_measured_by_its_echo() {
    let mut t = Setup::new().timestamps().established();
    let before = t.statistics().round_trip.unwrap();
    t.writes(b"abc");
    t.rest();
    t.waits_for_output(2000);
    let again = t.next();
    t.waits(80);
    t.sends(ack().clocks(t.peer.clock, again.clock()));
    let after = t.statistics().round_trip.unwrap();
    assert!(after > before && after.as_millis() <= 80, "{after}");
}

/// RFC 6298 REARM
#[test]
fn an_acknowledgment_of_new_data_starts_the_timer_over() {
    let mut t = Setup::new().established();
    t.writes(&bytes(2920));
    t.rest();
    t.waits(900);
    t.sends(ack().ack(1461));
    // It was the first sample: 900 + 4 * 450.
    assert_close(&[t.waits_for_output(10_000)], &[2700]);
    t.expects(data(&bytes_from(1461, 1460)).seq(1461));
}

/// RFC 6298 REARM
#[test]
fn an_acknowledgment_without_news_leaves_the_timer_alone() {
    let mut t = Setup::new().established();
    t.writes(&bytes(2920));
    t.rest();
    for n in 0..9 {
        t.waits(100);
        t.sends(ack().ack(1).window(60_000 + n));
        t.sends(ack().ack(0));
        t.expects_nothing();
    }
    assert_close(&[t.waits_for_output(10_000)], &[100]);
    t.expects(more(&bytes(1460)).seq(1));
}

/// RFC 6298 REARM
#[test]
fn duplicates_leave_the_timer_alone() {
    let mut t = Setup::new().established();
    t.writes(&bytes(2920));
    t.rest();
    for _ in 0..2 {
        t.waits(400);
        t.sends(ack().ack(1));
        t.rest();
    }
    assert_close(&[t.waits_for_output(10_000)], &[200]);
    t.expects(more(&bytes(1460)).seq(1));
}

/// RFC 6298 REARM
#[test]
fn what_leaves_when_all_is_acknowledged_has_a_timer_of_its_own() {
    let mut t = Setup::new().peer_window(1460).established();
    t.writes(&bytes(2920));
    t.expects(more(&bytes(1460)));
    t.waits(900);
    t.sends(ack().ack(1461));
    t.expects(data(&bytes_from(1461, 1460)));
    assert_close(&[t.waits_for_output(10_000)], &[2700]);
    t.expects(data(&bytes_from(1461, 1460)).seq(1461));
}

/// RFC 6298 REARM
#[test]
fn sending_more_leaves_the_timer_alone() {
    let mut t = Setup::new().established();
    for n in 0..9 {
        t.writes(&bytes_from(1 + n, 1));
        t.rest();
        t.waits(100);
    }
    assert_close(&[t.waits_for_output(10_000)], &[100]);
    t.expects(data(&bytes(9)).seq(1));
}

/// RFC 6298 REARM
#[test]
fn the_last_acknowledgment_stops_the_timer() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.rest();
    t.waits(500);
    t.sends(ack());
    t.is_quiet_for(1_000_000);
}

/// RFC 6298 BACKOFF
#[test]
fn news_from_the_peer_ends_the_back_off() {
    let mut t = Setup::new().established();
    t.writes(&bytes(2920));
    t.rest();
    t.waits(7500);
    assert_eq!(t.rest().len(), 3);
    t.sends(ack().ack(1461));
    assert_eq!(t.statistics().backoff, 0);
    t.expects(data(&bytes_from(1461, 1460)).seq(1461));
    assert_close(&[t.waits_for_output(10_000)], &[1000]);
    t.expects(data(&bytes_from(1461, 1460)).seq(1461));
}

#[test]
fn an_acknowledgment_of_all_that_was_sent_before_a_timeout_is_enough() {
    let mut t = Setup::new().established();
    t.writes(&bytes(14_600));
    t.rest();
    t.waits_for_output(2000);
    t.expects(more(&bytes(1460)).seq(1));
    // Only the first was lost; the others had come.
    t.sends(ack().ack(14_601));
    assert_eq!(t.statistics().queued, 0);
    t.is_quiet_for(100_000);
}

#[test]
fn after_a_timeout_sending_goes_on_where_the_peer_is() {
    let mut t = Setup::new().established();
    t.writes(&bytes(14_600));
    t.rest();
    t.waits_for_output(2000);
    t.expects(more(&bytes(1460)).seq(1));
    t.sends(ack().ack(1461));
    t.expects(more(&bytes_from(1461, 1460)).seq(1461));
    t.expects(more(&bytes_from(2921, 1460)).seq(2921));
    t.expects_nothing();
    // An acknowledgment beyond what was sent again: the rest follows from there.
    t.sends(ack().ack(8761));
    let seen = t.rest();
    assert!(seen.iter().all(|seen| seen.seq >= 8761), "{seen:?}");
    assert_eq!(seen[0].seq, 8761);
}

#[test]
fn a_fin_is_sent_again_with_what_it_follows() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.finishes();
    t.expects(fin());
    t.waits_for_output(2000);
    t.expects(data(b"abc").seq(1).fin());
    t.sends(ack().ack(4));
    t.waits_for_output(10_000);
    t.expects(fin().seq(4));
    t.sends(ack().ack(5));
    t.is_quiet_for(100_000);
    assert_eq!(t.state(), "FIN-WAIT-2");
}

/// RFC 9293 MUST-22, RFC 6298 INITIAL, BACKOFF
#[test]
fn a_syn_is_sent_again_by_the_same_rules() {
    let mut t = Setup::new().connecting();
    let waits = waits_between(&mut t, 7, || syn().seq(0));
    assert_close(&waits, &[1000, 2000, 4000, 8000, 16_000, 32_000, 60_000]);
}

/// RFC 6298 INITIAL
#[test]
fn after_a_lost_syn_data_starts_with_three_seconds() {
    let setup = || Setup::new().options(|options| options.timestamps = false);
    let mut t = setup().connecting();
    t.waits_for_output(2000);
    t.expects(syn());
    t.answers_syn(syn_ack().mss(1460));
    t.writes(b"abc");
    t.expects(data(b"abc"));
    assert_close(&waits_between(&mut t, 2, || data(b"abc").seq(1)), &[3000, 6000]);

    let mut t = setup().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.waits_for_output(2000);
    t.expects(syn_ack());
    t.sends(ack());
    t.accepts();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    assert_close(&waits_between(&mut t, 2, || data(b"abc").seq(1)), &[3000, 6000]);
}

/// RFC 6298 REARM
#[test]
fn what_leaves_after_the_last_acknowledgment_has_a_whole_timeout() {
    let mut t = Setup::new().peer_window(1460).established();
    t.writes(&bytes(2920));
    t.expects(more(&bytes(1460)));
    t.waits(900);
    t.sends(ack().ack(1461));
    t.expects(data(&bytes_from(1461, 1460)));
    // The first sample was 900 ms: 900 + 4 * 450. Of the old timeout 100 ms were left.
    assert_close(&[t.waits_for_output(10_000)], &[2700]);
    t.expects(data(&bytes_from(1461, 1460)).seq(1461));
}

fn hours(hours: u64) -> crore_base::time::Duration {
    crore_base::time::Duration::from_secs(3600 * hours)
}
