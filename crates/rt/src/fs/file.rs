//! An open file. Positions are arguments: there is no cursor, so clones and concurrent calls do not disturb each other.

use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use super::call::Call;
use super::open_file::OpenFile;
use super::operation::FileOperation;
use super::slices::Slices;
use super::{OpenOptions, run};

/// An open file; clones are the same one. Closed when the last is dropped and no call is under way; with the driver `uring` by the
/// end of the turn.
#[derive(Debug, Clone)]
pub struct File {
    inner: Arc<OpenFile>,
}

impl From<fs::File> for File {
    /// A file that was opened elsewhere.
    fn from(file: fs::File) -> File {
        File { inner: Arc::new(OpenFile::new(file)) }
    }
}

impl File {
    /// Opens a file to read it.
    ///
    /// # Errors
    /// Those of open(2).
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        File::open_with(path, OpenOptions::new().read(true)).await
    }

    /// Makes a file to write to, or empties the one that is there.
    ///
    /// # Errors
    /// Those of open(2).
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        File::open_with(path, OpenOptions::new().write(true).create(true).truncate(true)).await
    }

    /// Opens a file as `options` say.
    ///
    /// ```no_run
    /// # async fn example() -> std::io::Result<()> {
    /// use crore_rt::fs::{File, OpenOptions};
    ///
    /// let log = File::open_with("/tmp/log", OpenOptions::new().append(true).create(true)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of open(2); options that contradict each other are [`io::ErrorKind::InvalidInput`].
    pub async fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> io::Result<File> {
        let opened = Call::new(options.to_operation(path.as_ref())?).opened().await?;
        Ok(File::from(fs::File::from(opened)))
    }

    /// Reads once, at most as many bytes as `buffer` is long, from `offset` bytes after the start: how many came, and the
    /// buffer, in which they are the first. 0: the file ends there (or the buffer is empty). Fewer than fit do not mean the
    /// end; see [`read_full_at`](File::read_full_at).
    ///
    /// # Errors
    /// Those of pread(2); the buffer comes back, or an empty one if the pool failed ([`JoinError`](crate::JoinError)).
    pub async fn read_at(&self, buffer: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        Call::new(self.to_read(buffer, offset, false)).with_buffer().await
    }

    /// As [`read_at`](File::read_at), until the buffer is full or the file ends: fewer bytes than fit mean its end.
    ///
    /// # Errors
    /// As [`read_at`](File::read_at); what was read before the error is in the buffer.
    pub async fn read_full_at(&self, buffer: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        Call::new(self.to_read(buffer, offset, true)).with_buffer().await
    }

    /// Writes all of `buffer` from `offset` bytes after the start; the file grows as needed, with zeros in a gap.
    ///
    /// # Errors
    /// Those of pwrite(2); a part may have been written. The buffer comes back as with [`read_at`](File::read_at).
    pub async fn write_all_at(&self, buffer: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        self.write(buffer, Some(offset)).await
    }

    /// Writes all of `buffer` behind the file's last byte, wherever that is by then (`RWF_APPEND`, pwritev2(2)): also of a file
    /// that was not opened to append. What several append at the same time does not overlap.
    ///
    /// # Errors
    /// As [`write_all_at`](File::write_all_at).
    pub async fn append(&self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.write(buffer, None).await
    }

    /// Waits until everything written is on the disk, with what the system knows about the file (fsync(2)).
    ///
    /// # Errors
    /// Those of fsync(2). After one, what was written before may be lost, whatever a second call says.
    pub async fn sync(&self) -> io::Result<()> {
        Call::new(FileOperation::Sync { file: Arc::clone(&self.inner) }).outcome().await.map(drop)
    }

    /// Makes the file this many bytes long: cuts it, or fills it up with zeros.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub async fn set_len(&self, bytes: u64) -> io::Result<()> {
        Call::new(FileOperation::Resize { file: Arc::clone(&self.inner), bytes }).outcome().await.map(drop)
    }

    /// What the system knows about the file.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let file = Arc::clone(&self.inner);
        run(move || file.file().metadata()).await
    }

    /// The file's length in bytes.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub async fn len(&self) -> io::Result<u64> {
        Ok(self.metadata().await?.len())
    }

    /// True if the file holds no byte.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub async fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// The bytes of a range, in slices of `slice_bytes` (the last may be shorter), the next being read while one is worked on.
    /// The range may reach beyond the end: the slices end with the file.
    ///
    /// # Panics
    /// If `slice_bytes` is 0 or above 16 MiB ([`FILE_SLICE_BYTES_MAX`](crate::limits::FILE_SLICE_BYTES_MAX)).
    pub fn slices(&self, range: impl RangeBounds<u64>, slice_bytes: usize) -> Slices {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        Slices::new(self.clone(), start..end, slice_bytes)
    }

    /// A read once, or until the buffer is `full`.
    pub(crate) fn to_read(&self, buffer: Vec<u8>, offset: u64, full: bool) -> FileOperation {
        FileOperation::Read { file: Arc::clone(&self.inner), buffer, offset, full, done: 0 }
    }

    async fn write(&self, buffer: Vec<u8>, offset: Option<u64>) -> (io::Result<()>, Vec<u8>) {
        let file = Arc::clone(&self.inner);
        let (result, buffer) = Call::new(FileOperation::Write { file, buffer, offset, done: 0 }).with_buffer().await;
        (result.map(drop), buffer)
    }

    /// A copy of bytes, at a position or behind the last one; where there are none, as write(2) does.
    pub(super) async fn write_copy(&self, bytes: &[u8], offset: Option<u64>) -> io::Result<()> {
        let copy = bytes.to_vec();
        if self.has_positions() {
            return self.write(copy, offset).await.0;
        }
        let file = Arc::clone(&self.inner);
        run(move || file.file().write_all(&copy)).await
    }

    /// All bytes of what has no positions, to its end. io_uring opens a pipe without waiting for somebody who writes to it; this does.
    pub(super) async fn read_as_they_come(&self) -> io::Result<Vec<u8>> {
        let file = Arc::clone(&self.inner);
        run(move || {
            retry_on_intr(|| poll(&mut [PollFd::new(file.file(), PollFlags::IN)], None))?;
            let mut bytes = Vec::new();
            file.file().read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    pub(super) fn has_positions(&self) -> bool {
        self.inner.has_positions()
    }
}
