//! One io_uring (io_uring(7)): operations go in, completions come out, and nothing in between is known here.
//!
//! Operations gather in the submission queue and leave together with the next [`enter`](Ring::enter), the one system call of a turn;
//! one that finds the queue full makes room by submitting. A ring belongs to one thread (`IORING_SETUP_SINGLE_ISSUER`), and the kernel
//! does its part when that thread enters, not in between (`IORING_SETUP_DEFER_TASKRUN`).
//!
//! `operations.rs` puts the entries together.
//!
//! `unsafe` here: operations name memory by address. What an operation reads later than its submission is the caller's
//! ([`send`](Ring::send), [`send_gathered`](Ring::send_gathered)); all else is owned here until it has been submitted.
//!
//! Invariant: when a ring is dropped nothing is under way on it any more, so the kernel has no memory of ours.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crore_base::time::Duration;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};
use rustix::io::Errno;
use rustix::net::SocketAddrAny;

use super::buffers::Buffers;
use super::features::{Features, UringOptions};
use super::file::SlotFile;
use super::token::{Completion, Operation, Token};
use crate::driver::LeasePool;
use crate::limits::GATHER_MAX;

/// What a gathered write points to, until it is submitted.
pub(super) struct Gather {
    pub(super) header: libc::msghdr,
    pub(super) slices: [libc::iovec; GATHER_MAX],
}

pub(super) struct Ring {
    ring: IoUring,
    features: Features,
    pub(super) buffers: Buffers,
    /// Places in the table of files, and how many of them are taken.
    files: u32,
    files_used: u32,
    /// What gathered writes and connects point to, in memory that never moves: as many as the queue has places. The gathers before
    /// `gathers_used` and all addresses may not have been read by the kernel yet.
    pub(super) gathers: Vec<Gather>,
    pub(super) gathers_used: usize,
    pub(super) addresses: Vec<SocketAddrAny>,
    /// Completions that were taken out before their turn.
    early: Vec<Completion>,
}

/// A reset instead of a last word: what closing does with a linger time of zero (socket(7)).
static NO_LINGER: libc::linger = libc::linger { l_onoff: 1, l_linger: 0 };

impl Ring {
    /// Opens a ring with a table of `files` places, and buffers. `bell` is rung whenever there is something to do on it.
    pub(super) fn open(
        options: &UringOptions,
        files: u32,
        pool: LeasePool,
        bell: Option<BorrowedFd<'_>>,
    ) -> io::Result<Ring> {
        let (ring, features) = Features::open(options)?;
        let files = if features.direct { files } else { 0 };
        if files > 0 {
            ring.submitter().register_files_sparse(files)?;
        }
        if let Some(bell) = bell {
            ring.submitter().register_eventfd(bell.as_raw_fd())?;
        }
        let buffers = Buffers::new(&ring, options.buffers, pool)?;
        Ok(Ring {
            ring,
            features,
            buffers,
            files,
            files_used: 0,
            gathers: Vec::with_capacity(options.entries as usize),
            gathers_used: 0,
            addresses: Vec::with_capacity(options.entries as usize),
            early: Vec::new(),
        })
    }

    pub(super) fn features(&self) -> Features {
        self.features
    }

    /// Whether its table has room for another file.
    pub(super) fn has_room(&self) -> bool {
        self.files_used < self.files
    }

    /// Whether it has room for all that the kernel may put into it before we see any of that: it has as many completions.
    pub(super) fn has_much_room(&self) -> bool {
        self.files - self.files_used > 2 * self.ring.params().cq_entries()
    }

    /// A place of the table is taken, or will be.
    pub(super) fn count_file(&mut self) {
        self.files_used += 1;
        assert!(self.files_used <= self.files, "{} files in a table of {}", self.files_used, self.files);
    }

    /// A place of the table is free, or was not taken after all.
    pub(super) fn discount_file(&mut self) {
        self.files_used = self.files_used.checked_sub(1).expect("what is free was taken");
    }

    /// # Safety
    /// What the entry points to stays valid until the kernel has read it: with its submission, or with its last completion where
    /// io_uring_enter(2) says so.
    pub(super) unsafe fn push(&mut self, entry: squeue::Entry, token: Token) {
        self.reserve();
        let entry = entry.user_data(token.to_data());
        // SAFETY: as the caller promises.
        unsafe { self.ring.submission().push(&entry) }.expect("there is room");
    }

    /// Makes room for one operation: a full queue is submitted, and completions are taken out, so that they find room, too.
    pub(super) fn reserve(&mut self) {
        while self.ring.submission().is_full() {
            self.submit(None, false);
            self.take_early();
            if self.features.kernel_thread {
                // Waits until the kernel's thread has taken some; should that fail, the loop asks again.
                let _ = self.ring.submitter().squeue_wait();
            }
        }
    }

    fn take_early(&mut self) {
        let Ring { ring, early, .. } = self;
        early.extend(ring.completion().map(completion));
    }

