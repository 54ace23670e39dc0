mod path;

use proptest::prelude::*;

use super::*;

const MSS: u32 = 1000;
const START: Seq = Seq(u32::MAX - 5000);

/// A window in slow start, or with a threshold in congestion avoidance.
fn window(cwnd: u32, ssthresh: u32) -> Window {
    Window::resumed(cwnd, ssthresh, START)
}

/// As many duplicates as told, with `flight` bytes in flight; the verdicts.
fn duplicates(window: &mut Window, una: Seq, flight: u32, count: u32) -> Vec<Verdict> {
    (0..count).map(|_| window.on_duplicate_ack(una, una + flight, flight, MSS)).collect()
}

impl Window {
    fn is_recovering(&self) -> bool {
        self.phase == Phase::Recovery
    }
}

/// RFC 6928 INITIAL-WINDOW
#[test]
fn sending_starts_with_ten_segments_or_what_the_formula_allows() {
    // min(10 mss, max(2 mss, 14600))
    let table =
        [(88, 880), (536, 5_360), (1220, 12_200), (1448, 14_480), (1460, 14_600), (2000, 14_600), (8960, 17_920)];
    for (mss, bytes) in table {
        let window = Window::initial(mss, START);
        assert_eq!((window.cwnd, window.limit(mss)), (bytes, bytes), "with segments of {mss}");
        assert!(window.ssthresh > 1 << 29, "the first slow start has no end");
    }
    assert_eq!(Window::after_lost_handshake(MSS, START).limit(MSS), MSS);
}

/// RFC 9293 MUST-19
#[test]
fn slow_start_doubles_a_full_window_in_a_round_trip() {
    let mut window = window(10 * MSS, u32::MAX);
    let (mut una, mut flight) = (START, 10 * MSS);
    for _ in 0..5 {
        una += 2 * MSS;
        assert_eq!(window.on_ack(2 * MSS, una, flight, MSS), Verdict::Nothing);
        flight -= 2 * MSS;
    }
    assert_eq!(window.cwnd, 20 * MSS);
}

/// RFC 9293 MUST-19
#[test]
fn congestion_avoidance_adds_one_segment_in_a_round_trip() {
    let mut window = window(10 * MSS, 5 * MSS);
    let mut una = START;
    for round in 0..3 {
        let mut left = (10 + round) * MSS;
        let flight = left;
        while left > 0 {
            let acked = left.min(2 * MSS);
            una += acked;
            window.on_ack(acked, una, flight, MSS);
            left -= acked;
        }
        assert_eq!(window.cwnd, (11 + round) * MSS);
    }
}

/// RFC 5681 BYTE-COUNTING
#[test]
fn splitting_acknowledgments_gains_nothing() {
    for ssthresh in [u32::MAX, MSS] {
        let (mut whole, mut split) = (window(10 * MSS, ssthresh), window(10 * MSS, ssthresh));
        whole.on_ack(MSS, START + MSS, 10 * MSS, MSS);
        for byte in 1..=MSS {
            split.on_ack(1, START + byte, 10 * MSS, MSS);
        }
        assert_eq!(split.cwnd, whole.cwnd);
        assert_eq!(split.acked_bytes, whole.acked_bytes);
    }
}

/// RFC 5681 BYTE-COUNTING
#[test]
fn one_acknowledgment_opens_the_window_by_two_segments_at_most() {
    let mut window = window(10 * MSS, u32::MAX);
    window.on_ack(10 * MSS, START + 10 * MSS, 10 * MSS, MSS);
    assert_eq!(window.cwnd, 12 * MSS);
}

#[test]
fn a_window_that_is_not_filled_does_not_grow() {
    for ssthresh in [u32::MAX, MSS] {
        let mut window = window(10 * MSS, ssthresh);
        let mut una = START;
        for _ in 0..100 {
            una += 3 * MSS;
            window.on_ack(3 * MSS, una, 3 * MSS, MSS);
        }
        assert_eq!(window.cwnd, 10 * MSS);
    }
}

