//! Every bound is a state and not a crash: what is full refuses, counts, and goes on when there is room again.

use crore_tcp::counter::Counter;
use crore_tcp::{ConnectError, Ready, SendError};
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

#[test]
fn every_frame_is_counted_once_as_delivered_or_under_the_reason_it_was_dropped_for() {
    let mut t = Setup::new().timestamps().established();
    let segments = [
        (data(b"x"), Counter::FramesDelivered),
        (data(b"x").seq(70_000), Counter::DroppedWindow),
        (rst().seq(5), Counter::DroppedReset),
        (Segment::new(Flags::SYN).seq(2), Counter::DroppedSyn),
        (Segment::new(Flags::NONE).seq(2), Counter::DroppedNoAck),
        (ack().seq(2).ack(1 << 30), Counter::DroppedAck),
        (ack().seq(2).clock(5), Counter::DroppedPaws),
        (ack().seq(2).no_timestamps(), Counter::DroppedNoTimestamp),
        (ack().seq(2).raw_options(&[2, 1, 0, 0]), Counter::DroppedTcpHeader),
    ];
    for (segment, counter) in segments {
        let (frames, counted) = (t.counted(Counter::FramesIn), t.counted(counter));
        t.sends(segment);
        assert_eq!((t.counted(Counter::FramesIn), t.counted(counter)), (frames + 1, counted + 1), "{counter:?}");
    }
    let all: u64 = t.engine.counters().dropped() + t.counted(Counter::FramesDelivered);
    assert_eq!(t.counted(Counter::FramesIn), all);
    t.waits(600);
    t.rest();
    t.reads();
    t.rest();
}

#[test]
fn every_frame_that_leaves_is_counted() {
    let mut t = Setup::new().idle();
    let before = t.counted(Counter::FramesOut);
    t.listen();
    t.opens_passively(syn().mss(1460));
    t.writes(&bytes(5000));
    let said = 1 + t.rest().len() as u64;
    assert_eq!(t.counted(Counter::FramesOut), before + said);
}

#[test]
fn a_full_table_of_connections_refuses_to_open_more() {
    let mut t = Setup::new().config(|config| config.connections_max = 1).connecting();
    let connect = crore_tcp::Connect { source_port: None, ..t.connect_options() };
    assert_eq!(t.engine.connect(t.now, connect), Err(ConnectError::Full));
    t.closes();
    t.connect();
    t.next();
}

#[test]
fn without_a_part_to_send_with_nothing_is_queued_until_one_is_free() {
    let mut t = Setup::new().config(|config| config.sending_max = 1).established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    let first = t.id();
    let mut other = t.other_peer(6000);
    t.another_opens(&mut other);
    t.accepts();
    assert_eq!(t.queues(b"x"), Err(SendError::Busy));
    assert_eq!(
        t.engine.connect(t.now, crore_tcp::Connect { source_port: None, ..t.connect_options() }),
        Err(ConnectError::Full)
    );
    t.sends(ack());
    assert_eq!(t.told(), Ready::WRITABLE);
    t.queues(b"x").unwrap();
    t.collect();
    assert!(t.strays.pop_back().unwrap().payload == b"x");
    t.conn = Some(first);
}

#[test]
fn a_fin_waits_for_a_part_to_be_sent_with() {
    let mut t = Setup::new().config(|config| config.sending_max = 1).established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    let mut other = t.other_peer(6000);
    t.another_opens(&mut other);
    let listener = t.listener.unwrap();
    let second = t.engine.accept(listener).unwrap();
    assert!(t.engine.close(second));
    t.collect();
    assert!(t.strays.is_empty());
    t.sends(ack());
    assert!(t.strays.pop_back().unwrap().is(Flags::FIN | Flags::ACK));
}

#[test]
fn without_a_part_to_receive_with_data_is_dropped_and_comes_again() {
    let mut t = Setup::new().config(|config| config.receiving_max = 1).established();
    let mut other = t.other_peer(6000);
    t.another_opens(&mut other);
    assert!(t.injects(&[other.frame(&data(b"unread"))]));
    t.sends(data(b"abc"));
    assert_eq!((t.counted(Counter::DroppedFull), t.statistics().unread), (1, 0));
    let first = t.id();
    t.accepts();
    assert_eq!(t.reads(), b"unread");
    t.conn = Some(first);
    t.sends(data(b"abc").seq(1));
    assert_eq!(t.reads(), b"abc");
    t.waits(40);
    t.expects(ack());
    t.strays.clear();
}

#[test]
fn with_few_frames_left_bytes_are_copied_and_the_host_stays_reachable() {
    let mut t = Setup::new().frames(64, 8).established();
    for n in 0..200 {
        t.sends(data(&bytes_from(1 + n * 100, 100)));
        t.waits(40);
        t.expects(ack());
    }
    assert!(t.counted(Counter::Copied) > 100);
    assert!(t.engine.frames().available() >= 15, "{} frames are left", t.engine.frames().available());
    assert_eq!(t.reads(), bytes(20_000));
    assert_eq!((t.engine.frames().in_use(), t.engine.usage().copied_bytes), (0, 0));
}

