//! Which addresses are ours, whose they can be otherwise, and the way to them.

use super::*;

#[test]
fn our_addresses_are_those_configured_those_owned_and_the_link_local_one() {
    let world = World::new();
    let ours = ["10.0.0.1", "10.9.0.0", "10.9.17.3", "10.9.255.255", "2001:db8::1", "2001:db8:9::", "fe80::ff:fe00:1"];
    for address in ours {
        assert!(world.link.is_ours(&ip(address)), "{address}");
        assert_eq!(world.link.destination(&ip(address)), Destination::Ours, "{address}");
    }
    for address in
        ["10.0.0.2", "10.8.255.255", "10.10.0.0", "2001:db8::2", "2001:db8:a::", "fe80::1", "::ffff:0:1", "::"]
    {
        assert!(!world.link.is_ours(&ip(address)), "{address}");
        assert_eq!(world.link.destination(&ip(address)), Destination::Elsewhere, "{address}");
    }
}

/// RFC 9293 MUST-57
#[test]
fn a_packet_to_a_broadcast_or_multicast_address_is_for_a_group() {
    let world = World::new();
    for address in ["255.255.255.255", "10.0.0.255", "10.0.0.0", "224.0.0.1", "239.1.2.3", "ff02::1", "ff0e::8"] {
        assert_eq!(world.link.destination(&ip(address)), Destination::Group, "{address}");
    }
}

/// RFC 9293 MUST-57
#[test]
fn a_broadcast_address_is_a_group_even_inside_a_prefix_that_is_ours() {
    let world = World::of(&LinkConfig {
        addresses: vec![prefix("10.9.0.1/24")],
        owned: vec![prefix("10.9.0.0/16")],
        gateways: Vec::new(),
        ..config()
    });
    assert_eq!(world.link.destination(&ip("10.9.0.255")), Destination::Group);
    assert_eq!(world.link.destination(&ip("10.9.0.0")), Destination::Group);
    assert_eq!(world.link.destination(&ip("10.9.1.255")), Destination::Ours, "the next network is not on the link");
}

/// RFC 9293 MUST-63
#[test]
fn no_segment_is_accepted_from_an_address_that_no_other_host_can_have() {
    let world = World::new();
    let invalid = [
        ("10.0.0.1", "ours: LAND"),
        ("10.9.1.2", "owned: LAND"),
        ("2001:db8::1", "ours: LAND"),
        ("fe80::ff:fe00:1", "ours: LAND"),
        ("255.255.255.255", "limited broadcast"),
        ("10.0.0.255", "broadcast of our network"),
        ("10.0.0.0", "old form of it"),
        ("224.0.0.5", "multicast"),
        ("ff02::2", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "this network"),
        ("::", "unspecified"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
    ];
    for (address, why) in invalid {
        assert!(!world.link.is_valid_source(&ip(address)), "{address}: {why}");
    }
    for address in ["10.0.0.2", "192.0.2.1", "10.1.0.255", "2001:db8::2", "fe80::2", "2600::"] {
        assert!(world.link.is_valid_source(&ip(address)), "{address}");
    }
}

/// RFC 9293 MUST-46
#[test]
fn no_connection_is_opened_to_an_address_that_no_other_host_can_have() {
    let mut world = World::new();
    for address in ["255.255.255.255", "10.0.0.255", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "127.0.0.1", "10.0.0.1"] {
        assert!(!world.link.is_connectable(&ip(address)), "{address}");
        let resolution = world.link.resolve(at(0), &ip(address));
        assert_eq!(resolution, Resolution::Unreachable(Unreachable::NoRoute), "{address}");
    }
    assert!(world.link.is_connectable(&ip("10.0.0.2")) && world.link.is_connectable(&ip("2001:db8::2")));
    assert!(world.sent().is_empty());
}

/// RFC 9293 MUST-44
#[test]
fn the_local_address_is_the_one_on_the_way_to_the_remote_one() {
    let world = World::of(&LinkConfig {
        addresses: ["10.0.0.1/8", "10.7.0.1/16", "192.0.2.1/24", "2001:db8::1/64"].map(prefix).to_vec(),
        owned: Vec::new(),
        gateways: vec![ip("192.0.2.254"), ip("fe80::fe")],
        ..config()
    });
    let ways = [
        ("10.1.2.3", "10.0.0.1", "10.1.2.3"),
        ("10.7.2.3", "10.7.0.1", "10.7.2.3"),
        ("192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("8.8.8.8", "192.0.2.1", "192.0.2.254"),
        ("2001:db8::2", "2001:db8::1", "2001:db8::2"),
        ("2600::1", "2001:db8::1", "fe80::fe"),
        ("fe80::2", "fe80::ff:fe00:1", "fe80::2"),
    ];
    for (remote, source, hop) in ways {
        assert_eq!(world.link.source_for(&ip(remote)), Some(ip(source)), "from where to {remote}");
        assert_eq!(world.link.next_hop(&ip(remote)), Some(ip(hop)), "by which way to {remote}");
    }
}

/// RFC 9293 MUST-44
#[test]
fn without_a_way_there_is_no_local_address() {
    let mut world = World::of(&LinkConfig { gateways: Vec::new(), ..config() });
    for remote in ["8.8.8.8", "2600::1"] {
        assert_eq!(world.link.source_for(&ip(remote)), None);
        assert_eq!(world.link.resolve(at(0), &ip(remote)), Resolution::Unreachable(Unreachable::NoRoute));
    }
    // A link-local address alone reaches nobody behind a router.
    let world = World::of(&LinkConfig {
        addresses: vec![prefix("10.0.0.1/24")],
        owned: Vec::new(),
        gateways: vec![ip("fe80::fe")],
        ..config()
    });
    assert_eq!(world.link.source_for(&ip("2600::1")), None);
}

#[test]
fn a_host_without_ipv6_has_no_link_local_address() {
    let config = LinkConfig { addresses: vec![prefix("10.0.0.1/24")], owned: vec![], gateways: vec![], ..config() };
    assert!(!World::of(&config).link.is_ours(&ip("fe80::ff:fe00:1")));
}

/// RFC 9293 MUST-67
#[test]
fn the_segment_size_is_the_mtu_less_the_fixed_headers() {
    for (mtu, v4, v6) in [(1500, 1460, 1440), (1280, 1240, 1220), (2034, 1994, 1974)] {
        let link = Link::new(&LinkConfig { mtu, ..config() }, 1);
        assert_eq!((link.mss(true), link.mss(false)), (v4, v6), "MTU {mtu}");
    }
}

#[test]
fn frames_to_our_hardware_address_and_to_groups_are_accepted() {
    let world = World::new();
    assert!(world.link.accepts(OUR_MAC) && world.link.accepts(Mac::BROADCAST));
    assert!(world.link.accepts(Mac([0x33, 0x33, 0, 0, 0, 1])));
    assert!(!world.link.accepts(PEER_MAC));
}
