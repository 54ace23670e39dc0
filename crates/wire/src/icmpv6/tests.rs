use super::*;
use crate::emit::{self, Path};
use crate::ethernet::Mac;

fn frame(message: &Message<'_>) -> Vec<u8> {
    let path = Path {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        destination_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: "2001:db8::1".parse().unwrap(),
        destination: "2001:db8::2".parse().unwrap(),
        hop_limit: 64,
        dscp: 0,
    };
    let mut out = vec![0xee; 256];
    let len = emit::icmpv6(&mut out, &path, message);
    out.truncate(len);
    out
}

/// The type and code of the message as it was written, and what it reads as.
fn there_and_back(message: &Message<'_>) -> [u8; 2] {
    let frame = frame(message);
    let packet = Packet::parse(&frame).unwrap();
    let bytes = packet.payload(&frame);
    assert_eq!((packet.protocol, packet.hop_limit), (protocol::ICMPV6, 64));
    assert_eq!(parse(bytes, &packet), Ok(*message));
    [bytes[0], bytes[1]]
}

#[test]
fn echoes_come_back_the_same() {
    let echo = Echo { identifier: 0x1234, sequence: 7, data: b"odd" };
    assert_eq!(there_and_back(&Message::EchoRequest(echo)), [128, 0]);
    assert_eq!(there_and_back(&Message::EchoReply(echo)), [129, 0]);
}

#[test]
fn errors_come_back_the_same() {
    for (kind, code, mtu, expected) in [
        (ErrorKind::Unreachable, 4, 0, 1),
        (ErrorKind::PacketTooBig, 0, 1280, 2),
        (ErrorKind::TimeExceeded, 1, 0, 3),
        (ErrorKind::ParameterProblem, 2, 0, 4),
    ] {
        let error = Error { kind, code, mtu, quoted: b"quoted packet" };
        assert_eq!(there_and_back(&Message::Error(error)), [expected, code]);
    }
}

#[test]
fn messages_of_no_use_are_refused() {
    for (kind, code) in [(100, 0), (128, 1), (130, 0), (133, 0), (134, 0), (137, 0), (143, 0), (255, 0), (0, 0)] {
        let echo = Message::EchoRequest(Echo { identifier: 0, sequence: 0, data: &[] });
        let mut frame = frame(&echo);
        let [old, new] = [[128, 0], [kind, code]].map(u16::from_be_bytes);
        let checksum = u16::from_be_bytes([frame[56], frame[57]]);
        frame[54..56].copy_from_slice(&[kind, code]);
        frame[56..58].copy_from_slice(&crate::checksum::update(checksum, old, new).to_be_bytes());
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!(parse(packet.payload(&frame), &packet), Err(Refused::IcmpKind), "{kind}, {code}");
    }
}

#[test]
fn short_and_damaged_messages_are_refused() {
    let whole = frame(&Message::EchoRequest(Echo { identifier: 1, sequence: 2, data: b"data" }));
    let packet = Packet::parse(&whole).unwrap();
    let message = packet.payload(&whole);
    for len in 0..LEN {
        assert_eq!(parse(&message[..len], &packet), Err(Refused::IcmpLength), "cut to {len}");
    }
    for bit in 0..message.len() * 8 {
        let mut bytes = message.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(parse(&bytes, &packet), Err(Refused::IcmpChecksum), "bit {bit}");
    }
    let elsewhere = Packet { destination: "2001:db8::3".parse().unwrap(), ..packet };
    assert_eq!(parse(message, &elsewhere), Err(Refused::IcmpChecksum), "the addresses count");
}
