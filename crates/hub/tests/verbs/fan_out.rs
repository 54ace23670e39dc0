//! Delivery: turns, batches, joins and leaves during a walk, and the publication that does not arrive.

use crore_hub::{ClientKey, Command, Deliver, Limits};

use crate::world::{KEPT, PASSING, World, publication};

/// A world with so many subscribers of a channel on core 0; sinks count from 0.
fn crowd(world: &mut World, channel: &str, count: u64) -> Vec<ClientKey> {
    (0..count)
        .map(|sink| {
            let client = world.connect(0, sink);
            world.subscribe(0, client, channel, KEPT);
            client
        })
        .collect()
}

#[test]
fn publications_in_flight_reach_a_member_together_and_in_order() {
    let mut world = World::one();
    crowd(&mut world, "a", 2);
    for n in 1..=3 {
        world.publish(0, "a", &n.to_string(), KEPT);
    }
    let heard = world.heard();
    let sinks: Vec<u64> = heard.iter().map(|(sink, _)| *sink).collect();
    let texts: Vec<&str> = heard.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(sinks, [0, 0, 0, 1, 1, 1]);
    assert_eq!(texts[..3], ["0 a 1 1", "0 a 2 2", "0 a 3 3"]);
    assert_eq!(texts[..3], texts[3..]);
}

#[test]
fn a_publication_is_encoded_once_for_each_form_that_is_met() {
    let mut world = World::one();
    for sink in 0..9 {
        let form = (sink % 2) as u8;
        let client = world.hubs[0].connect(sink, form).expect("room");
        world.subscribe(0, client, "a", PASSING);
    }
    world.publish(0, "a", "x", PASSING);
    assert_eq!(world.heard().len(), 9);
    assert_eq!(world.ear.encoded, ["0 a 0 x", "1 a 0 x"]);
    assert_eq!(world.hubs[0].stats().encoded, 2);
}

#[test]
fn a_walk_goes_on_where_its_budget_ended() {
    let mut world = World::one();
    crowd(&mut world, "a", 10);
    world.publish(0, "a", "x", KEPT);
    let mut calls = 0;
    while world.hubs[0].walk(3, &mut world.ear) {
        calls += 1;
        assert_eq!(world.ear.heard.len(), 3 * calls);
    }
    assert_eq!((calls, world.ear.heard.len()), (3, 10));
}

#[test]
fn a_small_channel_does_not_wait_for_a_large_one() {
    let mut world = World::one();
    crowd(&mut world, "large", 700);
    crowd(&mut world, "small", 1);
    world.publish(0, "large", "x", PASSING);
    world.publish(0, "small", "x", PASSING);
    world.hubs[0].walk(300, &mut world.ear);
    let small = world.ear.heard.iter().position(|(_, text)| text.contains("small"));
    assert_eq!(small, Some(256), "after one slice of the large one");
    assert_eq!(world.heard().len(), 701);
}

#[test]
fn members_that_leave_during_a_walk_change_nothing_for_the_others() {
    // Who leaves when the walk has passed four of ten: each one alone, and some together.
    let mut leavers: Vec<Vec<usize>> = (0..10).map(|one| vec![one]).collect();
    leavers.extend([
        vec![0, 9],
        vec![3, 4],
        vec![0, 1, 2, 3],
        vec![4, 5, 6, 7, 8, 9],
        vec![3, 9, 0, 8],
        (0..10).collect(),
    ]);
    for leaving in leavers {
        let mut world = World::one();
        let clients = crowd(&mut world, "a", 10);
        world.publish(0, "a", "x", PASSING);
        assert!(world.hubs[0].walk(4, &mut world.ear));
        for one in &leaving {
            world.hubs[0].disconnect(world.now, clients[*one]);
        }
        let late = world.connect(0, 99);
        world.subscribe(0, late, "a", PASSING);
        world.walk();
        world.publish(0, "a", "y", PASSING);
        let stay = |sink: &usize| !leaving.contains(sink);
        let heard = world.heard();
        let got = |what: &str| {
            let mut sinks: Vec<usize> =
                heard.iter().filter(|(_, text)| text.ends_with(what)).map(|(sink, _)| *sink as usize).collect();
            sinks.sort_unstable();
            sinks
        };
        let first: Vec<usize> = (0..10).filter(|sink| *sink < 4 || stay(sink)).collect();
        let second: Vec<usize> = (0..10).filter(stay).chain([99]).collect();
        assert_eq!((got("x"), got("y")), (first, second), "leaving {leaving:?}");
    }
}

