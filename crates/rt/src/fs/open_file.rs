//! A descriptor that files share, and what is known about it.

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use crate::current;

/// Closed when dropped: by the driver of the core where that happens, if it closes files, so that a slow file system does not hold
/// the core; else there and then.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// There until it is dropped.
    file: Option<fs::File>,
    has_positions: OnceLock<bool>,
}

impl OpenFile {
    pub(super) fn new(file: fs::File) -> OpenFile {
        OpenFile { file: Some(file), has_positions: OnceLock::new() }
    }

    pub(super) fn file(&self) -> &fs::File {
        self.file.as_ref().expect("it is there until it is dropped")
    }

    /// Whether its bytes have positions: those of a pipe or a terminal have none, and pread(2) on one fails, where io_uring would
    /// read.
    pub(crate) fn has_positions(&self) -> bool {
        *self.has_positions.get_or_init(|| {
            let at: io::Result<u64> = self.file().seek(SeekFrom::Current(0));
            at.is_ok()
        })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let mut descriptor = Some(OwnedFd::from(file));
        // The driver itself may be the one who drops it.
        let _ = current::try_with(|worker| {
            let mut driver = worker.driver().try_borrow_mut().ok()?;
            descriptor.take().map(|descriptor| driver.close_file(descriptor))
        });
    }
}
