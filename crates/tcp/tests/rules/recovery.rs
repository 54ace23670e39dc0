//! Fast retransmit and fast recovery. (RFC 5681 section 3.2, RFC 6582, RFC 3042.)

use crore_tcp::counter::Counter;

use crate::table::setup::Setup;
use crate::table::*;

const MSS: u32 = 1460;

/// The number of the first byte of segment `n`, counted from zero.
fn at(n: u32) -> u32 {
    1 + n * MSS
}

fn segment(n: u32) -> Segment {
    more(&bytes_from(at(n), MSS as usize)).seq(at(n))
}

/// Ten segments of many are under way.
fn sending() -> Table {
    let mut t = Setup::new().peer_scale(7).established();
    t.sends(ack().window(60_000));
    t.writes(&bytes(200_000));
    (0..10).for_each(|n| drop(t.expects(segment(n))));
    t
}

fn duplicate(n: u32) -> Segment {
    ack().ack(at(n)).window(60_000)
}

/// RFC 5681 FAST-RETRANSMIT
#[test]
fn three_duplicates_send_the_missing_segment_again_at_once() {
    let mut t = sending();
    // RFC 3042: the first two let a new segment go each, the third is a loss.
    t.sends(duplicate(0));
    t.expects(segment(10));
    t.sends(duplicate(0));
    t.expects(segment(11));
    t.sends(duplicate(0));
    t.expects(segment(0));
    t.expects_nothing();
    assert_eq!(t.counted(Counter::RetransmittedFast), 1);
    let statistics = t.statistics();
    assert_eq!((statistics.slow_start_threshold, statistics.congestion_window), (5 * MSS, 8 * MSS));
}

/// RFC 5681 FAST-RETRANSMIT
#[test]
fn two_duplicates_are_no_loss() {
    let mut t = sending();
    t.sends_all([duplicate(0), duplicate(0)]);
    t.expects(segment(10));
    t.expects(segment(11));
    t.expects_nothing();
    t.sends(duplicate(10));
    assert!(t.rest().iter().all(|seen| seen.seq >= at(12)));
    assert_eq!(t.counted(Counter::RetransmittedFast), 0);
}

/// RFC 5681 section 2 defines what a duplicate is.
#[test]
fn what_is_not_bare_or_tells_another_window_is_no_duplicate() {
    let not_duplicates: [fn(u32) -> Segment; 4] = [
        |n| data(b"x").seq(1 + n).ack(1).window(60_000),
        |n| duplicate(0).window(50_000 - n as u16),
        |n| duplicate(0).window(60_001 + n as u16),
        |n| duplicate(0).seq(1).ack(0).window(n as u16),
    ];
    for not_duplicate in not_duplicates {
        let mut t = sending();
        for n in 0..6 {
            t.sends(not_duplicate(n));
        }
        assert!(t.rest().iter().all(|seen| seen.seq >= at(10)));
        assert_eq!(t.counted(Counter::RetransmittedFast), 0);
        t.waits(40);
        t.rest();
        t.reads();
    }
}

#[test]
fn each_further_duplicate_lets_a_segment_go_but_no_more_than_were_under_way() {
    let mut t = sending();
    t.sends_all([duplicate(0), duplicate(0), duplicate(0)]);
    t.rest();
    let mut sent = Vec::new();
    for _ in 0..100 {
        t.sends(duplicate(0));
        sent.extend(t.rest());
    }
    // Ten were under way, and two of limited transmit: a peer that invents duplicates gains nothing.
    assert!(sent.len() <= 9, "{} segments for a hundred duplicates", sent.len());
    assert!(!sent.is_empty() && sent.iter().all(|seen| seen.seq > at(9)));
}

/// RFC 6582 PARTIAL-ACK
#[test]
fn an_acknowledgment_that_leaves_a_hole_sends_the_hole_again() {
    let mut t = sending();
    t.sends_all([duplicate(0), duplicate(0), duplicate(0)]);
    t.rest();
    // Segments 0, 3 and 7 were lost.
    t.sends(duplicate(3));
    assert_eq!(t.next().seq, at(3));
    t.rest();
    t.sends(duplicate(7));
    assert_eq!(t.next().seq, at(7));
    t.rest();
    assert_eq!(t.counted(Counter::RetransmittedFast), 3);
    // All that was sent before the loss is there: recovery is over.
    t.sends(duplicate(14));
    assert!(t.rest().iter().all(|seen| seen.seq > at(9)));
    assert!(t.statistics().congestion_window <= 5 * MSS);
    assert_eq!(t.counted(Counter::RetransmittedTimeout), 0);
}

/// RFC 6582 PARTIAL-ACK
#[test]
fn a_hole_that_is_lost_again_is_repaired_by_the_timer() {
    let mut t = sending();
    t.waits(100);
    t.sends_all([duplicate(0), duplicate(0), duplicate(0)]);
    t.rest();
    t.sends(duplicate(3));
    t.rest();
    let waited = t.waits_for_output(5000);
    assert!((200..=3000).contains(&waited), "{waited} ms");
    assert_eq!(t.next().seq, at(3));
    t.rest();
}

/// RFC 6582 section 3.2
#[test]
fn duplicates_after_a_timeout_are_not_taken_for_another_loss() {
    let mut t = sending();
    t.waits_for_output(2000);
    t.expects(segment(0));
    for _ in 0..8 {
        t.sends(duplicate(0));
    }
    t.rest();
    assert_eq!(t.counted(Counter::RetransmittedFast), 0);
    assert_eq!(t.statistics().congestion_window, MSS);
}

/// RFC 9293 MUST-61
#[test]
fn what_is_sent_again_fast_is_cut_to_the_segment_that_was_lost() {
    let mut t = Setup::new().established();
    t.writes(b"one");
    t.writes(b"two");
    t.writes(b"three");
    t.writes(b"four");
    t.rest();
    for _ in 0..3 {
        t.sends(ack().ack(1));
    }
    // Small segments leave together the second time.
    t.expects(data(b"onetwothreefour").seq(1));
    t.sends(ack().ack(16));
    t.is_quiet_for(10_000);
}

#[test]
fn a_fin_that_is_missing_alone_is_sent_again_fast() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.finishes();
    t.expects(data(b"abc"));
    t.expects(fin());
    t.sends(ack().ack(4));
    for _ in 0..3 {
        t.sends(ack().ack(4));
    }
    t.expects(fin().seq(4));
    t.sends(ack().ack(5));
    assert_eq!(t.state(), "FIN-WAIT-2");
    t.is_quiet_for(100_000);
}
