//! Finishing and closing, in every order. (RFC 9293 sections 3.6, 3.10.4 and 3.10.7.4.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, Ready};

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 section 3.6, figure 12
#[test]
fn the_side_that_finishes_first_waits_at_the_end() {
    let mut t = Setup::new().established();
    t.finishes();
    t.expects(fin().seq(1).ack(1));
    assert_eq!(t.state(), "FIN-WAIT-1");
    t.sends(ack().ack(2));
    assert_eq!(t.state(), "FIN-WAIT-2");
    t.sends(fin());
    t.expects(ack().seq(2).ack(2));
    // TIME-WAIT is a record; the application's part is over.
    t.is_closed(CloseReason::InOrder);
    assert_eq!(t.engine.usage().time_wait, 1);
    assert_eq!(t.counted(Counter::ClosedInOrder), 1);
}

/// RFC 9293 section 3.6, figure 12
#[test]
fn the_side_that_finishes_last_is_done_with_the_last_acknowledgment() {
    let mut t = Setup::new().established();
    t.sends(fin());
    t.expects(ack().seq(1).ack(2));
    assert_eq!((t.state(), t.told()), ("CLOSE-WAIT", Ready::FINISHED));
    t.writes(b"bye");
    t.expects(data(b"bye"));
    t.sends(ack());
    t.finishes();
    t.expects(fin().seq(4));
    assert_eq!(t.state(), "LAST-ACK");
    t.sends(ack().ack(5));
    t.is_closed(CloseReason::InOrder);
    assert_eq!(t.engine.usage().time_wait, 0);
    t.sends(ack().ack(5));
    t.expects(rst().seq(5));
}

/// RFC 9293 section 3.6, figure 13
#[test]
fn two_sides_that_finish_at_once_both_wait() {
    let mut t = Setup::new().established();
    t.finishes();
    t.expects(fin());
    t.sends(fin().seq(1).ack(1));
    t.expects(ack().seq(2).ack(2));
    assert_eq!((t.state(), t.told()), ("CLOSING", Ready::FINISHED));
    t.sends(ack().seq(2).ack(1));
    assert_eq!(t.state(), "CLOSING", "our FIN is not acknowledged");
    t.sends(ack().seq(2).ack(2));
    t.is_closed(CloseReason::InOrder);
    assert_eq!(t.engine.usage().time_wait, 1);
}

#[test]
fn a_fin_that_acknowledges_ours_ends_the_connection_at_once() {
    let mut t = Setup::new().established();
    t.finishes();
    t.expects(fin());
    t.sends(fin().ack(2));
    t.expects(ack().seq(2).ack(2));
    t.is_closed(CloseReason::InOrder);
    assert_eq!(t.engine.usage().time_wait, 1);
}

#[test]
fn our_fin_goes_with_the_last_data() {
    let mut t = Setup::new().established();
    t.queues(&bytes(2000)).unwrap();
    t.finishes();
    t.expects(more(&bytes(1460)));
    t.expects(data(&bytes_from(1461, 540)).fin());
    assert_eq!(t.queues(b"x"), Err(crore_tcp::SendError::Closed));
    t.sends(ack().ack(2001));
    assert_eq!(t.state(), "FIN-WAIT-1");
    t.sends(ack().ack(2002));
    assert_eq!(t.state(), "FIN-WAIT-2");
}

#[test]
fn a_fin_with_data_delivers_both() {
    let mut t = Setup::new().established();
    t.sends(data(b"last words").fin());
    t.expects(ack().ack(12));
    assert_eq!(t.told(), all_of(&[Ready::READABLE, Ready::FINISHED]));
    assert_eq!(t.reads(), b"last words");
}

#[test]
fn a_fin_that_comes_again_is_acknowledged_again_each_time() {
    let mut t = Setup::new().established();
    t.sends(fin());
    t.expects(ack().ack(2));
    for _ in 0..5 {
        t.sends(fin().seq(1));
        t.expects(ack().ack(2));
    }
    assert_eq!(t.told(), Ready::FINISHED);
    assert_eq!(t.state(), "CLOSE-WAIT");
}

