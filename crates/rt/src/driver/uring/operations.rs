//! What is asked of a ring, an entry each.
//!
//! `unsafe` here: operations name memory by address. See [`Ring`].

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use io_uring::types::{CancelBuilder, DestinationSlot, Fd};
use io_uring::{opcode, squeue};
use rustix::fs::OFlags;
use rustix::net::addr::SocketAddrArg;

use super::buffers::GROUP;
use super::file::SlotFile;
use super::ring::{Gather, Ring};
use super::token::Token;
use crate::driver::send_queue::{SendPool, SendQueue};
use crate::fs::{FileOperation, OpenFile};
use crate::limits::{FILE_CALL_BYTES_MAX, URING_FILE_BYTES_INLINE_MAX};

/// Whether a thread of the kernel's is to make an attempt from the start.
fn is_for_a_thread(operation: &FileOperation) -> bool {
    match operation {
        // Tried at once it would be without waiting, which is an error where a pipe has no reader.
        FileOperation::Open { flags, .. } => flags.intersects(OFlags::RWMODE),
        // If they are in the cache the core would copy them itself.
        FileOperation::Read { buffer, done, .. } | FileOperation::Write { buffer, done, .. } => {
            buffer.len() - done > URING_FILE_BYTES_INLINE_MAX
        }
        _ => false,
    }
}

impl Ring {
    /// Receives into provided buffers until it is cancelled, fails, or finds none.
    pub(super) fn receive(&mut self, file: SlotFile, token: Token) {
        let entry = opcode::RecvMulti::new(Fd(file.number()), GROUP).build();
        // SAFETY: the entry points to nothing; the buffers belong to the ring.
        unsafe { self.push(file.name_in(entry), token) };
    }

    /// Accepts until it is cancelled or fails: into the table, or plain descriptors. A connection for which the table has no room is
    /// lost.
    pub(super) fn accept_all(&mut self, listener: BorrowedFd<'_>, direct: bool, token: Token) {
        let flags = if direct { 0 } else { libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK };
        let entry = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(direct).flags(flags).build();
        // SAFETY: the entry points to nothing.
        unsafe { self.push(entry, token) };
    }

    /// Accepts once, into a place of the table that has been counted.
    pub(super) fn accept_one(&mut self, listener: BorrowedFd<'_>, token: Token) {
        let (nobody, nothing) = (std::ptr::null_mut(), std::ptr::null_mut());
        let place = Some(DestinationSlot::auto_target());
        let entry = opcode::Accept::new(Fd(listener.as_raw_fd()), nobody, nothing).file_index(place).build();
        // SAFETY: the entry points to nothing.
        unsafe { self.push(entry, token) };
    }

    /// Waits until a descriptor has one of `events` (poll(2)): once, or again and again.
    pub(super) fn poll(&mut self, descriptor: BorrowedFd<'_>, events: i16, multi: bool, token: Token) {
        let entry = opcode::PollAdd::new(Fd(descriptor.as_raw_fd()), events as u32).multi(multi).build();
        // SAFETY: the entry points to nothing.
        unsafe { self.push(entry, token) };
    }

    pub(super) fn connect(&mut self, file: SlotFile, address: &SocketAddr, token: Token) {
        // Submitting makes all addresses free, so not between keeping one and its push.
        self.reserve();
        while self.addresses.len() == self.addresses.capacity() {
            self.submit(None, false);
        }
        self.addresses.push(address.as_any());
        let kept = self.addresses.last().expect("it was just kept");
        let entry = opcode::Connect::new(Fd(file.number()), kept.as_ptr().cast(), kept.addr_len()).build();
        // SAFETY: the address stays where it is until it was submitted, and the kernel reads it then.
        unsafe { self.push(file.name_in(entry), token) };
    }

    /// Sends bytes, perhaps only the first of them; without a copy if `zero_copy`, in which case a second completion tells when
    /// they are free.
    ///
    /// # Safety
    /// The bytes stay where they are until the last completion.
    pub(super) unsafe fn send(&mut self, file: SlotFile, bytes: &[u8], zero_copy: bool, token: Token) {
        let length = u32::try_from(bytes.len()).expect("a queue counts bytes in 32 bits");
        let (to, flags) = (Fd(file.number()), libc::MSG_NOSIGNAL);
        let entry = match zero_copy {
            true => opcode::SendZc::new(to, bytes.as_ptr(), length).flags(flags).build(),
            false => opcode::Send::new(to, bytes.as_ptr(), length).flags(flags).build(),
        };
        // SAFETY: as the caller promises.
        unsafe { self.push(file.name_in(entry), token) };
    }

