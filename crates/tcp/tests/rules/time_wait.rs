//! TIME-WAIT, and what ends it. (RFC 9293 section 3.6.1, RFC 1337, RFC 6191.)

use crore_base::time::Duration;
use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// A connection in TIME-WAIT that the application has given up; nobody listens.
fn waiting(setup: Setup) -> Table {
    let mut t = setup.established();
    t.finishes();
    t.expects(fin());
    t.sends(fin().ack(2));
    t.expects(ack().seq(2).ack(2));
    t.closes();
    assert_eq!((t.engine.connection_count(), t.engine.usage().time_wait), (0, 1));
    t
}

/// RFC 9293 MUST-13
#[test]
fn a_connection_is_remembered_for_two_segment_lifetimes() {
    for seconds in [60, 240] {
        let setup = Setup::new().config(|config| config.time_wait = Duration::from_secs(seconds));
        let mut t = waiting(setup);
        t.is_quiet_for(seconds * 1000 - 1);
        assert_eq!(t.engine.usage().time_wait, 1);
        t.is_quiet_for(2);
        assert_eq!(t.engine.usage().time_wait, 0);
        t.sends(ack().seq(2).ack(2));
        t.expects(rst().seq(2));
    }
}

/// RFC 9293 MUST-13
#[test]
fn a_fin_that_comes_again_is_acknowledged_and_starts_the_time_over() {
    let mut t = waiting(Setup::new());
    t.waits(50_000);
    t.sends(fin().seq(1).ack(2));
    t.expects(ack().seq(2).ack(2));
    t.is_quiet_for(59_000);
    assert_eq!(t.engine.usage().time_wait, 1);
    t.is_quiet_for(2000);
    assert_eq!(t.engine.usage().time_wait, 0);
}

/// RFC 9293 MUST-13
#[test]
fn our_ports_are_not_used_again_meanwhile() {
    let mut t = waiting(Setup::new());
    let connect = t.connect_options();
    assert!(t.engine.connect(t.now, connect).is_err());
    t.waits(60_001);
    t.opens_actively(syn_ack().mss(1460));
}

/// RFC 1337 NO-ASSASSINATION
#[test]
fn a_reset_does_not_end_the_wait() {
    let mut t = waiting(Setup::new());
    for seq in [1, 2, 3, 100, 70_000] {
        t.sends(rst().seq(seq));
        t.sends(rst_ack().seq(seq).ack(2));
    }
    t.expects_nothing();
    assert_eq!(t.engine.usage().time_wait, 1);
    assert_eq!(t.counted(Counter::DroppedTimeWait), 10);
}

/// RFC 1337 NO-ASSASSINATION
#[test]
fn an_old_duplicate_is_answered_and_the_answer_to_that_does_no_harm() {
    // RFC 1337, figure 1: old data, our ACK, the peer's RST.
    let mut t = waiting(Setup::new());
    t.sends(data(b"old").seq(1).ack(1));
    t.expects(ack().seq(2).ack(2));
    t.sends(rst().seq(2));
    assert_eq!(t.engine.usage().time_wait, 1);
}

#[test]
fn what_carries_nothing_is_not_answered() {
    let mut t = waiting(Setup::new());
    for _ in 0..10 {
        t.sends(ack().seq(2).ack(2));
        t.sends(ack().seq(1).ack(2));
        t.sends(Segment::new(Flags::NONE).seq(2));
    }
    t.is_quiet_for(1000);
}

/// RFC 6191 REUSE, RFC 9293 MAY-2
#[test]
fn without_timestamps_a_syn_with_a_later_number_opens_anew() {
    for (seq, opens) in [(2, true), (3, true), (1 << 30, true), (1, false), (0, false), (u32::MAX - 1000, false)] {
        let mut t = waiting(Setup::new());
        let old_end = t.peer.origins.engine + 2;
        // The new connection's numbers count from its own SYN.
        t.peer.origins.peer += seq;
        t.sends(syn().mss(1460));
        if !opens {
            t.expects_nothing();
            assert_eq!((t.engine.usage().time_wait, t.counted(Counter::TimeWaitReopened)), (1, 0), "at {seq}");
            continue;
        }
        let seen = t.expects(syn_ack().ack(1));
        assert!(seen.header.seq.is_after(old_end + 65_535), "we begin behind all that the old connection sent");
        t.sends(ack());
        t.accepts();
        assert_eq!((t.engine.usage().time_wait, t.counted(Counter::TimeWaitReopened)), (0, 1), "at {seq}");
    }
}

