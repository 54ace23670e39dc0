//! Both sides open at once: their SYNs cross. (RFC 9293 section 3.5, figure 8.)

use crore_tcp::{CloseReason, Ready};

use crate::table::setup::Setup;
use crate::table::*;

/// A connection whose SYN has met the peer's, and was answered.
fn crossed(setup: Setup) -> Table {
    let timestamps = setup.timestamps;
    let peer_syn = setup.peer_syn();
    let mut t = setup.connecting();
    t.peer.timestamps = timestamps;
    t.sends(peer_syn);
    t.expects(syn_ack().seq(0).ack(1));
    assert_eq!(t.state(), "SYN-RECEIVED");
    t
}

/// RFC 9293 MUST-10
#[test]
fn two_syns_that_cross_make_one_connection() {
    let mut t = crossed(Setup::new());
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects_nothing();
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.told(), Ready::OPENED);
    t.writes(b"ping");
    t.expects(data(b"ping").seq(1).ack(1));
    t.sends(data(b"pong"));
    assert_eq!(t.reads(), b"pong");
    t.waits(40);
    t.expects(ack());
}

/// RFC 9293 MUST-10
#[test]
fn an_acknowledgment_completes_a_simultaneous_open_as_well() {
    let mut t = crossed(Setup::new());
    t.sends(data(b"hello").seq(1).ack(1));
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.reads(), b"hello");
    t.waits(40);
    t.expects(ack());
}

/// RFC 9293 MUST-10
#[test]
fn the_answer_of_a_simultaneous_open_repeats_what_was_agreed() {
    let mut t = crossed(Setup::new().timestamps().peer_scale(3));
    t.sends(syn_ack().seq(0).ack(1).mss(1460).scale(3));
    t.expects_nothing();
    let statistics = t.statistics();
    assert_eq!((statistics.state, statistics.timestamps, statistics.window_scales), ("ESTABLISHED", true, (3, 0)));

    let mut t = Setup::new().connecting();
    t.sends(syn().mss(1000));
    let options = t.next().header.options;
    assert_eq!((options.window_scale, options.timestamps), (None, None), "what the peer did not offer is not answered");
    assert_eq!(options.mss, Some(1460));
}

/// RFC 9293 MUST-10, MUST-22
#[test]
fn a_lost_answer_of_a_simultaneous_open_is_sent_again() {
    let mut t = crossed(Setup::new());
    assert_eq!(t.waits_for_output(2000), 1000);
    t.expects(syn_ack().seq(0).ack(1));
    // The peer has missed it and repeats its SYN; it is told where we are.
    t.sends(syn().mss(1460));
    t.expects(ack().seq(1).ack(1));
    t.sends(syn_ack().ack(1).mss(1460));
    assert_eq!(t.state(), "ESTABLISHED");
    // Established, we answer a repeated SYN-ACK like any SYN: the peer has missed something.
    t.waits(1000);
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(ack().seq(1).ack(1));
}

/// RFC 9293 MUST-11, RFC 5961 RST-EXACT
#[test]
fn a_reset_of_a_simultaneous_open_means_refused() {
    let mut t = crossed(Setup::new());
    t.sends(rst().seq(2));
    t.expects(ack().seq(1).ack(1));
    assert_eq!(t.state(), "SYN-RECEIVED");
    t.sends(rst().seq(1));
    t.is_closed(CloseReason::Refused);
}

#[test]
fn a_simultaneous_open_takes_only_the_acknowledgment_of_its_syn() {
    let mut t = crossed(Setup::new());
    for wrong in [0, 2, 70_000] {
        t.sends(ack().seq(1).ack(wrong));
        t.expects(rst().seq(wrong));
        assert_eq!(t.state(), "SYN-RECEIVED");
    }
    t.sends(ack().seq(1).ack(1));
    assert_eq!(t.state(), "ESTABLISHED");
}

/// RFC 6298 KARN
#[test]
fn a_syn_that_left_twice_measures_nothing_without_timestamps() {
    let mut t = Setup::new().options(|options| options.timestamps = false).connecting();
    t.waits(700);
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.waits(1);
    t.sends(syn_ack().ack(1).mss(1460));
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.statistics().round_trip, None, "the answer may be to the SYN of 701 ms ago");
}

#[test]
fn what_was_queued_in_a_simultaneous_open_leaves_when_it_is_over() {
    let mut t = crossed(Setup::new());
    t.writes(b"early");
    t.finishes();
    t.expects_nothing();
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(data(b"early").fin());
    assert_eq!(t.state(), "FIN-WAIT-1");
}
