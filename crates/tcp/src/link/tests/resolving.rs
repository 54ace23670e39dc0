//! Finding the neighbour of an active open over ARP, from the first question to the news.

use crore_wire::arp::Operation;

use super::*;

fn answer(world: &mut World, now: Instant, sender: &str, mac: Mac) -> bool {
    world.link.on_arp(now, &arp_packet(Operation::Reply, mac, sender, "10.0.0.1"))
}

#[test]
fn everybody_is_asked_for_a_neighbour_on_the_link() {
    let mut world = World::new();
    assert_eq!(world.link.resolve(at(0), &ip("10.0.0.9")), Resolution::Asked);
    let (packet::Link::Arp(question), bytes) = world.sent_one() else { panic!("an ARP packet") };
    assert_eq!(bytes[..6], Mac::BROADCAST.0);
    assert_eq!(question.operation, Operation::Request);
    assert_eq!((question.sender_mac, Ip::from(question.sender)), (OUR_MAC, ip("10.0.0.1")));
    assert_eq!(Ip::from(question.target), ip("10.0.0.9"));
    assert!(answer(&mut world, at(5), "10.0.0.9", PEER_MAC));
    assert_eq!(world.link.poll_resolved(), Some((ip("10.0.0.9"), Ok(PEER_MAC))));
    assert_eq!(world.link.poll_resolved(), None);
    assert_eq!(world.link.resolve(at(6), &ip("10.0.0.9")), Resolution::Known(PEER_MAC));
    assert!(world.sent().is_empty());
}

#[test]
fn all_that_is_elsewhere_goes_to_the_gateway_with_one_question() {
    let mut world = World::new();
    for remote in ["8.8.8.8", "9.9.9.9", "10.0.1.1"] {
        assert_eq!(world.link.resolve(at(0), &ip(remote)), Resolution::Asked);
        assert_eq!(world.link.next_hop(&ip(remote)), Some(ip("10.0.0.254")));
    }
    let (packet::Link::Arp(question), _) = world.sent_one() else { panic!("an ARP packet") };
    assert_eq!(Ip::from(question.target), ip("10.0.0.254"));
    assert!(answer(&mut world, at(5), "10.0.0.254", GATEWAY_MAC));
    assert_eq!(world.link.poll_resolved(), Some((ip("10.0.0.254"), Ok(GATEWAY_MAC))));
    assert_eq!(world.link.resolve(at(6), &ip("1.1.1.1")), Resolution::Known(GATEWAY_MAC));
}

#[test]
fn silence_is_told_after_three_seconds_and_counted() {
    let mut world = World::new();
    world.link.resolve(at(0), &ip("10.0.0.9"));
    let mut questions = 0;
    while let Some(deadline) = world.link.poll_timeout() {
        questions += world.sent().len();
        assert!(deadline <= at(3000), "{deadline:?}");
        world.link.on_timeout(deadline);
    }
    assert_eq!(questions, 3);
    assert_eq!(world.link.poll_resolved(), Some((ip("10.0.0.9"), Err(Unreachable::NoAnswer))));
    assert_eq!(world.link.counters().questions_unanswered, 1);
    let resolution = world.link.resolve(at(3001), &ip("10.0.0.9"));
    assert_eq!(resolution, Resolution::Unreachable(Unreachable::NoAnswer));
    assert!(world.sent().is_empty(), "a pause without questions");
}

#[test]
fn a_neighbour_in_use_is_checked_by_a_question_to_it_alone() {
    let mut world = World::new();
    world.link.resolve(at(0), &ip("10.0.0.9"));
    answer(&mut world, at(5), "10.0.0.9", PEER_MAC);
    world.sent();
    assert_eq!(world.link.resolve(at(60_005), &ip("10.0.0.9")), Resolution::Known(PEER_MAC));
    let (packet::Link::Arp(question), bytes) = world.sent_one() else { panic!("an ARP packet") };
    assert_eq!((&bytes[..6], Ip::from(question.target)), (&PEER_MAC.0[..], ip("10.0.0.9")));
}

#[test]
fn an_answer_to_another_host_is_only_a_claim() {
    let mut world = World::new();
    world.link.resolve(at(0), &ip("10.0.0.9"));
    world.sent();
    answer(&mut world, at(1), "10.0.0.9", PEER_MAC);
    // An announcement with another address: whom we know is asked before it is believed.
    let announcement = arp_packet(Operation::Reply, GATEWAY_MAC, "10.0.0.9", "10.0.0.9");
    assert!(world.link.on_arp(at(30_000), &announcement));
    assert_eq!(world.link.resolve(at(30_000), &ip("10.0.0.9")), Resolution::Known(PEER_MAC));
    assert_eq!(world.sent_one().1[..6], PEER_MAC.0);
}

#[test]
fn a_table_full_of_open_questions_is_told_and_counted() {
    let addresses = vec![prefix("10.0.0.1/8")];
    let mut world = World::of(&LinkConfig { addresses, owned: vec![], gateways: vec![], ..config() });
    for n in 0..1024_u32 {
        world.link.resolve(at(0), &Ip::v4((0x0a01_0000 + n).to_be_bytes()));
    }
    let resolution = world.link.resolve(at(0), &ip("10.200.0.1"));
    assert_eq!(resolution, Resolution::Unreachable(Unreachable::TableFull));
    assert_eq!(world.link.counters().neighbours_full, 1);
}
