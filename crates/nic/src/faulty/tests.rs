use super::*;
use crate::wire::Wire;

const MILLI: Duration = Duration::from_millis(1);

/// A device behind a bad network, the other end of its wire, and one pool for both.
struct Net {
    near: Faulty<Wire>,
    far: Wire,
    frames: FramePool,
}

impl Net {
    fn new(seed: u64, incoming: Faults, outgoing: Faults) -> Self {
        let (mut one, mut other) = Wire::pair(1, 1).unwrap();
        let near = Faulty::new(one.pop().unwrap(), seed, incoming, outgoing);
        let mut net = Self { near, far: other.pop().unwrap(), frames: FramePool::new(4_000, 0).unwrap() };
        assert!(net.inward(0..0, 0).is_empty());
        assert!(!net.near.prepare_sleep(), "the link is news");
        net
    }

    fn burst(&mut self, numbers: std::ops::Range<u32>, len: usize) -> Vec<Frame> {
        let frame = |number: u32| {
            let mut frame = self.frames.alloc().unwrap();
            let buffer = &mut self.frames.buffer_mut(&mut frame)[..len];
            buffer.fill(0);
            buffer[..4].copy_from_slice(&number.to_le_bytes());
            frame.set_len(len);
            frame
        };
        numbers.map(frame).collect()
    }

    fn bytes_and_free(&mut self, burst: Vec<Frame>) -> Vec<Vec<u8>> {
        let bytes = burst.iter().map(|frame| self.frames.bytes(frame).to_vec()).collect();
        burst.into_iter().for_each(|frame| self.frames.free(frame));
        bytes
    }

    /// Sends frames out through the network and returns what has come through at the far end by now.
    fn outward(&mut self, numbers: std::ops::Range<u32>, len: usize) -> Vec<Vec<u8>> {
        let mut burst = self.burst(numbers, len);
        self.near.transmit(&mut self.frames, &mut burst).unwrap();
        assert!(burst.is_empty());
        self.far.receive(&mut self.frames, &mut burst, usize::MAX).unwrap();
        self.bytes_and_free(burst)
    }

    /// As [`outward`](Self::outward), the other way.
    fn inward(&mut self, numbers: std::ops::Range<u32>, len: usize) -> Vec<Vec<u8>> {
        let mut burst = self.burst(numbers, len);
        self.far.transmit(&mut self.frames, &mut burst).unwrap();
        assert!(burst.is_empty());
        self.near.receive(&mut self.frames, &mut burst, usize::MAX).unwrap();
        self.bytes_and_free(burst)
    }
}

fn numbers(frames: &[Vec<u8>]) -> Vec<u32> {
    frames.iter().map(|bytes| u32::from_le_bytes(*bytes.first_chunk().unwrap())).collect()
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + MILLI * millis
}

#[test]
fn without_faults_everything_goes_through_at_once_and_in_order() {
    let mut net = Net::new(1, Faults::default(), Faults::default());
    for start in [0, 100, 200] {
        assert_eq!(numbers(&net.outward(start..start + 100, 60)), (start..start + 100).collect::<Vec<_>>());
        assert_eq!(numbers(&net.inward(start..start + 100, 60)), (start..start + 100).collect::<Vec<_>>());
    }
    assert_eq!((net.near.next_deadline(), net.frames.in_use()), (None, 0));
    assert_eq!(net.near.counts(Direction::Out), FaultCounts { offered: 300, delivered: 300, ..Default::default() });
}

/// What `faults` does to 20,000 frames of 100 bytes in bursts of 20, sent a millisecond apart.
fn through(seed: u64, faults: Faults) -> (Vec<Vec<u8>>, FaultCounts) {
    let mut net = Net::new(seed, Faults::default(), faults);
    let mut received = Vec::new();
    for burst in 0..1_000 {
        net.near.on_time(at(u64::from(burst)));
        received.extend(net.outward(burst * 20..(burst + 1) * 20, 100));
    }
    net.near.on_time(at(100_000));
    received.extend(net.outward(0..0, 0));
    assert_eq!((net.near.next_deadline(), net.frames.in_use()), (None, 0));
    (received, net.near.counts(Direction::Out))
}

/// Whether `count` of 20,000 is what a chance of `parts` in a million gives, within five standard deviations.
fn is_likely(count: u64, parts: u32) -> bool {
    let (chance, all) = (f64::from(parts) / 1e6, 20_000.0);
    (count as f64 - all * chance).abs() <= 5.0 * (all * chance * (1.0 - chance)).sqrt()
}

