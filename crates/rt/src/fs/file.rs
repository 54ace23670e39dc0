//! An open file. Positions are arguments: there is no cursor, so clones and concurrent calls do not disturb each other.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::{Bound, RangeBounds};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::io::{ReadWriteFlags, pwritev2};

use super::run;
use super::slices::Slices;
use crate::pool::blocking;

/// An open file; clones are the same one. Closed when the last is dropped and no call is under way.
#[derive(Debug, Clone)]
pub struct File {
    pub(super) inner: Arc<fs::File>,
}

impl From<fs::File> for File {
    /// A file that was opened elsewhere.
    fn from(file: fs::File) -> File {
        File { inner: Arc::new(file) }
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
        let (path, options) = (path.as_ref().to_owned(), options.clone());
        run(move || Ok(File { inner: Arc::new(options.open(path)?) })).await
    }

    /// Reads once, at most as many bytes as `buffer` is long, from `offset` bytes after the start: how many came, and the
    /// buffer, in which they are the first. 0: the file ends there (or the buffer is empty). Fewer than fit do not mean the
    /// end; see [`read_full_at`](File::read_full_at).
    ///
    /// # Errors
    /// Those of pread(2); the buffer comes back, or an empty one if the pool failed ([`JoinError`](crate::JoinError)).
    pub async fn read_at(&self, buffer: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        self.with_buffer(buffer, move |file, buffer| {
            loop {
                match file.read_at(buffer, offset) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => return read,
                }
            }
        })
        .await
    }

    /// As [`read_at`](File::read_at), until the buffer is full or the file ends: fewer bytes than fit mean its end.
    ///
    /// # Errors
    /// As [`read_at`](File::read_at); what was read before the error is in the buffer.
    pub async fn read_full_at(&self, buffer: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        self.with_buffer(buffer, move |file, buffer| read_full(file, buffer, offset)).await
    }

    /// Writes all of `buffer` from `offset` bytes after the start; the file grows as needed, with zeros in a gap.
    ///
    /// # Errors
    /// Those of pwrite(2); a part may have been written. The buffer comes back as with [`read_at`](File::read_at).
    pub async fn write_all_at(&self, buffer: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        self.with_buffer(buffer, move |file, buffer| file.write_all_at(buffer, offset)).await
    }

    /// Writes all of `buffer` behind the file's last byte, wherever that is by then (`RWF_APPEND`, pwritev2(2)): also of a file
    /// that was not opened to append. What several append at the same time does not overlap.
    ///
    /// # Errors
    /// As [`write_all_at`](File::write_all_at).
    pub async fn append(&self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.with_buffer(buffer, move |file, buffer| append_all(file, buffer)).await
    }

    /// Waits until everything written is on the disk, with what the system knows about the file (fsync(2)).
    ///
    /// # Errors
    /// Those of fsync(2). After one, what was written before may be lost, whatever a second call says.
    pub async fn sync(&self) -> io::Result<()> {
        let file = Arc::clone(&self.inner);
        run(move || file.sync_all()).await
    }

    /// Makes the file this many bytes long: cuts it, or fills it up with zeros.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub async fn set_len(&self, bytes: u64) -> io::Result<()> {
        let file = Arc::clone(&self.inner);
        run(move || file.set_len(bytes)).await
    }

    /// What the system knows about the file.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let file = Arc::clone(&self.inner);
        run(move || file.metadata()).await
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

    async fn with_buffer<T: Send + 'static>(
        &self,
        mut buffer: Vec<u8>,
        call: impl FnOnce(&fs::File, &mut [u8]) -> io::Result<T> + Send + 'static,
    ) -> (io::Result<T>, Vec<u8>) {
        let file = Arc::clone(&self.inner);
        let called = blocking(move || {
            let result = call(&file, &mut buffer);
            (result, buffer)
        });
        called.await.unwrap_or_else(|error| (Err(error.into()), Vec::new()))
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn read_full(file: &fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    assert!(filled <= buffer.len());
    Ok(filled)
}

fn append_all(file: &fs::File, mut left: &[u8]) -> io::Result<()> {
    while !left.is_empty() {
        match pwritev2(file, &[IoSlice::new(left)], 0, ReadWriteFlags::APPEND) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => left = &left[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
