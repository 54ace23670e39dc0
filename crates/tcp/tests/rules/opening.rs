//! The handshake. (RFC 9293 sections 3.5, 3.10.7.1 to 3.10.7.3.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, Ready};
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

#[test]
fn a_passive_open_takes_three_segments() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460).scale(7).clock(99).sack_permitted());
    let seen = t.expects(syn_ack().mss(1460).scale(0).window(65_535).echoes(99));
    assert_eq!(seen.ack, 1);
    t.peer.timestamps = true;
    t.sends(ack());
    t.expects_nothing();
    t.accepts();
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.counted(Counter::OpenedPassive), 1);
}

#[test]
fn an_active_open_takes_three_segments() {
    let mut t = Setup::new().idle();
    t.connect();
    let seen = t.next();
    assert!(seen.is(Flags::SYN) && seen.header.ack.0 == 0);
    let options = seen.header.options;
    assert_eq!((options.mss, options.window_scale), (Some(1460), Some(0)));
    assert_eq!(options.timestamps.map(|both| both.echo), Some(0));
    assert_eq!(seen.window(), 65_535);
    assert_eq!(t.told(), Ready::default());
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(ack().seq(1).ack(1));
    assert_eq!(t.told(), Ready::OPENED);
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.counted(Counter::OpenedActive), 1);
}

#[test]
fn data_that_was_queued_before_the_answer_leaves_with_the_acknowledgment() {
    let mut t = Setup::new().connecting();
    t.queues(b"early").unwrap();
    t.is_quiet_for(100);
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(data(b"early").seq(1).ack(1));
}

#[test]
fn data_with_the_last_segment_of_the_handshake_is_received() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(data(b"hello"));
    t.accepts();
    assert_eq!(t.engine.ready(t.id()), Ready::READABLE);
    assert_eq!(t.reads(), b"hello");
    t.waits(40);
    t.expects(ack().ack(6));
}

#[test]
fn data_and_a_fin_with_the_answer_to_our_syn_are_received() {
    let mut t = Setup::new().connecting();
    t.sends(syn_ack().ack(1).mss(1460).payload(b"hello").fin());
    t.expects(ack().ack(7));
    assert_eq!(t.told(), all_of(&[Ready::OPENED, Ready::READABLE, Ready::FINISHED]));
    assert_eq!(t.reads(), b"hello");
    assert_eq!(t.state(), "CLOSE-WAIT");
}

#[test]
fn data_with_a_syn_is_left_for_the_peer_to_send_again() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460).payload(b"hello"));
    t.expects(syn_ack().ack(1));
    t.sends(data(b"hello").seq(1));
    t.accepts();
    assert_eq!(t.reads(), b"hello");
}

/// RFC 9293 MUST-11
#[test]
fn a_reset_of_a_half_open_passive_connection_leads_back_to_listen() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(rst().seq(1));
    t.is_quiet_for(10_000);
    assert!(t.engine.poll_event().is_none(), "nobody is told");
    t.sends(ack().ack(1));
    assert!(t.next().is(Flags::RST), "the half-open connection is forgotten");
    t.opens_passively(syn().mss(1460));
}

/// RFC 9293 MUST-11, MUST-12
#[test]
fn a_reset_of_our_syn_means_refused() {
    let mut t = Setup::new().connecting();
    t.sends(rst_ack().seq(0).ack(1));
    t.is_closed(CloseReason::Refused);
    assert_eq!(t.counted(Counter::ClosedRefused), 1);
    t.is_quiet_for(10_000);
}

#[test]
fn an_answer_that_does_not_acknowledge_our_syn_is_reset_and_the_open_goes_on() {
    for wrong in [0, 2, 1000, u32::MAX] {
        for flags in [Flags::SYN, Flags::NONE] {
            let mut t = Setup::new().connecting();
            t.sends(ack().with(flags).seq(0).ack(wrong));
            t.expects(rst().seq(wrong));
            assert_eq!(t.state(), "SYN-SENT");
            t.answers_syn(syn_ack().mss(1460));
        }
    }
}

#[test]
fn a_reset_that_acknowledges_something_else_is_ignored_while_opening() {
    let mut t = Setup::new().connecting();
    t.sends(rst_ack().seq(0).ack(0));
    t.sends(rst_ack().seq(0).ack(2));
    t.sends(rst().seq(0));
    t.expects_nothing();
    assert_eq!(t.state(), "SYN-SENT");
    t.answers_syn(syn_ack().mss(1460));
}

#[test]
fn an_acknowledgment_without_a_syn_does_not_open() {
    let mut t = Setup::new().connecting();
    t.sends(ack().seq(1).ack(1));
    t.sends(data(b"x").seq(1).ack(1));
    t.sends(fin().seq(1).ack(1));
    t.expects_nothing();
    assert_eq!(t.state(), "SYN-SENT");
}

#[test]
fn a_listener_answers_an_acknowledgment_with_a_reset_and_ignores_what_fits_no_rule() {
    let mut t = Setup::new().listening();
    t.sends(ack().seq(5).ack(77));
    t.expects(rst().seq(77));
    t.sends(syn_ack().seq(5).ack(78));
    t.expects(rst().seq(78));
    t.sends(rst().seq(5));
    t.sends(rst_ack().seq(5).ack(1));
    t.sends(Segment::new(Flags::NONE).seq(5));
    t.sends(Segment::new(Flags::FIN).seq(5));
    t.sends(syn().with(Flags::FIN));
    t.expects_nothing();
    assert_eq!(t.engine.connection_count(), 0);
}

#[test]
fn a_half_open_connection_takes_only_the_acknowledgment_of_its_syn() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    for wrong in [0, 2, 5000, u32::MAX] {
        t.sends(ack().seq(1).ack(wrong));
        t.expects(rst().seq(wrong));
    }
    t.sends(ack());
    t.accepts();
    assert_eq!(t.state(), "ESTABLISHED");
}

#[test]
fn a_half_open_connection_judges_the_sequence_number_before_the_acknowledgment() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    for (seq, number) in [(0, 1), (70_000, 1), (0, 99), (u32::MAX - 9, 1)] {
        t.sends(data(b"x").seq(seq).ack(number));
        t.expects(ack().seq(1).ack(1).window(65_535));
        // What has no data could be an answer to that, and two sides must not answer each other for ever.
        t.sends(ack().seq(seq).ack(number));
        t.expects_nothing();
        assert_eq!(t.engine.connection_count(), 0);
    }
    t.sends(Segment::new(Flags::NONE).seq(1));
    t.sends(Segment::new(Flags::FIN).seq(1));
    t.expects_nothing();
}

#[test]
fn an_old_syn_of_a_half_open_connection_is_left_to_the_peer_to_judge() {
    let mut t = Setup::new().timestamps().listening();
    t.sends(syn().mss(1460).clock(50));
    t.expects(syn_ack().echoes(50));
    // RFC 9293 section 3.5, figure 9: whoever sent the other SYN answers this with a reset if it must.
    t.sends(syn().seq(5000).mss(1460).clock(51));
    t.expects(ack().seq(1).ack(1).echoes(50).window(65_535));
    t.sends(rst().seq(1));
    t.opens_passively(syn().mss(1460).clock(52));
}
