use std::collections::HashMap;

use super::*;
use crate::map::tests::resident_bytes;
use crate::random::Rng;

fn pool(frames: u32, reserve: u32) -> FramePool {
    FramePool::new(frames, reserve).unwrap()
}

/// A frame that holds `bytes`.
fn holding(frames: &mut FramePool, bytes: &[u8]) -> Frame {
    let mut frame = frames.alloc().unwrap();
    frames.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    frame
}

#[test]
fn a_frame_keeps_its_bytes_until_it_is_freed() {
    let mut frames = pool(3, 0);
    let (one, mut two) = (holding(&mut frames, b"one"), holding(&mut frames, b"second"));
    frames.bytes_mut(&mut two)[0] = b'S';
    assert_eq!((frames.bytes(&one), frames.bytes(&two)), (&b"one"[..], &b"Second"[..]));
    assert_eq!((frames.in_use(), frames.available(), frames.capacity()), (2, 1, 3));
    frames.free(one);
    assert_eq!(frames.bytes(&two), b"Second");
    frames.free(two);
    assert_eq!((frames.in_use(), frames.available()), (0, 3));
}

#[test]
fn the_reserve_is_left_to_those_who_ask_for_it() {
    let mut frames = pool(5, 2);
    let taken: Vec<Frame> = std::iter::from_fn(|| frames.alloc()).collect();
    assert_eq!((taken.len(), frames.available(), frames.in_use()), (3, 0, 3));
    let reserved: Vec<Frame> = std::iter::from_fn(|| frames.alloc_reserved()).collect();
    assert_eq!((reserved.len(), frames.available(), frames.in_use()), (2, 0, 5));
    reserved.into_iter().for_each(|frame| frames.free(frame));
    assert!(frames.alloc().is_none(), "the reserve fills up first");
    taken.into_iter().for_each(|frame| frames.free(frame));
    assert_eq!((frames.available(), frames.reserve()), (3, 2));
}

#[test]
fn the_frame_freed_last_is_taken_first_and_untouched_ones_stay_untouched() {
    let mut frames = pool(10_000, 0);
    for round in 0..100_u8 {
        let frame = holding(&mut frames, &[round; FRAME_BYTES]);
        assert_eq!(frame.index(), 0);
        frames.free(frame);
    }
    assert!(resident_bytes(frames.memory()) <= HUGE_PAGE_BYTES);
}

#[test]
fn what_is_dropped_in_front_and_cut_behind_is_no_longer_seen() {
    let mut frames = pool(1, 0);
    let mut frame = holding(&mut frames, b"header payload padding");
    frame.advance(7);
    frame.truncate(7);
    assert_eq!((frames.bytes(&frame), frame.start(), frame.len()), (&b"payload"[..], 7, 7));
    frame.truncate(100);
    assert_eq!(frame.len(), 7, "cutting never adds");
    frame.set_len(FRAME_BYTES - 7);
    frame.advance(frame.len());
    assert!(frame.is_empty() && frames.bytes(&frame).is_empty());
    assert_eq!(frames.buffer_mut(&mut frame).len(), FRAME_BYTES);
    assert_eq!((frame.start(), frame.len()), (0, 0), "a frame to be written anew begins at its start");
    frames.free(frame);
}

#[test]
#[should_panic(expected = "do not fit a frame")]
fn a_length_beyond_the_frame_is_a_bug() {
    let mut frames = pool(1, 0);
    let mut frame = holding(&mut frames, b"12345");
    frame.advance(5);
    frame.set_len(FRAME_BYTES - 4);
}

#[test]
#[should_panic(expected = "cannot drop 6 bytes of 5")]
fn dropping_more_than_there_is_is_a_bug() {
    let mut frames = pool(1, 0);
    let mut frame = holding(&mut frames, b"12345");
    frame.advance(6);
}

#[test]
#[should_panic(expected = "is not of this pool")]
fn a_frame_of_a_larger_pool_is_not_taken_back() {
    let mut large = pool(2, 0);
    let (_low, high) = (large.alloc().unwrap(), large.alloc().unwrap());
    pool(1, 0).free(high);
}

#[test]
#[should_panic(expected = "none is in use")]
fn a_frame_of_another_pool_is_not_taken_back_by_a_full_one() {
    let frame = pool(1, 0).alloc().unwrap();
    pool(1, 0).free(frame);
}

