//! To whom and from whom segments are taken, and how they travel. (RFC 9293 sections 3.9.1.9 and 3.9.2, RFC 1122.)

use crore_tcp::Options;
use crore_tcp::counter::Counter;
use crore_wire::ethernet::{self, Mac};
use crore_wire::ip::Ip;
use crore_wire::{ipv4, ipv6};

use crate::table::peer::repair;
use crate::table::setup::Setup;
use crate::table::*;

/// Every kind of segment that is answered, if it comes from and to addresses that can be.
fn tempting() -> [Segment; 4] {
    [syn().mss(1460), ack().seq(5).ack(7), data(b"x").seq(1).ack(1), fin().seq(1).ack(1)]
}

/// RFC 9293 MUST-57
#[test]
fn what_is_sent_to_many_is_dropped_silently() {
    let groups = ["255.255.255.255", "10.0.0.255", "10.0.0.0", "224.0.0.1", "239.255.0.1"];
    for group in groups {
        let mut t = Setup::new().established();
        t.listen_on_port(81);
        let mut peer = t.other_peer(6000);
        peer.engine = group.parse().unwrap();
        for port in [80, 81, 82] {
            peer.engine_port = port;
            let frames: Vec<Vec<u8>> = tempting().iter().map(|segment| peer.frame(segment)).collect();
            assert!(t.injects(&frames));
        }
        t.is_quiet_for(5000);
        assert!(t.strays.is_empty(), "{group}");
        assert_eq!(t.counted(Counter::DroppedAddress), 12, "{group}");
        assert_eq!(t.engine.usage().half_open, 0);
    }
    let mut t = Setup::new().v6().listening();
    let mut peer = t.other_peer(6000);
    peer.engine = "ff02::1".parse().unwrap();
    let frames: Vec<Vec<u8>> = tempting().iter().map(|segment| peer.frame(segment)).collect();
    assert!(t.injects(&frames));
    t.is_quiet_for(5000);
    assert!(t.strays.is_empty());
    assert_eq!(t.counted(Counter::DroppedAddress), 4);
}

/// RFC 9293 MUST-63
#[test]
fn what_comes_from_no_host_is_dropped_silently() {
    let wrong = [
        ("255.255.255.255", Counter::DroppedMalformed),
        ("224.0.0.1", Counter::DroppedMalformed),
        ("239.1.2.3", Counter::DroppedMalformed),
        ("0.0.0.0", Counter::DroppedMalformed),
        ("0.1.2.3", Counter::DroppedAddress),
        ("127.0.0.1", Counter::DroppedAddress),
        ("10.0.0.255", Counter::DroppedAddress),
        ("10.0.0.0", Counter::DroppedAddress),
        // LAND: our own.
        ("10.0.0.1", Counter::DroppedAddress),
    ];
    for (address, counter) in wrong {
        let mut t = Setup::new().listening();
        let mut peer = t.other_peer(6000);
        peer.address = address.parse().unwrap();
        let frames: Vec<Vec<u8>> = tempting().iter().map(|segment| peer.frame(segment)).collect();
        assert!(t.injects(&frames));
        t.is_quiet_for(5000);
        assert!(t.strays.is_empty(), "{address}");
        assert_eq!(t.counted(counter), 4, "{address}");
        assert_eq!(t.engine.usage().half_open, 0);
    }
    for (address, counter) in [
        ("ff02::1", Counter::DroppedMalformed),
        ("::", Counter::DroppedMalformed),
        ("::1", Counter::DroppedAddress),
        ("fd00::1", Counter::DroppedAddress),
    ] {
        let mut t = Setup::new().v6().listening();
        let mut peer = t.other_peer(6000);
        peer.address = address.parse().unwrap();
        assert!(t.injects(&[peer.frame(&syn())]));
        t.is_quiet_for(5000);
        assert!(t.strays.is_empty(), "{address}");
        assert_eq!(t.counted(counter), 1, "{address}");
    }
}

