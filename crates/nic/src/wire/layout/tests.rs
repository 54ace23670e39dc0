use super::*;

fn layout(host_queues: u16, guest_queues: u16) -> Layout {
    Layout::new(host_queues, guest_queues, RingSizes::DEFAULT).unwrap()
}

/// Every range of words that something lives in.
fn places(layout: &Layout) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for side in [Side::Host, Side::Guest] {
        for from in 0..layout.queues(side) {
            let flag = layout.sleep_flag(side, from);
            places.push(flag..flag + APART_WORDS);
            for to in 0..layout.queues(side.other()) {
                let ring = layout.ring(side, from, to);
                places.extend([ring.tail, ring.head].map(|index| index..index + APART_WORDS));
                places.push(ring.data);
            }
        }
    }
    places
}

#[test]
fn nothing_overlaps_and_everything_lies_inside() {
    for (host_queues, guest_queues) in [(1, 1), (2, 2), (1, 5), (7, 2), (16, 16), (64, 64)] {
        let layout = layout(host_queues, guest_queues);
        let mut places = places(&layout);
        places.sort_by_key(|place| place.start);
        assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start));
        assert_eq!(places.last().unwrap().end, layout.words());
    }
}

#[test]
fn flows_have_large_rings_and_what_crosses_over_has_small_ones() {
    let bytes = |layout: &Layout, from, to| layout.ring(Side::Guest, from, to).data.len() * 8;
    let same = layout(3, 3);
    assert_eq!([bytes(&same, 1, 1), bytes(&same, 1, 2)], [RING_BYTES as usize, CROSS_RING_BYTES as usize]);
    // With other numbers of queues a flow may need any pair.
    assert_eq!([bytes(&layout(2, 3), 1, 1), bytes(&layout(2, 3), 2, 0)], [RING_BYTES as usize; 2]);
}

#[test]
fn rings_start_at_pages_and_indexes_keep_apart() {
    let layout = layout(3, 2);
    let ring = layout.ring(Side::Host, 2, 1);
    assert!(ring.data.start.is_multiple_of(PAGE_WORDS));
    assert_eq!((ring.head - ring.tail) * 8, CORE_APART_BYTES);
}

#[test]
fn impossible_numbers_have_no_layout() {
    let sizes = RingSizes::DEFAULT;
    for (host_queues, guest_queues) in [(0, 1), (1, 0), (65, 1), (1, u16::MAX)] {
        assert_eq!(Layout::new(host_queues, guest_queues, sizes), None);
    }
    for bytes in [0, 1, RING_BYTES_MIN / 2, RING_BYTES_MIN + 1, RING_BYTES_MAX * 2, u32::MAX] {
        assert_eq!(Layout::new(1, 1, RingSizes { main: bytes, ..sizes }), None);
        assert_eq!(Layout::new(1, 1, RingSizes { cross: bytes, ..sizes }), None);
    }
}
