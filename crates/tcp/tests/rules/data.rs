//! Data in and out of order. (RFC 9293 sections 3.4, 3.7 and 3.10.7.4, seventh and eighth.)

use crore_tcp::Ready;
use crore_tcp::counter::Counter;

use crate::table::setup::Setup;
use crate::table::*;

#[test]
fn data_in_order_is_delivered_in_the_pieces_in_which_it_came() {
    let mut t = Setup::new().established();
    t.sends(data(b"one"));
    t.sends(data(b"two"));
    assert_eq!(t.told(), Ready::READABLE);
    assert_eq!(t.reads_one().as_deref(), Some(&b"one"[..]));
    assert_eq!(t.reads_one().as_deref(), Some(&b"two"[..]));
    assert_eq!(t.reads_one(), None);
    t.rest();
}

#[test]
fn what_came_early_waits_for_what_is_missing() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes_from(101, 100)).seq(101));
    t.expects(ack().ack(1));
    assert_eq!(t.told(), Ready::default(), "there is nothing to read yet");
    assert_eq!(t.statistics().out_of_order, 100);
    t.sends(data(&bytes_from(301, 100)).seq(301));
    t.expects(ack().ack(1));
    t.sends(data(&bytes_from(201, 100)).seq(201));
    t.expects(ack().ack(1));
    t.sends(data(&bytes(100)).seq(1));
    t.expects(ack().ack(401));
    assert_eq!(t.told(), Ready::READABLE);
    assert_eq!(t.reads(), bytes(400));
    assert_eq!(t.statistics().out_of_order, 0);
}

#[test]
fn a_gap_filled_by_half_is_acknowledged_at_once() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes_from(101, 100)).seq(101));
    t.expects(ack().ack(1));
    t.sends(data(&bytes(50)).seq(1));
    t.expects(ack().ack(51));
    t.sends(data(&bytes_from(51, 50)).seq(51));
    t.expects(ack().ack(201));
    assert_eq!(t.reads(), bytes(200));
}

/// Whoever sends the same numbers with other bytes later changes nothing that has come.
#[test]
fn where_bytes_come_twice_the_first_ones_stay() {
    let (first, second) = (b"AAAAAAAAAA", b"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBB");
    // What came early is at 11 to 20; what comes later overlaps it in every way.
    let cases: [(u32, usize, &[u8]); 6] = [
        (11, 10, b""),
        (1, 10, b"BBBBBBBBBBAAAAAAAAAA"),
        (1, 15, b"BBBBBBBBBBAAAAAAAAAA"),
        (1, 20, b"BBBBBBBBBBAAAAAAAAAA"),
        (1, 30, b"BBBBBBBBBBAAAAAAAAAA"),
        (6, 10, b""),
    ];
    for (seq, len, read) in cases {
        let mut t = Setup::new().established();
        t.sends(data(first).seq(11));
        t.expects(ack().ack(1));
        t.sends(data(&second[..len]).seq(seq));
        let next = if read.is_empty() { 1 } else { 21 };
        t.expects(ack().ack(next));
        assert_eq!(t.reads(), read, "{len} bytes at {seq}");
        // The rest comes again, and completes the stream.
        let mut all = read.to_vec();
        while all.len() < 30 {
            t.sends(data(&second[all.len()..]).seq(1 + all.len() as u32));
            all.extend(t.reads());
        }
        t.rest();
        assert_eq!((&all[10..20], all.len()), (&first[..], 30), "{len} bytes at {seq}");
        t.waits(40);
        t.rest();
    }
}

#[test]
fn a_fin_that_comes_with_bytes_known_already_still_counts() {
    let mut t = Setup::new().established();
    t.sends(data(b"AAAAAAAAAA").seq(11));
    t.expects(ack().ack(1));
    t.sends(data(b"BBBBBBBBBBBBBBBBBBBB").seq(1).fin());
    t.expects(ack().ack(22));
    assert_eq!(t.reads(), b"BBBBBBBBBBAAAAAAAAAA");
    assert_eq!(t.state(), "CLOSE-WAIT");
}

#[test]
fn a_fin_ahead_of_its_data_takes_effect_when_the_data_has_come() {
    let mut t = Setup::new().established();
    t.sends(fin().seq(101));
    // RFC 5681 section 4.2: what comes early is acknowledged at once, data or not.
    t.expects(ack().ack(1));
    assert_eq!((t.state(), t.told()), ("ESTABLISHED", Ready::default()));
    t.sends(data(&bytes_from(51, 50)).seq(51).fin());
    t.expects(ack().ack(1));
    assert_eq!(t.state(), "ESTABLISHED");
    t.sends(data(&bytes(50)).seq(1));
    t.expects(ack().ack(102));
    assert_eq!(t.state(), "CLOSE-WAIT");
    assert_eq!(t.told(), all_of(&[Ready::READABLE, Ready::FINISHED]));
    assert_eq!(t.reads(), bytes(100));
}

