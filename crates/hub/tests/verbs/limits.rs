//! What is refused, and that it comes back with its reason.

use crore_hub::{Answer, ChannelCount, Command, Event, Hub, Limits, Publish, Refusal, Since};

use crate::world::{KEPT, PASSING, World, publication, refusal};

#[test]
fn reasons_have_the_codes_of_the_protocol() {
    for (number, reason) in Refusal::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, number, "{reason}");
    }
    let code = |reason: Refusal| (reason.code(), reason.message(), reason.temporary());
    assert_eq!(code(Refusal::AlreadySubscribed), (105, "already subscribed", false));
    assert_eq!(code(Refusal::SubscriptionLimit), (106, "limit exceeded", false));
    assert_eq!(code(Refusal::ChannelLimit), (106, "limit exceeded", false));
    assert_eq!(code(Refusal::BadChannel), (107, "bad request", false));
    assert_eq!(code(Refusal::NoHistory), (108, "not available", false));
    assert_eq!(code(Refusal::Unrecoverable), (112, "unrecoverable position", false));
    assert_eq!(code(Refusal::Overloaded), (100, "internal server error", true));
}

#[test]
fn bad_names_are_refused_by_every_verb_that_takes_one() {
    let mut world = World::one();
    let client = world.connect(0, 1);
    let long = "x".repeat(256);
    for name in ["", long.as_str(), "caf\u{e9}"] {
        let answers = [
            world.join(0, client, name, None, KEPT),
            world.ask(0, Command::Publish(publication(name, "1", KEPT))),
            world.ask(0, Command::HistoryRemove { channel: name }),
            world.ask(0, Command::Members { channel: name }),
        ];
        for answer in answers {
            assert_eq!(refusal(answer), Refusal::BadChannel, "{name:?}");
        }
    }
    assert!(matches!(world.join(0, client, &long[..255], None, KEPT), Answer::Subscribed(_)));
    assert_eq!(world.hubs[0].stats().refused_for(Refusal::BadChannel), 12);
}

#[test]
fn requests_that_contradict_themselves_or_are_too_large_are_refused() {
    let mut world = World::one();
    let long = "k".repeat(256);
    let history = |since, reverse, options| Command::History { channel: "a", limit: 1, since, reverse, options };
    let backwards = history(Some(Since::new(0, "")), true, KEPT);
    assert_eq!(refusal(world.ask(0, backwards)), Refusal::BadRequest);
    assert_eq!(refusal(world.ask(0, history(None, false, PASSING))), Refusal::NoHistory);
    let elsewhere = history(Some(Since::new(0, "elsewhere")), false, KEPT);
    assert_eq!(refusal(world.ask(0, elsewhere)), Refusal::Unrecoverable);
    let key = Publish { idempotency_key: Some(&long), ..publication("a", "1", KEPT) };
    assert_eq!(refusal(world.ask(0, Command::Publish(key))), Refusal::BadRequest);
    let large = publication("a", &"x".repeat((1 << 20) + 1), KEPT);
    assert_eq!(refusal(world.ask(0, Command::Publish(large))), Refusal::BadRequest);
    let pattern = Some(long.as_str());
    assert_eq!(refusal(world.ask(0, Command::Channels { pattern })), Refusal::BadRequest);
}