/// RFC 6191 REUSE, RFC 9293 SHLD-4
#[test]
fn with_timestamps_a_later_clock_opens_anew_whatever_the_number() {
    for (seq, later, opens) in [(1 << 30, 1, true), (0, 1, true), (u32::MAX - 5000, 1, true), (1 << 30, -1, false)] {
        let mut t = waiting(Setup::new().timestamps());
        t.peer.origins.peer += seq;
        t.sends(syn().mss(1460).clock(1_000_000u32.wrapping_add_signed(later)));
        if opens {
            t.expects(syn_ack().ack(1));
        }
        t.expects_nothing();
        assert_eq!(t.engine.usage().time_wait == 0, opens, "number {seq}, clock {later}");
    }
}

/// RFC 6191 REUSE
#[test]
fn with_the_same_clock_the_number_decides() {
    for (seq, opens) in [(2, true), (1, false)] {
        let mut t = waiting(Setup::new().timestamps());
        t.peer.origins.peer += seq;
        t.sends(syn().mss(1460).clock(1_000_000));
        if opens {
            t.expects(syn_ack().ack(1));
        }
        t.expects_nothing();
        assert_eq!(t.engine.usage().time_wait == 0, opens, "at {seq}");
    }
}

/// RFC 6191 REUSE
#[test]
fn nobody_is_let_in_while_nobody_listens() {
    let mut t = waiting(Setup::new());
    let listener = t.listener.take().unwrap();
    t.engine.unlisten(listener);
    t.peer.origins.peer += 1000;
    t.sends(syn().mss(1460));
    t.expects_nothing();
    assert_eq!(t.engine.usage().time_wait, 1);
}

/// RFC 6191 REUSE, RFC 9293 MAY-2
#[test]
fn the_wait_goes_on_while_a_new_connection_could_not_begin_behind_the_old_one() {
    // With the half-open records full a SYN is answered by a cookie, whose number is what it is.
    let mut t = waiting(Setup::new().config(|config| config.half_open_max = 1));
    let other = t.other_peer(6000);
    assert!(t.injects(&[other.frame(&syn())]));
    t.peer.origins.peer += 1000;
    t.sends(syn().mss(1460));
    t.expects_nothing();
    assert_eq!((t.engine.usage().time_wait, t.counted(Counter::CookiesSent)), (1, 0));
    t.strays.clear();
    // And with the backlog full nobody is let in at all.
    let mut t = waiting(Setup::new().backlog(1));
    let mut other = t.other_peer(6000);
    t.another_opens(&mut other);
    t.peer.origins.peer += 1000;
    t.sends(syn().mss(1460));
    t.expects_nothing();
    assert_eq!(t.engine.usage().time_wait, 1);
}

/// RFC 7323 PAWS
#[test]
fn an_old_clock_in_the_wait_is_acknowledged_and_no_more() {
    let mut t = waiting(Setup::new().timestamps());
    t.waits(10_000);
    t.sends(fin().seq(1).ack(2).clock(999_000));
    let seen = t.expects(ack().seq(2).ack(2));
    assert_eq!(seen.echo(), 1_000_000);
    t.is_quiet_for(50_100);
    assert_eq!(t.engine.usage().time_wait, 0, "it did not start the time over");
}

/// RFC 7323 TS-ALWAYS
#[test]
fn answers_in_the_wait_have_timestamps_and_demand_them() {
    let mut t = waiting(Setup::new().timestamps());
    t.waits(5000);
    t.sends(fin().seq(1).ack(2));
    let seen = t.expects(ack().seq(2).ack(2));
    assert_eq!(seen.echo(), 1_005_000);
    t.sends(data(b"old").seq(1).ack(2).no_timestamps());
    t.expects_nothing();
}

#[test]
fn a_full_table_gives_up_its_oldest_record() {
    let mut t = Setup::new().config(|config| config.time_wait_max = 3).listening();
    for _ in 0..5 {
        t.opens_passively(syn().mss(1460));
        t.finishes();
        t.expects(fin());
        t.sends(fin().ack(2));
        t.expects(ack());
        t.closes();
        t.peer.port += 1;
        t.waits(1000);
    }
    assert_eq!((t.engine.usage().time_wait, t.counted(Counter::TimeWaitEvicted)), (3, 2));
    // The last three are still remembered: the oldest of them for 57 seconds.
    t.is_quiet_for(56_900);
    assert_eq!(t.engine.usage().time_wait, 3);
    t.is_quiet_for(200);
    assert_eq!(t.engine.usage().time_wait, 2);
}

#[test]
fn a_syn_ack_in_the_wait_is_told_where_we_are() {
    let mut t = waiting(Setup::new());
    t.sends(syn_ack().seq(5000).ack(2));
    t.expects(ack().seq(2).ack(2));
    assert_eq!(t.engine.usage().time_wait, 1);
}
