//! Echo requests of both families.

use super::*;

#[test]
fn an_echo_request_is_answered_with_all_it_carried() {
    let mut world = World::new();
    for (source, destination) in [("192.0.2.5", "10.0.0.1"), ("10.0.0.9", "10.9.4.4"), ("2600::5", "2001:db8:9::4")] {
        for data in [&b""[..], b"x", &[0xa5; 1400]] {
            let frame = ping_frame(&path(source, destination), data);
            assert_eq!(world.deliver(at(0), &frame), Icmp::Answered);
            let (packet::Link::Ip(packet), bytes) = world.sent_one() else { panic!("an IP packet") };
            assert_eq!((packet.source, packet.destination), (ip(destination), ip(source)));
            assert_eq!((packet.source_mac, packet.destination_mac), (OUR_MAC, PEER_MAC), "back where it came from");
            assert_eq!(packet.hop_limit, 64);
            let payload = packet.payload(&bytes);
            let echo = Echo { identifier: 7, sequence: 8, data };
            if packet.source.is_v4() {
                assert_eq!(icmp::parse(payload), Ok(icmp::Message::EchoReply(echo)));
            } else {
                assert_eq!(icmpv6::parse(payload, &packet), Ok(icmpv6::Message::EchoReply(echo)));
            }
        }
    }
}

#[test]
fn a_ping_that_came_to_many_or_from_nobody_is_not_answered() {
    let mut world = World::new();
    let refused = [
        ("192.0.2.5", "10.0.0.255", Ignored::Group),
        ("192.0.2.5", "255.255.255.255", Ignored::Group),
        ("192.0.2.5", "224.0.0.1", Ignored::Group),
        ("2600::5", "ff02::1", Ignored::Group),
        ("192.0.2.5", "10.0.0.2", Ignored::NotOurs),
        ("10.0.0.255", "10.0.0.1", Ignored::Source),
        ("10.9.9.9", "10.0.0.1", Ignored::Source),
        ("127.0.0.1", "10.0.0.1", Ignored::Source),
        ("::", "2001:db8::1", Ignored::Source),
        ("2001:db8::1", "2001:db8::1", Ignored::Source),
    ];
    for (source, destination, why) in refused {
        let frame = ping_frame(&path(source, destination), b"hello");
        assert_eq!(world.deliver(at(0), &frame), Icmp::Ignored(why), "{source} to {destination}");
    }
    let broadcast = Path { destination_mac: Mac::BROADCAST, ..path("192.0.2.5", "10.0.0.1") };
    assert_eq!(world.deliver(at(0), &ping_frame(&broadcast, b"hello")), Icmp::Ignored(Ignored::Group));
    assert!(world.sent().is_empty());
}

#[test]
fn a_damaged_ping_is_not_answered() {
    let mut world = World::new();
    for (source, destination) in [("192.0.2.5", "10.0.0.1"), ("2600::5", "2001:db8::1")] {
        let mut frame = ping_frame(&path(source, destination), b"hello");
        *frame.last_mut().expect("it has bytes") ^= 1;
        let damaged = Icmp::Ignored(Ignored::Refused(crore_wire::Refused::IcmpChecksum));
        assert_eq!(world.deliver(at(0), &frame), damaged);
    }
}

#[test]
fn a_ping_larger_than_the_link_comes_back_cut_on_ipv4_and_not_at_all_on_ipv6() {
    let mut world = World::new();
    let frame = ping_frame(&path("192.0.2.5", "10.0.0.1"), &[1; 1800]);
    assert_eq!(world.deliver(at(0), &frame), Icmp::Answered);
    assert_eq!(world.sent_one().1.len(), 14 + 1500);
    let frame = ping_frame(&path("2600::5", "2001:db8::1"), &[1; 1453]);
    assert_eq!(world.deliver(at(0), &frame), Icmp::Ignored(Ignored::LeftOut));
    let frame = ping_frame(&path("2600::5", "2001:db8::1"), &[1; 1452]);
    assert_eq!(world.deliver(at(0), &frame), Icmp::Answered);
    assert_eq!(world.sent_one().1.len(), 14 + 1500);
}

#[test]
fn echo_replies_that_nobody_asked_for_are_ignored() {
    let mut world = World::new();
    let reply = icmp::Message::EchoReply(Echo { identifier: 1, sequence: 1, data: b"" });
    let frame = icmp_frame(&path("192.0.2.5", "10.0.0.1"), &reply);
    assert_eq!(world.deliver(at(0), &frame), Icmp::Ignored(Ignored::NotAsked));
}

#[test]
fn a_flood_of_pings_gets_a_burst_of_answers_and_then_the_rate() {
    let mut world = World::new();
    let frame = ping_frame(&path("192.0.2.5", "10.0.0.1"), &[7; 56]);
    let mut answered = 0;
    for step in 0..20_000 {
        let now = Instant::ZERO + Duration::from_micros(step * 100);
        world.deliver(now, &frame);
        answered += world.sent().len();
    }
    assert_eq!(answered, 31 + 2000);
    assert_eq!(world.link.counters().echoes_left_out, 20_000 - answered as u64);
}

#[test]
fn pings_that_nobody_sends_the_answers_of_fill_the_queue_and_no_more() {
    let mut world = World::new();
    for step in 0..1000_u16 {
        world.deliver(at(u64::from(step) * 10), &ping_frame(&path("192.0.2.5", "10.0.0.1"), &step.to_be_bytes()));
    }
    let sent = world.sent();
    assert_eq!(sent.len(), 32);
    for (step, bytes) in sent.iter().enumerate() {
        assert_eq!(bytes[bytes.len() - 2..], (step as u16).to_be_bytes(), "the first ones, in order");
    }
}
