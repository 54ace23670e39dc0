//! Frames as they might come in at an interface of 10.77.0.1 and 2001:db8::1, our networks being 10.77.8.0/21 and
//! 2001:db8:1::/48. Checksums are zero: the filter does not look at them.

use crore_wire::ip::Ip;

const HOST: [u8; 4] = [10, 77, 0, 1];
const PEER: [u8; 4] = [192, 0, 2, 7];
const OURS: [u8; 4] = [10, 77, 9, 5];

fn ethernet(kind: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend(kind.to_be_bytes());
    frame.extend(packet);
    frame
}

/// An IPv4 packet with `options` words of options, at `fragment` times eight bytes of a larger one.
fn v4(source: [u8; 4], destination: [u8; 4], protocol: u8, options: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45 + options, 0, 0, 20 + options * 4 + payload.len() as u8, 0, 0];
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    packet.resize(20 + usize::from(options) * 4, 1);
    packet.extend(payload);
    packet
}

fn v6(source: Ip, destination: Ip, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, payload.len() as u8, next_header, 64];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(payload);
    packet
}

fn segment(from: u16, to: u16) -> Vec<u8> {
    let mut segment = [from.to_be_bytes(), to.to_be_bytes()].concat();
    segment.resize(20, 0);
    segment
}

pub(super) fn tcp_v4(source: [u8; 4], destination: [u8; 4], port: u16) -> Vec<u8> {
    ethernet(0x0800, &v4(source, destination, 6, 0, 0, &segment(50_000, port)))
}

pub(super) fn tcp_v6(source: Ip, destination: Ip, port: u16) -> Vec<u8> {
    ethernet(0x86dd, &v6(source, destination, 6, &segment(50_000, port)))
}

fn arp(target: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2];
    packet.extend(PEER);
    packet.extend([0; 6]);
    packet.extend(target);
    ethernet(0x0806, &packet)
}

/// An ICMP error of `kind` to the host about a packet.
fn error_v4(kind: u8, quoted: &[u8]) -> Vec<u8> {
    let message = [&[kind, 1, 0, 0, 0, 0, 0, 0], quoted].concat();
    ethernet(0x0800, &v4(PEER, HOST, 1, 0, 0, &message))
}

fn error_v6(kind: u8, quoted: &[u8]) -> Vec<u8> {
    let message = [&[kind, 0, 0, 0, 0, 0, 0, 0], quoted].concat();
    ethernet(0x86dd, &v6(peer_v6(), host_v6(), 58, &message))
}

/// A message of neighbour discovery, or a ping: kind, and the address that it is about.
fn neighbour(kind: u8, destination: Ip, target: Ip) -> Vec<u8> {
    let message = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target.octets()[..]].concat();
    ethernet(0x86dd, &v6(peer_v6(), destination, 58, &message))
}

fn peer_v6() -> Ip {
    "2001:db8:bad::1".parse().unwrap()
}

fn host_v6() -> Ip {
    "2001:db8::1".parse().unwrap()
}

/// What there is to tell apart.
pub(super) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    [link(), whole(), shared_v4(), shared_v6()].concat()
}

fn link() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("ARP for the host", arp(HOST)),
        ("ARP for an address of our network", arp(OURS)),
        ("ARP for somebody else", arp([10, 77, 16, 0])),
        ("of no protocol that we know", ethernet(0x88cc, &[0; 50])),
        ("with a VLAN tag", ethernet(0x8100, &tcp_v4(PEER, HOST, 80)[10..])),
    ]
}

fn whole() -> Vec<(&'static str, Vec<u8>)> {
    let ours_v6: Ip = "2001:db8:1::5".parse().unwrap();
    let ping = [8, 0, 0, 0, 0, 0, 0, 0];
    let everybody = "ff02::1".parse().unwrap();
    vec![
        ("a ping to the host", ethernet(0x0800, &v4(PEER, HOST, 1, 0, 0, &ping))),
        ("a ping to our network", ethernet(0x0800, &v4(PEER, OURS, 1, 0, 0, &ping))),
        ("UDP to our network", ethernet(0x0800, &v4(PEER, OURS, 17, 0, 0, &segment(53, 53)))),
        ("a later fragment to our network", ethernet(0x0800, &v4(PEER, OURS, 6, 0, 3, &segment(53, 53)))),
        ("TCP to our network", tcp_v4(PEER, OURS, 22)),
        ("TCP to somebody else", tcp_v4(PEER, [10, 77, 16, 1], 80)),
        ("an IPv6 ping to the host", neighbour(128, host_v6(), host_v6())),
        ("an IPv6 ping to our network", neighbour(128, ours_v6, ours_v6)),
        ("a solicitation of the host", neighbour(135, host_v6().solicited_node(), host_v6())),
        ("a solicitation of our IPv6 network", neighbour(135, ours_v6.solicited_node(), ours_v6)),
        ("an advertisement to all about our IPv6 network", neighbour(136, everybody, ours_v6)),
        ("a neighbour's answer to our IPv6 network", neighbour(136, ours_v6, peer_v6())),
    ]
}

fn shared_v4() -> Vec<(&'static str, Vec<u8>)> {
    let about = |from| v4(HOST, PEER, 6, 0, 0, &segment(from, 50_000));
    let to_host = |protocol, options, fragment| {
        ethernet(0x0800, &v4(PEER, HOST, protocol, options, fragment, &segment(50_000, 80)))
    };
    vec![
        ("TCP to port 80 of the host", tcp_v4(PEER, HOST, 80)),
        ("TCP to port 22 of the host", tcp_v4(PEER, HOST, 22)),
        ("UDP to port 80 of the host", to_host(17, 0, 0)),
        ("TCP with IP options to port 80 of the host", to_host(6, 10, 0)),
        ("the first fragment to port 80 of the host", to_host(6, 0, 0x2000)),
        ("a later fragment to the host, with what looks like port 80", to_host(6, 0, 1)),
        ("an error about our port 80", error_v4(3, &about(80))),
        (
            "an error about our port 80, with IP options inside",
            error_v4(11, &v4(HOST, PEER, 6, 3, 0, &segment(80, 50_000))),
        ),
        ("an error about port 22 of the host", error_v4(3, &about(22))),
        ("an error about somebody else's port 80", error_v4(3, &v4(OURS, PEER, 6, 0, 0, &segment(80, 50_000)))),
        ("an error about UDP from port 80", error_v4(3, &v4(HOST, PEER, 17, 0, 0, &segment(80, 53)))),
        ("a redirect about our port 80", error_v4(5, &about(80))),
        ("an error that quotes less than the ports", error_v4(3, &about(80)[..20])),
    ]
}

fn shared_v6() -> Vec<(&'static str, Vec<u8>)> {
    let about = |from| v6(host_v6(), peer_v6(), 6, &segment(from, 9));
    vec![
        ("IPv6 TCP to port 80 of the host", tcp_v6(peer_v6(), host_v6(), 80)),
        ("IPv6 TCP to port 22 of the host", tcp_v6(peer_v6(), host_v6(), 22)),
        ("an IPv6 error about our port 80", error_v6(2, &about(80))),
        ("an IPv6 error about port 22", error_v6(2, &about(22))),
        ("an IPv6 answer that is no error, about our port 80", error_v6(129, &about(80))),
    ]
}
