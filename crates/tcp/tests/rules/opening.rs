//! Opening: listen, connect, the handshake. (RFC 9293 sections 3.5, 3.9.1, 3.10.1, 3.10.7.1 to 3.10.7.3.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, ConnectError, Listen, Ready, Source};
use crore_wire::ip::Ip;
use crore_wire::tcp::Flags;

use crate::table::setup::{PORT, Setup};
use crate::table::*;

#[test]
fn a_passive_open_takes_three_segments() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460).scale(7).clock(99).sack_permitted());
    let seen = t.expects(syn_ack().mss(1460).scale(0).window(65_535).echoes(99));
    assert_eq!(seen.ack, 1);
    t.peer.timestamps = true;
    t.sends(ack());
    t.expects_nothing();
    t.accepts();
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.counted(Counter::OpenedPassive), 1);
}

#[test]
fn an_active_open_takes_three_segments() {
    let mut t = Setup::new().idle();
    t.connect();
    let seen = t.next();
    assert!(seen.is(Flags::SYN) && seen.header.ack.0 == 0);
    let options = seen.header.options;
    assert_eq!((options.mss, options.window_scale), (Some(1460), Some(0)));
    assert_eq!(options.timestamps.map(|both| both.echo), Some(0));
    assert_eq!(seen.window(), 65_535);
    assert_eq!(t.told(), Ready::default());
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(ack().seq(1).ack(1));
    assert_eq!(t.told(), Ready::OPENED);
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.counted(Counter::OpenedActive), 1);
}

#[test]
fn data_that_was_queued_before_the_answer_leaves_with_the_acknowledgment() {
    let mut t = Setup::new().connecting();
    t.queues(b"early").unwrap();
    t.is_quiet_for(100);
    t.sends(syn_ack().ack(1).mss(1460));
    t.expects(data(b"early").seq(1).ack(1));
}

#[test]
fn data_with_the_last_segment_of_the_handshake_is_received() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(data(b"hello"));
    t.accepts();
    assert_eq!(t.engine.ready(t.id()), Ready::READABLE);
    assert_eq!(t.reads(), b"hello");
    t.waits(40);
    t.expects(ack().ack(6));
}

#[test]
fn data_and_a_fin_with_the_answer_to_our_syn_are_received() {
    let mut t = Setup::new().connecting();
    t.sends(syn_ack().ack(1).mss(1460).payload(b"hello").fin());
    t.expects(ack().ack(7));
    assert_eq!(t.told(), all_of(&[Ready::OPENED, Ready::READABLE, Ready::FINISHED]));
    assert_eq!(t.reads(), b"hello");
    assert_eq!(t.state(), "CLOSE-WAIT");
}

#[test]
fn data_with_a_syn_is_left_for_the_peer_to_send_again() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460).payload(b"hello"));
    t.expects(syn_ack().ack(1));
    t.sends(data(b"hello").seq(1));
    t.accepts();
    assert_eq!(t.reads(), b"hello");
}

/// RFC 9293 MUST-11
#[test]
fn a_reset_of_a_half_open_passive_connection_leads_back_to_listen() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(rst().seq(1));
    t.is_quiet_for(10_000);
    assert!(t.engine.poll_event().is_none(), "nobody is told");
    t.sends(ack().ack(1));
    assert!(t.next().is(Flags::RST), "the half-open connection is forgotten");
    t.opens_passively(syn().mss(1460));
}

/// RFC 9293 MUST-11, MUST-12
#[test]
fn a_reset_of_our_syn_means_refused() {
    let mut t = Setup::new().connecting();
    t.sends(rst_ack().seq(0).ack(1));
    t.is_closed(CloseReason::Refused);
    assert_eq!(t.counted(Counter::ClosedRefused), 1);
    t.is_quiet_for(10_000);
}

