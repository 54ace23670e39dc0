//! Streams: positions, recovery over the whole way, expiry, eviction, idempotency.

use crore_base::time::Duration;
use crore_hub::{Answer, ChannelOptions, Command, Epoch, Limits, Position, Publish, Refusal, Since};

use crate::world::{KEPT, PASSING, World, publication, refusal};

#[test]
fn reading_the_position_of_a_stream_that_does_not_exist_creates_it() {
    let mut world = World::one();
    let (kept, first) = world.history(0, "a", KEPT);
    assert_eq!((kept, first.offset), (vec![], 0));
    let client = world.connect(0, 1);
    let subscribed = world.subscribe(0, client, "a", KEPT);
    assert_eq!(subscribed.position, Some(first));
    assert_eq!(world.publish(0, "a", "1", KEPT), Some(Position { offset: 1, ..first }));
}

#[test]
fn a_channel_without_history_offers_no_position_and_is_forgotten_when_nobody_listens() {
    let mut world = World::one();
    let client = world.connect(0, 1);
    let subscribed = world.subscribe(0, client, "a", PASSING);
    assert_eq!((subscribed.position, subscribed.recoverable()), (None, false));
    assert_eq!(world.publish(0, "a", "1", PASSING), None);
    assert_eq!(world.heard(), [(1, "0 a 0 1".to_string())]);
    world.hubs[0].disconnect(world.now, client);
    assert_eq!(world.hubs[0].stats().home_channels, 0);
    assert_eq!(world.publish(0, "a", "2", PASSING), None);
    assert_eq!(world.hubs[0].stats().home_channels, 0);
}

#[test]
fn recovery_answers_what_was_missed_or_nothing_at_all() {
    let mut world = World::new(2, Limits::default());
    let top = (1..=12).map(|n| world.publish(0, "a", &n.to_string(), KEPT)).last().flatten().expect("a position");
    let foreign = Some(Epoch::FOREIGN);
    // (since, epoch, recovered, offsets)
    let table = [
        (12, Some(top.epoch), true, vec![]),
        (10, Some(top.epoch), true, vec![11, 12]),
        (10, None, true, vec![11, 12]),
        (2, Some(top.epoch), true, (3..=12).collect()),
        (1, Some(top.epoch), false, vec![]),
        (13, Some(top.epoch), false, vec![]),
        (12, foreign, false, vec![]),
    ];
    for core in 0..2 {
        for (offset, epoch, recovered, offsets) in &table {
            let client = world.connect(core, 1);
            let since = Since { offset: *offset, epoch: *epoch };
            let Answer::Subscribed(subscribed) = world.join(core, client, "a", Some(since), KEPT) else {
                panic!("refused");
            };
            let got: Vec<u64> = subscribed.publications.iter().map(|one| one.offset).collect();
            assert_eq!((subscribed.recovered, &got), (*recovered, offsets), "since {since:?}");
            assert!(subscribed.was_recovering);
            assert_eq!(subscribed.position, Some(top));
            world.hubs[core].disconnect(world.now, client);
        }
    }
}

#[test]
fn a_client_that_insists_on_recovery_is_refused_without_it_and_stays_out() {
    let mut world = World::new(2, Limits::default());
    for core in 0..2 {
        let client = world.connect(core, 1);
        let insist = |since| Command::Subscribe {
            client,
            channel: "a",
            since: Some(since),
            reject_unrecovered: true,
            options: KEPT,
        };
        let unknown = insist(Since::new(7, "notthere"));
        assert_eq!(refusal(world.ask(core, unknown)), Refusal::Unrecoverable);
        assert!(!world.hubs[core].is_subscribed(client, "a"));
        assert_eq!(world.hubs[core].subscription_count(client), 0);
        let top = world.history(core, "a", KEPT).1;
        assert!(matches!(world.ask(core, insist(top.into())), Answer::Subscribed(_)));
    }
}