#[test]
fn all_of_a_full_window_counts_though_less_is_in_flight_with_each_acknowledgment() {
    let mut window = window(4 * MSS, u32::MAX);
    for segment in 1..=4 {
        window.on_ack(MSS, START + segment * MSS, (5 - segment) * MSS, MSS);
    }
    assert_eq!(window.cwnd, 8 * MSS);
    window.on_ack(MSS, START + 5 * MSS, MSS, MSS);
    assert_eq!(window.cwnd, 8 * MSS, "the next segment was alone");
}

#[test]
fn the_first_two_duplicates_let_one_new_segment_out_each() {
    let mut window = window(10 * MSS, u32::MAX);
    assert_eq!(duplicates(&mut window, START, 10 * MSS, 1), [Verdict::Nothing]);
    assert_eq!(window.limit(MSS), 11 * MSS);
    assert_eq!(duplicates(&mut window, START, 11 * MSS, 1), [Verdict::Nothing]);
    assert_eq!((window.limit(MSS), window.cwnd), (12 * MSS, 10 * MSS));
    window.on_ack(3 * MSS, START + 3 * MSS, 12 * MSS, MSS);
    assert_eq!(window.extra_segments, 0, "it was only reordering");
}

/// RFC 5681 FAST-RETRANSMIT
/// RFC 5681 LOSS-THRESHOLD
#[test]
fn the_third_duplicate_retransmits_and_halves_what_was_in_flight_before_limited_transmit() {
    let mut window = window(10 * MSS, u32::MAX);
    for (flight, verdict) in [(10, Verdict::Nothing), (11, Verdict::Nothing), (12, Verdict::RetransmitFirst)] {
        assert_eq!(duplicates(&mut window, START, flight * MSS, 1), [verdict]);
    }
    assert!(window.is_recovering());
    assert_eq!((window.ssthresh, window.cwnd), (5 * MSS, 8 * MSS));
    assert_eq!(duplicates(&mut window, START, 12 * MSS, 4), [Verdict::Nothing; 4]);
    assert_eq!(window.cwnd, 12 * MSS, "each further one is a segment that has left the network");
}

/// RFC 5681 LOSS-THRESHOLD
#[test]
fn the_threshold_is_two_segments_at_least() {
    let mut window = window(10 * MSS, u32::MAX);
    duplicates(&mut window, START, 3 * MSS, 3);
    assert_eq!(window.ssthresh, 2 * MSS);
    window.on_timeout(START, START + 3 * MSS, MSS, MSS);
    assert_eq!(window.ssthresh, 2 * MSS);
}

#[test]
fn a_full_acknowledgment_ends_recovery_without_a_burst() {
    // bytes still in flight after the acknowledgment; the window then, by RFC 6582 section 3.2 step 3, option 1
    for (after, cwnd) in [(0, 2 * MSS), (MSS, 2 * MSS), (3 * MSS, 4 * MSS), (20 * MSS, 5 * MSS)] {
        let mut window = window(10 * MSS, u32::MAX);
        duplicates(&mut window, START, 10 * MSS, 3);
        assert_eq!(window.on_ack(10 * MSS, START + 10 * MSS, 10 * MSS + after, MSS), Verdict::Nothing);
        assert!(!window.is_recovering());
        assert_eq!(window.cwnd, cwnd, "with {after} bytes left in flight");
    }
}

/// RFC 6582 PARTIAL-ACK
#[test]
fn a_partial_acknowledgment_retransmits_the_next_hole_and_takes_the_inflation_back() {
    let mut window = window(10 * MSS, u32::MAX);
    duplicates(&mut window, START, 10 * MSS, 8);
    assert_eq!(window.cwnd, 13 * MSS);
    // Four whole segments: minus four, plus one.
    assert_eq!(window.on_ack(4 * MSS, START + 4 * MSS, 10 * MSS, MSS), Verdict::RetransmitFirst);
    assert_eq!((window.cwnd, window.is_recovering()), (10 * MSS, true));
    // Less than a segment gives none back.
    assert_eq!(window.on_ack(500, START + 4500, 6 * MSS, MSS), Verdict::RetransmitFirst);
    assert_eq!(window.cwnd, 9500);
    // One byte short of the end is still partial; the last byte is not.
    assert_eq!(window.on_ack(5499, START + 9999, 5500, MSS), Verdict::RetransmitFirst);
    assert_eq!(window.on_ack(1, START + 10 * MSS, 1, MSS), Verdict::Nothing);
    assert!(!window.is_recovering());
}