/// RFC 9293 MUST-41
#[test]
fn a_new_listener_disturbs_nothing() {
    let mut t = Setup::new().established();
    let mut waiting = t.other_peer(6000);
    t.another_opens(&mut waiting);
    let mut half = t.other_peer(6001);
    assert!(t.injects(&[half.frame(&syn().mss(1460))]));
    half.origins.engine = t.strays.pop_back().unwrap().header.seq;
    (half.next, half.engine_next) = (1, 1);

    let listen = Listen { local: "10.0.0.0/24".parse().unwrap(), port: PORT, backlog: 1, options: t.setup.options };
    let wider = t.engine.listen(listen).unwrap();
    t.engine.listen(Listen { port: 81, ..listen }).unwrap();

    t.sends(data(b"still here"));
    assert_eq!(t.reads(), b"still here");
    let listener = t.listener.unwrap();
    assert!(t.engine.accept(listener).is_some(), "who waited still waits");
    assert!(t.injects(&[half.frame(&ack())]));
    assert!(t.engine.accept(listener).is_some(), "who was on the way arrives at the old listener");
    assert!(t.engine.accept(wider).is_none());
    t.waits(40);
    t.expects(ack());
}

/// RFC 9293 MUST-42
#[test]
fn a_port_is_listened_on_while_its_connections_open_and_live() {
    let mut t = Setup::new().established();
    for port in 6000..6008 {
        let peer = t.other_peer(port);
        assert!(t.injects(&[peer.frame(&syn().mss(1460))]));
        assert!(t.strays.pop_back().unwrap().is(Flags::SYN | Flags::ACK));
    }
    let mut last = t.other_peer(6100);
    t.another_opens(&mut last);
    t.accepts();
    let listen =
        Listen { local: "10.0.0.1".parse().unwrap(), port: PORT, backlog: 1, options: t.setup.options };
    assert!(t.engine.listen(listen).is_err(), "the same place cannot be listened on twice");
    let listener = t.listener.take().unwrap();
    t.engine.unlisten(listener);
    t.listener = Some(t.engine.listen(listen).unwrap());
    let mut next = t.other_peer(6101);
    t.another_opens(&mut next);
    t.accepts();
}

/// RFC 9293 MUST-43
#[test]
fn the_caller_can_fix_our_address() {
    let setup = || Setup::new().config(|config| config.link.owned.push("10.9.0.0/28".parse().unwrap()));
    let fixed: Ip = "10.9.0.5".parse().unwrap();

    let mut t = setup().idle();
    t.peer.engine = fixed;
    let connect = crore_tcp::Connect { source: Source::Address(fixed), ..t.connect_options() };
    t.conn = Some(t.engine.connect(t.now, connect).unwrap());
    t.collect();
    // ARP is spoken from the address on the link.
    t.waits(1);
    assert_eq!(t.next().packet.source, fixed);
    let foreign = crore_tcp::Connect { source: Source::Address("10.0.0.9".parse().unwrap()), ..t.connect_options() };
    assert_eq!(t.engine.connect(t.now, foreign), Err(ConnectError::InvalidSource("10.0.0.9".parse().unwrap())));

    let mut t = setup().idle();
    t.peer.engine = fixed;
    t.listen();
    t.opens_passively(syn().mss(1460));
    assert_eq!(t.statistics().local.ip(), fixed.to_std());
    let mut elsewhere = t.other_peer(6000);
    elsewhere.engine = "10.9.0.6".parse().unwrap();
    assert!(t.injects(&[elsewhere.frame(&syn())]));
    assert!(t.strays.pop_back().unwrap().is(Flags::RST | Flags::ACK), "nobody listens on the address beside");
}

