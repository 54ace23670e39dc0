//! When data is acknowledged. (RFC 9293 section 3.8.6.3 and 3.10.7.4; RFC 5681 section 4.2.)

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 MUST-40
#[test]
fn an_acknowledgment_waits_for_data_but_not_for_long() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc"));
    assert_eq!(t.waits_for_output(499), 40);
    t.expects(ack().ack(4));
    t.is_quiet_for(10_000);
}

/// RFC 9293 MUST-40
#[test]
fn no_configuration_delays_an_acknowledgment_for_half_a_second() {
    let setup = Setup::new().config(|config| config.delayed_ack = crore_base::time::Duration::from_millis(499));
    let mut config = setup.config.clone();
    config.link.addresses.push("10.0.0.1/24".parse().unwrap());
    config.validate().unwrap();
    config.delayed_ack = crore_base::time::Duration::from_millis(500);
    assert!(config.validate().unwrap_err().to_string().contains("delayed_ack"));
    let mut t = setup.established();
    t.sends(data(b"abc"));
    assert_eq!(t.waits_for_output(500), 499);
    t.expects(ack().ack(4));
}

#[test]
fn an_acknowledgment_goes_with_data_if_there_is_some() {
    let mut t = Setup::new().established();
    t.sends(data(b"ping"));
    t.waits(20);
    t.writes(b"pong");
    t.expects(data(b"pong").ack(5));
    t.is_quiet_for(100);
}

/// RFC 9293 SHLD-19
#[test]
fn every_second_full_segment_is_acknowledged_at_once() {
    let mut t = Setup::new().established();
    t.sends(more(&bytes(1460)));
    t.expects_nothing();
    t.sends(more(&bytes_from(1461, 1460)));
    t.expects(ack().ack(2921));
    t.sends(more(&bytes_from(2921, 1460)));
    t.expects_nothing();
    t.sends(more(&bytes_from(4381, 1460)));
    t.expects(ack().ack(5841));
    t.reads();
}

/// RFC 9293 MUST-58, MUST-59
#[test]
fn a_burst_is_processed_as_a_whole_before_it_is_acknowledged() {
    for count in [2, 10, 32, 33, 40] {
        let mut t = Setup::new().established();
        t.sends_all((0..count).map(|n| more(&bytes_from(1 + n * 1460, 1460))));
        let seen = t.expects(ack().ack(1 + count * 1460));
        assert_eq!(u32::from(seen.window()), 65_535 - count * 1460);
        t.is_quiet_for(1000);
        t.reads();
        t.rest();
    }
}

/// RFC 9293 MUST-58
#[test]
fn acknowledgments_that_are_due_for_several_reasons_are_one() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.sends_all([
        data(&bytes(100)),
        data(&bytes(100)).seq(1),
        data(&bytes_from(201, 100)).seq(201),
        ack().ack(4),
        rst().seq(500),
        data(&bytes_from(101, 100)).seq(101),
    ]);
    let rest = t.rest();
    assert_eq!(rest.len(), 1, "{rest:#?}");
    assert_eq!(rest[0].ack, 301);
}

/// RFC 5681 section 4.2
#[test]
fn what_comes_early_is_acknowledged_at_once() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes_from(101, 100)).seq(101));
    t.expects(ack().ack(1));
    t.sends(data(&bytes_from(201, 100)).seq(201));
    t.expects(ack().ack(1));
}

#[test]
fn bare_acknowledgments_are_never_acknowledged() {
    let mut t = Setup::new().established();
    for _ in 0..100 {
        t.sends(ack());
    }
    t.is_quiet_for(10_000);
}

#[test]
fn the_delay_begins_with_the_first_byte_that_is_owed_for() {
    let mut t = Setup::new().established();
    t.sends(more(&bytes(1460)));
    t.waits(30);
    t.sends(data(&bytes_from(1461, 100)));
    assert_eq!(t.waits_for_output(100), 10);
    t.expects(ack().ack(1561));
}

/// Who breaks a silence is acknowledged at once, as Linux does: nobody knows of data for the acknowledgment to go with.
#[test]
fn data_after_a_rest_is_acknowledged_at_once() {
    let mut t = Setup::new().established();
    for n in 0..3 {
        t.waits(1500);
        t.sends(data(&bytes_from(1 + 2 * n, 1)));
        t.expects(ack().ack(2 + 2 * n));
        // What follows closely is acknowledged as ever.
        t.waits(50);
        t.sends(data(&bytes_from(2 + 2 * n, 1)));
        assert_eq!(t.waits_for_output(500), 40);
        t.expects(ack().ack(3 + 2 * n));
    }
    t.reads();
}

#[test]
fn a_pause_within_a_retransmission_timeout_is_no_rest() {
    let mut t = Setup::new().established();
    let timeout = t.statistics().retransmission_timeout.as_millis();
    t.waits(timeout - 10);
    for n in 0..5 {
        t.sends(data(&bytes_from(1 + n, 1)));
        assert_eq!(t.waits_for_output(500), 40);
        t.expects(ack().ack(2 + n));
        t.waits(timeout - 50);
    }
    t.reads();
}

#[test]
fn an_answer_in_the_same_turn_takes_the_acknowledgment_along_also_after_a_rest() {
    let mut t = Setup::new().established();
    for n in 0..3 {
        t.waits(5000);
        t.queues(b"!").unwrap();
        t.sends(data(&bytes_from(1 + n, 1)));
        t.expects(data(b"!").ack(2 + n));
        t.sends(ack().ack(2 + n));
        t.is_quiet_for(100);
    }
    t.reads();
}

/// The acknowledgment of what we sent is a sign of life, not data: it gets no answer, and ends the rest.
#[test]
fn request_and_response_in_close_succession_need_no_further_segments() {
    let mut t = Setup::new().established();
    t.waits(5000);
    for n in 0..5 {
        t.writes(b"?");
        t.expects(data(b"?").ack(1 + n));
        t.waits(10);
        t.sends(data(&bytes_from(1 + n, 1)).ack(2 + n));
        if n == 0 {
            t.expects(ack().ack(2));
        }
        t.expects_nothing();
        t.waits(10);
    }
    t.reads();
}
