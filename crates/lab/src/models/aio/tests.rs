//! Aligned buffers, and the ring on descriptors of every kind.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};

use super::buffer::AlignedBuffer;
use super::ring::{Outcome, Ring, Wish};

/// A ring, or the reason why not.
fn ring(capacity: usize) -> Option<Ring> {
    let ring = Ring::open(capacity);
    ring.inspect_err(|error| println!("skipped: needs native AIO, and room for {capacity}: {error}")).ok()
}

/// Waits until the ring's bell rings, and takes what has come.
fn collect(ring: &mut Ring) -> Vec<(u64, Outcome)> {
    poll(&mut [PollFd::new(&*ring, PollFlags::IN)], None).unwrap();
    ring.collect().unwrap()
}

#[test]
fn a_buffer_holds_whole_blocks_around_its_part() {
    for (at, length) in [(0, 1), (4_095, 2), (4_096, 4_096), (1_001, 1_048_576), (u64::MAX, 10)] {
        let mut buffer = AlignedBuffer::for_part(at, length);
        assert_eq!(buffer.offset() % 4_096, 0);
        let blocks = buffer.blocks();
        assert_eq!((blocks.as_ptr().addr() % 4_096, blocks.len() % 4_096), (0, 0));
        assert!(blocks.len() >= length);
    }
}

#[test]
fn a_part_is_there_when_all_of_it_was_read() {
    let filled = |bytes| {
        let mut buffer = AlignedBuffer::for_part(4_000, 200);
        buffer.blocks().iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8);
        buffer.fill(bytes);
        buffer.into_part()
    };
    let expected: Vec<u8> = (4_000..4_200).map(|at| at as u8).collect();
    assert_eq!(filled(8_192), Some(expected.clone()));
    assert_eq!(filled(4_200), Some(expected));
    assert_eq!(filled(4_199), None);
    assert_eq!(filled(0), None);
}

#[test]
fn the_ring_reads_files_and_tells_of_sockets() {
    let Some(mut ring) = ring(8) else { return };
    let program = File::open("/proc/self/exe").unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    ring.wish(1, program.as_fd(), Wish::Read(AlignedBuffer::for_part(100, 50)));
    ring.wish(2, near.as_fd(), Wish::Readable);
    ring.wish(3, near.as_fd(), Wish::Writable);
    ring.submit().unwrap();
    let mut outcomes = Vec::new();
    while outcomes.len() < 2 {
        outcomes.extend(collect(&mut ring));
    }
    outcomes.sort_by_key(|(token, _)| *token);
    assert_eq!(outcomes.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 3], "nothing is there to be read yet");
    let Some((_, Outcome::Read(buffer))) = outcomes.into_iter().next() else { panic!("the first was a read") };
    let mut expected = [0; 50];
    program.read_exact_at(&mut expected, 100).unwrap();
    assert_eq!(buffer.into_part().unwrap(), expected);

    far.write_all(b"now").unwrap();
    assert!(matches!(collect(&mut ring)[..], [(2, Outcome::Ready)]));
}

#[test]
fn more_outcomes_than_are_taken_at_a_time_ring_again() {
    const WISHES: u64 = 600;
    let Some(mut ring) = ring(WISHES as usize) else { return };
    let (near, _far) = UnixStream::pair().unwrap();
    (0..WISHES).for_each(|token| ring.wish(token, near.as_fd(), Wish::Writable));
    ring.submit().unwrap();
    let mut tokens = Vec::new();
    while tokens.len() < WISHES as usize {
        tokens.extend(collect(&mut ring).into_iter().map(|(token, _)| token));
    }
    tokens.sort_unstable();
    assert!(tokens.into_iter().eq(0..WISHES));
}