/// RFC 9293 MUST-44, MUST-45
#[test]
fn an_open_without_an_address_gets_one_and_keeps_it() {
    let mut t = Setup::new().config(|config| config.link.addresses.push("192.0.2.1/24".parse().unwrap())).idle();
    t.peer.address = "192.0.2.7".parse().unwrap();
    t.peer.engine = "192.0.2.1".parse().unwrap();
    t.opens_actively(syn_ack().mss(1460));
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.waits(1000);
    t.sends(data(b"def"));
    t.waits(40);
    t.finishes();
    // The table takes segments from 192.0.2.1 only; what left from elsewhere would be among the strays.
    assert!(t.rest().iter().all(|seen| seen.packet.source == t.peer.engine));
    assert!(t.strays.is_empty());
}

/// RFC 9293 MUST-45
#[test]
fn answers_leave_from_the_address_that_was_opened() {
    let mut t = Setup::new().config(|config| config.link.owned.push("10.9.0.0/28".parse().unwrap())).idle();
    t.peer.engine = "10.9.0.3".parse().unwrap();
    t.listen();
    t.opens_passively(syn().mss(1460));
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.sends(fin());
    t.expects(ack());
    t.closes();
    t.expects(fin());
    assert!(t.strays.is_empty());
}

/// RFC 9293 MUST-46
#[test]
fn nobody_can_be_connected_to_at_an_address_that_no_host_has() {
    let mut t = Setup::new().idle();
    let wrong = ["255.255.255.255", "10.0.0.255", "10.0.0.0", "224.0.0.1", "239.1.2.3", "0.0.0.0", "127.0.0.1", "10.0.0.1", "ff02::1", "::", "::1"];
    for address in wrong {
        let remote: Ip = address.parse().unwrap();
        let connect = crore_tcp::Connect { remote, ..t.connect_options() };
        assert_eq!(t.engine.connect(t.now, connect), Err(ConnectError::InvalidRemote(remote)), "{address}");
    }
    let connect = crore_tcp::Connect { remote_port: 0, ..t.connect_options() };
    assert!(t.engine.connect(t.now, connect).is_err(), "nor at port 0");
    let connect = crore_tcp::Connect { source_port: Some(0), ..t.connect_options() };
    assert!(t.engine.connect(t.now, connect).is_err(), "nor from port 0");
    assert_eq!(t.engine.connection_count(), 0);
}

/// RFC 9293 MUST-8, RFC 6528 MONOTONIC
#[test]
fn a_later_connection_of_the_same_ends_starts_later() {
    let mut t = Setup::new().idle();
    let mut before = None;
    for _ in 0..5 {
        t.connect();
        let first = t.next().header.seq;
        if let Some(before) = before {
            // A tick takes four microseconds.
            assert_eq!(first - before, 250_000);
        }
        before = Some(first);
        t.sends(rst_ack().seq(0).ack(1));
        t.closes();
        t.waits(1000);
    }
}

/// RFC 9293 MUST-9, SHLD-1, RFC 6528 KEYED-HASH
#[test]
fn first_numbers_say_nothing_about_other_connections_and_other_processes() {
    let first_numbers = |seed| -> Vec<u32> {
        let mut t = Setup::new().seed(seed).listening();
        (6000..6012)
            .map(|port| {
                let peer = t.other_peer(port);
                assert!(t.injects(&[peer.frame(&syn())]));
                t.strays.pop_back().unwrap().header.seq.0
            })
            .collect()
    };
    let (one, other) = (first_numbers(1), first_numbers(2));
    let mut all = [one, other].concat();
    all.sort_unstable();
    // 24 numbers drawn at random from 2^32 come within 2^16 of each other once in 200 such tests; seeds are fixed here.
    assert!(all.windows(2).all(|pair| pair[1] - pair[0] > 1 << 12), "{all:?}");
}

#[test]
fn an_answer_that_does_not_acknowledge_our_syn_is_reset_and_the_open_goes_on() {
    for wrong in [0, 2, 1000, u32::MAX] {
        for flags in [Flags::SYN, Flags::NONE] {
            let mut t = Setup::new().connecting();
            t.sends(ack().with(flags).seq(0).ack(wrong));
            t.expects(rst().seq(wrong));
            assert_eq!(t.state(), "SYN-SENT");
            t.answers_syn(syn_ack().mss(1460));
        }
    }
}

