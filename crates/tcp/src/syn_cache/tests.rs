use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::tuple::tests::tuple;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// A record that its port tells apart.
fn record(port: u16, listener: u32) -> Record {
    Record {
        tuple: tuple("10.0.0.1", 80, "10.0.0.2", port),
        mac: Mac([2, 0, 0, 0, 0, 1]),
        mss: 1460,
        iss: Seq(1),
        irs: Seq(2),
        ts_recent: 3,
        ts_offset: 4,
        listener,
        scale: Some(7).into(),
        sack: true,
        timestamps: true,
        retransmissions: 0,
    }
}

/// What falls due at `now`, at most `max`: port, fate.
fn due(cache: &mut SynCache, now: Instant, max: usize) -> Vec<(u16, Fate)> {
    let mut all = Vec::new();
    cache.expire(now, max, &mut |_, record, fate| all.push((record.tuple.remote_port, fate)));
    all
}

/// RFC 9293 MUST-22
/// RFC 6298 BACKOFF
#[test]
fn a_syn_ack_is_sent_again_after_1_2_4_8_and_16_seconds_and_given_up_after_63() {
    let mut cache = SynCache::new(10, at(0));
    let index = cache.insert(at(0), record(1, 0)).unwrap();
    for (number, secs) in [1, 3, 7, 15, 31].into_iter().enumerate() {
        let deadline = at(secs * 1000);
        assert_eq!(cache.poll_timeout(), Some(deadline));
        assert_eq!(due(&mut cache, deadline - Duration::from_nanos(1), 10), []);
        assert_eq!(due(&mut cache, deadline, 10), [(1, Fate::Resend)]);
        assert_eq!(usize::from(cache.get(index).unwrap().retransmissions), number + 1);
    }
    assert_eq!(due(&mut cache, at(62_999), 10), []);
    assert_eq!(due(&mut cache, at(63_000), 10), [(1, Fate::Expired)]);
    assert!(cache.len() == 0 && cache.get(index).is_none() && cache.poll_timeout().is_none());
    assert_eq!(cache.waiting(0), 0);
}

/// RFC 4987 CACHE-BOUNDED
#[test]
fn a_full_cache_takes_no_more_until_somebody_leaves() {
    let mut cache = SynCache::new(3, at(0));
    let indexes: Vec<u32> = (0..3).map(|port| cache.insert(at(0), record(port, 0)).unwrap()).collect();
    assert_eq!((cache.insert(at(0), record(3, 0)), cache.len()), (None, 3));
    assert_eq!(cache.waiting(0), 3, "a record that was refused is not counted");
    assert_eq!(cache.remove(indexes[1]).unwrap().tuple.remote_port, 1);
    assert_eq!(cache.remove(indexes[1]), None);
    assert!(cache.insert(at(0), record(4, 0)).is_some());
}

/// RFC 4987 CACHE-BOUNDED
#[test]
fn a_record_takes_at_most_96_bytes() {
    assert!(size_of::<Slot>() + GENERATION_BYTES <= 96);
    let mut cache = SynCache::new(1 << 20, at(0));
    let empty = cache.slots.footprint();
    assert!(empty < 1 << 19, "an empty cache has no memory for records: {empty}");
    for port in 0..60_000 {
        cache.insert(at(0), record(port, 0)).unwrap();
    }
    while cache.expire(at(10_000_000), 1000, &mut |_, _, _| {}) {}
    assert_eq!(cache.len(), 60_000, "each waits again after it was sent again");
}

#[test]
fn what_was_put_in_comes_out() {
    let mut cache = SynCache::new(3, at(0));
    let index = cache.insert(at(0), record(9, 5)).unwrap();
    assert_eq!(cache.get(index), Some(&record(9, 5)));
    assert_eq!(cache.remove(index), Some(record(9, 5)));
}

#[test]
fn a_scale_fits_its_byte() {
    for scale in [None, Some(0), Some(14), Some(254)] {
        assert_eq!(Scale::from(scale).get(), scale);
    }
    assert_eq!(Scale::new_zeroed().get(), None);
}

#[test]
fn each_listener_has_its_own_count_and_finds_its_own_records() {
    let mut cache = SynCache::new(10, at(0));
    let indexes: Vec<u32> = [3, 3, 0, 60_000, 3]
        .iter()
        .zip(0..)
        .map(|(&listener, port)| cache.insert(at(0), record(port, listener)).unwrap())
        .collect();
    assert_eq!([0, 1, 3, 60_000, 65_535].map(|listener| cache.waiting(listener)), [1, 0, 3, 1, 0]);
    assert_eq!(cache.of_listener(3).collect::<Vec<_>>(), [indexes[0], indexes[1], indexes[4]]);
    cache.remove(indexes[1]);
    assert_eq!(cache.waiting(3), 2);
    assert_eq!(cache.waiting(u32::MAX), 0);
}