/// Only a broken or hostile peer does so; what lies behind the end of a stream is nobody's.
#[test]
fn data_behind_a_fin_is_thrown_away() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes_from(101, 100)).seq(101));
    t.expects(ack().ack(1));
    t.sends(fin().seq(1));
    t.expects(ack().ack(2));
    assert_eq!((t.state(), t.statistics().out_of_order), ("CLOSE-WAIT", 0));
    assert_eq!(t.engine.frames().in_use(), 0);
    t.sends(data(&bytes_from(2, 100)).seq(2));
    t.is_quiet_for(1000);
    assert_eq!(t.reads(), b"");
}

#[test]
fn data_is_received_while_our_side_is_finished() {
    for closes_first in [false, true] {
        let mut t = Setup::new().established();
        t.finishes();
        t.expects(fin());
        if closes_first {
            t.sends(ack());
        }
        t.sends(data(b"late").ack(if closes_first { 2 } else { 1 }));
        assert_eq!(t.reads(), b"late");
        t.waits(40);
        t.expects(ack().ack(5));
    }
}

/// RFC 9293 MUST-60, MUST-61
#[test]
fn data_leaves_at_once_and_the_last_of_it_is_pushed() {
    let mut t = Setup::new().established();
    t.writes(b"a");
    t.expects(data(b"a"));
    t.sends(ack());
    // Several payloads share a segment; only the one that empties the queue is pushed.
    for n in 0..4 {
        t.queues(&bytes_from(2 + 1000 * n, 1000)).unwrap();
    }
    t.collect();
    t.expects(more(&bytes_from(2, 1460)));
    t.expects(more(&bytes_from(1462, 1460)));
    t.expects(data(&bytes_from(2922, 1080)));
    t.is_quiet_for(100);
}

/// RFC 9293 MUST-61
#[test]
fn what_is_sent_again_is_pushed_if_it_is_the_last() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.waits_for_output(1000);
    t.expects(data(b"abc").seq(1));
}

/// RFC 9293 MUST-17
#[test]
fn small_segments_leave_at_once_unless_nagle_is_wanted() {
    let mut t = Setup::new().established();
    for byte in [b"a", b"b", b"c"] {
        t.writes(byte);
        t.expects(data(byte));
    }
}

/// RFC 9293 MUST-17
#[test]
fn with_nagle_one_small_segment_is_under_way_at_a_time() {
    let mut t = Setup::new().options(|options| options.nodelay = false).established();
    t.writes(b"a");
    t.expects(data(b"a"));
    t.writes(b"b");
    t.writes(b"c");
    t.expects_nothing();
    t.sends(ack());
    t.expects(data(b"bc"));
    // A full segment does not wait, a FIN neither.
    t.writes(&bytes_from(4, 1460));
    t.expects(data(&bytes_from(4, 1460)));
    t.writes(b"z");
    t.expects_nothing();
    t.finishes();
    t.expects(data(b"z").fin());
}

#[test]
fn urgency_apart_data_after_the_peers_fin_is_ignored() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc").fin());
    t.expects(ack().ack(5));
    t.sends(data(b"def").seq(5));
    t.is_quiet_for(1000);
    assert_eq!(t.reads(), b"abc");
}

#[test]
fn a_send_queue_is_filled_to_its_limit_and_tells_when_there_is_room() {
    let mut t = Setup::new().options(|options| options.send_bytes_max = 4000).established();
    assert_eq!(t.engine.writable(t.id()), 4000);
    assert_eq!(t.queues(&bytes(4001)), Err(crore_tcp::SendError::TooLarge));
    t.writes(&bytes(3000));
    t.rest();
    assert_eq!(t.engine.writable(t.id()), 1000);
    assert_eq!(t.queues(&bytes(1001)), Err(crore_tcp::SendError::Full));
    t.sends(ack().ack(1001));
    assert_eq!(t.told(), Ready::WRITABLE, "half of the queue is free");
    t.sends(ack().ack(3001));
    assert_eq!(t.told(), Ready::default(), "it was told once");
}

#[test]
fn everything_that_comes_in_one_burst_is_received() {
    let mut t = Setup::new().established();
    let burst: Vec<Segment> = (0..100).map(|n| data(&bytes_from(1 + n * 10, 10))).collect();
    t.sends_all(burst);
    assert_eq!(t.reads(), bytes(1000));
    assert_eq!(t.counted(Counter::FramesDelivered), 2 + 100);
    t.rest();
}