/// RFC 5681 LOSS-THRESHOLD
/// RFC 9293 MUST-19
#[test]
fn a_timeout_starts_over_with_one_segment_and_halves_only_once() {
    let mut window = window(20 * MSS, u32::MAX);
    let next = START + 20 * MSS;
    window.on_timeout(START, next, 20 * MSS, MSS);
    assert_eq!((window.cwnd, window.ssthresh, window.limit(MSS)), (MSS, 10 * MSS, MSS));
    window.on_timeout(START, next, 20 * MSS, MSS);
    window.on_timeout(START, next, MSS, MSS);
    assert_eq!((window.cwnd, window.ssthresh), (MSS, 10 * MSS));
    // What was lost is sent again: one segment an acknowledgment, whatever it covers.
    window.on_ack(15 * MSS, START + 15 * MSS, 20 * MSS, MSS);
    assert_eq!(window.cwnd, 2 * MSS);
    window.on_ack(5 * MSS, next, 5 * MSS, MSS);
    assert_eq!(window.cwnd, 4 * MSS);
    window.on_timeout(next, next + 4 * MSS, 4 * MSS, MSS);
    assert_eq!(window.ssthresh, 2 * MSS, "another segment is another loss");
}

#[test]
fn a_syn_may_time_out_before_there_is_a_window() {
    let mut window = Window::default();
    assert_eq!(window, Window::new_zeroed());
    window.on_timeout(START, START + 1, 1, MSS);
    window.on_timeout(START, START + 1, 1, MSS);
    assert_eq!(window.limit(MSS), MSS);
}

#[test]
fn a_timeout_in_recovery_ends_it() {
    let mut window = window(10 * MSS, u32::MAX);
    duplicates(&mut window, START, 10 * MSS, 5);
    window.on_timeout(START, START + 10 * MSS, 10 * MSS, MSS);
    assert!(!window.is_recovering());
    assert_eq!((window.limit(MSS), window.ssthresh), (MSS, 5 * MSS));
}

#[test]
fn duplicates_after_a_timeout_are_echoes_and_no_loss() {
    let mut window = window(10 * MSS, u32::MAX);
    window.on_timeout(START, START + 10 * MSS, 10 * MSS, MSS);
    assert_eq!(duplicates(&mut window, START, 10 * MSS, 9), [Verdict::Nothing; 9]);
    assert_eq!(window.limit(MSS), MSS, "limited transmit is off too");
    // The retransmission closed a large gap: what was sent again after it comes back as duplicates.
    window.on_ack(7 * MSS, START + 7 * MSS, 10 * MSS, MSS);
    assert_eq!(duplicates(&mut window, START + 7 * MSS, 3 * MSS, 9), [Verdict::Nothing; 9]);
}

#[test]
fn duplicates_after_a_small_step_are_another_hole_even_after_a_timeout() {
    let mut window = window(10 * MSS, u32::MAX);
    window.on_timeout(START, START + 10 * MSS, 10 * MSS, MSS);
    window.on_ack(2 * MSS, START + 2 * MSS, 10 * MSS, MSS);
    let verdicts = duplicates(&mut window, START + 2 * MSS, 8 * MSS, 3);
    assert_eq!(verdicts, [Verdict::Nothing, Verdict::Nothing, Verdict::RetransmitFirst]);
    assert!(window.is_recovering());
}

#[test]
fn the_first_data_segment_of_a_connection_can_be_fast_retransmitted() {
    let mut window = Window::initial(MSS, START);
    assert_eq!(duplicates(&mut window, START, 10 * MSS, 3)[2], Verdict::RetransmitFirst);
}

