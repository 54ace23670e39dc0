//! ARP questions that we answer, and what we believe of it.

use crore_wire::arp::Operation;

use super::*;

#[test]
fn a_question_for_our_address_or_any_that_we_own_is_answered_to_whom_asked() {
    let mut world = World::new();
    for target in ["10.0.0.1", "10.9.0.0", "10.9.200.7"] {
        assert!(world.ask_by_arp(at(0), "10.0.0.9", target));
        let (packet::Link::Arp(answer), bytes) = world.sent_one() else { panic!("an ARP packet") };
        assert_eq!(bytes[..6], PEER_MAC.0, "to the asker alone");
        assert_eq!(answer.operation, Operation::Reply);
        assert_eq!((answer.sender_mac, Ip::from(answer.sender)), (OUR_MAC, ip(target)));
        assert_eq!((answer.target_mac, Ip::from(answer.target)), (PEER_MAC, ip("10.0.0.9")));
    }
}

#[test]
fn a_question_for_another_host_is_not_answered() {
    let mut world = World::new();
    for target in ["10.0.0.2", "10.8.0.0", "10.0.0.255", "255.255.255.255", "224.0.0.1"] {
        assert!(!world.ask_by_arp(at(0), "10.0.0.9", target), "{target}");
    }
    assert!(world.sent().is_empty());
}

#[test]
fn whoever_wants_one_of_our_addresses_is_told_that_it_is_taken() {
    let mut world = World::new();
    assert!(world.ask_by_arp(at(0), "0.0.0.0", "10.0.0.1"));
    let (packet::Link::Arp(answer), _) = world.sent_one() else { panic!("an ARP packet") };
    assert_eq!((answer.operation, Ip::from(answer.target)), (Operation::Reply, Ip::UNSPECIFIED_V4));
}

#[test]
fn a_host_that_claims_our_address_is_counted_and_not_answered() {
    let mut world = World::new();
    for sender in ["10.0.0.1", "10.9.3.4"] {
        assert!(!world.ask_by_arp(at(0), sender, "10.0.0.1"));
    }
    assert_eq!(world.link.counters().conflicts, 2);
    assert!(world.sent().is_empty());
}

#[test]
fn our_own_packets_that_come_back_are_no_conflict() {
    let mut world = World::new();
    assert!(!world.link.on_arp(at(0), &arp_packet(Operation::Request, OUR_MAC, "10.0.0.1", "10.0.0.1")));
    assert_eq!(world.link.counters().conflicts, 0);
}

#[test]
fn senders_that_cannot_be_are_neither_answered_nor_believed() {
    let mut world = World::new();
    for sender in ["10.0.0.255", "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.1"] {
        assert!(!world.ask_by_arp(at(0), sender, "10.0.0.1"), "{sender}");
    }
    world.link.resolve(at(0), &ip("10.0.0.9"));
    for mac in [Mac::default(), Mac([2; 6])] {
        let known = mac != Mac::default();
        assert_eq!(world.link.on_arp(at(0), &arp_packet(Operation::Reply, mac, "10.0.0.9", "10.0.0.9")), known);
        assert_eq!(world.link.poll_resolved().is_some(), known);
    }
}

#[test]
fn our_addresses_are_announced_at_start_but_not_whole_prefixes() {
    let mut frames = FramePool::new(16, 1).expect("there is memory");
    let mut link = Link::new(&config(), 1);
    let mut out = Vec::new();
    assert_eq!(link.poll_output(at(0), &mut frames, &mut out, 100), 3);
    let packet::Link::Arp(announced) = packet::Link::parse(frames.bytes(&out[0])).expect("well-formed") else {
        panic!("an ARP packet")
    };
    assert_eq!(announced.operation, Operation::Request);
    assert_eq!((announced.sender, announced.target), ("10.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()));
    for (frame, address) in out[1..].iter().zip(["2001:db8::1", "fe80::ff:fe00:1"]) {
        let packet = Packet::parse(frames.bytes(frame)).expect("well-formed");
        assert_eq!((packet.source, packet.destination, packet.hop_limit), (ip(address), ALL_NODES, 255));
    }
}

#[test]
fn answers_wait_for_frames_and_are_not_lost() {
    let mut world = World::new();
    let held: Vec<Frame> = std::iter::from_fn(|| world.frames.alloc_reserved()).collect();
    world.ask_by_arp(at(0), "10.0.0.9", "10.0.0.1");
    let mut out = Vec::new();
    assert_eq!(world.link.poll_output(at(0), &mut world.frames, &mut out, 8), 0);
    assert_eq!(world.link.counters().frames_exhausted, 1);
    held.into_iter().for_each(|frame| world.frames.free(frame));
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn answers_leave_when_only_the_reserve_is_left_and_no_more_than_asked_for() {
    let mut world = World::new();
    let held: Vec<Frame> = std::iter::from_fn(|| world.frames.alloc()).collect();
    for _ in 0..5 {
        world.ask_by_arp(at(0), "10.0.0.9", "10.0.0.1");
    }
    let mut out = Vec::new();
    assert_eq!(world.link.poll_output(at(0), &mut world.frames, &mut out, 3), 3);
    assert_eq!(world.link.poll_output(at(0), &mut world.frames, &mut out, 3), 0);
    assert_eq!(world.link.poll_output(at(0), &mut world.frames, &mut out, 9), 2);
    held.into_iter().chain(out).for_each(|frame| world.frames.free(frame));
}
