use super::*;

fn emitted(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0xee; message.emitted_len()];
    message.emit(&mut bytes);
    bytes
}

/// Bytes of a message with a right checksum.
fn message(kind: u8, code: u8, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind, code, 0, 0], &rest[..], data].concat();
    let checksum = Sum::of(&bytes).finish();
    bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn echoes_give_their_content_and_come_back_the_same() {
    let echo = Echo { identifier: 0x1234, sequence: 7, data: b"odd" };
    for (kind, expected) in [(8, Message::EchoRequest(echo)), (0, Message::EchoReply(echo))] {
        let bytes = message(kind, 0, [0x12, 0x34, 0, 7], b"odd");
        assert_eq!(parse(&bytes), Ok(expected));
        assert_eq!(emitted(&expected), bytes);
    }
}

#[test]
fn errors_give_their_kind_and_what_they_quote() {
    for (kind, code, expected) in [
        (3, 0, ErrorKind::Unreachable),
        (3, 3, ErrorKind::Unreachable),
        (3, 13, ErrorKind::Unreachable),
        (11, 0, ErrorKind::TimeExceeded),
        (12, 1, ErrorKind::ParameterProblem),
    ] {
        let bytes = message(kind, code, [0; 4], b"quoted packet");
        let error = Error { kind: expected, code, mtu: 0, quoted: b"quoted packet" };
        assert_eq!(parse(&bytes), Ok(Message::Error(error)));
        assert_eq!(emitted(&Message::Error(error)), bytes);
    }
}

#[test]
fn too_big_says_what_fits() {
    let bytes = message(3, FRAGMENTATION_NEEDED, [0, 0, 0x05, 0x14], b"quoted");
    let error = Error { kind: ErrorKind::PacketTooBig, code: 4, mtu: 1300, quoted: b"quoted" };
    assert_eq!(parse(&bytes), Ok(Message::Error(error)));
    assert_eq!(emitted(&Message::Error(error)), bytes);
    let silent = message(3, FRAGMENTATION_NEEDED, [0; 4], b"quoted");
    assert_eq!(parse(&silent), Ok(Message::Error(Error { mtu: 0, ..error })));
}

/// RFC 9293 MUST-55
#[test]
fn source_quench_is_known_for_what_it_is() {
    let bytes = message(4, 0, [0; 4], b"quoted");
    let expected = Error { kind: ErrorKind::SourceQuench, code: 0, mtu: 0, quoted: b"quoted" };
    assert_eq!(parse(&bytes), Ok(Message::Error(expected)));
}

#[test]
fn messages_of_no_use_are_refused() {
    for (kind, code) in [(5, 0), (9, 0), (10, 0), (13, 0), (14, 0), (17, 0), (8, 1), (0, 1), (255, 255)] {
        assert_eq!(parse(&message(kind, code, [0; 4], b"x")), Err(Refused::IcmpKind), "{kind}, {code}");
    }
}

#[test]
fn short_and_damaged_messages_are_refused() {
    let whole = message(8, 0, [0, 1, 0, 2], b"data");
    for len in 0..LEN {
        assert_eq!(parse(&whole[..len]), Err(Refused::IcmpLength), "cut to {len}");
    }
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(parse(&bytes), Err(Refused::IcmpChecksum), "bit {bit}");
    }
}
