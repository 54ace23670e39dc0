//! Neighbour solicitation and advertisement, both ways.

use crore_wire::Refused;
use crore_wire::icmpv6::Message;
use crore_wire::ndp::{NeighbourAdvertisement, NeighbourSolicitation};

use super::*;

/// A question from 2001:db8::9 for `target`, to its group.
fn solicitation(target: &str) -> Vec<u8> {
    let group = ip(target).solicited_node();
    let path = Path { destination_mac: Mac::of_ipv6_multicast(&group), ..path("2001:db8::9", &group.to_string()) };
    let message = NeighbourSolicitation { target: ip(target), source_mac: Some(PEER_MAC) };
    icmpv6_frame(&path, &Message::Solicitation(message))
}

fn advertisement(path: &Path, target: &str, mac: Option<Mac>, solicited: bool, replaces: bool) -> Vec<u8> {
    let message = NeighbourAdvertisement { target: ip(target), router: true, solicited, replaces, target_mac: mac };
    icmpv6_frame(path, &Message::Advertisement(message))
}

/// The advertisement that waits, and its packet.
fn sent_advertisement(world: &mut World) -> (Packet, NeighbourAdvertisement) {
    let (packet::Link::Ip(packet), bytes) = world.sent_one() else { panic!("an IP packet") };
    let message = icmpv6::parse(packet.payload(&bytes), &packet).expect("what we send can be read");
    let Message::Advertisement(advertisement) = message else { panic!("an advertisement") };
    (packet, advertisement)
}

#[test]
fn a_question_for_our_address_or_any_that_we_own_is_answered_to_whom_asked() {
    let mut world = World::new();
    for target in ["2001:db8::1", "fe80::ff:fe00:1", "2001:db8:9::", "2001:db8:9:77::abcd"] {
        assert_eq!(world.deliver(at(0), &solicitation(target)), Icmp::Answered, "{target}");
        let (packet, answer) = sent_advertisement(&mut world);
        assert_eq!((packet.source, packet.destination), (ip(target), ip("2001:db8::9")));
        assert_eq!((packet.destination_mac, packet.hop_limit), (PEER_MAC, 255));
        assert_eq!((answer.target, answer.target_mac), (ip(target), Some(OUR_MAC)));
        assert!(answer.solicited && answer.replaces && !answer.router);
    }
}

#[test]
fn a_question_to_our_own_address_is_answered_too() {
    let mut world = World::new();
    let message = NeighbourSolicitation { target: ip("2001:db8::1"), source_mac: None };
    let frame = icmpv6_frame(&path("2001:db8::9", "2001:db8::1"), &Message::Solicitation(message));
    assert_eq!(world.deliver(at(0), &frame), Icmp::Answered);
    assert!(sent_advertisement(&mut world).1.solicited);
}

#[test]
fn whoever_wants_one_of_our_addresses_is_told_with_everybody() {
    let mut world = World::new();
    let group = ip("2001:db8::1").solicited_node();
    let message = NeighbourSolicitation { target: ip("2001:db8::1"), source_mac: None };
    let frame = icmpv6_frame(&path("::", &group.to_string()), &Message::Solicitation(message));
    assert_eq!(world.deliver(at(0), &frame), Icmp::Answered);
    let (packet, answer) = sent_advertisement(&mut world);
    assert_eq!((packet.destination, packet.destination_mac), (ip("ff02::1"), Mac([0x33, 0x33, 0, 0, 0, 1])));
    assert!(!answer.solicited && answer.replaces);
}

#[test]
fn questions_for_others_or_from_us_are_not_answered() {
    let mut world = World::new();
    assert_eq!(world.deliver(at(0), &solicitation("2001:db8::2")), Icmp::Ignored(Ignored::NotOurs));
    // The same group as ours, another address.
    assert_eq!(world.deliver(at(0), &solicitation("2001:db8::7:0:1")), Icmp::Ignored(Ignored::NotOurs));
    let message = Message::Solicitation(NeighbourSolicitation { target: ip("2001:db8::1"), source_mac: None });
    let to_all = icmpv6_frame(&path("2001:db8::9", "ff02::1"), &message);
    assert_eq!(world.deliver(at(0), &to_all), Icmp::Ignored(Ignored::NotOurs));
    let as_us = icmpv6_frame(&path("2001:db8:9::9", "2001:db8::1"), &message);
    assert_eq!(world.deliver(at(0), &as_us), Icmp::Ignored(Ignored::Conflict));
    assert_eq!(world.link.counters().conflicts, 1);
    assert!(world.sent().is_empty());
}