/// RFC 1122 NOT-OURS
#[test]
fn what_is_for_another_host_is_dropped_silently() {
    let mut t = Setup::new().listening();
    let mut peer = t.other_peer(6000);
    peer.engine = "10.0.0.9".parse().unwrap();
    let frames: Vec<Vec<u8>> = tempting().iter().map(|segment| peer.frame(segment)).collect();
    assert!(t.injects(&frames));
    // Nor what another host's card should have taken.
    peer.engine = t.peer.engine;
    peer.engine_mac = Mac([2, 0, 0, 0, 0, 9]);
    assert!(t.injects(&[peer.frame(&syn())]));
    t.is_quiet_for(5000);
    assert!(t.strays.is_empty() && t.others.is_empty());
    assert_eq!(t.counted(Counter::DroppedElsewhere), 5);
}

/// RFC 9293 MUST-57
#[test]
fn a_frame_to_the_whole_link_carries_no_segment_for_us() {
    let mut t = Setup::new().listening();
    let mut peer = t.other_peer(6000);
    for mac in [Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1])] {
        peer.engine_mac = mac;
        let frames: Vec<Vec<u8>> = tempting().iter().map(|segment| peer.frame(segment)).collect();
        assert!(t.injects(&frames));
    }
    t.is_quiet_for(5000);
    assert!(t.strays.is_empty());
    assert_eq!((t.counted(Counter::DroppedElsewhere), t.engine.usage().half_open), (8, 0));
}

/// RFC 1122 IP-CHECKSUM
#[test]
fn a_packet_with_a_wrong_ip_checksum_is_counted_and_dropped() {
    let mut t = Setup::new().listening();
    let right = t.peer.frame(&syn());
    for byte in 0..ipv4::LEN {
        let mut wrong = right.clone();
        wrong[ethernet::LEN + byte] ^= 0x10;
        assert!(t.injects(&[wrong]));
    }
    t.is_quiet_for(5000);
    assert_eq!(t.counted(Counter::DroppedMalformed), ipv4::LEN as u64);
}

/// RFC 9293 MUST-48, MUST-49
#[test]
fn segments_travel_as_the_application_wants_them_to() {
    for (hop_limit, dscp) in [(64, 0), (1, 46), (255, 63), (7, 8)] {
        for v6 in [false, true] {
            let setup = Setup::new().options(|options| (options.hop_limit, options.dscp) = (hop_limit, dscp));
            let mut t = if v6 { setup.v6() } else { setup }.idle();
            t.connect();
            let mut seen = vec![t.next()];
            t.sends(syn_ack().ack(1).mss(1220));
            t.writes(b"abc");
            t.sends(data(b"def"));
            t.waits(40);
            t.finishes();
            t.reads();
            seen.extend(t.rest());
            assert!(seen.len() >= 4);
            for seen in seen {
                assert_eq!((seen.packet.hop_limit, seen.packet.dscp_ecn >> 2), (hop_limit, dscp), "{:?}", seen.flags);
            }
        }
    }
}

/// RFC 9293 MUST-48, MUST-49
#[test]
fn segments_with_timestamps_travel_as_the_application_wants_them_to() {
    for v6 in [false, true] {
        let setup = Setup::new().timestamps().options(|options| (options.hop_limit, options.dscp) = (7, 46));
        let mut t = if v6 { setup.v6() } else { setup }.established();
        t.writes(b"abc");
        let seen = t.expects(data(b"abc"));
        assert_eq!((seen.packet.hop_limit, seen.packet.dscp_ecn >> 2), (7, 46), "v6 {v6}");
    }
}

/// RFC 9293 MUST-48, MUST-49
#[test]
fn what_cannot_travel_so_is_refused() {
    for change in [|options: &mut Options| options.dscp = 64, |options: &mut Options| options.hop_limit = 0] {
        let mut t = Setup::new().idle();
        let options = t.changed(change);
        let connect = crore_tcp::Connect { options, ..t.connect_options() };
        assert!(t.engine.connect(t.now, connect).is_err());
    }
}

