use super::*;

#[test]
fn each_core_counts_apart_and_a_sum_merges_them() {
    let counters = Counters::new(3, 20);
    for core in 0..3 {
        let mine = counters.core(core);
        mine.add(0, 1);
        mine.add(19, 10 * core as u64);
    }
    assert_eq!((counters.sum(0), counters.sum(19), counters.sum(1)), (3, 30, 0));
    assert_eq!((counters.of(0, 19), counters.of(2, 19)), (0, 20));
}

#[test]
fn a_gauge_that_moves_between_cores_keeps_its_sum() {
    let counters = Counters::new(2, 1);
    counters.core(0).add(0, 5);
    counters.core(1).sub(0, 3);
    assert_eq!(counters.sum(0), 2);
    counters.core(1).set(0, 10);
    assert_eq!((counters.sum(0), counters.core(1).value(0)), (15, 10));
}

#[test]
fn clones_of_one_core_write_the_same_counters() {
    let counters = Counters::new(2, 2);
    let mine = counters.core(1);
    let also_mine = mine.clone();
    mine.add(1, 1);
    also_mine.add(1, 1);
    assert_eq!((counters.of(1, 1), also_mine.value(1), mine.core()), (2, 2, 1));
    assert_eq!((counters.cores(), counters.counters_per_core()), (2, 2));
}

#[test]
fn no_cache_line_is_shared_by_two_cores() {
    for per_core in [1, 16, 17, 40] {
        let counters = Counters::new(3, per_core);
        let line_of = |core, id| std::ptr::from_ref(counters.cell(core, id)).addr() / CORE_APART_BYTES;
        for core in 0..2 {
            assert!(line_of(core, per_core - 1) < line_of(core + 1, 0), "{per_core} counters a core");
        }
    }
}

#[test]
fn readers_on_other_threads_see_everything_once_the_writers_are_done() {
    let counters = Counters::new(4, 1);
    let writers: Vec<_> = (0..4)
        .map(|core| {
            let counters = Arc::clone(&counters);
            std::thread::spawn(move || {
                let mine = counters.core(core);
                (0..10_000).for_each(|_| mine.add(0, 1));
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(counters.sum(0), 40_000);
}

#[test]
#[should_panic(expected = "counter 3 of 3")]
fn a_counter_that_does_not_exist_is_refused_even_where_its_line_has_room() {
    Counters::new(1, 3).core(0).add(3, 1);
}

#[test]
#[should_panic(expected = "core 2 of 2")]
fn a_core_that_does_not_exist_is_refused() {
    Counters::new(2, 1).core(2);
}
