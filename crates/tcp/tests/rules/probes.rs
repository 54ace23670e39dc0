//! Probes of a closed window. (RFC 9293 section 3.8.6.1.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, Ready};

use crate::table::setup::Setup;
use crate::table::*;

/// A connection with a round trip of 300 ms, and so a timeout of 900, that has `len` bytes queued behind a closed window.
fn closed(len: usize) -> Table {
    let mut t = Setup::new().established();
    t.writes(b"a");
    t.expects(data(b"a"));
    t.waits(300);
    t.sends(ack().ack(2).window(0));
    t.writes(&bytes_from(2, len));
    t.expects_nothing();
    t
}

/// RFC 9293 MUST-36, SHLD-29
#[test]
fn a_closed_window_is_probed_after_one_timeout() {
    let mut t = closed(5000);
    assert_eq!(t.waits_for_output(10_000), 900);
    t.expects(more(&bytes_from(2, 1)));
    assert_eq!(t.counted(Counter::WindowProbes), 1);
}

/// RFC 9293 MUST-36, SHLD-30
#[test]
fn the_time_between_probes_doubles_up_to_a_minute() {
    let mut t = closed(5000);
    let mut waits = Vec::new();
    for _ in 0..10 {
        waits.push(t.waits_for_output(100_000));
        t.expects(more(&bytes_from(2, 1)).seq(2));
        t.sends(ack().ack(2).window(0));
    }
    let expected = [900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 60_000, 60_000, 60_000];
    assert!(waits.iter().zip(expected).all(|(got, want)| got.abs_diff(want) <= 2), "{waits:?}");
}

/// RFC 9293 MUST-37
#[test]
fn a_connection_lives_as_long_as_its_probes_are_acknowledged() {
    let mut t = closed(5000);
    // For a day, with a user timeout of five minutes.
    while t.now.as_millis() < 1_000_000 + 24 * 3600 * 1000 {
        t.waits_for_output(61_000);
        t.expects(more(&bytes_from(2, 1)).seq(2));
        t.sends(ack().ack(2).window(0));
    }
    assert_eq!(t.state(), "ESTABLISHED");
    t.sends(ack().ack(2).window(65_535));
    t.expects(more(&bytes_from(2, 1460)).seq(2));
    t.rest();
}

/// RFC 9293 MUST-37, MUST-20
#[test]
fn a_connection_whose_probes_nobody_answers_is_given_up() {
    let mut t = closed(5000);
    for _ in 0..20 {
        if t.state() == "CLOSED" {
            break;
        }
        t.waits(60_000);
        t.rest();
    }
    t.is_closed(CloseReason::TimedOut);
}

/// RFC 9293 MUST-36
#[test]
fn a_window_that_opens_after_probes_is_used_from_its_beginning() {
    let mut t = closed(5000);
    t.waits_for_output(10_000);
    t.expects(more(&bytes_from(2, 1)));
    t.sends(ack().ack(2).window(3000));
    t.expects(more(&bytes_from(2, 1460)).seq(2));
    t.expects(more(&bytes_from(1462, 1460)));
    t.expects_nothing();
}

/// A probe that the peer has taken is data like any other.
#[test]
fn a_probe_may_be_accepted() {
    let mut t = closed(5000);
    t.waits_for_output(10_000);
    t.expects(more(&bytes_from(2, 1)));
    t.sends(ack().ack(3).window(0));
    t.waits_for_output(10_000);
    t.expects(more(&bytes_from(3, 1)));
    t.sends(ack().ack(4).window(65_535));
    t.expects(more(&bytes_from(4, 1460)));
    t.rest();
}

/// RFC 9293 MUST-35
#[test]
fn a_window_taken_back_to_zero_is_probed() {
    let mut t = Setup::new().established();
    t.writes(&bytes(5000));
    t.rest();
    t.sends(ack().ack(1461).window(0));
    t.waits_for_output(3000);
    t.expects(more(&bytes_from(1461, 1)).seq(1461));
    // What was in flight has come meanwhile.
    t.sends(ack().ack(5001).window(0));
    t.is_quiet_for(60_000);
    t.writes(b"x");
    t.waits_for_output(3000);
    t.expects(data(b"x"));
}

/// The opening of the window was lost; the answer to a probe brings it.
#[test]
fn a_lost_window_update_is_found_by_a_probe() {
    let mut t = closed(100);
    t.waits_for_output(10_000);
    t.expects(more(&bytes_from(2, 1)));
    t.waits(5);
    t.sends(ack().ack(3).window(65_535));
    t.expects(data(&bytes_from(3, 99)));
    t.sends(ack().ack(102));
    t.is_quiet_for(100_000);
}

/// What the window lets go after a probe is under a timer of its own, not under the long one of the probe.
#[test]
fn what_is_lost_after_the_window_opened_is_sent_again_soon() {
    let mut t = closed(3000);
    for _ in 0..6 {
        t.waits_for_output(100_000);
        t.expects(more(&bytes_from(2, 1)).seq(2));
        t.sends(ack().ack(2).window(0));
    }
    t.sends(ack().ack(2).window(65_535));
    assert_eq!(t.rest().len(), 3);
    let waited = t.waits_for_output(100_000);
    assert!((200..=1000).contains(&waited), "{waited} ms");
    t.expects(more(&bytes_from(2, 1460)).seq(2));
}

#[test]
fn a_closed_window_without_anything_to_send_is_left_alone() {
    let mut t = Setup::new().established();
    t.sends(ack().window(0));
    t.is_quiet_for(1_000_000);
    assert_eq!(t.counted(Counter::WindowProbes), 0);
}

#[test]
fn a_fin_passes_a_closed_window() {
    let mut t = Setup::new().established();
    t.sends(ack().window(0));
    t.finishes();
    t.expects(fin());
    assert_eq!(t.state(), "FIN-WAIT-1");
    t.sends(ack().ack(2).window(0));
    assert_eq!(t.state(), "FIN-WAIT-2");
}

#[test]
fn a_fin_behind_data_waits_for_the_window() {
    let mut t = closed(1);
    t.finishes();
    t.expects_nothing();
    t.waits_for_output(10_000);
    t.expects(data(&bytes_from(2, 1)));
    t.sends(ack().ack(3).window(0));
    t.expects(fin());
    assert_eq!(t.told(), Ready::default());
}

/// RFC 9293 MUST-36
#[test]
fn the_peers_probes_of_our_closed_window_are_answered() {
    let mut t = Setup::new().receive_bytes_max(1000).established();
    t.sends(data(&bytes(1000)));
    t.waits(40);
    t.expects(ack().ack(1001).window(0));
    for _ in 0..5 {
        t.waits(200);
        t.sends(data(b"x").seq(1001));
        t.expects(ack().ack(1001).window(0));
    }
    assert_eq!(t.reads(), bytes(1000));
    t.expects(ack().window(1000).ack(1001));
}
