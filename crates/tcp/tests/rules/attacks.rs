//! What hostile peers and strangers try, and what it costs them and us.

use crore_tcp::CloseReason;
use crore_tcp::counter::Counter;
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// CVE-2019-11479: a peer that asks for tiny segments makes us send headers.
#[test]
fn a_tiny_segment_size_has_a_floor() {
    for (v6, asked, size) in
        [(false, 0, 88), (false, 1, 88), (false, 48, 88), (false, 89, 89), (true, 1, 216), (true, 217, 217)]
    {
        for opens in [Setup::established, Setup::connected] {
            let setup = Setup::new().peer_mss(asked);
            let mut t = opens(if v6 { setup.v6() } else { setup });
            t.writes(&bytes(5000));
            assert_eq!(t.next().payload.len(), size, "asked for {asked}");
            t.rest();
        }
    }
    let mut t = Setup::new().peer_mss(1).timestamps().established();
    t.writes(&bytes(5000));
    assert_eq!(t.next().payload.len(), 88 - 12);
    t.rest();
}

/// CVE-2018-5390: out-of-order pieces whose number grows without a bound.
#[test]
fn out_of_order_bombs_are_bounded_in_pieces_and_memory() {
    let mut t = Setup::new().frames(4096, 32).established();
    let mut random = crore_base::random::Rng::from_seed(5);
    let mut unacknowledged = 0;
    for _ in 0..20_000 {
        let seq = 3 + 2 * random.below(32_000) as u32;
        t.sends(data(b"x").seq(seq));
        unacknowledged += t.rest().len();
        let usage = t.engine.usage();
        assert!(usage.frames <= 256, "{usage:?}");
    }
    assert!(unacknowledged > 0 && t.statistics().out_of_order <= 256);
    // The stream goes on.
    t.sends(data(b"ab").seq(1));
    assert!(t.reads().starts_with(b"ab"));
    t.waits(40);
    t.rest();
}

/// A receiver that keeps its window closed holds what was queued, and no more than that.
#[test]
fn a_peer_that_keeps_its_window_closed_holds_no_frames() {
    let mut t = Setup::new().peer_window(0).established();
    t.queues(&bytes(1 << 20)).unwrap();
    t.collect();
    for _ in 0..100 {
        t.waits(60_000);
        t.rest();
        t.sends(ack().ack(1).window(0));
        assert_eq!(t.engine.frames().in_use(), 0);
    }
    assert_eq!(t.state(), "ESTABLISHED", "that it ends is for the application to say");
    t.aborts();
    t.expects(rst_ack().seq(1));
}

/// A peer that takes everything and acknowledges nothing.
#[test]
fn a_peer_that_never_acknowledges_is_given_up_and_holds_no_frames() {
    let mut t = Setup::new().established();
    t.queues(&bytes(1 << 20)).unwrap();
    t.collect();
    for _ in 0..40 {
        t.waits(10_000);
        t.rest();
        if t.state() == "ESTABLISHED" {
            t.sends(data(b"").without(Flags::PSH).ack(1));
        }
        assert_eq!(t.engine.frames().in_use(), 0);
    }
    t.is_closed(CloseReason::TimedOut);
    assert_eq!(t.engine.usage().sending, 0);
}

/// RFC 5681 BYTE-COUNTING
#[test]
fn splitting_acknowledgments_gains_nothing() {
    let gain = |pieces: u32| {
        let mut t = Setup::new().peer_scale(7).established();
        t.sends(ack().window(60_000));
        t.writes(&bytes(1_000_000));
        t.rest();
        for n in 1..=pieces {
            t.sends(ack().ack(1 + 14_600 * n / pieces).window(60_000));
        }
        t.rest();
        t.statistics().congestion_window
    };
    let honest = gain(5);
    assert!(gain(14_600) <= honest && gain(100) <= honest);
}

/// RFC 5961 ACK-RANGE
#[test]
fn acknowledging_ahead_gains_nothing() {
    let mut t = Setup::new().peer_scale(7).established();
    t.sends(ack().window(60_000));
    t.writes(&bytes(1_000_000));
    assert_eq!(t.rest().len(), 10);
    let before = t.statistics();
    for ahead in [14_602, 20_000, 1_000_001, 1 << 30] {
        t.sends(ack().ack(ahead).window(60_000));
    }
    let after = t.statistics();
    assert_eq!((after.congestion_window, after.in_flight), (before.congestion_window, before.in_flight));
    assert_eq!(t.counted(Counter::DroppedAck), 4);
    assert!(t.rest().iter().all(|seen| seen.payload.is_empty()));
}

