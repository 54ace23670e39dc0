use super::*;
use crate::wire::Wire;

#[test]
fn frames_and_bytes_are_counted_each_way_and_so_is_what_found_no_room() {
    let (one, other) = Wire::pair(1, 1).unwrap();
    let [mut a, mut b] = [one, other].map(|mut queues| Counted::new(queues.pop().unwrap()));
    let mut frames = FramePool::new(8_000, 0).unwrap();
    let mut burst = Vec::new();
    assert_eq!(a.receive(&mut frames, &mut burst, 64).unwrap(), 0);
    let push = |frames: &mut FramePool, burst: &mut Vec<Frame>, len| {
        let mut frame = frames.alloc().unwrap();
        frame.set_len(len);
        burst.push(frame);
    };
    for len in [60, 100, 1514] {
        push(&mut frames, &mut burst, len);
    }
    assert_eq!(a.transmit(&mut frames, &mut burst).unwrap(), 3);
    assert_eq!(b.receive(&mut frames, &mut burst, 2).unwrap(), 2);
    assert_eq!(b.receive(&mut frames, &mut burst, 2).unwrap(), 1);
    burst.drain(..).for_each(|frame| frames.free(frame));
    let sent = Counts { frames_out: 3, bytes_out: 1674, bursts_out: 1, ..Counts::default() };
    let received = Counts { frames_in: 3, bytes_in: 1674, bursts_in: 2, ..Counts::default() };
    assert_eq!((a.counts(), b.counts()), (sent, received));

    (0..7_000).for_each(|_| push(&mut frames, &mut burst, 1000));
    let taken = a.transmit(&mut frames, &mut burst).unwrap() as u64;
    assert_eq!(a.transmit(&mut frames, &mut burst).unwrap(), 0);
    let counts = a.counts();
    assert_eq!((counts.frames_out, counts.bytes_out), (3 + taken, 1674 + 1000 * taken));
    assert_eq!((counts.refused_for_room, counts.bursts_out), (2 * (7_000 - taken), 2));
}
