//! A descriptor that files share, and what is known about it.

use std::fs;
use std::io::Seek;
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
        *self.has_positions.get_or_init(|| self.file().stream_position().is_ok())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let mut descriptor = Some(OwnedFd::from(file));
        // The driver itself may be the one who drops it.
        current::try_with(|worker| {
            if let (Ok(mut driver), Some(descriptor)) = (worker.driver().try_borrow_mut(), descriptor.take()) {
                driver.close_file(descriptor);
            }
        });
    }
}
