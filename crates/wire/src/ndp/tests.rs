use super::*;
use crate::emit::{self, Path};
use crate::icmpv6::{self, Message};

const US: Mac = Mac([2, 0, 0, 0, 0, 1]);
const NEIGHBOUR: Mac = Mac([2, 0, 0, 0, 0, 2]);

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

/// A frame with the message, from `source` to `destination`.
fn frame(source: &str, destination: &str, message: &Message<'_>) -> Vec<u8> {
    let path = Path {
        source_mac: NEIGHBOUR,
        destination_mac: US,
        source: ip(source),
        destination: ip(destination),
        hop_limit: 64,
        dscp: 0,
    };
    let mut out = vec![0xee; 256];
    let len = emit::icmpv6(&mut out, &path, message);
    out.truncate(len);
    out
}

/// Reads a frame after a change of its ICMPv6 message and hop limit, with its checksum right again.
fn changed(mut frame: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), Refused> {
    const MESSAGE: usize = 54;
    change(&mut frame);
    let payload_len = (frame.len() - MESSAGE) as u16;
    frame[18..20].copy_from_slice(&payload_len.to_be_bytes());
    frame[MESSAGE + 2..MESSAGE + 4].fill(0);
    let packet = Packet::parse(&frame).expect("the change is to the message only");
    let mut sum = crate::checksum::Sum::pseudo_header(
        &packet.source,
        &packet.destination,
        packet.protocol,
        u32::from(packet.payload_len()),
    );
    sum.add(&frame[MESSAGE..]);
    frame[MESSAGE + 2..MESSAGE + 4].copy_from_slice(&sum.finish().to_be_bytes());
    icmpv6::parse(packet.payload(&frame), &packet).map(|_| ())
}

fn solicitation() -> Message<'static> {
    Message::Solicitation(NeighbourSolicitation { target: ip("fe80::1"), source_mac: Some(NEIGHBOUR) })
}

fn advertisement() -> Message<'static> {
    Message::Advertisement(NeighbourAdvertisement {
        target: ip("fe80::2"),
        router: true,
        solicited: true,
        replaces: false,
        target_mac: Some(NEIGHBOUR),
    })
}

#[test]
fn questions_and_answers_come_back_the_same_with_a_hop_limit_of_255() {
    for message in [
        solicitation(),
        advertisement(),
        Message::Solicitation(NeighbourSolicitation { target: ip("fe80::1"), source_mac: None }),
    ] {
        let frame = frame("fe80::2", "fe80::1", &message);
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!(packet.hop_limit, HOP_LIMIT);
        assert_eq!(icmpv6::parse(packet.payload(&frame), &packet), Ok(message));
    }
}

#[test]
fn what_came_over_a_router_is_refused() {
    for message in [solicitation(), advertisement()] {
        let whole = frame("fe80::2", "fe80::1", &message);
        assert_eq!(changed(whole.clone(), |_| {}), Ok(()));
        assert_eq!(changed(whole, |frame| frame[21] = 254), Err(Refused::Ndp));
    }
}

#[test]
fn codes_targets_and_lengths_that_cannot_be_are_refused() {
    for message in [solicitation(), advertisement()] {
        let whole = frame("fe80::2", "fe80::1", &message);
        assert_eq!(changed(whole.clone(), |frame| frame[55] = 1), Err(Refused::Ndp), "code");
        assert_eq!(changed(whole.clone(), |frame| frame[62] = 0xff), Err(Refused::Ndp), "multicast target");
        assert_eq!(changed(whole.clone(), |frame| frame[62..78].fill(0)), Err(Refused::Ndp), "no target");
        let mapped = *Ip::v4([10, 0, 0, 1]).octets();
        let put_mapped = |frame: &mut Vec<u8>| frame[62..78].copy_from_slice(&mapped);
        assert_eq!(changed(whole.clone(), put_mapped), Err(Refused::Ndp), "IPv4 target");
        assert_eq!(changed(whole.clone(), |frame| frame.truncate(77)), Err(Refused::Ndp), "short");
        assert_eq!(changed(whole.clone(), |frame| frame.truncate(85)), Err(Refused::Ndp), "half an option");
        assert_eq!(changed(whole.clone(), |frame| frame.truncate(78)), Ok(()), "no option");
    }
}

#[test]
fn options_with_impossible_lengths_are_refused_and_unknown_ones_skipped() {
    let whole = frame("fe80::2", "fe80::1", &solicitation());
    assert_eq!(changed(whole.clone(), |frame| frame[79] = 0), Err(Refused::Ndp));
    assert_eq!(changed(whole.clone(), |frame| frame[79] = 2), Err(Refused::Ndp));
    assert_eq!(changed(whole.clone(), |frame| frame[80] |= 1), Err(Refused::Ndp), "a group's address");
    assert_eq!(
        changed(whole.clone(), |frame| frame.extend([1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        Err(Refused::Ndp)
    );
    assert_eq!(changed(whole.clone(), |frame| frame.extend([14, 1, 9, 9, 9, 9, 9, 9])), Ok(()));
    assert_eq!(changed(whole, |frame| frame.push(14)), Err(Refused::Ndp));
}

#[test]
fn somebody_without_an_address_asks_only_whether_one_is_free() {
    let free = Message::Solicitation(NeighbourSolicitation { target: ip("fe80::1"), source_mac: None });
    let group = ip("fe80::1").solicited_node().to_string();
    assert_eq!(changed(frame("::", &group, &free), |_| {}), Ok(()));
    assert_eq!(changed(frame("::", "ff02::1", &free), |_| {}), Err(Refused::Ndp));
    assert_eq!(changed(frame("::", &group, &solicitation()), |_| {}), Err(Refused::Ndp));
    assert_eq!(changed(frame("::", "ff02::1", &advertisement()), |_| {}), Err(Refused::Ndp));
}

#[test]
fn an_answer_to_a_group_answers_nobody() {
    assert_eq!(changed(frame("fe80::2", "ff02::1", &advertisement()), |_| {}), Err(Refused::Ndp));
    let unasked = |frame: &mut Vec<u8>| frame[58] &= !0x40;
    assert_eq!(changed(frame("fe80::2", "ff02::1", &advertisement()), unasked), Ok(()));
}
