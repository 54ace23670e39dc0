//! ICMP errors about our segments: what is believed far enough to be shown to the engine.

use crore_wire::icmp::{Error, ErrorKind};
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags};

use super::*;

/// The start of a segment of ours from `source` port 443 to `destination` port 50,000, sequence number 77, with
/// `payload` bytes, cut to `len` bytes from its IP header.
fn quoted(source: &str, destination: &str, payload: usize, len: usize) -> Vec<u8> {
    let header = tcp::Header {
        source_port: 443,
        destination_port: 50_000,
        seq: Seq(77),
        ack: Seq(1),
        flags: Flags::ACK,
        window: 1000,
        urgent: 0,
        options: tcp::Options::default(),
    };
    let mut out = vec![0; 4096];
    let bytes = vec![0; payload];
    let path = Path { source_mac: OUR_MAC, destination_mac: PEER_MAC, ..path(source, destination) };
    let end = emit::tcp(&mut out, &path, &header, [&bytes[..]]);
    out[14..end].iter().copied().take(len).collect()
}

fn deliver(world: &mut World, from: &str, to: &str, error: &Error<'_>) -> Icmp {
    let path = path(from, to);
    let frame = match path.source.is_v4() {
        true => icmp_frame(&path, &icmp::Message::Error(*error)),
        false => icmpv6_frame(&path, &icmpv6::Message::Error(*error)),
    };
    world.deliver(at(0), &frame)
}

fn error<'a>(kind: ErrorKind, code: u8, mtu: u32, quoted: &'a [u8]) -> Error<'a> {
    Error { kind, code, mtu, quoted }
}

/// What an IPv4 error of this kind about a segment of 1,000 bytes becomes.
fn v4(kind: ErrorKind, code: u8, mtu: u32) -> Icmp {
    let quoted = quoted("10.0.0.1", "198.51.100.7", 960, 28);
    deliver(&mut World::new(), "192.0.2.5", "10.0.0.1", &error(kind, code, mtu, &quoted))
}

fn v6(kind: ErrorKind, code: u8, mtu: u32) -> Icmp {
    let quoted = quoted("2001:db8::1", "2600::7", 1400, 200);
    deliver(&mut World::new(), "2600::5", "2001:db8::1", &error(kind, code, mtu, &quoted))
}

fn flow(icmp: Icmp) -> FlowError {
    let Icmp::Error(error) = icmp else { panic!("{icmp:?} is no error of a flow") };
    error
}

/// RFC 9293 MUST-54
#[test]
fn an_error_names_the_flow_that_it_quotes() {
    let error = flow(v4(ErrorKind::Unreachable, 3, 0));
    let expected = FlowError {
        local: ip("10.0.0.1"),
        local_port: 443,
        remote: ip("198.51.100.7"),
        remote_port: 50_000,
        seq: Seq(77),
        kind: FlowErrorKind::Unreachable { code: 3 },
    };
    assert_eq!(error, expected);
    let error = flow(v6(ErrorKind::TimeExceeded, 0, 0));
    assert_eq!((error.local, error.remote), (ip("2001:db8::1"), ip("2600::7")));
    assert_eq!((error.local_port, error.remote_port, error.seq), (443, 50_000, Seq(77)));
    assert_eq!(error.kind, FlowErrorKind::TimeExceeded);
}

/// RFC 9293 MUST-54
#[test]
fn an_error_that_does_not_quote_ports_and_sequence_number_of_ours_is_ignored() {
    let mut world = World::new();
    let ours = quoted("10.0.0.1", "198.51.100.7", 0, 28);
    let mut udp = ours.clone();
    udp[9] = 17;
    let mut fragment = ours.clone();
    fragment[7] = 1;
    let mut long_header = ours.clone();
    long_header[0] = 0x4f;
    let useless = [
        ("seven bytes of TCP", ours[..27].to_vec()),
        ("nothing", Vec::new()),
        ("half an IP header", ours[..12].to_vec()),
        ("another host's", quoted("10.0.0.2", "198.51.100.7", 0, 28)),
        ("another address of ours", quoted("10.9.0.2", "198.51.100.7", 0, 28)),
        ("UDP", udp),
        ("a later fragment", fragment),
        ("a header longer than the quote", long_header),
        ("another family", quoted("2001:db8::1", "2600::7", 0, 60)),
    ];
    for (what, bytes) in useless {
        let error = error(ErrorKind::Unreachable, 1, 0, &bytes);
        let outcome = deliver(&mut world, "192.0.2.5", "10.0.0.1", &error);
        assert_eq!(outcome, Icmp::Ignored(Ignored::Quote), "{what}");
    }
    let whole = error(ErrorKind::Unreachable, 1, 0, &ours);
    assert!(matches!(deliver(&mut world, "192.0.2.5", "10.0.0.1", &whole), Icmp::Error(_)));
}

