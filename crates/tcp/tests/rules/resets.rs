//! RST, and what is in the window without being expected. (RFC 9293 sections 3.5.2, 3.5.3, 3.10.7; RFC 5961.)

use crore_tcp::CloseReason;
use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 5961 RST-EXACT, RFC 9293 MUST-12
#[test]
fn a_reset_at_exactly_the_next_number_ends_the_connection() {
    let mut t = Setup::new().established();
    t.sends(data(b"unread"));
    t.sends(rst().seq(7));
    t.is_closed(CloseReason::Reset);
    assert!(t.engine.recv(t.id()).is_none(), "nothing is delivered after a reset");
    assert!(t.queues(b"x").is_err());
    t.is_quiet_for(10_000);
    assert_eq!(t.counted(Counter::ClosedReset), 1);
}

/// RFC 5961 RST-CHALLENGE
#[test]
fn a_reset_elsewhere_in_the_window_is_challenged() {
    for seq in [2, 100, 65_535] {
        let mut t = Setup::new().established();
        t.sends(rst().seq(seq));
        t.expects(ack().seq(1).ack(1));
        assert_eq!((t.state(), t.counted(Counter::DroppedReset)), ("ESTABLISHED", 1));
        // The true peer, if it has lost the connection, answers with the number we told.
        t.sends(rst().seq(1));
        t.is_closed(CloseReason::Reset);
    }
}

/// RFC 5961 RST-CHALLENGE
#[test]
fn a_reset_outside_the_window_is_answered_with_nothing() {
    for seq in [0, 65_536, 1 << 20, 1 << 31, u32::MAX] {
        let mut t = Setup::new().established();
        t.sends(rst().seq(seq));
        t.expects_nothing();
        assert_eq!((t.state(), t.counted(Counter::DroppedWindow)), ("ESTABLISHED", 1));
    }
}

/// RFC 5961 SYN-CHALLENGE
#[test]
fn a_syn_on_a_connection_is_challenged_wherever_it_is() {
    for seq in [0, 1, 2, 65_535, 65_536, 1 << 31] {
        for flags in [Flags::SYN, Flags::SYN | Flags::ACK, Flags::SYN | Flags::FIN] {
            let mut t = Setup::new().established();
            t.sends(Segment::new(flags).seq(seq));
            t.peer.next = 1;
            t.expects(ack().seq(1).ack(1));
            assert_eq!(t.state(), "ESTABLISHED");
        }
    }
}

/// RFC 5961 SYN-CHALLENGE
#[test]
fn a_peer_that_started_anew_resets_the_old_connection_with_the_challenge() {
    for timestamps in [false, true] {
        let setup = Setup::new();
        let mut t = if timestamps { setup.timestamps() } else { setup }.established();
        // It has forgotten its timestamps too.
        t.sends(syn().seq(1 << 30).mss(1460).no_timestamps());
        t.expects(ack().seq(1).ack(1));
        t.sends(rst().seq(1));
        t.is_closed(CloseReason::Reset);
        t.closes();
        t.peer.timestamps = false;
        t.opens_passively(syn().mss(1460));
    }
}

/// RFC 5961 RST-EXACT, RST-CHALLENGE, SYN-CHALLENGE, ACK-RANGE
#[test]
fn blind_segments_meet_three_answers_each() {
    enum Answer {
        Nothing,
        Challenge,
        Takes,
    }
    use Answer::*;
    // Below the window, exactly next, elsewhere in it; 3 kinds of segments.
    let grid: [(u32, Segment, Answer); 9] = [
        (u32::MAX - 999, rst(), Nothing),
        (1, rst(), Takes),
        (500, rst(), Challenge),
        (u32::MAX - 999, Segment::new(Flags::SYN), Challenge),
        (1, Segment::new(Flags::SYN), Challenge),
        (500, Segment::new(Flags::SYN), Challenge),
        (u32::MAX - 999, data(b"evil").ack(1 << 30), Challenge),
        (1, data(b"evil").ack(1 << 30), Challenge),
        (500, data(b"evil").ack(1 << 30), Challenge),
    ];
    for (seq, segment, answer) in grid {
        let mut t = Setup::new().established();
        let what = format!("{:?} at {seq}", segment.flags);
        t.sends(segment.seq(seq));
        t.peer.next = 1;
        match answer {
            Nothing => t.expects_nothing(),
            Challenge => drop(t.expects(ack().seq(1).ack(1))),
            Takes => assert_eq!(t.state(), "CLOSED", "{what}"),
        }
        if !matches!(answer, Takes) {
            assert_eq!((t.state(), t.statistics().unread), ("ESTABLISHED", 0), "{what}");
        }
    }
}