#[test]
fn each_fault_happens_as_often_as_it_was_asked_for_and_does_only_what_it_is() {
    let tenth = Chance::percent(10);
    let none = Faults::default();
    let (received, counts) = through(2, Faults { loss: tenth, ..none });
    assert!(is_likely(counts.lost, 100_000) && received.len() as u64 == 20_000 - counts.lost);

    let (received, counts) = through(2, Faults { duplication: tenth, ..none });
    assert!(is_likely(counts.duplicated, 100_000));
    let mut once = numbers(&received);
    once.dedup();
    assert_eq!((once.len(), received.len() as u64), (20_000, 20_000 + counts.duplicated));

    let (received, counts) = through(2, Faults { corruption: tenth, ..none });
    let harmed = |(number, bytes): (usize, &Vec<u8>)| {
        let mut whole = vec![0; 100];
        whole[..4].copy_from_slice(&(number as u32).to_le_bytes());
        bytes.iter().zip(whole).map(|(byte, whole)| (byte ^ whole).count_ones()).sum::<u32>()
    };
    let flipped: Vec<u32> = received.iter().enumerate().map(harmed).filter(|bits| *bits > 0).collect();
    assert!(is_likely(counts.corrupted, 100_000) && flipped.len() as u64 == counts.corrupted);
    assert_eq!((flipped.iter().min(), flipped.iter().max()), (Some(&1), Some(&4)));

    let (received, counts) = through(2, Faults { truncation: tenth, ..none });
    let cut = received.iter().filter(|bytes| bytes.len() < 100).count() as u64;
    assert!(is_likely(counts.truncated, 100_000) && cut == counts.truncated);
    assert!(received.iter().all(|bytes| !bytes.is_empty()));

    let (received, counts) = through(2, Faults { reordering: tenth, ..none });
    assert!(is_likely(counts.reordered, 100_000));
    let mut sorted = numbers(&received);
    let late = sorted.windows(2).filter(|pair| pair[0] > pair[1]).count() as u64;
    assert!(late > 1_000 && late <= counts.reordered, "{late} were overtaken of {}", counts.reordered);
    sorted.sort();
    assert_eq!(sorted, (0..20_000).collect::<Vec<_>>(), "all arrive");
    assert!(numbers(&received).iter().enumerate().all(|(place, number)| place.abs_diff(*number as usize) <= 20));
}

#[test]
fn the_same_seed_gives_the_same_network_and_another_seed_another() {
    let chance = Chance::percent(5);
    let faults = Faults {
        loss: chance,
        duplication: chance,
        reordering: chance,
        corruption: chance,
        truncation: chance,
        delay: MILLI * 5,
        jitter: MILLI * 5,
        ..Faults::default()
    };
    assert_eq!(through(7, faults), through(7, faults));
    assert_ne!(through(7, faults).0, through(8, faults).0);
}

#[test]
fn switching_one_fault_on_does_not_move_the_others() {
    let loss = Faults { loss: Chance::percent(3), ..Faults::default() };
    let both = Faults { truncation: Chance::percent(50), jitter: MILLI, ..loss };
    let lost = |received: Vec<Vec<u8>>, whole: bool| -> Vec<u32> {
        // A truncated frame may have lost its number, so those who can tell are asked.
        let tell: Vec<Vec<u8>> = received.into_iter().filter(|bytes| bytes.len() >= 4).collect();
        let seen: std::collections::HashSet<u32> = numbers(&tell).into_iter().collect();
        assert!(!whole || seen.len() == tell.len());
        (0..20_000).filter(|number| !seen.contains(number)).collect()
    };
    let alone = lost(through(9, loss).0, true);
    let together = lost(through(9, both).0, false);
    assert!(alone.iter().all(|number| together.contains(number)), "what was lost is still lost");
    assert_eq!(through(9, loss).1.lost, through(9, both).1.lost);
}

#[test]
fn directions_have_faults_of_their_own_and_can_change_them() {
    let gone = Faults { loss: Chance::ALWAYS, ..Faults::default() };
    let mut net = Net::new(3, gone, Faults::default());
    assert_eq!((net.inward(0..10, 60).len(), net.outward(0..10, 60).len()), (0, 10));
    net.near.set_faults(Direction::In, Faults::default());
    net.near.set_faults(Direction::Out, gone);
    assert_eq!((net.inward(0..10, 60).len(), net.outward(0..10, 60).len()), (10, 0));
    assert_eq!((net.near.counts(Direction::In).lost, net.near.counts(Direction::Out).lost), (10, 10));
}

