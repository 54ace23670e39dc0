use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Copy, Clone, FromZeros)]
struct Record {
    links: Links,
}

impl Linked for Record {
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }
}

fn order(fifo: &Fifo, records: &Slab<Record>) -> Vec<u32> {
    std::iter::successors(fifo.first(), |&index| {
        let next = records.at(index).expect("a record in line exists").links.next;
        (next != NONE).then_some(next)
    })
    .collect()
}

fn records(count: u32) -> Slab<Record> {
    let mut slab = Slab::new(count);
    for _ in 0..count {
        slab.insert(Record { links: Links::ALONE }).unwrap();
    }
    slab
}

#[test]
fn an_empty_line_has_no_first() {
    assert_eq!(Fifo::EMPTY.first(), None);
}

#[test]
#[should_panic(expected = "a record is in line once")]
fn nobody_stands_in_line_twice() {
    let mut records = records(1);
    let mut fifo = Fifo::EMPTY;
    fifo.push(&mut records, 0);
    fifo.push(&mut records, 0);
}

#[test]
#[should_panic(expected = "has nobody")]
fn nobody_leaves_a_line_without_being_in_it() {
    let mut fifo = Fifo::EMPTY;
    fifo.unlink(&mut records(1), 0);
}

proptest! {
    #[test]
    fn the_line_is_what_a_queue_with_removals_would_be(steps in prop::collection::vec(0u32..20, 0..200)) {
        let mut records = records(20);
        let (mut fifo, mut model) = (Fifo::EMPTY, VecDeque::new());
        for index in steps {
            if let Some(place) = model.iter().position(|&other| other == index) {
                fifo.unlink(&mut records, index);
                model.remove(place);
            } else {
                fifo.push(&mut records, index);
                model.push_back(index);
            }
            prop_assert_eq!(order(&fifo, &records), Vec::from(model.clone()));
            prop_assert_eq!(fifo.last, model.back().copied().unwrap_or(NONE));
        }
    }
}
