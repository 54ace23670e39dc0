//! SYN cookies: handshakes that only the peer remembers. (RFC 4987 section 3.6.)

use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// A listener whose half-open records are all taken.
fn flooded(setup: Setup) -> Table {
    let mut t = setup.config(|config| config.half_open_max = 1).listening();
    let other = t.other_peer(65_000);
    assert!(t.injects(&[other.frame(&syn().mss(1460))]));
    t.strays.clear();
    t
}

/// RFC 4987 COOKIE
#[test]
fn with_the_records_full_an_honest_peer_still_gets_in() {
    for v6 in [false, true] {
        let mut t = flooded(if v6 { Setup::new().v6() } else { Setup::new() });
        let usage = t.engine.usage();
        t.sends(syn().mss(1460));
        t.expects(syn_ack());
        assert_eq!(t.engine.usage(), usage, "nothing is remembered");
        t.sends(ack());
        t.accepts();
        assert_eq!((t.state(), t.counted(Counter::CookiesAccepted)), ("ESTABLISHED", 1));
        t.writes(b"hello");
        t.expects(data(b"hello").seq(1));
        t.sends(data(b"hello"));
        assert_eq!(t.reads(), b"hello");
        t.waits(40);
        t.expects(ack());
        t.strays.clear();
    }
}

/// RFC 4987 COOKIE
#[test]
fn the_last_segment_of_the_handshake_may_be_lost_if_data_follows() {
    let mut t = flooded(Setup::new());
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(data(b"hello").seq(1));
    t.accepts();
    assert_eq!(t.reads(), b"hello");
    t.waits(40);
    t.expects(ack());
}

/// RFC 4987 COOKIE-OPTIONS
#[test]
fn a_cookie_keeps_what_was_negotiated() {
    let mut t = flooded(Setup::new().timestamps().receive_bytes_max(1 << 20).peer_window(100));
    t.peer.timestamps = true;
    t.sends(syn().mss(1460).scale(7).sack_permitted().clock(50));
    t.expects(syn_ack().mss(1460).scale(5).echoes(50));
    t.sends(ack());
    t.accepts();
    let statistics = t.statistics();
    assert_eq!(statistics.window_scales, (7, 5));
    assert_eq!(statistics.send_window, 100 << 7);
    assert_eq!((statistics.sack_permitted, statistics.timestamps, statistics.segment_size), (true, true, 1448));
}

/// RFC 4987 COOKIE-OPTIONS
#[test]
fn a_cookie_keeps_what_was_not_asked_for() {
    let mut t = flooded(Setup::new().timestamps());
    t.peer.timestamps = true;
    t.sends(syn().mss(1460).clock(50));
    t.expects(syn_ack().mss(1460).echoes(50));
    t.sends(ack());
    t.accepts();
    let statistics = t.statistics();
    assert_eq!((statistics.window_scales, statistics.sack_permitted), ((0, 0), false));
}

/// RFC 4987 COOKIE-OPTIONS
#[test]
fn without_timestamps_a_cookie_has_room_for_the_segment_size_alone() {
    let mut t = flooded(Setup::new().receive_bytes_max(1 << 20).peer_window(100));
    t.sends(syn().mss(1460).scale(7).sack_permitted());
    // What could not be remembered is not agreed on.
    t.expects(syn_ack().mss(1460).no_timestamps());
    t.sends(ack());
    t.accepts();
    let statistics = t.statistics();
    assert_eq!((statistics.window_scales, statistics.send_window, statistics.segment_size), ((0, 0), 100, 1460));
}

