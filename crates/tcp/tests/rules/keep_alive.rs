//! Keep-alive. (RFC 9293 section 3.8.4.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, Connect, KeepAlive, Options};

use crate::table::setup::Setup;
use crate::table::*;

const HOUR_MS: u64 = 3_600_000;

/// RFC 9293 MUST-25
#[test]
fn nobody_is_probed_unless_it_was_asked_for() {
    assert_eq!(Options::default().keep_alive, None);
    let mut t = Setup::new().established();
    t.is_quiet_for(30 * 24 * HOUR_MS);
    assert_eq!(t.state(), "ESTABLISHED");
}

/// RFC 9293 MUST-28
#[test]
fn without_a_wish_the_interval_is_two_hours() {
    assert!(KeepAlive::default().idle.as_secs() >= 7200);
    let mut t = Setup::new().options(|options| options.keep_alive = Some(KeepAlive::default())).established();
    t.is_quiet_for(2 * HOUR_MS - 1000);
    assert!(t.waits_for_output(HOUR_MS) > 0);
    t.expects(ack().seq(0));
}

/// RFC 9293 MUST-24, MUST-27
#[test]
fn an_idle_connection_is_probed_with_the_interval_that_was_set() {
    for (idle, most) in [(10, 12), (60, 67), (3600, 3961)] {
        let mut t = Setup::new().keep_alive(idle, 1, 5).established();
        let waited = t.waits_for_output(8 * HOUR_MS);
        assert!((idle * 1000..=most * 1000).contains(&waited), "{waited} ms for {idle} s");
        // One number before the next: the peer has that already, and answers.
        t.expects(ack().seq(0).ack(1));
        assert_eq!(t.counted(Counter::KeepAliveProbes), 1);
        t.sends(ack());
        let waited = t.waits_for_output(8 * HOUR_MS);
        assert!((idle * 1000..=most * 1000).contains(&waited), "an answer starts the time over: {waited} ms");
        t.expects(ack().seq(0).ack(1));
    }
}

/// RFC 9293 MUST-24
#[test]
fn one_connection_is_probed_and_another_is_not() {
    let mut t = Setup::new().established();
    // This one wants none. The sweep that finds the silent has gone round already.
    t.is_quiet_for(10_000);
    let keep_alive = KeepAlive { idle: seconds(60), interval: seconds(5), probes: 3 };
    let options = t.changed(|options| options.keep_alive = Some(keep_alive));
    let connect = Connect { source_port: Some(81), options, ..t.connect_options() };
    let quiet = t.id();
    t.conn = Some(t.engine.connect(t.now, connect).unwrap());
    t.collect();
    let mut other = t.peer.clone();
    other.engine_port = 81;
    let question = t.strays.pop_back().unwrap();
    (other.next, other.engine_next, other.origins.engine) = (0, 1, question.header.seq);
    assert!(t.injects(&[other.frame(&syn_ack().ack(1).mss(1460))]));
    t.strays.clear();
    t.waits(70_000);
    let probes = t.strays.len();
    assert!((1..=3).contains(&probes), "a probe after a minute or so, and others five seconds later: {probes}");
    t.strays.clear();
    t.expects_nothing();
    t.waits(30_000);
    assert_eq!(t.state(), "CLOSED");
    assert_eq!(t.engine.statistics(quiet).unwrap().state, "ESTABLISHED");
    t.strays.clear();
}

/// RFC 9293 MUST-26
#[test]
fn whatever_comes_starts_the_interval_over() {
    let mut t = Setup::new().keep_alive(60, 5, 3).established();
    for n in 0..10 {
        t.is_quiet_for(59_000);
        if n % 2 == 0 {
            t.sends(ack());
        } else {
            t.sends(data(b"x"));
            t.reads();
            t.waits(40);
            t.expects(ack());
        }
    }
    assert_eq!(t.counted(Counter::KeepAliveProbes), 0);
}

/// RFC 9293 MUST-26
#[test]
fn nobody_is_probed_while_something_is_under_way() {
    let mut t = Setup::new().keep_alive(10, 1, 2).established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.waits(120_000);
    assert!(t.rest().iter().all(|seen| seen.seq == 1 && !seen.payload.is_empty()));
    assert_eq!(t.counted(Counter::KeepAliveProbes), 0);
    assert_eq!(t.state(), "ESTABLISHED");
}

/// RFC 9293 MUST-29
#[test]
fn a_missing_answer_does_not_end_the_connection() {
    let mut t = Setup::new().keep_alive(60, 5, 3).established();
    for round in 0..5 {
        // Two probes of three are lost, each time.
        let waits: Vec<u64> = (0..3)
            .map(|_| {
                let waited = t.waits_for_output(HOUR_MS);
                t.expects(ack().seq(0));
                waited
            })
            .collect();
        assert!(waits[0] >= 60_000 && waits[1] >= 4900 && waits[2] >= 4900, "{waits:?}");
        t.sends(ack());
        assert_eq!(t.state(), "ESTABLISHED", "round {round}");
    }
}

/// RFC 9293 MUST-29
#[test]
fn a_peer_that_answers_no_probe_is_given_up() {
    let mut t = Setup::new().keep_alive(60, 5, 3).established();
    t.waits(60_000 + 6000 + 3 * 6000);
    assert_eq!(t.rest().len(), 3);
    t.is_closed(CloseReason::KeepAlive);
    t.is_quiet_for(HOUR_MS);
}

/// RFC 9293 MUST-29
#[test]
fn no_configuration_gives_up_after_a_single_probe() {
    let options = Options { keep_alive: Some(KeepAlive { probes: 1, ..KeepAlive::default() }), ..Options::default() };
    assert!(options.validate().unwrap_err().to_string().contains("keep_alive.probes"));
}

#[test]
fn the_peers_probes_are_answered() {
    let mut t = Setup::new().established();
    for _ in 0..5 {
        t.waits(HOUR_MS);
        t.sends(ack().seq(0));
        t.expects(ack().seq(1).ack(1));
        // Some systems put a byte into a probe.
        t.sends(more(b"x").seq(0));
        t.expects(ack().seq(1).ack(1));
    }
    assert_eq!(t.statistics().unread, 0);
}

#[test]
fn a_probe_has_timestamps_if_they_are_in_use() {
    let mut t = Setup::new().timestamps().keep_alive(60, 5, 3).established();
    t.waits_for_output(HOUR_MS);
    let seen = t.expects(ack().seq(0).ack(1));
    assert_eq!(seen.echo(), 1_000_000);
    t.sends(ack());
    t.is_quiet_for(59_000);
}

fn seconds(seconds: u64) -> crore_base::time::Duration {
    crore_base::time::Duration::from_secs(seconds)
}

#[test]
fn more_idle_connections_than_may_be_probed_wait_longer() {
    let setup = Setup::new().config(|config| config.keep_alive_probes_per_second = 1).keep_alive(10, 1, 5);
    let mut t = setup.backlog(64).established();
    for port in 0..40 {
        let mut peer = t.other_peer(30_000 + port);
        t.another_opens(&mut peer);
    }
    t.rest();
    let waited = t.waits_for_output(8 * HOUR_MS);
    t.rest();
    assert!((41_000..=46_000).contains(&waited), "{waited} ms for 41 connections at one a second");
}
