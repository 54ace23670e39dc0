//! What Linux at the other end has taught: each table is a defect that the judge under `tests/judges/tcp` has found.

use crore_base::time::Duration;
use crore_wire::ethernet::Mac;

use crate::table::setup::Setup;
use crate::table::*;

/// The window that comes with an acknowledgment of something new counts, though the segment is a retransmission with a number
/// below that of the last which told the window. Else we send beyond what the peer takes, and it drops all that we say.
#[test]
fn a_retransmission_that_acknowledges_something_new_tells_the_window() {
    let mut t = Setup::new().peer_window(20_000).established();
    t.writes(&bytes(4380));
    assert_eq!(t.rest().len(), 3);
    t.sends(more(&bytes_from(1001, 100)).seq(1001).ack(1).window(20_000));
    t.expects(ack().ack(1));
    t.sends(more(&bytes(100)).seq(1).ack(4381).window(700));
    assert_eq!(t.statistics().send_window, 700);
    t.rest();
    t.writes(&bytes_from(4381, 5000));
    t.waits(1000);
    let end = t.rest().iter().map(|seen| seen.end()).max();
    assert!(end <= Some(4381 + 700), "{end:?} is beyond the window");
    t.reads();
}

/// A window probe is beyond the peer's window. What is said after it begins where the peer's window ends, or it is not heard.
#[test]
fn behind_a_window_probe_an_acknowledgment_stays_within_the_window() {
    let mut t = Setup::new().established();
    t.writes(b"a");
    t.expects(data(b"a"));
    t.sends(ack().ack(2).window(0));
    t.writes(&bytes_from(2, 5000));
    t.waits_for_output(10_000);
    t.expects(more(&bytes_from(2, 1)).seq(2));
    for n in 0..2 {
        t.sends(more(&bytes_from(1 + n * 1460, 1460)).ack(2).window(0));
    }
    t.expects(ack().seq(2).ack(2921));
    t.reads();
}

/// RFC 5681 section 4.2: the peer counts them. One for a burst of ten hides a loss until the peer's timer expires.
#[test]
fn every_segment_of_a_burst_that_comes_early_is_acknowledged() {
    let mut t = Setup::new().established();
    t.sends_all((1..11).map(|n| more(&bytes_from(1 + n * 100, 100)).seq(1 + n * 100)));
    let seen = t.rest();
    assert_eq!(seen.iter().map(|seen| seen.ack).collect::<Vec<u32>>(), [1; 10]);
    assert!(seen.iter().all(|one| one.len() == 0 && one.window() == seen[0].window()), "{seen:#?}");
    // What fills the gap, and what comes early behind it, is told once each.
    t.sends_all([more(&bytes(100)).seq(1), more(&bytes_from(2001, 100)).seq(2001)]);
    assert_eq!(t.rest().iter().map(|seen| seen.ack).collect::<Vec<u32>>(), [1101]);
    t.reads();
    t.rest();
}

/// A frame whose source address on the link was garbled, or that came by a router which is no more, leads our answers astray.
/// Whoever only sends would not hear of it before it gives up.
#[test]
fn the_way_to_a_peer_is_looked_for_again_when_nothing_is_acknowledged() {
    let mut t = Setup::new().established();
    let right = t.peer.mac;
    t.peer.mac = Mac([2, 9, 9, 9, 9, 9]);
    t.sends(data(b"x"));
    t.peer.mac = right;
    t.waits(40);
    t.rest();
    t.writes(b"abc");
    let mut way: Vec<Mac> = t.rest().iter().map(|seen| seen.packet.destination_mac).collect();
    for _ in 0..3 {
        t.waits_for_output(10_000);
        way.extend(t.rest().iter().map(|seen| seen.packet.destination_mac));
    }
    assert_eq!(way.last(), Some(&right), "{way:?}");
    t.sends(ack().ack(4));
    t.reads();
}

/// As above, when the peer only sends: it sends again what we have acknowledged along the way that is no more.
#[test]
fn data_that_comes_again_by_another_way_is_acknowledged_along_that_way() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes(100)));
    t.waits(40);
    t.expects(ack().ack(101));
    t.peer.mac = Mac([2, 9, 9, 9, 9, 9]);
    t.sends(data(&bytes(100)).seq(1));
    let seen = t.next();
    assert_eq!((seen.ack, seen.packet.destination_mac), (101, t.peer.mac));
    // What is not from the last window proves nothing about the way.
    let right = t.peer.mac;
    t.peer.mac = Mac([2, 8, 8, 8, 8, 8]);
    t.sends(data(b"x").seq(1_000_000));
    assert_eq!(t.next().packet.destination_mac, right);
    t.peer.mac = right;
    t.reads();
}

/// A peer whose data we have, and whose ACK was lost, measures the round trip by what we answer its repetition. With the clock
/// of the first copy it would count all the time since then, and wait ever longer.
#[test]
fn data_that_comes_again_is_answered_with_its_own_clock() {
    let mut t = Setup::new().timestamps().established();
    let clock = t.peer.clock;
    t.sends(data(&bytes(100)).clock(clock + 1));
    t.waits(40);
    t.expects(ack().ack(101));
    t.sends(data(&bytes(100)).seq(1).clock(clock + 5000));
    assert_eq!(t.next().echo(), clock + 5000);
    // Nobody makes the peer look old who guesses numbers.
    t.sends(data(&bytes(100)).seq(1).ack(1_000_000).clock(clock + 9000));
    assert_eq!(t.next().echo(), clock + 5000);
    t.sends(data(b"x").seq(101_000_001).clock(clock + 9000));
    assert_eq!(t.next().echo(), clock + 5000);
    t.peer.clock = clock + 6000;
    t.reads();
}

/// A probe is dropped for its number before anything else in it is looked at, so it is no answer to the peer's own probe that
/// came in the same turn.
#[test]
fn two_that_probe_each_other_at_the_same_moment_both_get_an_answer() {
    let mut t = Setup::new().keep_alive(60, 5, 3).established();
    // The table goes to deadlines; the last one is the probe's.
    while !t.engine.has_output() {
        t.now = t.engine.poll_timeout().unwrap().max(t.now + Duration::from_micros(1));
        t.engine.on_timeout(t.now);
    }
    t.sends(ack().seq(0));
    t.expects(ack().seq(0).ack(1));
    t.expects(ack().seq(1).ack(1));
    t.sends(ack());
}
