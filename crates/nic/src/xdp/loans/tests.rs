use super::*;

#[test]
fn what_is_lent_comes_back_once_and_only_to_the_queue_that_lent_it() {
    let mut frames = FramePool::new(100, 0).unwrap();
    let (mut one, mut other) = (Loans::new(&frames), Loans::new(&frames));
    let frame = frames.alloc().unwrap();
    let index = one.lend(&mut frames, frame);
    assert_eq!(other.back(&mut frames, index, 0, 60), None);
    assert_eq!(one.back(&mut frames, index, 2000, 60), None, "beyond the frame");
    assert_eq!(one.back(&mut frames, u32::MAX, 0, 60), None);
    let frame = one.back(&mut frames, index, 256, 60).unwrap();
    assert_eq!((frame.start(), frame.len()), (256, 60));
    assert_eq!(one.back(&mut frames, index, 256, 60), None, "twice");
    frames.free(frame);
}

#[test]
fn closing_gives_back_what_this_queue_has_lent() {
    let mut frames = FramePool::new(100, 0).unwrap();
    let (mut one, mut other) = (Loans::new(&frames), Loans::new(&frames));
    for turn in 0..70 {
        let frame = frames.alloc().unwrap();
        let to = if turn % 2 == 0 { &mut one } else { &mut other };
        to.lend(&mut frames, frame);
    }
    one.give_back(&mut frames);
    assert_eq!(frames.in_use(), 35);
    other.give_back(&mut frames);
    assert_eq!(frames.in_use(), 0);
}

#[test]
#[should_panic(expected = "with one pool")]
fn another_pool_is_noticed() {
    let (first, second) = (FramePool::new(10, 0).unwrap(), FramePool::new(10, 0).unwrap());
    Loans::new(&first).assert_same(&second);
}