#[test]
fn errors_to_groups_or_from_ourselves_are_ignored() {
    let mut world = World::new();
    let quoted = quoted("10.0.0.1", "198.51.100.7", 0, 28);
    let error = error(ErrorKind::Unreachable, 1, 0, &quoted);
    let cases = [
        ("192.0.2.5", "10.0.0.255", Ignored::Group),
        ("192.0.2.5", "10.0.0.3", Ignored::NotOurs),
        ("10.9.0.1", "10.0.0.1", Ignored::Source),
    ];
    for (from, to, why) in cases {
        assert_eq!(deliver(&mut world, from, to, &error), Icmp::Ignored(why));
    }
}

/// RFC 9293 MUST-55
#[test]
fn a_source_quench_is_dropped_without_a_sound() {
    assert_eq!(v4(ErrorKind::SourceQuench, 0, 0), Icmp::Ignored(Ignored::SourceQuench));
    let mut world = World::new();
    let quoted = quoted("10.0.0.1", "198.51.100.7", 0, 28);
    deliver(&mut world, "192.0.2.5", "10.0.0.1", &error(ErrorKind::SourceQuench, 0, 0, &quoted));
    assert!(world.sent().is_empty());
}

/// RFC 9293 MUST-56
#[test]
fn trouble_that_may_pass_is_soft() {
    // Network, host and source route; those that came later; time exceeded; parameter problem.
    for code in [0, 1, 5, 6, 7, 9, 10, 11, 12, 13] {
        assert!(flow(v4(ErrorKind::Unreachable, code, 0)).is_soft(), "unreachable, code {code}");
    }
    for code in [0, 1, 2, 3, 5, 6] {
        assert!(flow(v6(ErrorKind::Unreachable, code, 0)).is_soft(), "IPv6 unreachable, code {code}");
    }
    for code in [0, 1] {
        assert!(flow(v4(ErrorKind::TimeExceeded, code, 0)).is_soft());
        assert!(flow(v6(ErrorKind::TimeExceeded, code, 0)).is_soft());
    }
    for code in [0, 1, 2] {
        assert!(flow(v4(ErrorKind::ParameterProblem, code, 0)).is_soft());
        assert!(flow(v6(ErrorKind::ParameterProblem, code, 0)).is_soft());
    }
    assert!(flow(v4(ErrorKind::PacketTooBig, 4, 600)).is_soft());
}

/// RFC 9293 MUST-56
#[test]
fn a_protocol_or_port_that_is_not_there_is_not_soft() {
    assert!(!flow(v4(ErrorKind::Unreachable, 2, 0)).is_soft());
    assert!(!flow(v4(ErrorKind::Unreachable, 3, 0)).is_soft());
    assert!(!flow(v6(ErrorKind::Unreachable, 4, 0)).is_soft());
}

#[test]
fn a_smaller_path_mtu_is_believed_down_to_a_floor() {
    for (said, meant) in [(1499, 1499), (600, 600), (552, 552), (551, 552), (68, 552), (1, 552)] {
        assert_eq!(flow(v4(ErrorKind::PacketTooBig, 4, said)).kind, FlowErrorKind::TooBig { mtu: meant }, "{said}");
    }
    for (said, meant) in [(1499, 1499), (1280, 1280)] {
        assert_eq!(flow(v6(ErrorKind::PacketTooBig, 0, said)).kind, FlowErrorKind::TooBig { mtu: meant }, "{said}");
    }
}

#[test]
fn a_path_mtu_that_is_no_news_or_cannot_be_is_ignored() {
    for said in [1500, 1501, 65_535] {
        assert_eq!(v4(ErrorKind::PacketTooBig, 4, said), Icmp::Ignored(Ignored::Mtu), "{said}");
    }
    for said in [0, 68, 1279, 1500, 65_536, u32::MAX] {
        assert_eq!(v6(ErrorKind::PacketTooBig, 0, said), Icmp::Ignored(Ignored::Mtu), "{said}");
    }
}

#[test]
fn a_router_that_names_no_mtu_means_the_next_size_that_links_have() {
    for (total, meant) in [(1500, 1492), (1492, 1006), (1007, 1006), (1006, 552), (552, 552), (40, 552)] {
        let quoted = quoted("10.0.0.1", "198.51.100.7", total - 40, 28);
        let error = error(ErrorKind::PacketTooBig, 4, 0, &quoted);
        let outcome = deliver(&mut World::new(), "192.0.2.5", "10.0.0.1", &error);
        assert_eq!(flow(outcome).kind, FlowErrorKind::TooBig { mtu: meant }, "{total}");
    }
}