#[test]
fn a_client_that_comes_back_during_a_walk_gets_nothing_twice() {
    let mut world = World::one();
    let clients = crowd(&mut world, "a", 4);
    world.publish(0, "a", "x", KEPT);
    assert!(world.hubs[0].walk(2, &mut world.ear));
    let channel = "a";
    let client = clients[0];
    world.ask(0, Command::Unsubscribe { client, channel });
    assert!(!world.hubs[0].unsubscribe(world.now, client, channel));
    let again = world.subscribe(0, client, channel, KEPT);
    assert_eq!(again.position.map(|position| position.offset), Some(1));
    let heard = world.heard();
    assert_eq!(heard.iter().filter(|(sink, _)| *sink == 0).count(), 1);
    assert_eq!(heard.len(), 4);
}

#[test]
fn a_publication_lost_between_cores_ends_the_subscriptions_that_missed_it() {
    let mut world = World::new(2, Limits::default());
    let away = (0..).map(|n| n.to_string()).find(|name| world.hubs[0].home_of(name) == 1).expect("some name");
    let crowd = crowd(&mut world, &away, 3);
    world.publish(1, &away, "1", KEPT);
    let publish = Command::Publish(publication(&away, "2", KEPT));
    world.hubs[1].on_command(world.now, 9, publish);
    assert!(world.hubs[1].poll_event().is_some());
    world.carry_once(|_| false);
    assert_eq!(world.heard().len(), 3);
    world.publish(1, &away, "3", KEPT);
    assert_eq!(world.heard().len(), 0);
    let mut lost: Vec<u32> = world.lost.iter().map(|(client, _)| client.index()).collect();
    lost.sort_unstable();
    assert_eq!(lost, [0, 1, 2]);
    assert!(!world.hubs[0].is_subscribed(crowd[0], &away));
    let back = world.subscribe(0, crowd[0], &away, KEPT);
    assert_eq!(back.position.map(|position| position.offset), Some(3));
    world.publish(0, &away, "4", KEPT);
    assert_eq!(world.heard(), [(0, format!("0 {away} 4 4"))]);
}

#[test]
fn a_core_is_told_nothing_after_its_last_subscriber_left() {
    let mut world = World::new(2, Limits::default());
    let away = (0..).map(|n| n.to_string()).find(|name| world.hubs[0].home_of(name) == 1).expect("some name");
    let clients = crowd(&mut world, &away, 2);
    for client in clients {
        world.hubs[0].disconnect(world.now, client);
    }
    assert_eq!(world.hubs[0].requests_pending(1), 1);
    world.carry();
    assert_eq!(world.hubs[0].stats().local_channels, 0);
    let publish = Command::Publish(publication(&away, "x", KEPT));
    world.hubs[1].on_command(world.now, 9, publish);
    assert_eq!(world.hubs[1].replies_pending(0), 0);
}

#[test]
fn who_comes_back_before_the_leave_was_sent_needs_no_second_join_of_the_core() {
    let mut world = World::new(2, Limits::default());
    let away = (0..).map(|n| n.to_string()).find(|name| world.hubs[0].home_of(name) == 1).expect("some name");
    let first = crowd(&mut world, &away, 1);
    world.hubs[0].disconnect(world.now, first[0]);
    let second = world.connect(0, 7);
    world.subscribe(0, second, &away, KEPT);
    world.publish(1, &away, "x", KEPT);
    assert_eq!(world.heard(), [(7, format!("0 {away} 1 x"))]);
}

/// Whoever delivers may do without any state.
struct Silence;

impl Deliver for Silence {
    fn prefetch(&mut self, _: u64) {}

    fn encode(
        &mut self,
        _: u8,
        _: &str,
        publication: &crore_hub::Publication,
        _: Option<crore_hub::Position>,
    ) -> crore_base::payload::Payload {
        publication.data.to_payload()
    }

    fn deliver(&mut self, _: ClientKey, _: u64, _: u8, _: &crore_base::payload::Payload, _: &crore_hub::Publication) {}
}

#[test]
fn a_walk_without_budget_or_work_does_nothing() {
    let mut world = World::one();
    assert!(!world.hubs[0].walk(10, &mut Silence));
    crowd(&mut world, "a", 1);
    world.publish(0, "a", "x", PASSING);
    assert!(world.hubs[0].walk(0, &mut Silence));
    assert!(!world.hubs[0].walk(10, &mut Silence));
    assert_eq!(world.hubs[0].stats().walk_backlog, 0);
}