#[test]
fn marks_do_not_go_stale_when_sequence_numbers_wrap() {
    let mut window = window(10 * MSS, u32::MAX);
    window.on_timeout(START, START + 10 * MSS, 10 * MSS, MSS);
    let mut una = START;
    for _ in 0..50 {
        una += 100_000_000;
        window.on_ack(100_000_000, una, 100_000_000, MSS);
    }
    assert_eq!(duplicates(&mut window, una, 10 * MSS, 3)[2], Verdict::RetransmitFirst);
}

/// RFC 5681 RESTART
#[test]
fn after_an_idle_time_sending_restarts_with_the_initial_window_at_most() {
    let mut large = window(500 * MSS, 100 * MSS);
    large.after_idle(MSS);
    assert_eq!((large.cwnd, large.ssthresh), (10 * MSS, 100 * MSS));
    let mut small = window(3 * MSS, 2 * MSS);
    small.after_idle(MSS);
    assert_eq!(small.cwnd, 3 * MSS);
}

#[test]
fn made_up_duplicates_inflate_the_window_by_no_more_than_was_in_flight() {
    let mut window = window(10 * MSS, u32::MAX);
    let mut flight = 10 * MSS;
    for _ in 0..100_000 {
        window.on_duplicate_ack(START, START + flight, flight, MSS);
        flight = flight.max(window.limit(MSS));
    }
    assert!(window.cwnd <= 5 * MSS + 12 * MSS, "{} bytes", window.cwnd);
}

#[test]
fn a_path_that_shrinks_its_segments_keeps_room_for_one() {
    let mut window = window(200, u32::MAX);
    assert_eq!(window.limit(MSS), MSS);
    window.on_ack(200, START + 200, 200, MSS);
    assert!(window.limit(100) >= 200);
}

/// What may happen to a window.
#[derive(Clone, Debug)]
enum Step {
    Ack(u32),
    Duplicate,
    Timeout,
    Idle,
    Send,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u32..20_000).prop_map(Step::Ack),
        4 => Just(Step::Duplicate),
        1 => Just(Step::Timeout),
        1 => Just(Step::Idle),
        4 => Just(Step::Send),
    ]
}

proptest! {
    #[test]
    fn no_history_breaks_the_bounds(
        steps in prop::collection::vec(any_step(), 1..300), start: u32, mss in 1u32..9000,
    ) {
        let (mut una, mut flight) = (Seq(start), 0u32);
        let mut window = Window::initial(mss, una);
        let mut acked_in_all = u64::from(window.cwnd);
        for step in steps {
            match step {
                Step::Ack(bytes) if flight > 0 => {
                    let acked = bytes.min(flight);
                    una += acked;
                    acked_in_all += u64::from(acked);
                    let was_recovering = window.is_recovering();
                    let verdict = window.on_ack(acked, una, flight, mss);
                    prop_assert_eq!(verdict == Verdict::RetransmitFirst, was_recovering && window.is_recovering());
                    flight -= acked;
                }
                Step::Duplicate if flight > 0 => {
                    window.on_duplicate_ack(una, una + flight, flight, mss);
                }
                Step::Timeout => window.on_timeout(una, una + flight, flight, mss),
                Step::Idle if flight == 0 => window.after_idle(mss),
                Step::Send => flight = flight.max(window.limit(mss)),
                _ => {}
            }
            prop_assert!(window.limit(mss) >= mss);
            prop_assert!(window.cwnd <= CWND_BYTES_MAX);
            prop_assert!(window.recover.is_at_or_after(una - 1) && window.recover.is_at_or_before(una + flight));
            let is_open = !window.is_recovering();
            prop_assert!(!is_open || window.filled.is_within(una, flight + 1));
            // Outside of recovery a window is never larger than what was proved to get through, and two more segments.
            let proved = acked_in_all + u64::from(mss) * 2;
            prop_assert!(!is_open || u64::from(window.cwnd) <= proved, "{} of {}", window.cwnd, proved);
        }
    }
}
