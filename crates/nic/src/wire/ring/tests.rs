use crore_base::random::Rng;

use super::*;
use crate::limits::RING_BYTES_MIN;
use crate::wire::layout::{Layout, RingSizes, Side};

const CAPACITY: u64 = RING_BYTES_MIN as u64;

/// Both sides of a small ring, and the memory and place of it for those who want to misbehave.
fn ring() -> (Producer, Consumer, Arc<SharedMemory>, RingPlace) {
    let layout = Layout::new(1, 1, RingSizes { main: RING_BYTES_MIN, cross: RING_BYTES_MIN }).unwrap();
    let (memory, _file) = SharedMemory::create(layout.words()).unwrap();
    let (memory, place) = (Arc::new(memory), layout.ring(Side::Host, 0, 0));
    let producer = Producer::new(memory.clone(), place.clone());
    (producer, Consumer::new(memory.clone(), place.clone()), memory, place)
}

/// The next frame, if there is one.
fn pop(consumer: &mut Consumer) -> Result<Option<Vec<u8>>, Violation> {
    let Some(len) = consumer.peek()? else {
        return Ok(None);
    };
    let mut buffer = [0; FRAME_BYTES];
    consumer.take(len, &mut buffer);
    Ok(Some(buffer[..len].to_vec()))
}

/// The frame of this number: its length and bytes follow from it.
fn frame(number: u64) -> Vec<u8> {
    let mut rng = Rng::from_seed(number);
    let mut bytes = vec![0; rng.range(1..FRAME_BYTES as u64 + 1) as usize];
    rng.fill(&mut bytes);
    bytes
}

#[test]
fn frames_come_out_as_they_went_in_after_they_are_published() {
    let (mut producer, mut consumer, ..) = ring();
    for len in [1, 7, 8, 9, 55, 56, 57, 64, 1514, FRAME_BYTES] {
        let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
        assert_eq!(producer.push(&bytes), Ok(true));
        assert_eq!(pop(&mut consumer), Ok(None), "nothing is seen before it is published");
        assert!(producer.publish() && !producer.publish());
        assert_eq!(pop(&mut consumer), Ok(Some(bytes)));
        assert_eq!(pop(&mut consumer), Ok(None));
    }
}

#[test]
fn frames_of_all_lengths_survive_a_thousand_times_around_the_ring() {
    let (mut producer, mut consumer, ..) = ring();
    let mut rng = Rng::from_seed(1);
    let (mut pushed, mut popped) = (0, 0);
    while popped < 60_000 {
        for _ in 0..rng.below(40) {
            pushed += u64::from(producer.push(&frame(pushed)).unwrap());
        }
        producer.publish();
        for _ in 0..rng.below(40) {
            if let Some(bytes) = pop(&mut consumer).unwrap() {
                assert_eq!(bytes, frame(popped));
                popped += 1;
            }
        }
        consumer.publish();
    }
    assert!(consumer.head > 500 * CAPACITY);
}

#[test]
fn indexes_may_pass_the_largest_number() {
    let (mut producer, mut consumer, memory, place) = ring();
    let near_the_end = 0_u64.wrapping_sub(CAPACITY / 2);
    memory[place.tail].store(near_the_end, Ordering::Relaxed);
    memory[place.head].store(near_the_end, Ordering::Relaxed);
    (producer.tail, producer.published, producer.head) = (near_the_end, near_the_end, near_the_end);
    (consumer.head, consumer.published, consumer.tail) = (near_the_end, near_the_end, near_the_end);
    for number in 0..500 {
        assert_eq!(producer.push(&frame(number)), Ok(true));
        producer.publish();
        assert_eq!(pop(&mut consumer), Ok(Some(frame(number))));
        consumer.publish();
    }
    assert!(consumer.head < CAPACITY * 1_000, "they have passed it");
}

#[test]
fn a_full_ring_takes_nothing_until_room_is_given_back() {
    let (mut producer, mut consumer, ..) = ring();
    let records = CAPACITY / record_bytes(1514);
    for _ in 0..records {
        assert_eq!(producer.push(&[1; 1514]), Ok(true));
    }
    assert_eq!(producer.push(&[1; 1514]), Ok(false));
    assert_eq!(producer.push(&[2; 56]), Ok(true), "what is left takes a small one");
    producer.publish();
    pop(&mut consumer).unwrap().unwrap();
    assert_eq!(producer.push(&[1; 1514]), Ok(false), "room is given back when the consumer says so");
    consumer.publish();
    assert_eq!(producer.push(&[1; 1514]), Ok(true));
    producer.publish();
    let taken = std::iter::from_fn(|| pop(&mut consumer).unwrap()).count() as u64;
    assert_eq!(taken, records + 1);
}