#[test]
fn without_frames_for_data_acknowledgments_still_leave() {
    let mut t = Setup::new().frames(64, 8).established();
    let taken: Vec<_> = std::iter::from_fn(|| t.engine.frames_mut().alloc()).collect();
    t.queues(&bytes(5000)).unwrap();
    t.collect();
    t.expects_nothing();
    assert!(t.counted(Counter::FramesExhausted) > 0);
    // A frame of the reserve brings something in, as a device's ring does.
    let mut frame = t.engine.frames_mut().alloc_reserved().unwrap();
    let segment = t.write(&data(b"abc"));
    t.engine.frames_mut().buffer_mut(&mut frame)[..segment.len()].copy_from_slice(&segment);
    frame.set_len(segment.len());
    let mut burst = vec![frame];
    t.engine.on_input(t.now, &mut burst);
    t.waits(40);
    t.expects(ack().ack(4).seq(1));
    taken.into_iter().for_each(|frame| t.engine.frames_mut().free(frame));
    t.collect();
    t.expects(more(&bytes(1460)));
    t.rest();
    t.reads();
}

#[test]
fn one_busy_connection_does_not_keep_others_waiting() {
    let setup = Setup::new().options(|options| options.send_bytes_max = 4 << 20);
    let mut t = setup.peer_scale(14).frames(2048, 32).established();
    t.sends(ack().window(60_000));
    let mut other = t.other_peer(6000);
    t.another_opens(&mut other);
    let listener = t.listener.unwrap();
    let second = t.engine.accept(listener).unwrap();
    // A window of a few hundred segments.
    t.writes(&bytes(1_000_000));
    while t.statistics().congestion_window < 400_000 {
        let end = t.rest().last().map_or(t.peer.engine_next, |seen| seen.end());
        for n in (1..end).step_by(2920) {
            t.sends(ack().ack(n.max(1)).window(60_000));
        }
        t.sends(ack().ack(end).window(60_000));
        if t.statistics().queued == 0 {
            t.writes(&bytes(1_000_000));
        }
    }
    t.rest();
    let end = t.peer.engine_next;
    t.queues(&bytes(1_000_000)).unwrap();
    t.engine.send(second, crore_base::payload::Payload::from(&b"x"[..])).unwrap();
    let mut burst = Vec::new();
    let frame = t.peer.frame(&ack().ack(end).window(60_000));
    let mut copy = t.engine.frames_mut().alloc().unwrap();
    t.engine.frames_mut().buffer_mut(&mut copy)[..frame.len()].copy_from_slice(&frame);
    copy.set_len(frame.len());
    burst.push(copy);
    t.engine.on_input(t.now, &mut burst);
    let mut out = Vec::new();
    t.engine.poll_output(t.now, &mut out, 200);
    let ports: Vec<u16> = out
        .drain(..)
        .map(|frame| {
            let port = u16::from_be_bytes(t.engine.frames().bytes(&frame)[36..38].try_into().unwrap());
            t.engine.frames_mut().free(frame);
            port
        })
        .collect();
    let place = ports.iter().position(|&port| port == 6000).expect("the other one has its turn");
    assert!(place <= 64 && ports.len() > 64, "after {place} of {} frames", ports.len());
    t.collect();
    t.rest();
    t.strays.clear();
}

#[test]
fn ports_that_are_taken_are_not_given_out_again() {
    let mut t = Setup::new().idle();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let connect = crore_tcp::Connect { source_port: None, ..t.connect_options() };
        let conn = t.engine.connect(t.now, connect).unwrap();
        t.collect();
        let port = t.engine.statistics(conn).unwrap().local.port();
        assert!(port >= 1024 && seen.insert(port), "{port}");
    }
    t.connect();
    assert_eq!(t.engine.connect(t.now, t.connect_options()), Err(ConnectError::NoPort), "this one is in use");
    t.rest();
    t.strays.clear();
}

#[test]
fn settings_that_cannot_be_are_refused_with_their_range() {
    let mut config = Setup::new().config;
    config.link.addresses.push("10.0.0.1/24".parse().unwrap());
    config.validate().unwrap();
    type Change = fn(&mut crore_tcp::Config);
    let wrong: [(&str, Change); 6] = [
        ("connections_max", |config| config.connections_max = 0),
        ("connections_max", |config| config.connections_max = 1 << 30),
        ("half_open_max", |config| config.half_open_max = 0),
        ("time_wait_max", |config| config.time_wait_max = 0),
        ("rto_min", |config| config.rto_min = crore_base::time::Duration::ZERO),
        ("time_wait", |config| config.time_wait = crore_base::time::Duration::ZERO),
    ];
    for (name, change) in wrong {
        let mut changed = config.clone();
        change(&mut changed);
        let error = changed.validate().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("must be"), "{error}");
    }
}
