//! What holds whatever comes: properties, tried with random segments, orders, losses and applications.
//!
//! The guard of the harness looks at every segment of the engine meanwhile: checksums, segment sizes, options, padding. And
//! each table ends with nothing lost and nothing left.

use crore_tcp::Options;
use crore_wire::tcp::Flags;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::table::setup::Setup;
use crate::table::*;

/// Something that happens to a connection.
#[derive(Clone, Debug)]
enum Step {
    /// A segment whose numbers are near the expected ones, or not.
    Segment {
        flags: u8,
        seq: i32,
        ack: i32,
        window: u16,
        len: u16,
        urgent: u16,
        clock: Option<i32>,
    },
    /// Any bytes where options should be.
    Options(Vec<u8>),
    /// A frame of the peer's with some of its bytes changed.
    Damaged(Vec<(u16, u8)>),
    Wait(u16),
    Write(u16),
    Read(u8),
    Finish,
    Close,
    Abort,
    Accept,
    Connect,
}

fn step() -> impl Strategy<Value = Step> {
    let near = prop_oneof![
        8 => -3..4i32,
        4 => -3000..3000i32,
        1 => any::<i32>(),
        1 => Just(65_535),
    ];
    // Mostly what connections are made of, sometimes anything.
    let flags = prop_oneof![
        8 => Just(Flags::ACK.0),
        4 => Just((Flags::ACK | Flags::PSH).0),
        2 => Just((Flags::ACK | Flags::FIN).0),
        1 => Just(Flags::SYN.0),
        1 => Just((Flags::SYN | Flags::ACK).0),
        1 => Just(Flags::RST.0),
        2 => any::<u8>(),
    ];
    let window = prop_oneof![Just(0), Just(65_535), any::<u16>(), 1..3000u16];
    let len = prop_oneof![4 => Just(0), 2 => 1..20u16, 2 => 1..1461u16];
    let clock = prop_oneof![3 => Just(Some(0)), 1 => Just(None), 1 => (-5..5i32).prop_map(Some), 1 => any::<i32>().prop_map(Some)];
    let segment = (flags, near.clone(), near, window, len, any::<u16>(), clock).prop_map(
        |(flags, seq, ack, window, len, urgent, clock)| Step::Segment { flags, seq, ack, window, len, urgent, clock },
    );
    prop_oneof![
        30 => segment,
        2 => vec(any::<u8>(), 0..11).prop_map(|words| Step::Options(words.into_iter().flat_map(|word| [word, word / 5, word % 11, 1]).collect())),
        2 => vec((any::<u16>(), any::<u8>()), 1..4).prop_map(Step::Damaged),
        4 => prop_oneof![0..50u16, 900..1100u16, any::<u16>()].prop_map(Step::Wait),
        4 => (1..20_000u16).prop_map(Step::Write),
        4 => (1..5u8).prop_map(Step::Read),
        1 => Just(Step::Finish),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
        2 => Just(Step::Accept),
        1 => Just(Step::Connect),
    ]
}

fn act(t: &mut Table, step: &Step) {
    match step {
        Step::Segment { flags, seq, ack: number, window, len, urgent, clock } => {
            let mut segment = Segment::new(Flags(*flags))
                .seq(t.peer.next.wrapping_add_signed(*seq))
                .window(*window)
                .payload(&bytes(usize::from(*len)));
            segment.ack = Some(t.peer.engine_next.wrapping_add_signed(*number));
            segment.urgent = *urgent;
            segment = match clock {
                Some(change) => segment.clock(t.peer.clock.wrapping_add_signed(*change)),
                None => segment.no_timestamps(),
            };
            let end = t.peer.next.wrapping_add(segment.len());
            let frame = t.peer.frame(&segment);
            t.injects(&[frame]);
            // What the engine has taken, the peer goes on from.
            if t.rest().iter().any(|seen| seen.ack == end && seen.flags.contains(Flags::ACK)) {
                t.peer.next = end;
            }
        }
        Step::Options(options) => {
            let frame = t.peer.frame(&data(b"x").raw_options(options));
            t.injects(&[frame]);
        }
        Step::Damaged(changes) => {
            let mut frame = t.peer.frame(&data(&bytes(100)));
            for (at, byte) in changes {
                let at = usize::from(*at) % frame.len();
                frame[at] = *byte;
            }
            t.injects(&[frame]);
        }
        Step::Wait(ms) => t.waits(u64::from(*ms)),
        Step::Accept => t.conn = t.conn.or(t.listener.and_then(|listener| t.engine.accept(listener))),
        Step::Connect => {
            let connect = t.connect_options();
            if let Ok(conn) = t.engine.connect(t.now, connect) {
                t.conn = Some(conn);
            }
        }
        application => act_as_application(t, application),
    }
    t.collect();
    t.rest();
}