    /// Submits what is queued, and waits for a completion if `waits`, at most so long.
    pub(super) fn submit(&mut self, timeout: Option<Duration>, waits: bool) {
        let submitter = self.ring.submitter();
        let submitted = match timeout {
            Some(timeout) if waits => {
                let (seconds, nanos) = (timeout.as_nanos() / 1_000_000_000, timeout.as_nanos() % 1_000_000_000);
                let limit = Timespec::new().sec(seconds).nsec(nanos as u32);
                submitter.submit_with_args(1, &SubmitArgs::new().timespec(&limit))
            }
            _ => submitter.submit_and_wait(usize::from(waits)),
        };
        match submitted.map_err(|error| error.raw_os_error()) {
            Ok(_) | Err(Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY)) => {}
            Err(error) => unreachable!("io_uring_enter of a ring of our own: error {error:?}"),
        }
        let mut queue = self.ring.submission();
        queue.sync();
        if queue.is_empty() {
            self.gathers_used = 0;
            drop(queue);
            self.addresses.clear();
        }
    }

    /// One system call: submits, lets the kernel do its part, and waits for a completion if `waits`, at most so long. None at all if
    /// there is nothing to submit or to do and nobody waits.
    pub(super) fn enter(&mut self, timeout: Option<Duration>, waits: bool) {
        let waits = waits && !self.has_completions();
        if waits || self.has_work() {
            self.submit(timeout, waits);
        }
    }

    /// True if the kernel has something to take or to do.
    pub(super) fn has_work(&mut self) -> bool {
        let queue = self.ring.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    pub(super) fn has_completions(&mut self) -> bool {
        !self.early.is_empty() || !self.ring.completion().is_empty()
    }

    /// Takes at most `limit` completions out.
    pub(super) fn take(&mut self, into: &mut Vec<Completion>, limit: usize) {
        let early = self.early.len().min(limit);
        into.extend(self.early.drain(..early));
        into.extend(self.ring.completion().take(limit - early).map(completion));
    }

    /// Whether it rings its bell: only while nobody looks at it anyway.
    pub(super) fn ring_bell(&mut self, on: bool) {
        let queue = self.ring.completion();
        if on { queue.enable_eventfd() } else { queue.disable_eventfd() }
    }

    /// Submits an operation and waits for its end: for what is rare.
    ///
    /// # Safety
    /// As [`push`](Ring::push).
    unsafe fn now(&mut self, entry: squeue::Entry) -> Result<i32, Errno> {
        // SAFETY: as the caller promises.
        unsafe { self.push(entry, Token::new(Operation::Now, 0, 0)) };
        loop {
            self.submit(None, true);
            let from = self.early.len();
            self.take_early();
            let is_ours = |completion: &Completion| completion.token.operation() == Operation::Now;
            if let Some(place) = self.early[from..].iter().position(is_ours) {
                let result = self.early.remove(from + place).result;
                return if result < 0 { Err(Errno::from_raw_os_error(-result)) } else { Ok(result) };
            }
        }
    }

    // Files.

    /// Takes a socket into the table. The table has it open then, whatever becomes of the descriptor.
    ///
    /// # Errors
    /// The table is full, or the kernel has no memory.
    pub(super) fn adopt(&mut self, number: usize, socket: &OwnedFd) -> Result<SlotFile, Errno> {
        let mut place = socket.as_raw_fd();
        let entry = opcode::FilesUpdate::new(&raw mut place, 1).offset(-1).build();
        // SAFETY: the kernel has read and written `place` when this returns.
        let updated = unsafe { self.now(entry) };
        updated?;
        self.count_file();
        Ok(SlotFile::direct(number, place.cast_unsigned()))
    }

    /// A descriptor of a file for what a ring cannot do, such as asking for addresses.
    ///
    /// # Errors
    /// No descriptor is free.
    pub(super) fn descriptor(&mut self, file: SlotFile) -> io::Result<OwnedFd> {
        if let Some(descriptor) = file.descriptor() {
            return descriptor.try_clone_to_owned();
        }
        let entry = opcode::FixedFdInstall::new(io_uring::types::Fixed(file.number().cast_unsigned()), 0).build();
        // SAFETY: the entry points to nothing.
        let installed = unsafe { self.now(entry) };
        Ok(super::file::made(installed?))
    }

    /// Closes a file. What is under way on it goes on until it is cancelled.
    pub(super) fn close(&mut self, file: SlotFile, reset: bool) {
        if reset {
            let value = (&raw const NO_LINGER).cast();
            let (level, name) = (libc::SOL_SOCKET as u32, libc::SO_LINGER as u32);
            let entry =
                opcode::SetSockOpt::new(Fd(file.number()), level, name, value, size_of::<libc::linger>() as u32);
            // SAFETY: the value is static.
            unsafe { self.push_silently(file.name_in(entry.build())) };
        }
        // SAFETY: the entry points to nothing.
        unsafe { self.push_silently(file.close_entry()) };
        if file.is_direct() {
            self.discount_file();
        }
    }

    /// Ends our direction of a connection. A thread of the kernel's does it and finds the file then, so it must be there until this
    /// has completed.
    pub(super) fn shut_down(&mut self, file: SlotFile, token: Token) {
        let entry = opcode::Shutdown::new(Fd(file.number()), libc::SHUT_WR).build();
        // SAFETY: the entry points to nothing.
        unsafe { self.push(file.name_in(entry), token) };
    }

    /// Pushes what completes only if it fails, which nobody asks for.
    ///
    /// # Safety
    /// As [`push`](Ring::push).
    pub(super) unsafe fn push_silently(&mut self, entry: squeue::Entry) {
        let entry = entry.flags(squeue::Flags::SKIP_SUCCESS);
        // SAFETY: as the caller promises.
        unsafe { self.push(entry, Token::new(Operation::Silent, 0, 0)) };
    }

    /// Ends everything, but for what a thread of the kernel's is at, which goes on.
    pub(super) fn cancel_all(&mut self) {
        self.submit(None, false);
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
        self.submit(None, false);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Closing a ring ends its operations some time later; buffers and payloads must not be gone before.
        self.cancel_all();
    }
}

fn completion(entry: io_uring::cqueue::Entry) -> Completion {
    Completion { token: Token::from_data(entry.user_data()), result: entry.result(), flags: entry.flags() }
}
