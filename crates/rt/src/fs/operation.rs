//! One operation on a file: what it is, one attempt at it by a system call, and what an attempt's outcome means.
//!
//! A thread of the pool makes the attempts itself ([`FileOperation::run`]); a driver has its kernel make them, and asks
//! [`advance`](FileOperation::advance) the same question after each. So both ways go on after a short read or a signal, and end, alike.
//!
//! Invariant: an operation under way is not looked at. What it points to (a buffer, a path) lies on the heap, so it may be moved.

use std::ffi::CString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::open_file::OpenFile;
use crate::pool::Job;

/// An operation that a driver carries out, shared with the one who waits for it.
pub(crate) type FileJob = Job<FileOperation, Ended>;
/// How an operation has ended, and itself with the buffer that it had.
pub(crate) type Ended = (io::Result<Outcome>, FileOperation);

#[derive(Debug)]
pub(crate) enum FileOperation {
    Open {
        path: CString,
        flags: OFlags,
        mode: Mode,
    },
    Read {
        file: Arc<OpenFile>,
        buffer: Vec<u8>,
        offset: u64,
        /// Until the buffer is full or the file ends, not once.
        full: bool,
        done: usize,
    },
    /// All of the buffer.
    Write {
        file: Arc<OpenFile>,
        buffer: Vec<u8>,
        /// None: behind the last byte (`RWF_APPEND`).
        offset: Option<u64>,
        done: usize,
    },
    Sync {
        file: Arc<OpenFile>,
    },
    Resize {
        file: Arc<OpenFile>,
        bytes: u64,
    },
    Rename {
        from: CString,
        to: CString,
    },
    Remove {
        path: CString,
    },
    /// A descriptor that nobody has any more.
    Close(OwnedFd),
}

/// What an attempt has brought.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Bytes read or written; 0 where there are none to count.
    Count(usize),
    Opened(OwnedFd),
}

impl Outcome {
    /// # Panics
    /// If a file was opened.
    pub(crate) fn count(self) -> usize {
        match self {
            Outcome::Count(count) => count,
            Outcome::Opened(_) => unreachable!("what counts bytes opens nothing"),
        }
    }
}

impl FileOperation {
    /// Carries it out on this thread, which may take as long as a disk takes.
    pub(crate) fn run(mut self) -> Ended {
        loop {
            let result = if self.is_done() { Ok(Outcome::Count(0)) } else { self.attempt() };
            if let Some(end) = self.advance(result) {
                return (end, self);
            }
        }
    }

    /// True if there is nothing to ask the kernel: no byte is left to write, or no room to read into until it is full.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            FileOperation::Write { buffer, done, .. } | FileOperation::Read { buffer, done, full: true, .. } => {
                *done == buffer.len()
            }
            _ => false,
        }
    }

    /// The file whose positions it uses, and the first of them if it has one.
    pub(crate) fn position(&self) -> Option<(&OpenFile, u64)> {
        match self {
            FileOperation::Read { file, offset, .. } => Some((file, *offset)),
            FileOperation::Write { file, offset, .. } => Some((file, offset.unwrap_or(0))),
            FileOperation::Resize { file, bytes } => Some((file, *bytes)),
            _ => None,
        }
    }

    fn attempt(&mut self) -> Result<Outcome, Errno> {
        match self {
            FileOperation::Open { path, flags, mode } => {
                rustix::fs::openat(CWD, path.as_c_str(), *flags, *mode).map(Outcome::Opened)
            }
            FileOperation::Read { file, buffer, offset, done, .. } => {
                let at = offset.saturating_add(*done as u64);
                rustix::io::pread(&**file, &mut buffer[*done..], at).map(Outcome::Count)
            }
            FileOperation::Write { file, buffer, offset: Some(offset), done } => {
                let at = offset.saturating_add(*done as u64);
                rustix::io::pwrite(&**file, &buffer[*done..], at).map(Outcome::Count)
            }
            FileOperation::Write { file, buffer, offset: None, done } => {
                let left = [IoSlice::new(&buffer[*done..])];
                rustix::io::pwritev2(&**file, &left, 0, ReadWriteFlags::APPEND).map(Outcome::Count)
            }
            FileOperation::Sync { file } => rustix::fs::fsync(&**file).map(|()| Outcome::Count(0)),
            FileOperation::Resize { file, bytes } => rustix::fs::ftruncate(&**file, *bytes).map(|()| Outcome::Count(0)),
            FileOperation::Rename { from, to } => {
                rustix::fs::renameat(CWD, from.as_c_str(), CWD, to.as_c_str()).map(|()| Outcome::Count(0))
            }
            FileOperation::Remove { path } => {
                rustix::fs::unlinkat(CWD, path.as_c_str(), AtFlags::empty()).map(|()| Outcome::Count(0))
            }
            FileOperation::Close(_) => Ok(Outcome::Count(0)), // dropping it closes
        }
    }

    /// Takes in what one attempt has brought. None: another is to follow.
    pub(crate) fn advance(&mut self, result: Result<Outcome, Errno>) -> Option<io::Result<Outcome>> {
        let count = match result {
            Err(Errno::INTR) => return None,
            Err(error) => return Some(Err(error.into())),
            Ok(Outcome::Count(count)) => count,
            Ok(opened) => return Some(Ok(opened)),
        };
        match self {
            FileOperation::Read { buffer, done, full, .. } => {
                *done += count;
                assert!(*done <= buffer.len(), "{done} bytes were read into {}", buffer.len());
                (count == 0 || !*full || *done == buffer.len()).then_some(Ok(Outcome::Count(*done)))
            }
            FileOperation::Write { buffer, done, .. } => {
                *done += count;
                assert!(*done <= buffer.len(), "{done} bytes were written of {}", buffer.len());
                match *done == buffer.len() {
                    true => Some(Ok(Outcome::Count(*done))),
                    false => (count == 0).then(|| Err(io::ErrorKind::WriteZero.into())),
                }
            }
            _ => Some(Ok(Outcome::Count(0))),
        }
    }

    /// The buffer that it was given.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        match self {
            FileOperation::Read { buffer, .. } | FileOperation::Write { buffer, .. } => buffer,
            _ => Vec::new(),
        }
    }
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}