#[test]
fn giving_back_room_says_when_another_half_of_the_ring_was_passed() {
    let (mut producer, mut consumer, ..) = ring();
    let mut passed = 0;
    for _ in 0..100 * CAPACITY / record_bytes(1514) {
        producer.push(&[1; 1514]).unwrap();
        producer.publish();
        pop(&mut consumer).unwrap().unwrap();
        passed += u64::from(consumer.publish());
        assert!(!consumer.publish(), "nothing more was given back");
    }
    assert_eq!(passed, consumer.head / (CAPACITY / 2));
}

#[test]
fn an_index_that_no_honest_side_writes_is_found() {
    for garbage in [1, 63, 65, CAPACITY + 64, CAPACITY * 2, u64::MAX, 0_u64.wrapping_sub(64)] {
        let (_, mut consumer, memory, place) = ring();
        memory[place.tail].store(garbage, Ordering::Relaxed);
        assert_eq!(consumer.peek(), Err(Violation), "tail {garbage}");
        assert_eq!(consumer.is_empty(), Err(Violation));

        let (mut producer, _, memory, place) = ring();
        while producer.push(&[0; FRAME_BYTES]).unwrap() {}
        producer.publish();
        memory[place.head].store(garbage, Ordering::Relaxed);
        assert_eq!(producer.push(&[0; FRAME_BYTES]), Err(Violation), "head {garbage}");
    }
}

#[test]
fn a_consumer_that_goes_back_is_found() {
    let (mut producer, _, memory, place) = ring();
    while producer.push(&[0; 120]).unwrap() {}
    memory[place.head].store(1280, Ordering::Relaxed);
    while producer.push(&[0; 120]).unwrap() {}
    memory[place.head].store(640, Ordering::Relaxed);
    assert_eq!(producer.push(&[0; 120]), Err(Violation));
}

#[test]
fn a_length_that_no_honest_side_writes_is_found() {
    for garbage in [0, FRAME_BYTES as u64 + 1, 121, u64::MAX, 1 << 32] {
        let (mut producer, mut consumer, memory, place) = ring();
        producer.push(&[0; 100]).unwrap();
        producer.publish();
        memory[place.data.start].store(garbage, Ordering::Relaxed);
        assert_eq!(consumer.peek(), Err(Violation), "a length of {garbage} in a record of 128 bytes");
    }
}

#[test]
fn random_garbage_in_the_whole_memory_is_found_or_read_as_frames_and_never_panics() {
    let mut rng = Rng::from_seed(3);
    for _ in 0..2_000 {
        let (mut producer, mut consumer, memory, place) = ring();
        for _ in 0..50 {
            let small = |rng: &mut Rng| rng.below(2 * CAPACITY) / 64 * 64;
            match rng.below(4) {
                0 => memory[place.tail].store(small(&mut rng), Ordering::Relaxed),
                1 => memory[place.head].store(small(&mut rng), Ordering::Relaxed),
                2 => memory[place.data.start + rng.below(CAPACITY / 8) as usize]
                    .store(rng.below(3_000), Ordering::Relaxed),
                _ => memory[rng.below(place.data.end as u64) as usize].store(rng.next_u64(), Ordering::Relaxed),
            }
            let pushed = producer.push(&frame(rng.next_u64()));
            let published = producer.publish();
            assert!(published || pushed != Ok(true));
            while let Ok(Some(bytes)) = pop(&mut consumer) {
                assert!((1..=FRAME_BYTES).contains(&bytes.len()));
            }
            consumer.publish();
        }
    }
}

#[test]
fn two_threads_pass_frames_in_order_and_unharmed() {
    const FRAMES: u64 = 200_000;
    let (mut producer, mut consumer, ..) = ring();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut number = 0;
            while number < FRAMES {
                while number < FRAMES && producer.push(&frame(number)).unwrap() {
                    number += 1;
                }
                producer.publish();
                std::thread::yield_now();
            }
        });
        let mut number = 0;
        while number < FRAMES {
            while let Some(bytes) = pop(&mut consumer).unwrap() {
                assert_eq!(bytes, frame(number));
                number += 1;
            }
            consumer.publish();
            std::thread::yield_now();
        }
    });
}