fn act_as_application(t: &mut Table, step: &Step) {
    let Some(conn) = t.conn else { return };
    match step {
        Step::Write(len) => drop(t.queues(&bytes(usize::from(*len)))),
        Step::Read(times) => (0..*times).for_each(|_| drop(t.reads_one())),
        Step::Finish => drop(t.engine.shutdown(conn)),
        Step::Close => drop((t.engine.close(conn), t.conn.take())),
        Step::Abort => drop((t.engine.abort(conn), t.conn.take())),
        _ => unreachable!("the others are not the application's"),
    }
}

fn setup(kind: u8) -> Setup {
    let setup = Setup::new().frames(256, 16);
    let setup = if kind & 1 == 0 { setup } else { setup.timestamps() };
    let setup = if kind & 2 == 0 { setup } else { setup.v6() };
    let setup = if kind & 4 == 0 { setup } else { setup.receive_bytes_max(3000) };
    if kind & 8 == 0 { setup } else { setup.peer_scale(3).receive_bytes_max(1 << 18) }
}

proptest! {
    /// Nothing panics, every frame is accounted for, nothing leaks.
    #[test]
    fn whatever_comes_nothing_breaks(kind in 0..16u8, opened in 0..3u8, steps in vec(step(), 1..150)) {
        let mut t = match opened {
            0 => setup(kind).listening(),
            1 => setup(kind).established(),
            _ => setup(kind).connected(),
        };
        t.looks_away_from_windows();
        for step in &steps {
            act(&mut t, step);
            prop_assert_eq!(t.engine.counters().unaccounted(), 0);
        }
        t.waits(1000);
        t.rest();
        t.strays.clear();
    }

    /// What is delivered is what was sent, in order, however it comes.
    #[test]
    fn the_stream_is_delivered_as_it_was_sent(
        kind in 0..16u8,
        pieces in vec((0..4000u32, 1..1400u32, any::<bool>()), 1..60),
        ends in any::<bool>(),
    ) {
        let mut t = setup(kind).established();
        let mut delivered = Vec::new();
        for (from, len, reads) in pieces {
            t.sends(data(&bytes_from(1 + from, len as usize)).seq(1 + from));
            if reads {
                delivered.extend(t.reads());
            }
            t.rest();
        }
        // All of it again, piece by piece, as far as the window goes each time.
        let end = 5400;
        let mut next = 1;
        while next <= end {
            let len = (end + 1 - next).min(700);
            let segment = data(&bytes_from(next, len as usize)).seq(next);
            t.sends(if ends && next + len > end { segment.fin() } else { segment });
            delivered.extend(t.reads());
            t.waits(40);
            next = t.rest().last().map_or(next, |seen| seen.ack);
        }
        delivered.extend(t.reads());
        t.rest();
        prop_assert_eq!(delivered, bytes(end as usize));
        prop_assert_eq!(t.state(), if ends { "CLOSE-WAIT" } else { "ESTABLISHED" });
        prop_assert_eq!(t.engine.frames().in_use(), 0);
    }

    /// What the application writes arrives, byte for byte, however much of it and of its acknowledgments is lost.
    #[test]
    fn what_is_written_arrives_over_a_lossy_path(
        kind in 0..4u8,
        writes in vec(1..9000usize, 1..12),
        loss in 0..40u64,
        seed in any::<u64>(),
        window in prop_oneof![Just(65_535u16), 500..20_000u16],
        nodelay in any::<bool>(),
    ) {
        let patient = |options: &mut Options| {
            options.nodelay = nodelay;
            options.user_timeout = crore_base::time::Duration::from_secs(24 * 3600);
        };
        let mut t = setup(kind).options(patient).peer_window(window).established();
        let mut random = crore_base::random::Rng::from_seed(seed);
        let total: usize = writes.iter().sum();
        let mut received = vec![false; total + 2];
        let mut written = 1;
        for len in writes {
            t.queues(&bytes_from(written, len)).unwrap();
            written += len as u32;
        }
        t.finishes();
        let mut next = 1;
        for _ in 0..5000 {
            let segments = t.rest();
            for seen in &segments {
                prop_assert_eq!(&seen.payload, &bytes_from(seen.seq, seen.payload.len()));
                if random.chance(loss, 100) {
                    continue;
                }
                (seen.seq..seen.end()).for_each(|n| received[n as usize] = true);
                next += received[next as usize..].iter().take_while(|&&came| came).count() as u32;
                if next == written + 1 {
                    break;
                }
                if !random.chance(loss, 100) {
                    t.sends(ack().ack(next));
                }
            }
            if next == written + 1 {
                break;
            }
            t.waits(if segments.is_empty() { 10_000 } else { 5 });
        }
        prop_assert_eq!(next, written + 1, "all of it and our FIN have come");
        t.sends(ack().ack(next));
        t.rest();
        prop_assert_eq!(t.state(), "FIN-WAIT-2");
    }

    /// RFC 9293 MUST-4, MUST-6, MUST-64: known options are found among any others.
    #[test]
    fn options_are_found_in_any_layout(
        mss in 536..1460u16,
        shift in 0..15u8,
        others in vec((6..=255u8, 0..4usize), 0..4),
        order in Just(vec![0, 1, 2, 3, 4, 5, 6]).prop_shuffle(),
        nops in vec(0..2usize, 7),
    ) {
        let mut known: Vec<Vec<u8>> = vec![
            [&[2, 4], &mss.to_be_bytes()[..]].concat(),
            vec![3, 3, shift],
            vec![4, 2],
        ];
        // 8 is the kind of timestamps, whose length is fixed.
        known.extend(others.iter().filter(|(kind, _)| *kind != 8).map(|&(kind, len)| {
            let mut option = vec![kind, len as u8 + 2];
            option.resize(len + 2, 0xff);
            option
        }));
        known.resize(7, Vec::new());
        let mut options = Vec::new();
        for (place, nops) in order.into_iter().zip(nops) {
            options.extend(vec![1; nops]);
            options.extend(&known[place]);
        }
        options.resize(options.len().next_multiple_of(4), 0);
        prop_assume!(options.len() <= 40);
        let mut t = Setup::new().listening();
        t.opens_passively(syn().raw_options(&options));
        let statistics = t.statistics();
        prop_assert_eq!((statistics.segment_size, statistics.window_scales.0), (mss, shift));
        prop_assert!(statistics.sack_permitted);
    }

    /// RFC 9293 SHLD-14: the guard watches the edge; here it is never passed by what is taken either.
    #[test]
    fn no_more_is_taken_than_was_promised(
        limit in 536..70_000u32,
        pieces in vec((1..1461usize, 0..4u8), 1..120),
    ) {
        let mut t = Setup::new().peer_scale(0).receive_bytes_max(limit).established();
        for (len, reads) in pieces {
            t.sends(data(&bytes_from(t.peer.next, len)));
            let statistics = t.statistics();
            prop_assert!(statistics.unread <= limit);
            prop_assert!(statistics.unread + statistics.receive_window <= limit);
            (0..reads).for_each(|_| drop(t.reads_one()));
            t.waits(if reads == 0 { 40 } else { 0 });
            // What did not fit comes again.
            t.peer.next = t.rest().last().map_or(t.peer.next, |seen| seen.ack);
        }
        t.reads();
        t.rest();
    }
}