#[test]
fn games_with_the_window_send_no_storm_and_stop_nothing() {
    let mut t = Setup::new().established();
    t.writes(&bytes(1 << 20));
    let mut sent = t.rest().len();
    let mut random = crore_base::random::Rng::from_seed(11);
    for _ in 0..10_000 {
        let window = [0, 1, 2, 1459, 1460, 4000, 65_535][random.below(7) as usize];
        t.sends(ack().ack(1).window(window));
        sent += t.rest().len();
    }
    // Nothing was acknowledged, so nothing beyond the first windows may leave, whatever they say.
    assert!(sent < 60, "{sent} segments");
    let mut acknowledged = 1;
    while acknowledged < 1 + (1 << 20) {
        acknowledged = t.peer.engine_next;
        t.sends(ack().ack(acknowledged));
        t.waits(1);
        t.rest();
    }
    assert_eq!(t.statistics().queued, 0);
}

/// RFC 9293 MUST-63
#[test]
fn a_packet_that_claims_to_come_from_us_is_dropped() {
    let mut t = Setup::new().listening();
    let mut land = t.other_peer(80);
    land.address = t.peer.engine;
    for segment in [syn().mss(1460), syn_ack().ack(1), ack().seq(1).ack(1), rst().seq(1)] {
        assert!(t.injects(&[land.frame(&segment)]));
    }
    t.is_quiet_for(10_000);
    assert!(t.strays.is_empty());
    assert_eq!((t.counted(Counter::DroppedAddress), t.engine.usage().half_open), (4, 0));
}

#[test]
fn resets_to_strangers_are_limited() {
    let mut t = Setup::new().frames(4096, 32).idle();
    let peer = t.other_peer(6000);
    let frames: Vec<Vec<u8>> = (0..2000).map(|n| peer.frame(&ack().seq(n).ack(n))).collect();
    assert!(t.injects(&frames));
    assert_eq!(t.strays.len(), 64);
    t.strays.clear();
    t.waits(1);
    assert!(t.injects(&frames));
    assert_eq!(t.strays.len(), 64);
    assert_eq!(t.counted(Counter::RepliesLeftOut), 2 * (2000 - 64));
    t.strays.clear();
}

/// A blind attacker who knows both ends and sweeps all numbers by the window.
#[test]
fn a_sweep_of_blind_resets_and_syns_kills_nothing() {
    let mut t = Setup::new().timestamps().established();
    t.writes(b"abc");
    t.rest();
    let mut random = crore_base::random::Rng::from_seed(17);
    for n in 0..=65_537u32 {
        let seq = n.wrapping_mul(65_535).wrapping_add(random.below(1000) as u32 + 2);
        let frames = [rst().seq(seq), Segment::new(Flags::SYN).seq(seq), syn_ack().seq(seq).ack(1)]
            .map(|segment| t.peer.frame(&segment));
        assert!(t.injects(&frames));
    }
    assert_eq!((t.state(), t.rest().len()), ("ESTABLISHED", 1), "all at one time, so one challenge");
    t.sends(data(b"hello"));
    assert_eq!(t.reads(), b"hello", "and the true peer is still believed");
    t.waits(40);
    t.rest();
}

/// RFC 5961 ACK-RANGE, RFC 7323 PAWS
#[test]
fn a_sweep_of_blind_data_injects_nothing_and_is_answered_no_more_than_once_each() {
    let mut t = Setup::new().timestamps().established();
    t.writes(b"abc");
    t.rest();
    let mut random = crore_base::random::Rng::from_seed(19);
    let mut sent = 0;
    for n in 0..=65_537u32 {
        let seq = n.wrapping_mul(65_535).wrapping_add(random.below(1000) as u32 + 2);
        let number = random.next_u64() as u32 | 1 << 30;
        let clock = random.next_u64() as u32;
        for segment in [data(b"evil").no_timestamps(), data(b"evil").clocks(clock, 0)] {
            let frame = t.peer.frame(&segment.seq(seq).ack(number));
            assert!(t.injects(&[frame]));
            sent += 1;
        }
    }
    assert_eq!((t.state(), t.statistics().unread), ("ESTABLISHED", 0));
    assert!(t.rest().len() <= sent / 2, "what has no timestamp is not answered at all");
    t.sends(data(b"hello"));
    assert_eq!(t.reads(), b"hello", "and the true peer is still believed");
    t.waits(600);
    t.rest();
}

