//! io_setup(2), io_submit(2), io_getevents(2) and io_destroy(2), for which nobody has a safe wrapper.
//!
//! Invariants: each token has at most one wish under way. A buffer that the kernel may write to is in `reading`, and leaves it only
//! with its outcome, or after io_destroy, which waits for the kernel to be done.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use libc::{POLLIN, POLLOUT, c_long, c_ulong};
use rustix::event::{EventfdFlags, eventfd};

use super::buffer::AlignedBuffer;

/// The kernel's request (linux/aio_abi.h), little end first.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Request {
    data: u64,
    key: u32,
    read_write_flags: u32,
    operation: u16,
    priority: i16,
    descriptor: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_descriptor: u32,
}

/// The kernel's answer.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Completion {
    data: u64,
    request: u64,
    result: i64,
    result_more: i64,
}

const READ: u16 = 0;
const POLL: u16 = 5;
/// The completion is also counted at an eventfd.
const TELL_EVENTFD: u32 = 1;
/// Completions taken at a time.
const COMPLETIONS_MAX: usize = 256;

const _: () = assert!(size_of::<Request>() == 64 && size_of::<Completion>() == 32, "the kernel's sizes");

/// What is asked of the kernel.
#[derive(Debug)]
pub(super) enum Wish {
    /// To be told when there is something to read.
    Readable,
    /// To be told when there is room to write.
    Writable,
    /// These blocks of a file.
    Read(AlignedBuffer),
}

/// What became of a wish.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is ready, or has failed: reading or writing tells.
    Ready,
    /// The blocks came, or a part of them, or none after an error.
    Read(AlignedBuffer),
}

/// One AIO context. See the module's comment.
pub(super) struct Ring {
    context: c_ulong,
    capacity: usize,
    /// Readable while there are completions.
    bell: OwnedFd,
    /// Wishes of this turn.
    requests: Vec<Request>,
    reading: HashMap<u64, AlignedBuffer>,
    completions: Vec<Completion>,
}

impl Ring {
    /// A context with room for so many wishes at a time.
    ///
    /// # Errors
    /// `EAGAIN`: `fs.aio-max-nr` is reached; `ENOSYS`: the kernel is built without it, or a sandbox forbids it.
    pub(super) fn open(capacity: usize) -> io::Result<Ring> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let mut context: c_ulong = 0;
        // SAFETY: the kernel writes one context to `context`, which is zero as it demands.
        check(unsafe { libc::syscall(libc::SYS_io_setup, capacity as c_long, &raw mut context) })?;
        let completions = vec![Completion::default(); COMPLETIONS_MAX];
        Ok(Ring { context, capacity, bell, requests: Vec::new(), reading: HashMap::new(), completions })
    }

    /// How many wishes it has room for at a time.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Notes a wish about `source`, which stays open until its outcome; [`submit`](Ring::submit) hands it in.
    pub(super) fn wish(&mut self, token: u64, source: BorrowedFd<'_>, wish: Wish) {
        let mut request = Request {
            data: token,
            descriptor: source.as_raw_fd() as u32,
            flags: TELL_EVENTFD,
            event_descriptor: self.bell.as_raw_fd() as u32,
            ..Request::default()
        };
        match wish {
            Wish::Readable => (request.operation, request.buffer) = (POLL, POLLIN as u64),
            Wish::Writable => (request.operation, request.buffer) = (POLL, POLLOUT as u64),
            Wish::Read(mut buffer) => {
                let blocks = buffer.blocks();
                (request.operation, request.buffer, request.bytes) =
                    (READ, blocks.as_mut_ptr() as u64, blocks.len() as u64);
                request.offset = buffer.offset() as i64;
                // The buffer is moved, its memory is not.
                assert!(self.reading.insert(token, buffer).is_none(), "a token has one wish under way");
            }
        }
        self.requests.push(request);
    }

    /// Hands in what was wished for since the last time, with one call if the kernel takes all of it at once.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        let mut handed_in = 0;
        let mut pointers: Vec<*mut Request> = self.requests.iter_mut().map(ptr::from_mut).collect();
        while handed_in < pointers.len() {
            let rest = &mut pointers[handed_in..];
            // SAFETY: each pointer is to a request in `requests`, which the kernel copies. The memory that a request names is a buffer
            // in `reading`.
            let taken = check(unsafe {
                libc::syscall(libc::SYS_io_submit, self.context, rest.len() as c_long, rest.as_mut_ptr())
            })?;
            handed_in += usize::try_from(taken).expect("a count is no error");
        }
        self.requests.clear();
        Ok(())
    }

    /// The outcomes that have come, up to a bound; the bell goes on ringing while there are more.
    pub(super) fn collect(&mut self) -> io::Result<Vec<(u64, Outcome)>> {
        // Silenced before looking: what comes after that rings again.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let room = self.completions.len() as c_long;
        let list = self.completions.as_mut_ptr();
        // SAFETY: the kernel writes at most `room` completions to `list`, which has as many, and reads the timeout.
        let taken = check(unsafe {
            libc::syscall(libc::SYS_io_getevents, self.context, 0 as c_long, room, list, &raw const at_once)
        })?;
        let taken = usize::try_from(taken).expect("a count is no error");
        if taken == self.completions.len() {
            rustix::io::write(&self.bell, &1_u64.to_ne_bytes())?; // there may be more
        }
        let reading = &mut self.reading;
        let outcome = |completion: &Completion| match reading.remove(&completion.data) {
            Some(mut buffer) => {
                buffer.fill(usize::try_from(completion.result).unwrap_or(0));
                (completion.data, Outcome::Read(buffer))
            }
            None => (completion.data, Outcome::Ready),
        };
        Ok(self.completions[..taken].iter().map(outcome).collect())
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the context is ours and is not used again. The call waits for what is under way, so the buffers outlive it.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.context) };
    }
}

fn check(result: c_long) -> io::Result<c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