    /// As [`send`](Ring::send), of the payloads at the head of a queue; says how many these are.
    ///
    /// # Safety
    /// The payloads stay in the queue until the last completion.
    pub(super) unsafe fn send_gathered(
        &mut self,
        file: SlotFile,
        sends: &SendPool,
        queue: SendQueue,
        zero_copy: bool,
        token: Token,
    ) -> usize {
        // Submitting makes all gathers free, so not between taking one and its push.
        self.reserve();
        while self.gathers_used == self.gathers.capacity() {
            self.submit(None, false);
        }
        if self.gathers_used == self.gathers.len() {
            // SAFETY: a message header and slices of all zero bytes name nothing.
            self.gathers.push(unsafe { MaybeUninit::<Gather>::zeroed().assume_init() });
        }
        let gather = &mut self.gathers[self.gathers_used];
        let mut count = 0;
        for (slice, bytes) in gather.slices.iter_mut().zip(sends.pieces(queue)) {
            *slice = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            count += 1;
        }
        gather.header.msg_iov = gather.slices.as_mut_ptr();
        gather.header.msg_iovlen = count as _;
        let (to, header, flags) = (Fd(file.number()), &raw const gather.header, libc::MSG_NOSIGNAL as u32);
        let entry = match zero_copy {
            true => opcode::SendMsgZc::new(to, header).flags(flags).build(),
            false => opcode::SendMsg::new(to, header).flags(flags).build(),
        };
        self.gathers_used += 1;
        // SAFETY: the header is not used again before it was submitted, when the kernel has read it; the bytes are the caller's.
        unsafe { self.push(file.name_in(entry), token) };
        count
    }

    /// One attempt at an operation on a file: by a thread of the kernel's if `apart`, or else if it must.
    ///
    /// # Safety
    /// The operation's buffer or paths stay where they are, and nobody looks at them, until the completion.
    pub(super) unsafe fn operate(&mut self, operation: &mut FileOperation, apart: bool, token: Token) {
        let apart = apart || is_for_a_thread(operation);
        let here = Fd(libc::AT_FDCWD);
        let number = |file: &OpenFile| Fd(file.as_fd().as_raw_fd());
        let entry = match operation {
            FileOperation::Open { path, flags, mode } => {
                let flags = flags.bits().cast_signed();
                opcode::OpenAt::new(here, path.as_ptr()).flags(flags).mode(mode.as_raw_mode()).build()
            }
            FileOperation::Read { file, buffer, offset, done, .. } => {
                let rest = &mut buffer[*done..];
                let length = rest.len().min(FILE_CALL_BYTES_MAX) as u32;
                opcode::Read::new(number(file), rest.as_mut_ptr(), length).offset(*offset + *done as u64).build()
            }
            FileOperation::Write { file, buffer, offset, done } => {
                let rest = &buffer[*done..];
                let length = rest.len().min(FILE_CALL_BYTES_MAX) as u32;
                let (at, flags) = offset.map_or((0, libc::RWF_APPEND), |offset| (offset + *done as u64, 0));
                opcode::Write::new(number(file), rest.as_ptr(), length).offset(at).rw_flags(flags).build()
            }
            FileOperation::Sync { file } => opcode::Fsync::new(number(file)).build(),
            FileOperation::Resize { file, bytes } => opcode::Ftruncate::new(number(file), *bytes).build(),
            FileOperation::Rename { from, to } => opcode::RenameAt::new(here, from.as_ptr(), here, to.as_ptr()).build(),
            FileOperation::Remove { path } => opcode::UnlinkAt::new(here, path.as_ptr()).build(),
            FileOperation::Close(descriptor) => opcode::Close::new(Fd(descriptor.as_raw_fd())).build(),
        };
        let entry = if apart { entry.flags(squeue::Flags::ASYNC) } else { entry };
        // SAFETY: as the caller promises.
        unsafe { self.push(entry, token) };
    }

    /// Ends all operations with this token, which complete once more. The kernel finds them by it at once; by their file it would look
    /// through all that is under way on the ring.
    pub(super) fn cancel(&mut self, token: Token) {
        let entry = opcode::AsyncCancel2::new(CancelBuilder::user_data(token.to_data()).all()).build();
        // SAFETY: the entry points to nothing.
        unsafe { self.push_silently(entry) };
    }
}
