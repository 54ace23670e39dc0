//! The bytes of a large file, slice by slice, read one slice ahead.
//!
//! Not a copy of the file: at most two slices are in memory, the one that was given out and the next. Invariant: at most one
//! read is under way.

use std::future::{Future, poll_fn};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::file::File;
use super::operation::Ended;
use crate::executor::budget;
use crate::limits::FILE_SLICE_BYTES_MAX;

/// Slices of a file, in order; see [`File::slices`]. Each costs a buffer and one read, mostly while the one before is
/// worked on.
#[derive(Debug)]
pub struct Slices {
    file: File,
    /// What no read has been made for.
    left: Range<u64>,
    slice_bytes: usize,
    ahead: Option<Reading>,
}

/// A read under way, of `wanted` bytes.
#[derive(Debug)]
struct Reading {
    wanted: usize,
    slice: Call,
}

impl Slices {
    pub(super) fn new(file: File, range: Range<u64>, slice_bytes: usize) -> Slices {
        assert!(
            (1..=FILE_SLICE_BYTES_MAX).contains(&slice_bytes),
            "slices of {slice_bytes} bytes were asked for: 1 to {FILE_SLICE_BYTES_MAX} can be"
        );
        Slices { file, left: range, slice_bytes, ahead: None }
    }

    /// The next slice, never empty; none at the end of the range or of the file. After an error there is none any more.
    pub async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`next`](Slices::next), for those who wait for several things.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Vec<u8>>>> {
        ready!(budget::spend(context));
        let Some(reading) = self.ahead.take().or_else(|| self.read_next()) else {
            return Poll::Ready(None);
        };
        let Reading { wanted, mut slice } = reading;
        let Poll::Ready(result) = Pin::new(&mut slice).poll(context) else {
            self.ahead = Some(Reading { wanted, slice });
            return Poll::Pending;
        };
        let bytes = match result.map_err(io::Error::from).and_then(read_bytes) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.end();
                return Poll::Ready(Some(Err(error)));
            }
        };
        if bytes.len() < wanted {
            self.end(); // of the file
        } else {
            self.ahead = self.read_next();
        }
        Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
    }

    fn end(&mut self) {
        self.left.start = self.left.end;
    }

    fn read_next(&mut self) -> Option<Reading> {
        let wanted = self.left.end.saturating_sub(self.left.start).min(self.slice_bytes as u64) as usize;
        if wanted == 0 {
            return None;
        }
        let mut slice = Call::new(self.file.to_read(vec![0; wanted], self.left.start, true));
        slice.begin();
        self.left.start += wanted as u64;
        Some(Reading { wanted, slice })
    }
}

/// What was read, and nothing behind it.
fn read_bytes((result, operation): Ended) -> io::Result<Vec<u8>> {
    let read = result?.count();
    let mut bytes = operation.into_buffer();
    bytes.truncate(read);
    Ok(bytes)
}
