//! A hundred thousand packets from strangers: memory stays bounded, and the gateway is known to the end.

use crore_base::random::Rng;
use crore_wire::arp::Operation;
use crore_wire::icmpv6::Message;
use crore_wire::ndp::{NeighbourAdvertisement, NeighbourSolicitation};

use super::*;

const PACKETS: u64 = 100_000;

/// A world that knows both gateways.
fn with_gateways() -> World {
    let mut world = World::new();
    for remote in ["8.8.8.8", "2600::1"] {
        assert_eq!(world.link.resolve(at(0), &ip(remote)), Resolution::Asked);
    }
    answer_v4(&mut world, at(1));
    answer_v6(&mut world, at(1));
    while world.link.poll_resolved().is_some() {}
    world.sent();
    world
}

fn answer_v4(world: &mut World, now: Instant) {
    assert!(world.link.on_arp(now, &arp_packet(Operation::Reply, GATEWAY_MAC, "10.0.0.254", "10.0.0.1")));
}

fn answer_v6(world: &mut World, now: Instant) {
    let way = Path { source_mac: GATEWAY_MAC, ..path("2001:db8::fe", "2001:db8::1") };
    let target_mac = Some(GATEWAY_MAC);
    let (solicited, replaces, router) = (true, true, true);
    let answer = NeighbourAdvertisement { target: way.source, router, solicited, replaces, target_mac };
    world.deliver(now, &icmpv6_frame(&way, &Message::Advertisement(answer)));
}

/// The true gateways answer whatever question goes to them alone, or to all.
fn answer_questions(world: &mut World, now: Instant) {
    for bytes in world.sent() {
        match packet::Link::parse(&bytes).expect("what we send can be read") {
            packet::Link::Arp(arp)
                if arp.operation == Operation::Request && Ip::from(arp.target) == ip("10.0.0.254") =>
            {
                answer_v4(world, now);
            }
            packet::Link::Ip(packet) if packet.protocol == crore_wire::protocol::ICMPV6 => answer_v6(world, now),
            _ => {}
        }
    }
}

fn random_mac(random: &mut Rng) -> Mac {
    let mut mac = [0; 6];
    random.fill(&mut mac);
    mac[0] &= 0xfe;
    Mac(mac)
}

/// A neighbour on our IPv4 network; one in ten is the gateway, by name.
fn random_v4(random: &mut Rng) -> String {
    match random.chance(1, 10) {
        true => "10.0.0.254".to_owned(),
        false => format!("10.{}.{}.{}", random.below(256), random.below(256), random.below(256)),
    }
}

fn random_v6(random: &mut Rng) -> Ip {
    let mut address = *ip("2001:db8::").octets();
    random.fill(&mut address[8..]);
    if random.chance(1, 10) { ip("2001:db8::fe") } else { Ip::from_octets(address) }
}

fn assert_gateways_known(world: &mut World, now: Instant) {
    assert_eq!(world.link.resolve(now, &ip("8.8.8.8")), Resolution::Known(GATEWAY_MAC));
    assert_eq!(world.link.resolve(now, &ip("2600::1")), Resolution::Known(GATEWAY_MAC));
    assert_eq!(world.link.neighbours.len(), 2, "strangers make no entries");
}

#[test]
fn a_flood_of_arp_leaves_memory_bounded_and_the_gateway_known() {
    let mut random = Rng::from_seed(1);
    let mut world = with_gateways();
    for n in 0..PACKETS {
        let now = at(1000 + n / 10);
        let operation = if random.chance(1, 2) { Operation::Request } else { Operation::Reply };
        let target = if random.chance(1, 4) { "10.0.0.1".to_owned() } else { random_v4(&mut random) };
        let sender = random_v4(&mut random);
        // Nothing tells a forged answer to an open question from a true one, so here strangers only claim.
        let forged = sender == "10.0.0.254" && world.link.is_ours(&ip(&target));
        let operation = if forged { Operation::Request } else { operation };
        world.link.on_arp(now, &arp_packet(operation, random_mac(&mut random), &sender, &target));
        if n % 64 == 0 {
            world.link.on_timeout(now);
            answer_questions(&mut world, now);
            assert_gateways_known(&mut world, now);
        }
    }
    assert_eq!(world.link.poll_resolved(), None);
    assert!(world.link.hops.len() == 0 && world.link.locals.len() == 0);
}

