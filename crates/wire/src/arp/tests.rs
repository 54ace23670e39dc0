use super::*;

const REQUEST: [u8; LEN] = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

#[test]
fn a_question_gives_its_fields_and_comes_back_the_same() {
    let packet = Packet::parse(&REQUEST).unwrap();
    let expected = Packet {
        operation: Operation::Request,
        sender_mac: Mac([2, 0, 0, 0, 0, 1]),
        sender: [10, 0, 0, 1].into(),
        target_mac: Mac::default(),
        target: [10, 0, 0, 2].into(),
    };
    assert_eq!(packet, expected);
    let mut emitted = [0xee; LEN];
    packet.emit(&mut emitted);
    assert_eq!(emitted, REQUEST);
}

#[test]
fn padding_behind_the_packet_is_ignored() {
    let padded = [&REQUEST[..], &[0xee; 18]].concat();
    assert_eq!(Packet::parse(&padded), Packet::parse(&REQUEST));
}

#[test]
fn everything_else_is_refused() {
    for len in 0..LEN {
        assert_eq!(Packet::parse(&REQUEST[..len]), Err(Refused::Arp), "cut to {len}");
    }
    for (at, value) in [(1, 6), (2, 0x86), (3, 1), (4, 8), (5, 16), (6, 1), (7, 0), (7, 3), (8, 0x03)] {
        let mut bytes = REQUEST;
        bytes[at] = value;
        assert_eq!(Packet::parse(&bytes), Err(Refused::Arp), "byte {at} is {value}");
    }
}
