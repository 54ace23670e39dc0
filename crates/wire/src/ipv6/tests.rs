use super::*;

/// A packet with these bytes between its fixed header and its payload.
fn packet(next: u8, extensions: &[u8], payload: &[u8]) -> Vec<u8> {
    let payload_len = (extensions.len() + payload.len()) as u16;
    let mut bytes = vec![0x6b, 0x8a, 0xbc, 0xde];
    bytes.extend(payload_len.to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend("2001:db8::1".parse::<Ip>().unwrap().octets());
    bytes.extend("2001:db8::2".parse::<Ip>().unwrap().octets());
    bytes.extend(extensions);
    bytes.extend(payload);
    bytes
}

/// An extension header of 8 bytes, all padding.
fn padding(next: u8) -> [u8; 8] {
    [next, 0, 1, 4, 0, 0, 0, 0]
}

fn parts(bytes: &[u8]) -> Result<(u8, &[u8]), Refused> {
    Header::parse(bytes).map(|(header, start, end)| (header.protocol, &bytes[start..end]))
}

#[test]
fn a_header_gives_its_fields_and_where_its_payload_lies() {
    let mut bytes = packet(protocol::TCP, &[], b"hello");
    bytes.extend([0; 15]);
    let (header, start, end) = Header::parse(&bytes).unwrap();
    assert_eq!(&bytes[start..end], b"hello");
    let expected = Header {
        traffic_class: 0xb8,
        flow_label: 0xa_bcde,
        payload_len: 5,
        protocol: protocol::TCP,
        hop_limit: 64,
        source: "2001:db8::1".parse().unwrap(),
        destination: "2001:db8::2".parse().unwrap(),
    };
    assert_eq!(header, expected);
    let mut emitted = [0; LEN];
    header.emit(&mut emitted);
    assert_eq!(emitted, bytes[..LEN]);
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let whole = packet(protocol::TCP, &[], b"hello");
    for len in 0..whole.len() {
        let expected = if len < LEN { Refused::Ipv6Length } else { Refused::Ipv6PayloadLength };
        assert_eq!(Header::parse(&whole[..len]), Err(expected), "cut to {len}");
    }
    assert_eq!(parts(&packet(protocol::TCP, &[], &[])), Ok((protocol::TCP, &[][..])));
}

#[test]
fn another_version_is_refused() {
    let mut bytes = packet(protocol::TCP, &[], b"hello");
    bytes[0] = 0x45;
    assert_eq!(parts(&bytes), Err(Refused::Ipv6Version));
}

#[test]
fn nobody_speaks_for_an_ipv4_address() {
    for at in [8, 24] {
        let mut bytes = packet(protocol::TCP, &[], b"hello");
        bytes[at..at + 16].copy_from_slice(Ip::v4([10, 0, 0, 1]).octets());
        assert_eq!(parts(&bytes), Err(Refused::Ipv6MappedAddress));
    }
}

#[test]
fn options_for_hops_and_for_the_destination_are_skipped() {
    let both = [padding(protocol::DESTINATION_OPTIONS), padding(protocol::TCP)].concat();
    assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &both, b"hello")), Ok((protocol::TCP, &b"hello"[..])));
    let router_alert = [protocol::ICMPV6, 0, 5, 2, 0, 0, 1, 0];
    assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &router_alert, b"x")), Ok((protocol::ICMPV6, &b"x"[..])));
    let sixteen = [protocol::TCP, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(parts(&packet(protocol::DESTINATION_OPTIONS, &sixteen, b"x")), Ok((protocol::TCP, &b"x"[..])));
    assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &padding(protocol::NO_NEXT_HEADER), &[])), Ok((59, &[][..])));
}

#[test]
fn a_chain_of_extension_headers_has_a_bound() {
    let chain = |headers: usize| {
        let mut extensions = padding(protocol::DESTINATION_OPTIONS).repeat(headers);
        let last = extensions.len() - 8;
        extensions[last] = protocol::TCP;
        packet(protocol::DESTINATION_OPTIONS, &extensions, b"x")
    };
    assert_eq!(parts(&chain(IPV6_EXTENSIONS_MAX)), Ok((protocol::TCP, &b"x"[..])));
    assert_eq!(parts(&chain(IPV6_EXTENSIONS_MAX + 1)), Err(Refused::Ipv6Extension));
    assert_eq!(parts(&chain(100)), Err(Refused::Ipv6Extension));

    let long = |len: usize| {
        let mut extension = vec![0; len];
        extension[0] = protocol::TCP;
        extension[1] = (len / 8 - 1) as u8;
        packet(protocol::DESTINATION_OPTIONS, &extension, b"x")
    };
    assert_eq!(parts(&long(IPV6_EXTENSION_BYTES_MAX)), Ok((protocol::TCP, &b"x"[..])));
    assert_eq!(parts(&long(IPV6_EXTENSION_BYTES_MAX + 8)), Err(Refused::Ipv6Extension));
}

#[test]
fn extension_headers_that_are_cut_off_or_misplaced_are_refused() {
    let whole = padding(protocol::TCP);
    for len in 0..8 {
        assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &whole[..len], &[])), Err(Refused::Ipv6Extension), "{len}");
    }
    let twice = [padding(protocol::HOP_BY_HOP), padding(protocol::TCP)].concat();
    assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &twice, b"x")), Err(Refused::Ipv6Extension));
    let late = [padding(protocol::HOP_BY_HOP), padding(protocol::TCP)].concat();
    assert_eq!(parts(&packet(protocol::DESTINATION_OPTIONS, &late, b"x")), Err(Refused::Ipv6Extension));
}

#[test]
fn options_that_demand_to_be_understood_are_refused() {
    for kind in [0x40 | 2, 0x80 | 2, 0xc2] {
        let jumbo = [protocol::TCP, 0, kind, 4, 0, 1, 0, 0];
        assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &jumbo, b"x")), Err(Refused::Ipv6Option), "{kind:#x}");
    }
}

#[test]
fn options_that_run_past_their_header_are_refused() {
    for options in [[1, 5, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1], [1, 255, 0, 0, 0, 0]] {
        let extension = [&[protocol::TCP, 0], &options[..]].concat();
        assert_eq!(
            parts(&packet(protocol::HOP_BY_HOP, &extension, &[0; 300])),
            Err(Refused::Ipv6Option),
            "{options:?}"
        );
    }
}

#[test]
fn fragments_and_routing_headers_are_refused_wherever_they_stand() {
    for (kind, reason) in [(protocol::FRAGMENT, Refused::Ipv6Fragment), (protocol::ROUTING, Refused::Ipv6Routing)] {
        assert_eq!(parts(&packet(kind, &padding(protocol::TCP), b"x")), Err(reason));
        let late = [padding(kind), padding(protocol::TCP)].concat();
        assert_eq!(parts(&packet(protocol::HOP_BY_HOP, &late, b"x")), Err(reason));
    }
}