#[test]
fn a_second_subscription_is_refused_also_while_the_first_is_under_way() {
    let mut world = World::new(2, Limits::default());
    let away = (0..).map(|n| n.to_string()).find(|name| world.hubs[0].home_of(name) == 1).expect("some name");
    let client = world.connect(0, 1);
    let subscribe =
        || Command::Subscribe { client, channel: &away, since: None, reject_unrecovered: false, options: KEPT };
    world.hubs[0].on_command(world.now, 1, subscribe());
    world.hubs[0].on_command(world.now, 2, subscribe());
    assert!(!world.hubs[0].is_subscribed(client, &away));
    world.carry();
    assert!(world.hubs[0].is_subscribed(client, &away));
    let tokens: Vec<(u64, bool)> = std::iter::from_fn(|| world.hubs[0].poll_event())
        .map(|event| match event {
            Event::Answer { token, answer } => (token, matches!(answer, Answer::Refused(Refusal::AlreadySubscribed))),
            event => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(tokens, [(2, true), (1, false)]);
    assert_eq!(refusal(world.ask(0, subscribe())), Refusal::AlreadySubscribed);
}

#[test]
fn subscriptions_of_a_client_and_clients_of_a_core_are_limited() {
    let limits = Limits { clients: 2, subscriptions_per_client: 2, ..Limits::default() };
    let mut world = World::new(1, limits);
    let client = world.connect(0, 1);
    world.connect(0, 2);
    assert!(world.hubs[0].connect(3, 0).is_none());
    world.subscribe(0, client, "a", KEPT);
    world.subscribe(0, client, "b", KEPT);
    assert_eq!(refusal(world.join(0, client, "c", None, KEPT)), Refusal::SubscriptionLimit);
    assert!(matches!(world.ask(0, Command::Unsubscribe { client, channel: "a" }), Answer::Unsubscribed));
    assert!(matches!(world.join(0, client, "c", None, KEPT), Answer::Subscribed(_)));
    assert_eq!(world.hubs[0].channels_of(client).collect::<Vec<_>>(), ["c", "b"]);
}

#[test]
fn commands_of_clients_that_are_gone_do_nothing() {
    let mut world = World::one();
    let client = world.connect(0, 1);
    world.hubs[0].disconnect(world.now, client);
    world.hubs[0].disconnect(world.now, client);
    assert_eq!(refusal(world.join(0, client, "a", None, KEPT)), Refusal::ClientGone);
    assert!(matches!(world.ask(0, Command::Unsubscribe { client, channel: "a" }), Answer::Unsubscribed));
    assert_eq!(world.hubs[0].sink(client), None);
    assert_eq!(world.hubs[0].stats().local_channels, 0);
}

#[test]
fn beyond_the_bound_commands_are_not_admitted_and_beyond_twice_the_bound_refused() {
    let limits = Limits { outbox_messages: 3, ..Limits::default() };
    let mut hub = Hub::new(0, 2, 11, limits);
    let away = (0..).map(|n| n.to_string()).find(|name| hub.home_of(name) == 1).expect("some name");
    let now = crore_base::time::Instant::from_nanos(1);
    let mut admitted = 0;
    for token in 0..7 {
        admitted += u64::from(hub.admits(&away));
        hub.on_command(now, token, Command::Publish(publication(&away, "1", KEPT)));
    }
    assert_eq!((admitted, hub.requests_pending(1)), (3, 6));
    let event = hub.poll_event();
    assert!(
        matches!(event, Some(Event::Answer { token: 6, answer: Answer::Refused(Refusal::Overloaded) })),
        "{event:?}"
    );
    while hub.poll_request(1).is_some() {}
    assert!(hub.admits(&away));
}

#[test]
fn a_full_walk_backlog_holds_back_publishers_requests_and_replies() {
    let limits = Limits { backlog_messages: 2, ..Limits::default() };
    let mut world = World::new(1, limits);
    let client = world.connect(0, 1);
    world.subscribe(0, client, "a", KEPT);
    for _ in 0..2 {
        assert!(world.hubs[0].admits("a"));
        world.publish(0, "a", "1", KEPT);
    }
    let hub = &world.hubs[0];
    assert!(!hub.admits("a") && !hub.takes_requests() && !hub.takes_replies());
    world.walk();
    let hub = &world.hubs[0];
    assert!(hub.admits("a") && hub.takes_requests() && hub.takes_replies());
}

#[test]
fn listings_gather_all_cores() {
    let mut world = World::new(3, Limits::default());
    for (core, channel) in [(0, "chat:1"), (1, "chat:1"), (2, "chat:2"), (2, "room")] {
        let client = world.connect(core, 10 + core as u64);
        world.subscribe(core, client, channel, KEPT);
    }
    let Answer::Channels(listing) = world.ask(1, Command::Channels { pattern: Some("chat:*") }) else {
        panic!("refused");
    };
    let count = |name: &str, clients| ChannelCount { name: name.into(), clients };
    assert_eq!(listing.channels, [count("chat:1", 2), count("chat:2", 1)]);
    assert!(!listing.truncated);
    let Answer::Members(membership) = world.ask(2, Command::Members { channel: "chat:1" }) else {
        panic!("refused");
    };
    let mut sinks: Vec<(u16, u64)> = membership.members.iter().map(|one| (one.core, one.sink)).collect();
    sinks.sort();
    assert_eq!((sinks, membership.total), (vec![(0, 10), (1, 11)], 2));
}

#[test]
fn a_listing_says_when_it_is_cut() {
    let limits = Limits { listing_page: 2, ..Limits::default() };
    let mut world = World::new(1, limits);
    let client = world.connect(0, 1);
    for channel in ["a", "b", "c"] {
        world.subscribe(0, client, channel, KEPT);
    }
    let Answer::Channels(listing) = world.ask(0, Command::Channels { pattern: None }) else {
        panic!("refused");
    };
    assert_eq!((listing.channels.len(), listing.truncated), (2, true));
}