#[test]
fn a_duplicate_has_the_same_bytes_and_a_life_of_its_own() {
    let mut frames = pool(3, 1);
    let mut frame = holding(&mut frames, b"xyz");
    frame.advance(1);
    let mut copy = frames.duplicate(&frame).unwrap();
    assert_eq!((frames.bytes(&copy), copy.start()), (&b"yz"[..], 1));
    frames.bytes_mut(&mut copy)[0] = b'Y';
    assert_eq!(frames.bytes(&frame), b"yz");
    assert_eq!(frames.duplicate(&frame), None, "a copy does not use the reserve");
    frames.free(frame);
    frames.free(copy);
    assert_eq!(frames.in_use(), 0);
}

#[test]
fn a_lent_frame_comes_back_once_and_only_with_bytes_that_fit() {
    let mut frames = pool(70, 0);
    let all: Vec<Frame> = std::iter::from_fn(|| frames.alloc()).collect();
    let numbers: Vec<u32> = all.into_iter().map(|frame| frames.lend(frame)).collect();
    assert_eq!((numbers.len(), frames.in_use()), (70, 70));
    for (start, len) in [(0, FRAME_BYTES + 1), (1, FRAME_BYTES), (FRAME_BYTES + 1, 0), (usize::MAX, 2), (2, usize::MAX)]
    {
        assert_eq!(frames.frame_at(69, start, len), None);
    }
    for index in [70, 128, u32::MAX] {
        assert_eq!(frames.frame_at(index, 0, 1), None);
    }
    for index in numbers {
        let frame = frames.frame_at(index, 100, 50).unwrap();
        assert_eq!((frame.index(), frame.start(), frame.len()), (index, 100, 50));
        assert_eq!(frames.frame_at(index, 100, 50), None);
        frames.free(frame);
    }
    assert_eq!(frames.frame_at(0, 0, 0), None, "a frame that was never lent is not given out");
    assert_eq!(frames.in_use(), 0);
}

#[test]
fn frames_follow_each_other_in_one_mapping() {
    let mut frames = pool(4, 0);
    let first = holding(&mut frames, b"first");
    let second = holding(&mut frames, b"second");
    let base = frames.memory().base().addr().get();
    let place = |frame: &Frame| frames.bytes(frame).as_ptr().addr() - base;
    assert_eq!((place(&first), place(&second)), (0, FRAME_BYTES));
    assert_eq!(format!("{frames:?}"), "FramePool(2 of 4 frames in use, 0 reserved)");
    frames.prefetch(&first);
    frames.free(first);
    frames.free(second);
}

#[test]
fn random_use_never_gives_one_frame_to_two_holders_and_loses_none() {
    let mut rng = Rng::from_seed(1);
    let mut frames = pool(100, 7);
    let mut held: Vec<(Frame, u64)> = Vec::new();
    let mut lent: HashMap<u32, u64> = HashMap::new();
    for _ in 0..100_000 {
        match rng.below(5) {
            0 | 1 => {
                let mark = rng.next_u64();
                let frame = if rng.below(4) == 0 { frames.alloc_reserved() } else { frames.alloc() };
                let Some(mut frame) = frame else { continue };
                frames.buffer_mut(&mut frame)[..8].copy_from_slice(&mark.to_le_bytes());
                frame.set_len(8);
                held.push((frame, mark));
            }
            2 if !held.is_empty() => {
                let (frame, mark) = held.swap_remove(rng.below(held.len() as u64) as usize);
                assert_eq!(frames.bytes(&frame), mark.to_le_bytes());
                frames.free(frame);
            }
            3 if !held.is_empty() => {
                let (frame, mark) = held.swap_remove(rng.below(held.len() as u64) as usize);
                lent.insert(frames.lend(frame), mark);
            }
            _ => {
                let index = rng.below(110) as u32;
                let frame = frames.frame_at(index, 0, 8);
                assert_eq!(frame.is_some(), lent.contains_key(&index));
                let Some(frame) = frame else { continue };
                held.push((frame, lent.remove(&index).unwrap()));
            }
        }
        assert_eq!(frames.in_use() as usize, held.len() + lent.len());
    }
}
