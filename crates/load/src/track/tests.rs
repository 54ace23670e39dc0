use super::*;
use crore_base::random::Rng;

fn judged(offsets: &[u64], begin: u64, last: u64) -> (u64, u64, u64) {
    let mut tracker = Tracker::default();
    tracker.begin_after(begin);
    let verdicts: Vec<Verdict> = offsets.iter().map(|&offset| tracker.see(offset)).collect();
    let count = |verdict| verdicts.iter().filter(|&&seen| seen == verdict).count() as u64;
    (tracker.lost(Some(last)), count(Verdict::Duplicate), count(Verdict::Late))
}

#[test]
fn an_unbroken_run_is_clean() {
    assert_eq!(judged(&[8, 9, 10], 7, 10), (0, 0, 0));
    assert_eq!(judged(&[], 7, 7), (0, 0, 0));
}

#[test]
fn a_skipped_publication_is_lost_until_it_comes() {
    assert_eq!(judged(&[8, 10], 7, 10), (1, 0, 0));
    assert_eq!(judged(&[8, 10, 9], 7, 10), (0, 0, 1));
    assert_eq!(judged(&[12, 9], 7, 12), (3, 0, 1));
}

#[test]
fn what_is_missing_at_the_end_is_lost() {
    assert_eq!(judged(&[8], 7, 11), (3, 0, 0));
    assert_eq!(judged(&[], 7, 11), (4, 0, 0));
}

#[test]
fn the_same_publication_twice_is_a_duplicate_and_not_reordered() {
    assert_eq!(judged(&[8, 8, 9, 8], 7, 9), (0, 2, 0));
    assert_eq!(judged(&[9, 8, 8], 7, 9), (0, 1, 1));
}

#[test]
fn one_before_the_position_subscribed_at_is_a_duplicate() {
    assert_eq!(judged(&[7, 8], 7, 8), (0, 1, 0));
}

#[test]
fn without_a_position_the_first_publication_is_where_counting_begins() {
    let mut tracker = Tracker::default();
    assert_eq!((tracker.highest(), tracker.lost(Some(99))), (None, 0));
    assert_eq!(tracker.see(40), Verdict::New);
    assert_eq!((tracker.highest(), tracker.lost(Some(41))), (Some(40), 1));
}

#[test]
fn a_healed_connection_holds_no_memory() {
    let mut tracker = Tracker::default();
    tracker.begin_after(0);
    tracker.see(5);
    assert!(tracker.gaps.is_some());
    for offset in 1..5 {
        assert_eq!(tracker.see(offset), Verdict::Late);
    }
    assert!(tracker.gaps.is_none());
}

#[test]
fn more_gaps_than_fit_are_still_lost() {
    let mut tracker = Tracker::default();
    tracker.begin_after(0);
    let count = GAPS_MAX as u64 + 10;
    (1..=count).for_each(|nth| assert_eq!(tracker.see(nth * 2), Verdict::New));
    assert_eq!(tracker.lost(None), count);
    assert_eq!(tracker.see(1), Verdict::Duplicate, "what was given up is not remembered");
}

#[test]
fn random_deliveries_agree_with_a_set() {
    for seed in 0..200 {
        let mut rng = Rng::from_seed(seed);
        let mut tracker = Tracker::default();
        tracker.begin_after(0);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let offset = rng.range(1..60);
            let highest = seen.last().copied().unwrap_or(0);
            let expected = match (seen.insert(offset), offset > highest) {
                (false, _) => Verdict::Duplicate,
                (true, true) => Verdict::New,
                (true, false) => Verdict::Late,
            };
            assert_eq!(tracker.see(offset), expected, "seed {seed}");
        }
        assert_eq!(tracker.lost(Some(60)), 60 - seen.len() as u64, "seed {seed}");
    }
}