/// RFC 9293 MUST-12
#[test]
fn an_orderly_end_a_reset_and_a_timeout_are_told_apart() {
    let mut t = Setup::new().established();
    t.sends(fin());
    t.expects(ack());
    assert_eq!(t.told(), Ready::FINISHED, "an end of their stream is not the end of the connection");
    t.finishes();
    t.expects(fin());
    t.sends(ack());
    t.is_closed(CloseReason::InOrder);

    let mut t = Setup::new().established();
    t.sends(rst());
    assert!(!t.told_why().0.contains(Ready::FINISHED));
    assert_eq!(t.statistics().reason, Some(CloseReason::Reset));

    let mut t = Setup::new().established();
    t.writes(b"x");
    t.waits(400_000);
    t.rest();
    t.is_closed(CloseReason::TimedOut);
}

/// RFC 9293 SHLD-3
#[test]
fn closing_with_unread_data_resets() {
    let mut t = Setup::new().established();
    t.sends(data(b"never read"));
    t.closes();
    t.expects(rst_ack().seq(1).ack(11));
    assert_eq!(t.engine.connection_count(), 0);
    assert_eq!(t.engine.frames().in_use(), 0);
}

/// RFC 9293 SHLD-3
#[test]
fn data_that_comes_after_a_close_resets() {
    for acknowledges in [false, true] {
        let mut t = Setup::new().established();
        t.closes();
        t.expects(fin());
        if acknowledges {
            t.sends(ack().ack(2));
        }
        t.sends(data(b"late").ack(if acknowledges { 2 } else { 1 }));
        let reset = t.next();
        assert!(reset.flags.contains(rst().flags), "{reset:?}");
        assert_eq!(reset.seq, 2);
        assert_eq!(t.engine.usage().time_wait, 0);
        t.is_quiet_for(100_000);
        assert_eq!(t.engine.connection_count(), 0);
    }
}

#[test]
fn closing_after_everything_was_read_is_orderly() {
    let mut t = Setup::new().established();
    t.sends(data(b"read"));
    t.reads();
    t.rest();
    t.closes();
    t.expects(fin().ack(5));
    t.sends(ack().ack(2));
    t.sends(fin().ack(2));
    t.expects(ack().seq(2).ack(6));
    assert_eq!((t.engine.connection_count(), t.engine.usage().time_wait), (0, 1));
}

#[test]
fn closing_sends_what_is_queued_first() {
    let mut t = Setup::new().peer_window(1000).established();
    t.queues(&bytes(3000)).unwrap();
    t.closes();
    t.expects(more(&bytes(1000)));
    t.sends(ack().ack(1001).window(1000));
    t.expects(more(&bytes_from(1001, 1000)));
    t.sends(ack().ack(2001).window(1000));
    t.expects(data(&bytes_from(2001, 1000)).fin());
    t.sends(ack().ack(3002));
    t.sends(fin().ack(3002));
    t.expects(ack().ack(2));
    assert_eq!(t.engine.connection_count(), 0);
}

#[test]
fn closing_after_the_peer_has_finished_ends_with_its_acknowledgment() {
    let mut t = Setup::new().established();
    t.sends(fin());
    t.expects(ack());
    t.closes();
    t.expects(fin());
    t.sends(ack().ack(2));
    t.is_quiet_for(100_000);
    assert_eq!((t.engine.connection_count(), t.engine.usage().time_wait), (0, 0));
}

#[test]
fn a_half_closed_connection_lives_as_long_as_the_application_wants() {
    let mut t = Setup::new().established();
    t.finishes();
    t.expects(fin());
    t.sends(ack().ack(2));
    t.is_quiet_for(24 * 3600 * 1000);
    assert_eq!(t.state(), "FIN-WAIT-2");
    t.sends(data(b"at last").ack(2));
    assert_eq!(t.reads(), b"at last");
    t.rest();
    t.waits(40);
    t.rest();
}

