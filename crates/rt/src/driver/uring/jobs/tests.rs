use std::task::{Context, Poll};

use super::*;
use crate::driver::{LeasePool, UringOptions};
use crate::fs::File;

fn ring() -> Ring {
    let options = UringOptions { entries: 8, buffers: 8, ..UringOptions::default() };
    Ring::open(&options, 8, LeasePool::default(), None).expect("this kernel has io_uring")
}

/// The next completion of an operation on a file, as the kernel gives it.
fn next(ring: &mut Ring) -> Completion {
    let mut completions = Vec::new();
    while completions.is_empty() {
        ring.enter(None, true);
        ring.take(&mut completions, 1);
    }
    assert_eq!(completions[0].token.operation(), Operation::File);
    completions[0]
}

fn read_of_ourselves() -> FileOperation {
    let file = std::fs::File::open("/proc/self/exe").expect("a program has a file");
    File::from(file).to_read(vec![0; 4], 0, true)
}

fn begin(jobs: &mut Jobs, ring: &mut Ring) -> Arc<FileJob> {
    let job = Arc::new(FileJob::new(read_of_ourselves()));
    jobs.stand_in_line(Arc::clone(&job));
    jobs.move_up(ring);
    job
}

fn ended(job: &FileJob) -> Poll<(std::io::Result<usize>, Vec<u8>)> {
    job.poll_result(&Context::from_waker(Waker::noop())).map(|ended| {
        let (result, operation) = ended.expect("it was not given up");
        (result.map(Outcome::count), operation.into_buffer())
    })
}

#[test]
fn what_would_block_or_was_interrupted_is_tried_again() {
    for error in [Errno::AGAIN, Errno::INTR] {
        let (mut jobs, mut ring) = (Jobs::default(), ring());
        let job = begin(&mut jobs, &mut ring);
        let first = Completion { result: -error.raw_os_error(), ..next(&mut ring) };
        jobs.on_completion(&mut ring, first, Waker::wake);
        assert!(ended(&job).is_pending() && jobs.under_way() == 1);
        let second = next(&mut ring);
        jobs.on_completion(&mut ring, second, Waker::wake);
        let Poll::Ready((result, buffer)) = ended(&job) else { panic!("it has been done") };
        assert_eq!((result.expect("it can be read"), buffer.as_slice(), jobs.under_way()), (4, &b"\x7fELF"[..], 0));
    }
}

#[test]
fn what_would_block_a_thread_too_is_an_error() {
    let (mut jobs, mut ring) = (Jobs::default(), ring());
    let job = begin(&mut jobs, &mut ring);
    for _ in 0..2 {
        let blocked = Completion { result: -Errno::AGAIN.raw_os_error(), ..next(&mut ring) };
        jobs.on_completion(&mut ring, blocked, Waker::wake);
    }
    let Poll::Ready((result, buffer)) = ended(&job) else { panic!("it has ended") };
    assert_eq!((result.expect_err("it would block").kind(), buffer.len()), (std::io::ErrorKind::WouldBlock, 4));
}

#[test]
fn parts_are_put_together_and_nobody_is_asked_again_when_nobody_waits() {
    let (mut jobs, mut ring) = (Jobs::default(), ring());
    let (job, given_up) = (begin(&mut jobs, &mut ring), begin(&mut jobs, &mut ring));
    given_up.abandon();
    for _ in 0..2 {
        let part = Completion { result: 1, ..next(&mut ring) };
        jobs.on_completion(&mut ring, part, Waker::wake);
    }
    assert!(ended(&job).is_pending() && jobs.under_way() == 1);
    let rest = next(&mut ring);
    assert_eq!(rest.result, 3, "what is left of four bytes");
    jobs.on_completion(&mut ring, rest, Waker::wake);
    let Poll::Ready((result, _)) = ended(&job) else { panic!("it has been done") };
    assert_eq!((result.expect("it can be read"), jobs.under_way()), (4, 0));
}

#[test]
fn beyond_the_bound_jobs_stand_in_line_and_move_up() {
    let (mut jobs, mut ring) = (Jobs::default(), ring());
    let all: Vec<_> = (0..URING_FILE_OPERATIONS_MAX + 3).map(|_| begin(&mut jobs, &mut ring)).collect();
    assert_eq!((jobs.under_way(), jobs.line.len()), (URING_FILE_OPERATIONS_MAX as usize, 3));
    all.last().expect("there are some").abandon();
    for _ in 0..all.len() - 1 {
        let completion = next(&mut ring);
        jobs.on_completion(&mut ring, completion, Waker::wake);
    }
    assert_eq!((jobs.under_way(), jobs.line.len()), (0, 0));
    assert!(all[..all.len() - 1].iter().all(|job| ended(job).is_ready()));
}

#[test]
fn those_who_give_up_in_line_do_not_make_it_grow() {
    let mut jobs = Jobs::default();
    let waiting: Vec<_> = (0..100).map(|_| Arc::new(FileJob::new(read_of_ourselves()))).collect();
    for job in &waiting {
        jobs.stand_in_line(Arc::clone(job));
    }
    for _ in 0..10_000 {
        let job = Arc::new(FileJob::new(read_of_ourselves()));
        jobs.stand_in_line(Arc::clone(&job));
        job.abandon();
    }
    assert!(jobs.line.len() < 1_000, "{} jobs in line", jobs.line.len());
    let left: Vec<_> = jobs.line.iter().filter(|job| !job.is_over()).collect();
    assert!(left.iter().zip(&waiting).all(|(left, job)| Arc::ptr_eq(left, job)) && left.len() == 100);
}