#[test]
fn a_reset_that_acknowledges_something_else_is_ignored_while_opening() {
    let mut t = Setup::new().connecting();
    t.sends(rst_ack().seq(0).ack(0));
    t.sends(rst_ack().seq(0).ack(2));
    t.sends(rst().seq(0));
    t.expects_nothing();
    assert_eq!(t.state(), "SYN-SENT");
    t.answers_syn(syn_ack().mss(1460));
}

#[test]
fn an_acknowledgment_without_a_syn_does_not_open() {
    let mut t = Setup::new().connecting();
    t.sends(ack().seq(1).ack(1));
    t.sends(data(b"x").seq(1).ack(1));
    t.sends(fin().seq(1).ack(1));
    t.expects_nothing();
    assert_eq!(t.state(), "SYN-SENT");
}

#[test]
fn a_listener_answers_an_acknowledgment_with_a_reset_and_ignores_what_fits_no_rule() {
    let mut t = Setup::new().listening();
    t.sends(ack().seq(5).ack(77));
    t.expects(rst().seq(77));
    t.sends(syn_ack().seq(5).ack(78));
    t.expects(rst().seq(78));
    t.sends(rst().seq(5));
    t.sends(rst_ack().seq(5).ack(1));
    t.sends(Segment::new(Flags::NONE).seq(5));
    t.sends(Segment::new(Flags::FIN).seq(5));
    t.sends(syn().with(Flags::FIN));
    t.expects_nothing();
    assert_eq!(t.engine.connection_count(), 0);
}

#[test]
fn a_half_open_connection_takes_only_the_acknowledgment_of_its_syn() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    for wrong in [0, 2, 5000, u32::MAX] {
        t.sends(ack().seq(1).ack(wrong));
        t.expects(rst().seq(wrong));
    }
    t.sends(ack());
    t.accepts();
    assert_eq!(t.state(), "ESTABLISHED");
}

#[test]
fn a_half_open_connection_judges_the_sequence_number_before_the_acknowledgment() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    for (seq, number) in [(0, 1), (70_000, 1), (0, 99), (u32::MAX - 9, 1)] {
        t.sends(data(b"x").seq(seq).ack(number));
        t.expects(ack().seq(1).ack(1).window(65_535));
        // What has no data could be an answer to that, and two sides must not answer each other for ever.
        t.sends(ack().seq(seq).ack(number));
        t.expects_nothing();
        assert_eq!(t.engine.connection_count(), 0);
    }
    t.sends(Segment::new(Flags::NONE).seq(1));
    t.sends(Segment::new(Flags::FIN).seq(1));
    t.expects_nothing();
}

#[test]
fn an_old_syn_of_a_half_open_connection_is_left_to_the_peer_to_judge() {
    let mut t = Setup::new().timestamps().listening();
    t.sends(syn().mss(1460).clock(50));
    t.expects(syn_ack().echoes(50));
    // RFC 9293 section 3.5, figure 9: whoever sent the other SYN answers this with a reset if it must.
    t.sends(syn().seq(5000).mss(1460).clock(51));
    t.expects(ack().seq(1).ack(1).echoes(50).window(65_535));
    t.sends(rst().seq(1));
    t.opens_passively(syn().mss(1460).clock(52));
}

#[test]
fn a_stale_name_finds_nothing() {
    let mut t = Setup::new().connecting();
    t.sends(rst_ack().seq(0).ack(1));
    let stale = t.id();
    t.closes();
    assert!(t.engine.statistics(stale).is_none());
    assert!(!t.engine.close(stale) && !t.engine.abort(stale) && !t.engine.shutdown(stale));
    assert!(t.engine.recv(stale).is_none() && t.engine.writable(stale) == 0);
    assert!(t.queues(b"x").is_err());
    t.connect();
    assert_ne!(t.id(), stale, "a slot is named anew each time");
    t.next();
}