/// RFC 4987 COOKIE-OPTIONS
#[test]
fn a_segment_size_between_classes_becomes_the_smaller_one() {
    for (asked, gets) in [(50, 88), (88, 88), (535, 88), (536, 536), (1300, 1220), (1460, 1460), (9000, 1460)] {
        let mut t = flooded(Setup::new());
        t.sends(syn().mss(asked));
        t.expects(syn_ack());
        t.sends(ack());
        t.accepts();
        assert_eq!(t.statistics().segment_size, gets, "asked for {asked}");
    }
    let mut t = flooded(Setup::new());
    t.sends(syn());
    t.expects(syn_ack());
    t.sends(ack());
    t.accepts();
    assert_eq!(t.statistics().segment_size, 536, "the default of a peer that names none");
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn a_cookie_is_good_for_a_minute_and_not_for_long() {
    for (seconds, is_good) in [(1, true), (60, true), (200, false), (3600, false)] {
        let mut t = flooded(Setup::new());
        t.sends(syn().mss(1460));
        t.expects(syn_ack());
        t.waits(seconds * 1000);
        t.strays.clear();
        t.sends(ack());
        if is_good {
            t.accepts();
        } else {
            t.expects(rst().seq(1));
        }
        assert_eq!(t.engine.connection_count(), u32::from(is_good), "after {seconds} s");
    }
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn a_cookie_that_was_made_up_is_not_good() {
    let mut t = flooded(Setup::new());
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    let mut random = crore_base::random::Rng::from_seed(3);
    for _ in 0..100_000 {
        let mut guess = t.peer.clone();
        guess.port = random.below(65_536) as u16;
        let number = random.next_u64() as u32;
        assert!(t.injects(&[guess.frame(&ack().seq(1).ack(number))]));
        t.strays.clear();
    }
    assert_eq!(t.engine.connection_count(), 0);
    // A number beside the right one (eight in a row stand for segment sizes), another port, another number of the peer.
    t.waits(1);
    t.sends(ack().ack(9));
    assert!(t.next().is(Flags::RST));
    t.sends(ack().ack(1u32.wrapping_sub(8)));
    assert!(t.next().is(Flags::RST));
    let mut stolen = t.peer.clone();
    stolen.port += 1;
    assert!(t.injects(&[stolen.frame(&ack().seq(1).ack(1))]));
    assert!(t.strays.pop_back().unwrap().is(Flags::RST));
    t.sends(ack().seq(9).ack(1));
    assert!(t.next().is(Flags::RST));
    assert_eq!(t.engine.connection_count(), 0);
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn while_none_was_sent_no_cookie_is_good() {
    // The same engine, flooded, would take it.
    let mut t = flooded(Setup::new());
    t.sends(syn().mss(1460));
    let cookie = t.expects(syn_ack()).header.seq;
    let mut t = Setup::new().listening();
    t.peer.origins.engine = cookie;
    t.sends(ack().seq(1).ack(1));
    t.expects(rst().seq(1));
}

/// RFC 4987 NO-REFLECTION
#[test]
fn a_syn_answered_with_a_cookie_is_answered_once() {
    let mut t = flooded(Setup::new());
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.is_quiet_for(200_000);
    assert!(t.strays.iter().all(|seen| seen.header.destination_port == 65_000), "the remembered one is sent again");
    t.strays.clear();
}

/// RFC 4987 NO-REFLECTION
#[test]
fn a_flood_reflects_no_more_than_comes() {
    let mut t = flooded(Setup::new().timestamps());
    let mut bytes = (0, 0);
    for port in 1000..2000 {
        let peer = t.other_peer(port);
        let frame = peer.frame(&syn().mss(1460).scale(7).clock(1));
        bytes.0 += frame.len();
        assert!(t.injects(&[frame]));
        bytes.1 += t.strays.drain(..).map(|seen| seen.frame.len()).sum::<usize>();
    }
    assert!(bytes.1 <= bytes.0, "{bytes:?}");
    t.waits(200_000);
    assert!(t.strays.len() <= 5, "{} more", t.strays.len());
    t.strays.clear();
}

#[test]
fn records_are_used_again_when_the_flood_is_over() {
    let mut t = flooded(Setup::new());
    t.waits(100_000);
    t.strays.clear();
    t.opens_passively(syn().mss(1460));
    assert_eq!(t.counted(Counter::CookiesSent), 0);
}

/// A backlog that is full is full for cookies too: nobody is let in whom nobody will take.
#[test]
fn a_cookie_does_not_pass_a_full_backlog() {
    let mut t = flooded(Setup::new().backlog(1));
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    let mut other = t.other_peer(6000);
    assert!(t.injects(&[other.frame(&syn().mss(1460))]));
    other.origins.engine = t.strays.pop_back().unwrap().header.seq;
    (other.next, other.engine_next) = (1, 1);
    assert!(t.injects(&[other.frame(&ack())]));
    t.sends(ack());
    t.expects_nothing();
    assert_eq!((t.engine.connection_count(), t.counted(Counter::DroppedBacklog)), (1, 1));
    // Taken meanwhile; the peer's next segment completes the handshake.
    let listener = t.listener.unwrap();
    t.engine.accept(listener).unwrap();
    t.sends(data(b"hello"));
    t.accepts();
    assert_eq!(t.reads(), b"hello");
    t.waits(40);
    t.expects(ack());
    t.strays.clear();
}
