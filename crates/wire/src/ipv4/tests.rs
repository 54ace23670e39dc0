use super::*;

/// A packet with these options, which are a multiple of four, and this payload.
fn packet(options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = LEN + options.len();
    let total_len = (header_len + payload.len()) as u16;
    let mut bytes = vec![0x40 | (header_len / 4) as u8, 0xb8];
    bytes.extend(total_len.to_be_bytes());
    bytes.extend([0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
    bytes.extend(options);
    bytes.extend(payload);
    with_checksum(bytes)
}

fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let header_len = (usize::from(bytes[0] & 0x0f) * 4).min(bytes.len());
    bytes[10..12].fill(0);
    let checksum = Sum::of(&bytes[..header_len]).finish();
    bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The packet with some bytes changed, and its checksum right again.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<(Header, usize, usize), Refused> {
    let mut bytes = packet(&[], b"hello");
    change(&mut bytes);
    Header::parse(&with_checksum(bytes))
}

#[test]
fn a_header_gives_its_fields_and_where_its_payload_lies() {
    let mut bytes = packet(&[], b"hello");
    bytes.extend([0; 21]);
    let (header, start, end) = Header::parse(&bytes).unwrap();
    assert_eq!(&bytes[start..end], b"hello");
    let expected = Header {
        dscp_ecn: 0xb8,
        total_len: 25,
        identification: 0x1234,
        dont_fragment: true,
        ttl: 64,
        protocol: 6,
        source: "192.0.2.1".parse().unwrap(),
        destination: "198.51.100.2".parse().unwrap(),
    };
    assert_eq!(header, expected);
    let mut emitted = [0; LEN];
    header.emit(&mut emitted);
    assert_eq!(emitted, bytes[..LEN]);
}

#[test]
fn a_packet_may_be_its_header_alone() {
    let bytes = packet(&[], &[]);
    assert_eq!(Header::parse(&bytes).map(|(_, start, end)| (start, end)), Ok((20, 20)));
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let whole = packet(&[1; 8], b"hello");
    for len in 0..whole.len() {
        let expected = if len < 28 { Refused::Ipv4Length } else { Refused::Ipv4TotalLength };
        assert_eq!(Header::parse(&whole[..len]), Err(expected), "cut to {len}");
    }
    assert_eq!(changed(|bytes| bytes[0] = 0x44), Err(Refused::Ipv4Length));
    assert_eq!(changed(|bytes| bytes[0] = 0x40), Err(Refused::Ipv4Length));
    assert_eq!(changed(|bytes| bytes[0] = 0x4f), Err(Refused::Ipv4Length));
    assert_eq!(changed(|bytes| bytes[3] = 19), Err(Refused::Ipv4TotalLength));
    assert_eq!(changed(|bytes| bytes[3] = 26), Err(Refused::Ipv4TotalLength));
    let mut shorter_than_its_options = packet(&[1; 8], &[]);
    shorter_than_its_options[3] = 24;
    assert_eq!(Header::parse(&with_checksum(shorter_than_its_options)), Err(Refused::Ipv4TotalLength));
}

#[test]
fn another_version_is_refused() {
    assert_eq!(changed(|bytes| bytes[0] = 0x65), Err(Refused::Ipv4Version));
    assert_eq!(changed(|bytes| bytes[0] = 0x05), Err(Refused::Ipv4Version));
}

/// RFC 1122 IP-CHECKSUM
#[test]
fn any_flipped_bit_of_a_header_is_noticed() {
    for whole in [packet(&[], b"x"), packet(&[1, 1, 1, 0], b"x")] {
        let header_len = usize::from(whole[0] & 0x0f) * 4;
        for bit in 0..header_len * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::parse(&bytes).is_err(), "bit {bit}");
        }
        let mut bytes = whole.clone();
        bytes[11] ^= 1;
        assert_eq!(Header::parse(&bytes), Err(Refused::Ipv4Checksum));
    }
}

#[test]
fn fragments_are_refused_and_a_whole_packet_with_any_flags_is_not() {
    assert_eq!(changed(|bytes| bytes[6] = 0x20), Err(Refused::Ipv4Fragment));
    assert_eq!(changed(|bytes| bytes[7] = 1), Err(Refused::Ipv4Fragment));
    assert_eq!(changed(|bytes| bytes[6] = 0x1f), Err(Refused::Ipv4Fragment));
    assert!(!changed(|bytes| bytes[6] = 0).unwrap().0.dont_fragment);
    assert!(changed(|bytes| bytes[6] = 0xc0).is_ok());
}

/// RFC 9293 MUST-50
#[test]
fn unknown_options_are_passed_over() {
    for options in [
        &[0, 0, 0, 0][..],
        &[1, 1, 1, 0],
        &[148, 4, 0, 0],
        &[7, 7, 4, 1, 2, 3, 4, 0],
        &[1, 200, 6, 1, 2, 3, 4, 1],
        &[0, 131, 3, 4],
        &[
            99, 40, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1,
        ],
    ] {
        let bytes = packet(options, b"hello");
        let (_, start, end) = Header::parse(&bytes).unwrap_or_else(|reason| panic!("{options:?}: {reason}"));
        assert_eq!(&bytes[start..end], b"hello");
    }
}

#[test]
fn options_with_impossible_lengths_are_refused() {
    for options in [&[7, 0, 0, 0][..], &[7, 1, 0, 0], &[7, 5, 0, 0], &[1, 1, 1, 7], &[1, 1, 7, 3], &[7, 255, 1, 1]] {
        assert_eq!(Header::parse(&packet(options, b"hello")), Err(Refused::Ipv4Option), "{options:?}");
    }
}

/// Source routes are declined on purpose: such a packet is dropped, with a reason of its own.
///
/// RFC 9293 MUST-51
/// RFC 9293 MUST-52
/// RFC 9293 MUST-53
#[test]
fn source_routes_are_refused_wherever_they_stand() {
    for kind in [131, 137] {
        for options in
            [&[kind, 7, 4, 10, 0, 0, 1, 0][..], &[1, kind, 3, 4], &[68, 4, 0, 0, kind, 3, 4, 0], &[1, 1, 1, kind]]
        {
            assert_eq!(Header::parse(&packet(options, b"hello")), Err(Refused::Ipv4SourceRoute), "{options:?}");
        }
    }
}
