//! Half-open connections: small records, bounded in number. (RFC 4987 section 3.5; RFC 9293 section 3.10.7.4.)

use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 MUST-22, RFC 6298 BACKOFF
#[test]
fn an_unanswered_syn_ack_is_sent_again_and_at_last_forgotten() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    let first = t.expects(syn_ack());
    for wait in [1000, 2000, 4000, 8000, 16_000] {
        let waited = t.waits_for_output(60_000);
        assert!(waited.abs_diff(wait) <= 1, "{waited} ms, not {wait}");
        let again = t.expects(syn_ack());
        assert_eq!(again.header.seq, first.header.seq);
    }
    t.is_quiet_for(33_000);
    assert_eq!((t.engine.usage().half_open, t.counted(Counter::SynAcksResent)), (0, 5));
    t.sends(ack().ack(1));
    t.expects(rst().seq(1));
}

/// RFC 4987 CACHE-BOUNDED
#[test]
fn there_is_no_connection_before_the_third_segment() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    assert_eq!((t.engine.connection_count(), t.engine.usage().half_open), (0, 1));
    t.sends(ack());
    assert_eq!((t.engine.connection_count(), t.engine.usage().half_open), (1, 0));
    t.accepts();
}

/// RFC 4987 CACHE-BOUNDED
#[test]
fn half_open_connections_are_bounded() {
    let mut t = Setup::new().config(|config| config.half_open_max = 10).listening();
    for port in 1000..3000 {
        let peer = t.other_peer(port);
        assert!(t.injects(&[peer.frame(&syn().mss(1460))]));
        assert!(t.strays.pop_back().unwrap().is(Flags::SYN | Flags::ACK));
    }
    let usage = t.engine.usage();
    assert!(usage.half_open <= 10 && usage.flows <= 10 && usage.connections == 0, "{usage:?}");
    assert!(t.counted(Counter::CookiesSent) >= 1990);
    t.waits(100_000);
    assert_eq!(t.engine.usage().half_open, 0);
    t.strays.clear();
}

#[test]
fn a_syn_that_comes_again_is_answered_again_with_the_same_number() {
    let mut t = Setup::new().timestamps().peer_scale(3).listening();
    let syn = syn().mss(1000).scale(3).clock(44);
    t.sends(syn.clone());
    let first = t.expects(syn_ack().mss(1460).scale(0).echoes(44));
    t.waits(300);
    t.sends(syn);
    let again = t.expects(syn_ack().mss(1460).scale(0).echoes(44));
    assert_eq!(again.header.seq, first.header.seq);
    assert_eq!(t.engine.usage().half_open, 1);
}

/// RFC 5961 RST-EXACT, RFC 9293 MUST-11
#[test]
fn only_the_next_number_resets_a_half_open_connection() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    for seq in [0, 2, 1000, 65_535, 1 << 31] {
        t.sends(rst().seq(seq));
        t.sends(rst_ack().seq(seq).ack(1));
    }
    t.expects_nothing();
    assert_eq!((t.engine.usage().half_open, t.counted(Counter::DroppedReset)), (1, 10));
    t.sends(rst().seq(1));
    assert_eq!(t.engine.usage().half_open, 0);
}

#[test]
fn with_the_backlog_full_handshakes_wait() {
    let mut t = Setup::new().backlog(2).listening();
    let mut peers: Vec<_> = (6000..6004).map(|port| t.other_peer(port)).collect();
    for peer in &mut peers[..2] {
        t.another_opens(peer);
    }
    // A SYN finds nobody at home, and comes again by itself.
    t.sends(syn().mss(1460));
    t.expects_nothing();
    assert_eq!(t.counted(Counter::DroppedBacklog), 1);
    let listener = t.listener.unwrap();
    t.engine.accept(listener).unwrap();
    t.opens_passively(syn().mss(1460));
}

#[test]
fn a_last_acknowledgment_that_finds_the_backlog_full_is_not_lost() {
    let mut t = Setup::new().backlog(1).listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    let mut other = t.other_peer(6000);
    t.another_opens(&mut other);
    t.sends(ack());
    assert_eq!((t.engine.usage().half_open, t.counted(Counter::DroppedBacklog)), (1, 1));
    let listener = t.listener.unwrap();
    t.engine.accept(listener).unwrap();
    // The SYN-ACK comes again, and so does the answer.
    t.waits_for_output(2000);
    t.expects(syn_ack());
    t.sends(ack());
    t.accepts();
    assert_eq!(t.state(), "ESTABLISHED");
}

#[test]
fn with_the_table_of_connections_full_handshakes_wait() {
    let mut t = Setup::new().config(|config| config.connections_max = 2).listening();
    for port in [6000, 6001] {
        let mut peer = t.other_peer(port);
        t.another_opens(&mut peer);
    }
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(ack());
    assert_eq!((t.engine.connection_count(), t.counted(Counter::DroppedFull)), (2, 1));
    let listener = t.listener.unwrap();
    let first = t.engine.accept(listener).unwrap();
    t.engine.abort(first);
    t.waits_for_output(2000);
    t.strays.clear();
    t.expects(syn_ack());
    t.sends(ack());
    assert_eq!(t.engine.connection_count(), 2);
}

/// RFC 4987 CACHE-BOUNDED
#[test]
fn one_listener_does_not_take_all_records() {
    let mut t = Setup::new().config(|config| config.half_open_max = 64).listening();
    t.listen_on_port(81);
    for port in 1000..2000 {
        let mut peer = t.other_peer(port);
        peer.engine_port = 81;
        assert!(t.injects(&[peer.frame(&syn().mss(1460))]));
    }
    assert!(t.engine.usage().half_open < 64, "{:?}", t.engine.usage());
    let cookies = t.counted(Counter::CookiesSent);
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    assert_eq!(t.counted(Counter::CookiesSent), cookies, "the other listener has room of its own");
    t.strays.clear();
    t.waits(100_000);
    t.rest();
    t.strays.clear();
}