#[test]
fn answers_go_to_the_neighbour_that_the_last_segment_came_from() {
    let mut t = Setup::new().established();
    t.peer.mac = Mac([2, 0, 0, 0, 0, 77]);
    t.sends(data(b"abc"));
    t.waits(40);
    assert_eq!(t.expects(ack()).frame[..6], [2, 0, 0, 0, 0, 77]);
    // Who only guesses does not turn our way aside.
    let evil = Mac([2, 0, 0, 0, 0, 66]);
    let mut stranger = t.peer.clone();
    stranger.mac = evil;
    for segment in [data(b"x").seq(70_000), data(b"x").ack(1 << 30), rst().seq(100), syn().seq(4), ack().seq(4).ack(99)]
    {
        assert!(t.injects(&[stranger.frame(&segment)]));
        t.waits(600);
        for seen in t.rest() {
            assert_ne!(seen.packet.destination_mac, evil, "after {segment:?}");
        }
    }
    t.reads();
    t.rest();
}

#[test]
fn fragments_and_source_routes_are_dropped_and_counted() {
    let mut t = Setup::new().listening();
    for (at, bytes) in [(6, [0x20, 0x00]), (6, [0x00, 0x10]), (6, [0x3f, 0xff])] {
        let mut fragment = t.peer.frame(&syn());
        fragment[ethernet::LEN + at..ethernet::LEN + at + 2].copy_from_slice(&bytes);
        repair(&mut fragment);
        assert!(t.injects(&[fragment]));
    }
    for kind in [131, 137] {
        let mut routed = t.peer.frame(&syn());
        let at = ethernet::LEN + ipv4::LEN;
        routed.splice(at..at, [kind, 7, 4, 10, 0, 0, 9, 0]);
        routed[ethernet::LEN] = 0x47;
        repair(&mut routed);
        assert!(t.injects(&[routed]));
    }
    t.is_quiet_for(5000);
    assert_eq!(t.counted(Counter::DroppedMalformed), 5);
    let mut t = Setup::new().v6().listening();
    let mut fragment = t.peer.frame(&syn());
    fragment[ethernet::LEN + 6] = 44;
    let at = ethernet::LEN + ipv6::LEN;
    fragment.splice(at..at, [6, 0, 0, 1, 0, 0, 0, 1]);
    let len = (fragment.len() - at) as u16;
    fragment[ethernet::LEN + 4..ethernet::LEN + 6].copy_from_slice(&len.to_be_bytes());
    assert!(t.injects(&[fragment]));
    t.is_quiet_for(5000);
    assert_eq!(t.counted(Counter::DroppedMalformed), 1);
}

#[test]
fn protocols_that_we_do_not_speak_are_dropped_and_counted() {
    let mut t = Setup::new().listening();
    let mut udp = t.peer.frame(&syn());
    udp[ethernet::LEN + 9] = 17;
    repair(&mut udp);
    assert!(t.injects(&[udp]));
    t.is_quiet_for(1000);
    assert_eq!(t.counted(Counter::DroppedProtocol), 1);
}

#[test]
fn the_most_specific_listener_is_the_one() {
    let mut t = Setup::new().config(|config| config.link.owned.push("10.9.0.0/28".parse().unwrap())).idle();
    let wide = t.listen_at("10.9.0.0/28", 80);
    let host = t.listen_at("10.9.0.3", 80);
    for (address, listener) in [("10.9.0.3", host), ("10.9.0.4", wide), ("10.9.0.5", wide)] {
        let mut peer = t.other_peer(6000);
        peer.engine = address.parse::<Ip>().unwrap();
        t.another_opens(&mut peer);
        assert!(t.engine.accept(listener).is_some(), "{address}");
    }
    t.engine.unlisten(wide);
    t.engine.unlisten(host);
}
