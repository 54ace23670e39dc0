mod judging;

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const LASTING: Duration = Duration::from_secs(60);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// A record that its port tells apart.
fn record(port: u16) -> Record {
    Record {
        remote: Ip::v4([10, 0, 0, 2]),
        remote_port: port,
        local_port: 80,
        local: 1,
        hop: 2,
        snd_nxt: Seq(1000),
        rcv_nxt: Seq(2000),
        ts_recent: 500,
        ts_offset: 7,
        entered_ms: 0,
        timestamps: true,
        substate: Substate::TimeWait,
    }
}

#[test]
fn a_record_takes_48_bytes_and_12_for_its_place_in_line() {
    assert_eq!((size_of::<Record>(), size_of::<Slot>()), (48, 56));
    let table = TimeWait::new(1 << 20, LASTING);
    let empty = table.slots.footprint();
    assert!(empty < 1 << 19, "an empty table has no memory for records: {empty}");
}

/// RFC 9293 MUST-13
#[test]
fn a_record_lasts_two_segment_lifetimes_and_never_less() {
    for start in [0, 5, 49 * 24 * 3600 * 1000, (1 << 32) - 3, (1 << 32) * 7 + 9] {
        let mut table = TimeWait::new(2, LASTING);
        let entered = at(start) + Duration::from_nanos(1);
        let (index, evicted) = table.insert(entered, record(1));
        assert_eq!(evicted, None);
        let deadline = table.poll_timeout().unwrap();
        assert!(deadline >= entered + LASTING && deadline <= entered + LASTING + Duration::from_millis(1));
        assert_eq!(table.expire(deadline - Duration::from_nanos(1)), None);
        let (gone, last) = table.expire(deadline).unwrap();
        assert_eq!((gone, last.remote_port), (index, 1));
        assert_eq!((table.poll_timeout(), table.expire(deadline), table.len()), (None, None, 0));
    }
}

/// RFC 9293 MUST-13
#[test]
fn a_fin_that_comes_again_begins_the_time_anew() {
    let mut table = TimeWait::new(3, LASTING);
    let (first, _) = table.insert(at(0), record(1));
    let (second, _) = table.insert(at(1000), record(2));
    table.refresh(at(30_000), first);
    assert_eq!(table.expire(at(61_000)).unwrap().0, second);
    assert_eq!(table.expire(at(89_999)), None);
    assert_eq!(table.expire(at(90_000)).unwrap().0, first);
    table.refresh(at(90_000), first);
    assert_eq!(table.len(), 0, "nobody is brought back");
}

#[test]
fn a_full_table_gives_its_oldest_record_up_for_a_new_one() {
    let mut table = TimeWait::new(2, LASTING);
    let (first, _) = table.insert(at(0), record(1));
    table.insert(at(1), record(2));
    let (index, evicted) = table.insert(at(2), record(3));
    assert_eq!((index, evicted.unwrap().remote_port), (first, 1));
    assert_eq!(table.get(index).unwrap().remote_port, 3);
    assert_eq!(table.len(), 2);
    assert_eq!(table.expire(at(60_001)).unwrap().1.remote_port, 2);
    assert_eq!(table.expire(at(60_002)).unwrap().1.remote_port, 3);
}

#[test]
fn a_record_can_be_changed_and_taken_out() {
    let mut table = TimeWait::new(2, LASTING);
    let (index, _) = table.insert(at(0), record(1));
    table.get_mut(index).unwrap().ts_recent = 9;
    assert_eq!(table.get(index).unwrap().ts_recent, 9);
    assert_eq!(table.remove(index).unwrap().ts_recent, 9);
    assert_eq!((table.remove(index), table.get(index)), (None, None));
    assert_eq!(table.poll_timeout(), None);
}

#[test]
fn a_clock_that_steps_back_does_not_disturb_the_order() {
    let mut table = TimeWait::new(3, LASTING);
    table.insert(at(10_000), record(1));
    table.insert(at(5_000), record(2));
    assert_eq!(table.expire(at(69_999)), None);
    assert_eq!(table.expire(at(70_000)).unwrap().1.remote_port, 1);
    assert_eq!(table.expire(at(70_000)).unwrap().1.remote_port, 2);
}

#[test]
#[should_panic(expected = "without room for one record")]
fn a_table_without_room_is_a_bug() {
    TimeWait::new(0, LASTING);
}

/// What may happen to the table.
#[derive(Clone, Debug)]
enum Step {
    Insert,
    Remove(usize),
    Refresh(usize),
    Advance(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Insert),
        2 => any::<usize>().prop_map(Step::Remove),
        2 => any::<usize>().prop_map(Step::Refresh),
        2 => (0u64..30_000).prop_map(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn the_table_is_what_a_queue_of_deadlines_would_be(
        start in 0u64..1 << 40, steps in prop::collection::vec(any_step(), 1..300),
    ) {
        const LIMIT: u32 = 12;
        let mut table = TimeWait::new(LIMIT, LASTING);
        // Index, port, deadline in milliseconds; the oldest first.
        let mut model: VecDeque<(u32, u16, u64)> = VecDeque::new();
        let (mut now, mut port) = (start, 0);
        for step in steps {
            match step {
                Step::Insert => {
                    port += 1;
                    let (index, evicted) = table.insert(at(now), record(port));
                    let oldest = if model.len() as u32 == LIMIT { model.pop_front() } else { None };
                    prop_assert_eq!(evicted.map(|record| record.remote_port), oldest.map(|(_, port, _)| port));
                    prop_assert!(model.iter().all(|&(other, ..)| other != index), "an index names one record");
                    model.push_back((index, port, now + 60_000));
                }
                Step::Remove(number) if !model.is_empty() => {
                    let (index, port, _) = model.remove(number % model.len()).unwrap();
                    prop_assert_eq!(table.remove(index).unwrap().remote_port, port);
                }
                Step::Refresh(number) if !model.is_empty() => {
                    let (index, port, _) = model.remove(number % model.len()).unwrap();
                    table.refresh(at(now), index);
                    model.push_back((index, port, now + 60_000));
                }
                Step::Advance(millis) => {
                    now += millis;
                    while let Some((index, record)) = table.expire(at(now)) {
                        let (other, port, deadline) = model.pop_front().unwrap();
                        prop_assert_eq!((index, record.remote_port), (other, port));
                        prop_assert!(deadline <= now);
                    }
                    prop_assert!(model.front().is_none_or(|&(.., deadline)| deadline > now));
                }
                _ => {}
            }
            prop_assert_eq!(table.poll_timeout(), model.front().map(|&(.., deadline)| at(deadline)));
            prop_assert_eq!(table.len() as usize, model.len());
        }
    }
}