#[test]
fn publications_expire_and_their_memory_comes_back_but_the_position_stays() {
    let mut world = World::one();
    let epoch = world.publish(0, "a", "1", KEPT).expect("a position").epoch;
    world.pass(Duration::from_secs(59));
    world.publish(0, "a", "2", KEPT);
    assert_eq!(world.history(0, "a", KEPT).0, [1, 2]);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.history(0, "a", KEPT).0, [2]);
    world.pass(Duration::from_secs(60));
    let stats = world.hubs[0].stats();
    assert_eq!((stats.history_publications, stats.history_bytes, stats.home_channels), (0, 0, 1));
    assert_eq!(world.history(0, "a", KEPT), (vec![], Position { offset: 2, epoch }));
    let missed = world.connect(0, 1);
    let since = Since { offset: 1, epoch: Some(epoch) };
    let Answer::Subscribed(subscribed) = world.join(0, missed, "a", Some(since), KEPT) else {
        panic!("refused");
    };
    assert!(!subscribed.recovered);
}

#[test]
fn reads_are_exact_even_when_no_timer_has_run() {
    let mut world = World::one();
    world.publish(0, "a", "1", KEPT);
    world.now += Duration::from_secs(60);
    assert_eq!(world.history(0, "a", KEPT).0, [0; 0]);
}

#[test]
fn the_position_outlives_the_publications_by_thirty_days() {
    let mut world = World::one();
    let epoch = world.publish(0, "a", "1", KEPT).expect("a position").epoch;
    world.pass(Duration::from_secs(60));
    world.pass(Duration::from_secs(30 * 24 * 3600 - 1));
    assert_eq!(world.hubs[0].stats().home_channels, 1);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.hubs[0].stats().home_channels, 0);
    assert_eq!(world.hubs[0].poll_timeout(), None);
    assert_ne!(world.history(0, "a", KEPT).1.epoch, epoch);
}

#[test]
fn an_interested_subscriber_keeps_the_position_for_ever() {
    let mut world = World::one();
    let client = world.connect(0, 1);
    let epoch = world.subscribe(0, client, "a", KEPT).position.expect("a position").epoch;
    world.pass(Duration::from_secs(100 * 24 * 3600));
    assert_eq!(world.history(0, "a", KEPT).1, Position { offset: 0, epoch });
}

#[test]
fn removing_history_keeps_offset_and_epoch() {
    let mut world = World::new(2, Limits::default());
    let epoch = world.publish(0, "a", "1", KEPT).expect("a position").epoch;
    for core in 0..2 {
        assert!(matches!(world.ask(core, Command::HistoryRemove { channel: "a" }), Answer::HistoryRemoved));
        assert_eq!(world.history(core, "a", KEPT), (vec![], Position { offset: 1, epoch }));
    }
    assert_eq!(world.hubs.iter().map(|hub| hub.stats().history_bytes).sum::<u64>(), 0);
    assert_eq!(world.publish(1, "a", "2", KEPT), Some(Position { offset: 2, epoch }));
}

#[test]
fn a_publication_that_skips_history_is_delivered_and_gets_no_offset() {
    let mut world = World::one();
    let client = world.connect(0, 1);
    world.subscribe(0, client, "a", KEPT);
    world.publish(0, "a", "1", KEPT);
    let skip = Publish { skip_history: true, ..publication("a", "passing", KEPT) };
    assert!(matches!(world.ask(0, Command::Publish(skip)), Answer::Published { position: None }));
    world.publish(0, "a", "2", KEPT);
    let heard: Vec<String> = world.heard().into_iter().map(|(_, text)| text).collect();
    assert_eq!(heard, ["0 a 1 1", "0 a 0 passing", "0 a 2 2"]);
    assert_eq!(world.history(0, "a", KEPT).0, [1, 2]);
}

#[test]
fn the_latest_options_count() {
    let mut world = World::one();
    for n in 0..5 {
        world.publish(0, "a", &n.to_string(), KEPT);
    }
    let two = ChannelOptions { history_size: 2, ..KEPT };
    assert_eq!(world.history(0, "a", two).0, [4, 5]);
    let short = ChannelOptions { history_ttl: Duration::from_secs(1), ..KEPT };
    assert_eq!(world.history(0, "a", short).0, [4, 5]);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.hubs[0].stats().history_publications, 0);
    assert_eq!(world.publish(0, "a", "off", PASSING), None);
    assert_eq!(world.history(0, "a", KEPT).1.offset, 5);
}