#[test]
fn a_flood_of_neighbour_discovery_leaves_memory_bounded_and_the_gateway_known() {
    let mut random = Rng::from_seed(2);
    let mut world = with_gateways();
    for n in 0..PACKETS {
        let now = at(1000 + n / 10);
        let (source, mac) = (random_v6(&mut random), random_mac(&mut random));
        let to_us = Path { source_mac: mac, source, ..path("::", "2001:db8::1") };
        let message = match random.chance(1, 2) {
            true => Message::Solicitation(NeighbourSolicitation { target: to_us.destination, source_mac: Some(mac) }),
            false => Message::Advertisement(NeighbourAdvertisement {
                target: source,
                router: true,
                solicited: false,
                replaces: random.chance(1, 2),
                target_mac: Some(mac),
            }),
        };
        world.deliver(now, &icmpv6_frame(&to_us, &message));
        if n % 64 == 0 {
            world.link.on_timeout(now);
            answer_questions(&mut world, now);
            assert_gateways_known(&mut world, now);
        }
    }
    assert_eq!(world.link.poll_resolved(), None);
}

#[test]
fn answers_that_are_never_fetched_fill_their_queue_and_no_more() {
    let mut world = World::new();
    for _ in 0..PACKETS {
        world.ask_by_arp(at(0), "10.0.0.9", "10.0.0.1");
    }
    assert_eq!(world.link.counters().answers_left_out, PACKETS - 256);
    assert_eq!(world.sent().len(), 256);
}

#[test]
fn our_own_questions_leave_before_the_answers_to_a_flood() {
    let mut world = World::new();
    for _ in 0..1000 {
        world.ask_by_arp(at(0), "10.0.0.9", "10.0.0.1");
    }
    world.link.resolve(at(0), &ip("8.8.8.8"));
    let first = &world.sent()[0];
    assert_eq!(first[..6], Mac::BROADCAST.0, "the question for the gateway");
}

#[test]
fn random_bytes_as_icmp_change_nothing_and_never_panic() {
    let mut random = Rng::from_seed(3);
    let mut world = with_gateways();
    let whole =
        [ping_frame(&path("192.0.2.5", "10.0.0.1"), &[1; 60]), ping_frame(&path("2600::5", "2001:db8::1"), &[1; 60])];
    for n in 0..PACKETS {
        let frame = &whole[(n % 2) as usize];
        let packet = Packet::parse(frame).expect("well-formed");
        let mut bytes = packet.payload(frame).to_vec();
        bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
        random.fill(&mut bytes);
        // Right sums, so that the checks behind them are reached.
        if bytes.len() >= 8 {
            bytes[0] = [3, 4, 5, 8, 11, 12, 1, 2, 128, 135, 136, 137][random.below(12) as usize];
            bytes[2..4].fill(0);
            let mut sum = crore_wire::checksum::Sum::of(&bytes);
            if !packet.source.is_v4() {
                let (protocol, len) = (packet.protocol, bytes.len() as u32);
                sum = crore_wire::checksum::Sum::pseudo_header(&packet.source, &packet.destination, protocol, len);
                sum.add(&bytes);
            }
            let check = sum.finish();
            bytes[2..4].copy_from_slice(&check.to_be_bytes());
        }
        match packet.source.is_v4() {
            true => world.link.on_icmp(at(n), &packet, &bytes),
            false => world.link.on_icmpv6(at(n), &packet, &bytes),
        };
        world.sent();
    }
    assert_eq!(world.link.neighbours.len(), 2);
}
