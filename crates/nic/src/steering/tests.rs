use crore_base::random::Rng;

use super::*;

/// An Ethernet frame with an IPv4 header of `header_bytes` bytes and two ports.
pub(crate) fn ipv4(
    source: [u8; 4],
    destination: [u8; 4],
    ports: [u16; 2],
    header_bytes: usize,
    protocol: u8,
) -> Vec<u8> {
    let mut frame = vec![0; 14 + header_bytes + 20];
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame[14] = 0x40 | (header_bytes / 4) as u8;
    frame[20] = 0x40; // do not fragment
    frame[23] = protocol;
    frame[26..30].copy_from_slice(&source);
    frame[30..34].copy_from_slice(&destination);
    for (at, port) in ports.into_iter().enumerate() {
        frame[14 + header_bytes + 2 * at..][..2].copy_from_slice(&port.to_be_bytes());
    }
    frame
}

fn ipv6(source: [u8; 16], destination: [u8; 16], ports: [u16; 2], next_header: u8) -> Vec<u8> {
    let mut frame = vec![0; 14 + 40 + 20];
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    frame[14] = 0x60;
    frame[20] = next_header;
    frame[22..38].copy_from_slice(&source);
    frame[38..54].copy_from_slice(&destination);
    frame[54..56].copy_from_slice(&ports[0].to_be_bytes());
    frame[56..58].copy_from_slice(&ports[1].to_be_bytes());
    frame
}

#[test]
fn a_frame_is_taken_for_the_flow_that_it_belongs_to() {
    let flow = Flow {
        source: Ip::v4([10, 0, 0, 1]),
        destination: Ip::v4([10, 0, 0, 2]),
        source_port: 40_000,
        destination_port: 80,
    };
    for header_bytes in [20, 24, 60] {
        let frame = ipv4([10, 0, 0, 1], [10, 0, 0, 2], [40_000, 80], header_bytes, TCP);
        assert_eq!(Flow::of_frame(&frame), Some(flow));
    }
    let (one, other) = ([0x20; 16], [0x21; 16]);
    let flow = Flow { source: Ip::from_octets(one), destination: Ip::from_octets(other), ..flow };
    assert_eq!(Flow::of_frame(&ipv6(one, other, [40_000, 80], UDP)), Some(flow));
}

#[test]
fn both_directions_of_a_flow_meet_the_same_queue() {
    let mut rng = Rng::from_seed(1);
    for _ in 0..10_000 {
        let mut octets = [[0; 16]; 2];
        octets.iter_mut().for_each(|address| rng.fill(address));
        let [source, destination] = octets;
        let ports = [rng.next_u64() as u16, rng.next_u64() as u16];
        let queues = rng.range(1..65) as u16;
        let there = queue_of(&ipv6(source, destination, ports, TCP), queues);
        let back = queue_of(&ipv6(destination, source, [ports[1], ports[0]], TCP), queues);
        assert_eq!(there, back);
        let flow = Flow::of_frame(&ipv6(source, destination, ports, TCP)).unwrap();
        assert_eq!((flow.queue(queues), flow.reversed().queue(queues)), (there, there));
        assert!(there < queues);
    }
}

#[test]
fn flows_that_differ_in_one_port_or_one_address_spread_evenly() {
    const FLOWS: u64 = 60_000;
    let server = [10, 77, 0, 1];
    let by_port = |n: u64| ipv4([10, 77, 0, 2], server, [n as u16, 80], 20, TCP);
    let by_address = |n: u64| ipv4([10, 80, (n >> 8) as u8, n as u8], server, [4_000, 80], 20, TCP);
    let by_every_fourth_port = |n: u64| ipv4([10, 78, 0, (n >> 14) as u8], server, [(n << 2) as u16, 80], 20, TCP);
    for queues in [2, 3, 8, 64] {
        for frame in [&by_port as &dyn Fn(u64) -> Vec<u8>, &by_address, &by_every_fourth_port] {
            let mut counts = vec![0_u64; usize::from(queues)];
            (0..FLOWS).for_each(|n| counts[usize::from(queue_of(&frame(n), queues))] += 1);
            let expected = FLOWS as f64 / f64::from(queues);
            let chi_square: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
            let freedom = f64::from(queues - 1);
            // Six standard deviations of the chi-square distribution above its mean.
            assert!(
                chi_square < freedom + 6.0 * (2.0 * freedom).sqrt(),
                "{chi_square} with {queues} queues: {counts:?}"
            );
        }
    }
}

#[test]
fn what_has_no_flow_goes_to_queue_zero() {
    let (a, b) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let icmp = ipv4(a, b, [1, 2], 20, 1);
    let mut fragment = ipv4(a, b, [1, 2], 20, TCP);
    fragment[20] = 0x20;
    let mut last_fragment = ipv4(a, b, [1, 2], 20, TCP);
    last_fragment[21] = 1;
    let mut arp = ipv4(a, b, [1, 2], 20, TCP);
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    let extended = ipv6([1; 16], [2; 16], [1, 2], 0);
    for frame in [&icmp, &fragment, &last_fragment, &arp, &extended, &Vec::new()] {
        assert_eq!((Flow::of_frame(frame), queue_of(frame, 64)), (None, 0));
    }
}

#[test]
fn frames_cut_anywhere_and_random_bytes_are_no_flow_or_some_flow_and_never_a_panic() {
    let whole = [ipv4([1, 2, 3, 4], [5, 6, 7, 8], [9, 10], 60, TCP), ipv6([1; 16], [2; 16], [3, 4], TCP)];
    for (frame, needed) in whole.iter().zip([14 + 60 + 4, 14 + 40 + 4]) {
        for len in 0..frame.len() {
            assert_eq!(Flow::of_frame(&frame[..len]).is_some(), len >= needed, "{len} bytes");
        }
    }
    let mut rng = Rng::from_seed(2);
    for _ in 0..100_000 {
        let mut bytes = vec![0; rng.below(80) as usize];
        rng.fill(&mut bytes);
        if let Some(ethertype) = bytes.get_mut(12..14) {
            ethertype.copy_from_slice(if rng.chance(1, 2) { &[0x08, 0x00] } else { &[0x86, 0xdd] });
        }
        assert!(queue_of(&bytes, 7) < 7);
    }
}