#[test]
#[should_panic(expected = "is not below")]
fn a_listener_without_a_number_of_its_own_is_a_bug() {
    SynCache::new(1, at(0)).insert(at(0), record(1, 1 << 16));
}

#[test]
fn what_is_due_comes_in_bounded_portions() {
    let mut cache = SynCache::new(100, at(0));
    (0..10).for_each(|port| assert!(cache.insert(at(0), record(port, 0)).is_some()));
    let mut handled = 0;
    assert!(cache.expire(at(1000), 4, &mut |_, _, _| handled += 1));
    assert!(cache.expire(at(1000), 4, &mut |_, _, _| handled += 1));
    assert!(!cache.expire(at(1000), 4, &mut |_, _, _| handled += 1));
    assert_eq!(handled, 10);
    assert!(!cache.expire(at(1000), 0, &mut |_, _, _| unreachable!("nothing is due")));
}

#[test]
fn a_late_timer_sends_once_and_waits_its_full_time_again() {
    let mut cache = SynCache::new(1, at(0));
    cache.insert(at(0), record(1, 0)).unwrap();
    assert_eq!(due(&mut cache, at(100_000), 10), [(1, Fate::Resend)]);
    assert_eq!(cache.poll_timeout(), Some(at(102_000)));
}

/// What may happen to the cache.
#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Remove(usize),
    Advance(u64),
    /// A clock that went back, which must not disturb the order.
    Stale(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u32..4).prop_map(Step::Insert),
        2 => any::<usize>().prop_map(Step::Remove),
        3 => (0u64..5000).prop_map(Step::Advance),
        1 => (0u64..5000).prop_map(Step::Stale),
    ]
}

proptest! {
    #[test]
    fn the_cache_is_what_a_map_with_deadlines_would_be(steps in prop::collection::vec(any_step(), 1..300)) {
        const LIMIT: usize = 20;
        let mut cache = SynCache::new(LIMIT as u32, at(0));
        // By index: port, listener, retransmissions, deadline in milliseconds.
        let mut model: BTreeMap<u32, (u16, u32, u8, u64)> = BTreeMap::new();
        let (mut now, mut port) = (0, 0);
        for step in steps {
            match step {
                Step::Insert(listener) => {
                    port += 1;
                    let index = cache.insert(at(now), record(port, listener));
                    prop_assert_eq!(index.is_some(), model.len() < LIMIT);
                    if let Some(index) = index {
                        let before = model.insert(index, (port, listener, 0, now + 1000));
                        prop_assert_eq!(before, None);
                    }
                }
                Step::Remove(number) if !model.is_empty() => {
                    let index = *model.keys().nth(number % model.len()).unwrap();
                    let (port, ..) = model.remove(&index).unwrap();
                    prop_assert_eq!(cache.remove(index).unwrap().tuple.remote_port, port);
                }
                Step::Remove(_) => prop_assert_eq!(cache.remove(0), None),
                Step::Stale(millis) => prop_assert_eq!(due(&mut cache, at(now.saturating_sub(millis)), 0), []),
                Step::Advance(millis) => {
                    now += millis;
                    let mut fired = BTreeMap::new();
                    let more = cache.expire(at(now), usize::MAX, &mut |index, record, fate| {
                        fired.insert(index, (record.tuple.remote_port, fate));
                    });
                    prop_assert!(!more);
                    let mut expected = BTreeMap::new();
                    model.retain(|&index, (port, _, sent, deadline)| {
                        if *deadline > now {
                            return true;
                        }
                        let fate = if *sent == 5 { Fate::Expired } else { Fate::Resend };
                        expected.insert(index, (*port, fate));
                        *sent += 1;
                        *deadline = now + 1000 * (1 << *sent);
                        fate == Fate::Resend
                    });
                    prop_assert_eq!(fired, expected);
                }
            }
            let earliest = model.values().map(|&(.., deadline)| at(deadline)).min();
            prop_assert_eq!(cache.poll_timeout(), earliest);
            prop_assert_eq!(cache.len() as usize, model.len());
            for listener in 0..4 {
                let count = model.values().filter(|&&(_, of, ..)| of == listener).count();
                prop_assert_eq!(cache.waiting(listener) as usize, count);
            }
        }
    }
}
