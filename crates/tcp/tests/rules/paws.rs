//! Protection against wrapped sequence numbers. (RFC 7323 section 5.)

use crore_tcp::CloseReason;
use crore_tcp::counter::Counter;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 7323 PAWS
#[test]
fn a_segment_with_an_older_clock_is_acknowledged_and_dropped() {
    let mut t = Setup::new().timestamps().established();
    t.sends(data(b"abc").clock(1_000_100));
    t.waits(40);
    t.expects(ack().ack(4));
    for clock in [1_000_099, 999_000, 0, 1_000_100u32.wrapping_sub(1 << 31) + 1] {
        t.sends(data(b"old").seq(4).clock(clock));
        t.expects(ack().ack(4).echoes(1_000_100));
    }
    assert_eq!((t.reads(), t.counted(Counter::DroppedPaws)), (b"abc".to_vec(), 4));
    // The same clock is not older, and one that has gone around is newer.
    t.sends(data(b"def").seq(4).clock(1_000_100));
    t.sends(data(b"ghi").seq(7).clock(1_000_100 + (1 << 31) - 1));
    assert_eq!(t.reads(), b"defghi");
    t.waits(40);
    t.rest();
}

/// RFC 7323 PAWS
#[test]
fn an_old_acknowledgment_is_not_taken_either() {
    let mut t = Setup::new().timestamps().established();
    t.sends(ack().clock(1_000_100));
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.sends(ack().ack(4).clock(1_000_050));
    t.expects(ack().echoes(1_000_100));
    assert_eq!(t.statistics().in_flight, 3);
    // Without data it could be an answer to our answer, so that happens twice a second at most.
    t.sends(ack().ack(4).clock(1_000_050));
    t.expects_nothing();
    t.sends(ack().ack(4).clock(1_000_101));
    assert_eq!(t.statistics().in_flight, 0);
}

/// RFC 7323 PAWS: before the sequence number is looked at, so an old duplicate of a wrapped stream is found.
#[test]
fn clocks_are_judged_before_numbers() {
    let mut t = Setup::new().timestamps().established();
    t.sends(ack().clock(1_000_100));
    t.sends(data(b"in the window").seq(500).clock(999_999));
    t.expects(ack().ack(1));
    assert_eq!((t.statistics().out_of_order, t.counted(Counter::DroppedPaws)), (0, 1));
}

/// RFC 7323 PAWS-NOT-RST
#[test]
fn a_reset_is_never_dropped_for_its_clock() {
    for options in [&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0][..], &[]] {
        let mut t = Setup::new().timestamps().established();
        t.sends(ack().clock(1_000_100));
        t.sends(rst().raw_options(options));
        t.is_closed(CloseReason::Reset);
        assert_eq!(t.counted(Counter::DroppedPaws), 0);
    }
}

/// RFC 7323 RECENT-EXPIRES
#[test]
fn after_24_idle_days_an_old_clock_is_believed_again() {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    for (days, is_believed) in [(1, false), (23, false), (26, true), (49, true), (50, true), (100, true)] {
        let mut t = Setup::new().timestamps().established();
        t.is_quiet_for(days * DAY_MS);
        // After 24.8 days of milliseconds the clock that has gone on looks older than the one before.
        t.sends(data(b"abc").clock(1_000_000 - 1));
        assert_eq!(t.statistics().unread > 0, is_believed, "after {days} days");
        t.waits(40);
        t.rest();
        // And what is believed counts from now on.
        t.sends(data(b"def").seq(4).clock(1_000_000 - 2));
        assert!(t.statistics().unread <= 3, "after {days} days");
        t.rest();
        t.reads();
        t.rest();
    }
}

/// RFC 7323 PAWS
#[test]
fn a_peers_clock_may_go_around() {
    let mut t = Setup::new().timestamps().listening();
    t.peer.clock = u32::MAX - 100;
    t.opens_passively(syn().mss(1460).clock(u32::MAX - 100));
    for n in 0..10 {
        t.waits(50);
        t.sends(data(&bytes_from(1 + n, 1)));
    }
    assert_eq!(t.reads(), bytes(10));
    t.waits(40);
    t.rest();
    assert_eq!(t.counted(Counter::DroppedPaws), 0);
}