#[test]
fn a_connection_given_up_does_not_wait_for_its_peer_for_ever() {
    let mut t = Setup::new().established();
    t.closes();
    t.expects(fin());
    t.sends(ack().ack(2));
    assert_eq!((t.engine.connection_count(), t.engine.usage().time_wait), (0, 1), "it is a record now");
    t.is_quiet_for(59_000);
    assert_eq!(t.engine.usage().time_wait, 1);
    t.is_quiet_for(2000);
    assert_eq!(t.engine.usage().time_wait, 0);
    t.sends(fin().ack(2));
    t.expects(rst().seq(2));
}

/// RFC 9293 SHLD-14
#[test]
fn a_peer_held_back_by_a_closed_window_learns_that_the_application_is_gone() {
    let mut t = Setup::new().receive_bytes_max(2000).established();
    t.finishes();
    t.expects(fin());
    t.sends_all([more(&bytes(1000)).ack(2), more(&bytes_from(1001, 1000)).ack(2)]);
    t.expects(ack().ack(2001).window(0));
    while t.reads_one().is_some() {}
    t.closes();
    t.expects(ack().seq(2).ack(2001).window(u16::MAX));
    assert_eq!(t.engine.usage().time_wait, 1);
    // Should that be lost, a probe of the window is told the same.
    t.sends(ack().seq(2000).ack(2));
    t.expects(ack().seq(2).ack(2001).window(u16::MAX));
    t.sends(data(b"more").ack(2));
    t.expects(rst().seq(2));
    assert_eq!(t.engine.usage().time_wait, 0);
}

#[test]
fn a_record_that_waits_for_a_fin_is_reset_by_exactly_the_next_number() {
    let mut t = Setup::new().established();
    t.closes();
    t.expects(fin());
    t.sends(ack().ack(2));
    t.sends(rst().seq(70_000));
    t.expects_nothing();
    t.sends(rst().seq(2));
    t.expects(ack().seq(2).ack(1));
    assert_eq!(t.engine.usage().time_wait, 1);
    t.sends(rst().seq(1));
    t.expects_nothing();
    assert_eq!(t.engine.usage().time_wait, 0);
}

#[test]
fn closing_while_opening_ends_at_once() {
    let mut t = Setup::new().connecting();
    t.closes();
    assert_eq!(t.engine.connection_count(), 0);
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(rst().seq(1));
    t.is_quiet_for(10_000);
}

#[test]
fn finishing_twice_is_finishing_once() {
    let mut t = Setup::new().established();
    t.finishes();
    t.finishes();
    t.expects(fin());
    t.closes();
    t.is_quiet_for(900);
    t.sends(ack().ack(2));
    t.sends(fin().ack(2));
    t.expects(ack());
    assert_eq!(t.engine.connection_count(), 0);
}

#[test]
fn what_was_received_can_be_read_after_an_orderly_end() {
    let mut t = Setup::new().established();
    t.finishes();
    t.expects(fin());
    t.sends(data(b"keep this").ack(2).fin());
    t.expects(ack().ack(11));
    t.is_closed(CloseReason::InOrder);
    assert_eq!(t.reads(), b"keep this");
    t.closes();
    assert_eq!(t.engine.connection_count(), 0);
}

#[test]
fn a_listener_that_closes_resets_who_waits_and_forgets_who_is_on_the_way() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(ack());
    let half = t.other_peer(6000);
    assert!(t.injects(&[half.frame(&syn().mss(1460))]));
    t.strays.clear();
    let listener = t.listener.take().unwrap();
    t.engine.unlisten(listener);
    t.collect();
    t.expects(rst_ack().seq(1).ack(1));
    assert_eq!((t.engine.usage().half_open, t.engine.connection_count()), (0, 0));
    t.is_quiet_for(10_000);
    assert!(t.strays.is_empty());
    assert!(t.engine.accept(listener).is_none());
}