/// RFC 4987 CACHE-BOUNDED, COOKIE
#[test]
fn during_a_flood_of_syns_memory_stays_flat_and_honest_peers_get_in() {
    let mut t = Setup::new().config(|config| config.half_open_max = 128).frames(4096, 64).backlog(64).listening();
    let mut random = crore_base::random::Rng::from_seed(23);
    let mut got_in = 0;
    let mut most = 0;
    for round in 0..50u16 {
        let frames: Vec<Vec<u8>> = (0..400)
            .map(|_| {
                let mut forged = t.other_peer(random.range(1024..65_536) as u16);
                forged.address = crore_wire::ip::Ip::v4([198, 18, random.below(256) as u8, random.below(256) as u8]);
                forged.origins.peer = crore_wire::seq::Seq(random.next_u64() as u32);
                forged.frame(&syn().mss(1460))
            })
            .collect();
        assert!(t.injects(&frames));
        t.strays.clear();
        let mut honest = t.other_peer(2000 + round);
        t.another_opens(&mut honest);
        let listener = t.listener.unwrap();
        if let Some(conn) = t.engine.accept(listener) {
            got_in += 1;
            t.engine.abort(conn);
        }
        t.waits(100);
        t.strays.clear();
        let usage = t.engine.usage();
        most = most.max(usage.half_open);
        assert!(usage.frames == 0 && usage.connections == 0, "{usage:?}");
    }
    assert_eq!(got_in, 50);
    assert!(most <= 128);
    t.waits(100_000);
    t.strays.clear();
}

#[test]
fn floods_of_strays_leave_no_trace() {
    let mut t = Setup::new().frames(4096, 64).listening();
    let before = t.engine.usage();
    for flags in [Flags::ACK, Flags::RST, Flags::FIN | Flags::ACK, Flags::SYN | Flags::ACK, Flags::PSH | Flags::ACK] {
        let frames: Vec<Vec<u8>> = (0..1000)
            .map(|n| {
                t.other_peer(2000 + n).frame(&Segment::new(flags).seq(u32::from(n)).ack(u32::from(n)).payload(b"x"))
            })
            .collect();
        assert!(t.injects(&frames));
        t.strays.clear();
    }
    assert_eq!(t.engine.usage(), before);
}

#[test]
fn bytes_that_nobody_takes_are_bounded_however_small_the_pieces() {
    let mut t = Setup::new().receive_bytes_max(4096).frames(64, 8).established();
    for n in 0..6000 {
        t.sends(data(&bytes_from(1 + n, 1)).seq(1 + n));
        if n % 100 == 0 {
            t.waits(40);
        }
        t.rest();
    }
    let usage = t.engine.usage();
    assert_eq!(t.statistics().unread, 4096);
    // What a piece costs besides its byte counts too.
    assert!(usage.copied_bytes >= 4000 * 64, "{usage:?}");
    assert_eq!(t.reads(), bytes(4096));
    assert_eq!(t.engine.usage().copied_bytes, 0);
    t.waits(40);
    t.rest();
}

/// A FIN whose place the peer cannot decide on.
#[test]
fn fins_at_many_places_end_the_stream_once() {
    let mut t = Setup::new().established();
    for seq in [50, 20, 10, 100, 1000, 40_000] {
        t.sends(fin().seq(seq));
        t.sends(data(b"yyyyyyyyyy").seq(seq + 1));
    }
    t.rest();
    let mut next = 1;
    for _ in 0..20 {
        t.sends(data(&bytes_from(next, 30)).seq(next));
        next = t.rest().last().map_or(next, |seen| seen.ack);
        t.waits(40);
        next = t.rest().last().map_or(next, |seen| seen.ack);
    }
    t.reads();
    t.waits(600);
    t.rest();
    let told = t.told();
    let ended = told.contains(crore_tcp::Ready::FINISHED);
    assert_eq!(t.state(), if ended { "CLOSE-WAIT" } else { "ESTABLISHED" });
}