#[test]
fn an_idempotency_key_publishes_once_in_five_minutes_and_only_in_its_channel() {
    let mut world = World::new(2, Limits::default());
    let client = world.connect(1, 1);
    world.subscribe(1, client, "a", KEPT);
    let publish = |world: &mut World, core, channel, key| {
        let keyed = Publish { idempotency_key: Some(key), ..publication(channel, "x", KEPT) };
        match world.ask(core, Command::Publish(keyed)) {
            Answer::Published { position } => position.expect("a position").offset,
            answer => panic!("{answer:?}"),
        }
    };
    assert_eq!(publish(&mut world, 0, "a", "k"), 1);
    assert_eq!(publish(&mut world, 1, "a", "k"), 1);
    assert_eq!(publish(&mut world, 0, "a", "other"), 2);
    assert_eq!(publish(&mut world, 0, "b", "k"), 1);
    world.pass(Duration::from_secs(299));
    assert_eq!(publish(&mut world, 0, "a", "k"), 1);
    world.pass(Duration::from_secs(1));
    assert_eq!(publish(&mut world, 0, "a", "k"), 3);
    assert_eq!(world.heard().len(), 3);
    let repeated: u64 = world.hubs.iter().map(|hub| hub.stats().repeated).sum();
    assert_eq!(repeated, 2);
}

#[test]
fn the_oldest_idempotency_key_makes_room_for_the_next() {
    let mut world = World::new(1, Limits { idempotency_keys: 2, ..Limits::default() });
    let mut publish = |key| {
        let keyed = Publish { idempotency_key: Some(key), ..publication("a", "x", KEPT) };
        match world.ask(0, Command::Publish(keyed)) {
            Answer::Published { position } => position.expect("a position").offset,
            answer => panic!("{answer:?}"),
        }
    };
    let offsets = ["k1", "k2", "k1", "k3", "k2", "k1"].map(&mut publish);
    assert_eq!(offsets, [1, 2, 1, 3, 2, 4]);
}

#[test]
fn when_memory_for_logs_is_full_the_publishing_channel_loses_its_oldest() {
    let one = publication("a", "x", KEPT).data.len() as u64;
    let weight = crore_hub::Publication::new("x".into()).weight();
    assert!(weight > one);
    let mut world = World::new(1, Limits { history_bytes: 3 * weight, ..Limits::default() });
    for _ in 0..5 {
        world.publish(0, "a", "x", KEPT);
    }
    assert_eq!(world.history(0, "a", KEPT).0, [3, 4, 5]);
    assert_eq!(world.publish(0, "b", "x", KEPT).map(|top| top.offset), Some(1));
    assert_eq!(world.history(0, "b", KEPT).0, [0; 0]);
    assert_eq!(world.hubs[0].stats().squeezed, 3);
    let client = world.connect(0, 1);
    let since = Since { offset: 0, epoch: None };
    let Answer::Subscribed(subscribed) = world.join(0, client, "b", Some(since), KEPT) else {
        panic!("refused");
    };
    assert!(!subscribed.recovered, "what was not kept cannot be recovered");
}

#[test]
fn at_the_channel_limit_the_stalest_idle_channel_makes_room() {
    let mut world = World::new(1, Limits { channels: 3, ..Limits::default() });
    let stale = world.history(0, "stale", KEPT).1;
    let fresh = world.history(0, "fresh", KEPT).1;
    world.publish(0, "kept", "x", KEPT);
    assert_eq!(world.history(0, "stale", KEPT).1, stale);
    assert_eq!(world.publish(0, "new", "x", KEPT).map(|top| top.offset), Some(1));
    assert_eq!(world.hubs[0].stats().evicted, 1);
    assert_eq!(world.history(0, "stale", KEPT).1, stale, "touched last, so it stayed");
    world.hubs[0].on_timeout(world.now);
    let client = world.connect(0, 1);
    world.subscribe(0, client, "stale", KEPT);
    let full = world.ask(0, Command::Publish(publication("fresh", "x", KEPT)));
    assert_eq!(refusal(full), Refusal::ChannelLimit);
    world.hubs[0].disconnect(world.now, client);
    assert_ne!(world.history(0, "fresh", KEPT).1, fresh, "it was forgotten");
}