#[test]
fn delay_and_jitter_hold_a_frame_until_its_time_and_keep_the_order() {
    let faults = Faults { delay: MILLI * 10, jitter: MILLI * 4, ..Faults::default() };
    let mut net = Net::new(4, faults, faults);
    assert!(net.outward(0..20, 60).is_empty() && net.inward(0..20, 60).is_empty());
    assert_eq!(net.frames.in_use(), 40);
    let deadline = net.near.next_deadline().unwrap();
    assert!((at(10)..=at(14)).contains(&deadline));
    net.near.on_time(deadline - Duration::from_nanos(1));
    assert!(net.outward(0..0, 0).is_empty() && net.inward(0..0, 0).is_empty());
    net.near.on_time(deadline);
    let mut out = net.outward(0..0, 0);
    let mut into = net.inward(0..0, 0);
    assert!(!out.is_empty() || !into.is_empty());
    while let Some(deadline) = net.near.next_deadline() {
        assert!(deadline <= at(14));
        net.near.on_time(deadline);
        out.extend(net.outward(0..0, 0));
        into.extend(net.inward(0..0, 0));
    }
    for received in [out, into] {
        assert_eq!(numbers(&received), (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn what_has_arrived_and_was_not_asked_for_keeps_the_core_awake() {
    let mut net = Net::new(5, Faults::default(), Faults::default());
    let mut burst = net.burst(0..3, 60);
    net.far.transmit(&mut net.frames, &mut burst).unwrap();
    net.near.receive(&mut net.frames, &mut burst, 0).unwrap();
    net.near.receive(&mut net.frames, &mut burst, 3).unwrap();
    assert!(net.near.prepare_sleep());
    net.near.set_faults(Direction::In, Faults { duplication: Chance::ALWAYS, ..Faults::default() });
    let again = net.bytes_and_free(burst);
    assert_eq!(numbers(&again), [0, 1, 2]);
    let mut burst = net.burst(0..3, 60);
    net.far.transmit(&mut net.frames, &mut burst).unwrap();
    assert_eq!(net.near.receive(&mut net.frames, &mut burst, 3).unwrap(), 3);
    assert!(!net.near.prepare_sleep(), "three copies wait");
    net.near.clear(&mut net.frames);
    assert!(net.near.prepare_sleep());
    net.bytes_and_free(burst);
    assert_eq!(net.frames.in_use(), 0);
    assert_eq!(net.near.counts(Direction::In).lost, 3);
}

#[test]
fn the_rate_limit_spaces_frames_and_drops_what_its_queue_does_not_hold() {
    // 1,000 bytes in a millisecond.
    let faults = Faults { bits_per_second: 8_000_000, queue_bytes_max: 4_500, ..Faults::default() };
    let mut net = Net::new(6, Faults::default(), faults);
    assert!(net.outward(0..20, 1000).is_empty(), "the first is still leaving");
    assert_eq!(net.near.counts(Direction::Out).queue_full, 15);
    for millis in 1..=5 {
        assert_eq!(net.near.next_deadline(), Some(at(millis)));
        net.near.on_time(at(millis));
        assert_eq!(numbers(&net.outward(0..0, 0)), [millis as u32 - 1]);
    }
    assert_eq!(net.near.next_deadline(), None);
    // A second of frames offered at twice the rate comes out at the rate.
    let mut received = 0;
    for millis in 100..1_100 {
        net.near.on_time(at(millis));
        received += net.outward(0..2, 1000).len();
    }
    assert!((990..=1_000).contains(&received), "{received} frames in a second");
}

#[test]
fn the_last_frame_of_all_arrives_even_if_nothing_overtakes_it() {
    let faults = Faults { reordering: Chance::ALWAYS, ..Faults::default() };
    let mut net = Net::new(7, Faults::default(), faults);
    assert!(net.outward(0..1, 60).is_empty());
    let deadline = net.near.next_deadline().unwrap();
    assert_eq!(deadline, Instant::ZERO + crate::limits::FAULTY_OVERTAKEN_MAX);
    net.near.on_time(deadline);
    assert_eq!(numbers(&net.outward(0..0, 0)), [0]);
}

#[test]
fn a_full_device_pushes_back_through_the_network() {
    let mut net = Net::new(8, Faults::default(), Faults::default());
    let mut burst = net.burst(0..2_000, 1500);
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < 2_000 {
        sent += net.near.transmit(&mut net.frames, &mut burst).unwrap();
        assert_eq!(sent + burst.len(), 2_000);
        let mut arrived = Vec::new();
        net.far.receive(&mut net.frames, &mut arrived, 100).unwrap();
        let bytes = net.bytes_and_free(arrived);
        received.extend(numbers(&bytes));
    }
    assert_eq!(received, (0..2_000).collect::<Vec<_>>());
    assert_eq!(net.frames.in_use(), 0);
}

#[test]
fn a_pool_that_is_empty_gives_no_copies_and_loses_nothing() {
    let mut net = Net::new(9, Faults::default(), Faults { duplication: Chance::ALWAYS, ..Faults::default() });
    net.frames = FramePool::new(10, 0).unwrap();
    let mut burst = net.burst(0..9, 60);
    net.near.transmit(&mut net.frames, &mut burst).unwrap();
    let counts = net.near.counts(Direction::Out);
    assert_eq!((counts.duplicated, counts.delivered, net.frames.in_use()), (1, 10, 0));
}
