//! When a connection falters, and when it is given up. (RFC 9293 sections 3.8.3 and 3.9.1.8.)

use crore_base::time::Duration;
use crore_tcp::{CloseReason, Ready};

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 MUST-20
#[test]
fn at_the_first_threshold_the_application_hears_that_the_peer_falters() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.rest();
    t.waits(3100);
    assert_eq!(t.rest().len(), 2);
    assert_eq!(t.told(), Ready::default(), "two retransmissions are nothing unusual");
    t.waits(4000);
    assert_eq!(t.rest().len(), 1);
    assert_eq!(t.told(), Ready::FALTERING);
    assert_eq!(t.state(), "ESTABLISHED");
    t.waits(60_000);
    t.rest();
    assert_eq!(t.told(), Ready::default(), "it is told once");
    t.sends(ack());
    t.is_quiet_for(1000);
}

/// RFC 9293 MUST-20, MUST-21
#[test]
fn at_the_second_threshold_the_connection_is_given_up() {
    for (timeout, least, most) in [(300, 300, 361), (1, 1, 3), (100, 100, 130), (1000, 1000, 1061)] {
        let setup = Setup::new().options(|options| options.user_timeout = Duration::from_secs(timeout));
        let mut t = setup.established();
        t.writes(b"abc");
        t.waits(least * 1000 - 1);
        assert_eq!(t.state(), "ESTABLISHED", "{timeout} s are not over");
        t.waits((most - least) * 1000);
        t.rest();
        t.is_closed(CloseReason::TimedOut);
        t.is_quiet_for(1_000_000);
        assert!(t.engine.recv(t.id()).is_none());
    }
}

/// RFC 9293 MUST-20
#[test]
fn news_from_the_peer_starts_the_patience_over() {
    let mut t = Setup::new().options(|options| options.user_timeout = Duration::from_secs(30)).established();
    t.writes(&bytes(1000));
    for n in 1..20 {
        t.waits(20_000);
        t.sends(ack().ack(1 + n * 50));
        t.rest();
        assert_eq!(t.state(), "ESTABLISHED");
    }
    // What says nothing new is no news.
    for _ in 0..10 {
        t.waits(20_000);
        t.sends(ack().ack(951));
    }
    t.rest();
    assert_eq!(t.state(), "CLOSED");
}

/// RFC 9293 MUST-20
#[test]
fn the_patience_begins_when_something_waits_to_be_acknowledged() {
    let mut t = Setup::new().options(|options| options.user_timeout = Duration::from_secs(30)).established();
    t.is_quiet_for(3_600_000);
    t.writes(b"abc");
    t.waits(20_000);
    t.rest();
    assert_eq!(t.state(), "ESTABLISHED");
    t.sends(ack().ack(4));
    t.is_quiet_for(3_600_000);
}

/// RFC 9293 MUST-23
#[test]
fn a_syn_is_tried_for_three_minutes() {
    let mut t = Setup::new().connecting();
    t.waits(180_000);
    assert_eq!((t.state(), t.rest().len()), ("SYN-SENT", 7));
    t.waits(61_000);
    t.rest();
    t.is_closed(CloseReason::TimedOut);
}

/// RFC 9293 MUST-23, MUST-21
#[test]
fn whoever_wants_a_shorter_try_says_so() {
    let mut t = Setup::new().options(|options| options.connect_timeout = Duration::from_secs(5)).connecting();
    t.waits(8000);
    assert_eq!(t.rest().len(), 2);
    t.is_closed(CloseReason::TimedOut);
}

/// RFC 9293 MUST-20
#[test]
fn a_fin_that_nobody_acknowledges_is_given_up_too() {
    let mut t = Setup::new().established();
    t.closes();
    t.expects(fin());
    t.waits(361_000);
    t.rest();
    assert_eq!(t.engine.connection_count(), 0, "an orphan does not live for ever");
}

#[test]
fn a_peer_that_nobody_finds_is_unreachable_after_three_seconds() {
    for v6 in [false, true] {
        let setup = Setup::new();
        let mut t = if v6 { setup.v6() } else { setup }.idle();
        t.peer_is_found = false;
        t.connect();
        t.is_quiet_for(2900);
        assert_eq!(t.state(), "SYN-SENT");
        t.waits(200);
        t.is_closed(CloseReason::Unreachable);
        // Whoever tries again at once is told so, without another question to everybody.
        let connect = t.connect_options();
        assert!(t.engine.connect(t.now, connect).is_err());
    }
}