#[test]
fn what_came_through_a_router_is_not_neighbour_discovery() {
    let mut world = World::new();
    let mut frame = solicitation("2001:db8::1");
    frame[14 + 7] = 254;
    assert_eq!(world.deliver(at(0), &frame), Icmp::Ignored(Ignored::Refused(Refused::Ndp)));
    assert!(world.sent().is_empty());
}

#[test]
fn a_neighbour_is_asked_for_in_its_group_and_its_answer_is_believed() {
    let mut world = World::new();
    assert_eq!(world.link.resolve(at(0), &ip("2001:db8::9")), Resolution::Asked);
    let (packet::Link::Ip(packet), bytes) = world.sent_one() else { panic!("an IP packet") };
    let question = icmpv6::parse(packet.payload(&bytes), &packet);
    let expected = NeighbourSolicitation { target: ip("2001:db8::9"), source_mac: Some(OUR_MAC) };
    assert_eq!(question, Ok(Message::Solicitation(expected)));
    assert_eq!((packet.source, packet.destination), (ip("2001:db8::1"), ip("ff02::1:ff00:9")));
    assert_eq!(packet.destination_mac, Mac([0x33, 0x33, 0xff, 0, 0, 9]));

    let answer = advertisement(&path("2001:db8::9", "2001:db8::1"), "2001:db8::9", Some(PEER_MAC), true, true);
    assert_eq!(world.deliver(at(1), &answer), Icmp::Answered);
    assert_eq!(world.link.poll_resolved(), Some((ip("2001:db8::9"), Ok(PEER_MAC))));
    assert_eq!(world.link.resolve(at(60_000), &ip("2001:db8::9")), Resolution::Known(PEER_MAC));
}

#[test]
fn a_router_behind_its_link_local_address_is_asked_from_ours_and_checked_alone() {
    let mut world = World::of(&LinkConfig { gateways: vec![ip("fe80::fe")], ..config() });
    world.link.resolve(at(0), &ip("2600::1"));
    let (packet::Link::Ip(packet), _) = world.sent_one() else { panic!("an IP packet") };
    assert_eq!((packet.source, packet.destination), (ip("fe80::ff:fe00:1"), ip("ff02::1:ff00:fe")));
    let way = path("fe80::fe", "fe80::ff:fe00:1");
    world.deliver(at(1), &advertisement(&way, "fe80::fe", Some(GATEWAY_MAC), true, true));
    assert_eq!(world.link.poll_resolved(), Some((ip("fe80::fe"), Ok(GATEWAY_MAC))));

    assert_eq!(world.link.resolve(at(90_000), &ip("2600::2")), Resolution::Known(GATEWAY_MAC));
    let (packet::Link::Ip(packet), _) = world.sent_one() else { panic!("an IP packet") };
    assert_eq!((packet.destination, packet.destination_mac), (ip("fe80::fe"), GATEWAY_MAC));
    // An answer to a question for one host need not repeat the address.
    let way = Path { source_mac: GATEWAY_MAC, ..way };
    assert_eq!(world.deliver(at(90_001), &advertisement(&way, "fe80::fe", None, true, false)), Icmp::Answered);
    assert_eq!(world.link.poll_timeout(), None);
}

#[test]
fn advertisements_that_nobody_asked_for_change_nothing() {
    let mut world = World::new();
    for to in ["2001:db8::1", "ff02::1"] {
        let frame = advertisement(&path("2001:db8::9", to), "2001:db8::9", Some(PEER_MAC), false, true);
        assert_eq!(world.deliver(at(0), &frame), Icmp::Ignored(Ignored::NotAsked));
    }
    let frame = advertisement(&path("2001:db8::9", "ff02::1"), "2001:db8::1", Some(PEER_MAC), false, true);
    assert_eq!(world.deliver(at(0), &frame), Icmp::Ignored(Ignored::Conflict));
    assert_eq!(world.link.counters().conflicts, 1);
    assert!(world.sent().is_empty());
}

#[test]
fn an_asker_that_we_wait_for_tells_where_it_is() {
    let mut world = World::new();
    world.link.resolve(at(0), &ip("2001:db8::9"));
    world.sent();
    world.deliver(at(1), &solicitation("2001:db8::1"));
    assert_eq!(world.link.poll_resolved(), Some((ip("2001:db8::9"), Ok(PEER_MAC))));
}