/// RFC 5961 CHALLENGE-PER-CONNECTION
#[test]
fn challenges_of_one_connection_are_limited_and_say_nothing_about_another() {
    let mut t = Setup::new().established();
    let mut others = [t.other_peer(6000), t.other_peer(6001)];
    others.iter_mut().for_each(|other| t.another_opens(other));
    let storm: Vec<Segment> = (0..200).map(|n| rst().seq(100 + n)).collect();
    t.sends_all(storm.clone());
    t.expects(ack());
    t.sends_all(storm.clone());
    t.is_quiet_for(499);
    assert_eq!(t.counted(Counter::ChallengesLeftOut), 399);
    // Whoever counts challenges elsewhere, as CVE-2016-5696 did, finds that nothing was taken away.
    for other in &others {
        assert!(t.injects(&[other.frame(&rst().seq(100))]));
        assert!(t.strays.pop_back().unwrap().is(Flags::ACK));
    }
    t.waits(1);
    t.sends_all(storm);
    t.expects(ack());
    assert_eq!(t.counted(Counter::ChallengeAcks), 4);
}

/// RFC 5961 CHALLENGE-PER-CONNECTION
#[test]
fn two_sides_that_disagree_do_not_answer_each_other_for_ever() {
    let mut t = Setup::new().established();
    // Every ACK of ours is answered by one that we cannot accept, and so on.
    let mut said = 0;
    for _ in 0..10_000 {
        t.sends(ack().seq(1 << 30).ack(1));
        said += t.rest().len();
        t.peer.next = 1;
        t.waits(1);
    }
    assert!((19..=21).contains(&said), "{said} answers in ten seconds");
}

#[test]
fn a_closed_port_answers_with_the_numbers_that_the_sender_expects() {
    let mut t = Setup::new().idle();
    // With an ACK: its number, and no ACK. Without: zero, and an ACK of all that came.
    t.sends(ack().seq(5).ack(77));
    t.expects(rst().seq(77).no_timestamps());
    t.sends(syn().seq(100));
    let seen = t.expects(rst_ack().seq(0).ack(101));
    assert_eq!(seen.header.seq.0, 0);
    t.sends(Segment::new(Flags::FIN).seq(200).payload(b"abc"));
    t.expects(rst_ack().seq(0).ack(204));
    t.sends(Segment::new(Flags::NONE).seq(300));
    t.expects(rst_ack().seq(0).ack(300));
    t.sends(syn_ack().seq(400).ack(88));
    t.expects(rst().seq(88));
    t.sends(fin().seq(500).ack(99).payload(b"abc"));
    t.expects(rst().seq(99));
    assert_eq!(t.counted(Counter::ResetsSent), 6);
    assert_eq!(t.counted(Counter::DroppedStray), 6);
}

#[test]
fn a_reset_is_never_answered_with_a_reset() {
    let mut t = Setup::new().idle();
    for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::RST | Flags::SYN, Flags::RST | Flags::FIN | Flags::ACK] {
        t.sends(Segment::new(flags).seq(5).ack(77));
    }
    t.expects_nothing();
    t.listen();
    for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::RST | Flags::SYN, Flags::RST | Flags::SYN | Flags::ACK] {
        t.sends(Segment::new(flags).seq(5).ack(77));
    }
    t.is_quiet_for(1000);
}

#[test]
fn an_abort_is_a_reset_that_the_peer_accepts() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc"));
    t.aborts();
    t.expects(rst_ack().seq(1).ack(4));
    assert_eq!(t.state(), "gone");
    t.is_quiet_for(10_000);
    t.sends(data(b"def"));
    t.expects(rst().seq(1));
}

#[test]
fn an_abort_while_opening_says_nothing() {
    let mut t = Setup::new().connecting();
    t.aborts();
    t.is_quiet_for(10_000);
    assert_eq!(t.engine.connection_count(), 0);
}

#[test]
fn a_connection_reset_before_it_was_accepted_is_accepted_as_ended() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(ack());
    t.sends(rst());
    t.accepts();
    assert_eq!(t.state(), "CLOSED");
    assert_eq!(t.statistics().reason, Some(CloseReason::Reset));
    assert!(t.engine.ready(t.id()).contains(crore_tcp::Ready::CLOSED));
    t.closes();
    assert_eq!(t.engine.connection_count(), 0);
}
