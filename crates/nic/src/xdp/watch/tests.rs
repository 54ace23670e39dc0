use crore_base::time::Duration;

use super::*;

/// An IPv4 TCP segment of 20 bytes with this in its checksum field.
fn segment(checksum: u16) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([0x08, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0xc0, 0, 0, 80]);
    frame.resize(14 + 20 + 16, 0);
    frame.extend(checksum.to_be_bytes());
    frame.resize(14 + 40, 0);
    frame
}

fn pseudo_header() -> u16 {
    !Sum::pseudo_header(&Ip::v4([10, 0, 0, 1]), &Ip::v4([10, 0, 0, 2]), 6, 20).finish()
}

#[test]
fn a_checksum_that_is_only_begun_is_noticed_and_others_are_not() {
    let inspector = Inspector::new();
    let mut statistics = XdpStatistics::default();
    inspector.inspect(&segment(pseudo_header()), 0, 1, &mut statistics);
    assert_eq!((statistics.segments_seen, statistics.partial_checksums), (1, 1));
    inspector.inspect(&segment(pseudo_header().wrapping_add(1)), 0, 1, &mut statistics);
    assert_eq!((statistics.segments_seen, statistics.partial_checksums), (2, 1));
    for length in 0..segment(0).len() {
        inspector.inspect(&segment(pseudo_header())[..length], 0, 1, &mut statistics);
    }
    assert!(statistics.partial_checksums <= 1 + 4, "only what has the whole field counts");
}

#[test]
fn a_frame_on_another_queue_than_that_of_its_flow_is_noticed() {
    let inspector = Inspector::new();
    let mut statistics = XdpStatistics::default();
    let queue = steering::queue_of(&segment(0), 8);
    for at in 0..8 {
        inspector.inspect(&segment(0), at, 8, &mut statistics);
        assert_eq!(statistics.flows_misdirected, u64::from(at + 1) - u64::from(queue <= at));
    }
    inspector.inspect(&[0xff; 60], 3, 8, &mut statistics);
    assert_eq!(statistics.flows_seen, 8, "what is no flow belongs nowhere");
}

#[test]
fn all_frames_are_looked_at_first_and_one_in_sixty_four_later() {
    let mut inspector = Inspector::new();
    inspector.look_at(70);
    assert_eq!([64, 64, 0, 3].map(|burst| inspector.share_of(burst)), [64, 6, 0, 1]);
    let looked: usize = (0..6500).map(|_| inspector.share_of(1)).sum();
    assert_eq!(looked, 100, "whatever the size of bursts");
    assert_eq!((0..50).map(|_| inspector.share_of(64)).filter(|share| *share == 1).count(), 25);
}

#[test]
fn a_full_ring_is_stuck_after_a_while_and_no_longer_when_it_moves() {
    let (mut stall, mut stalls) = (Stall::new(), 0);
    let at = |millis| Instant::ZERO.saturating_add(Duration::from_millis(millis));
    assert!(!stall.full(at(5), &mut stalls) && !stall.full(at(104), &mut stalls));
    assert!(stall.full(at(105), &mut stalls) && stall.full(at(500), &mut stalls));
    assert_eq!(stalls, 1);
    stall.moved();
    assert!(!stall.full(at(501), &mut stalls));
    assert_eq!(stalls, 1);
}

#[test]
fn advice_is_given_for_what_is_wrong_and_not_otherwise() {
    assert_eq!(XdpStatistics::default().advice(), Vec::<String>::new());
    let chance = XdpStatistics { partial_checksums: 2, segments_seen: 100_000, ..XdpStatistics::default() };
    assert_eq!(chance.advice(), Vec::<String>::new());
    let kernel = XdpKernelStatistics { receive_ring_full: 3, fill_invalid: 1, ..XdpKernelStatistics::default() };
    let ill = XdpStatistics {
        partial_checksums: 9,
        flows_misdirected: 5,
        stalls: 1,
        starved: 1,
        kernel: Some(kernel),
        ..XdpStatistics::default()
    };
    let advice = ill.advice();
    for word in
        ["ethtool -K PEER tx off", "another queue", "stuck 1 times for 100 ms", "larger pool", "3 frames", "no frames"]
    {
        assert!(advice.iter().any(|line| line.contains(word)), "{word}: {advice:?}");
    }
}
