//! How a file is opened: the options of [`std::fs::OpenOptions`], which nobody can ask what they are, as flags of open(2).

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::operation::FileOperation;

/// How a file is opened. Named and used as those of the standard library, with what is there in an extension for Unix.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: u32,
    custom_flags: i32,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions::new()
    }
}

impl OpenOptions {
    /// All off; a file that is made may be read and written by everybody whom the umask does not shut out.
    pub fn new() -> OpenOptions {
        OpenOptions {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            custom_flags: 0,
        }
    }

    /// To read it.
    pub fn read(&mut self, on: bool) -> &mut OpenOptions {
        self.read = on;
        self
    }

    /// To write to it.
    pub fn write(&mut self, on: bool) -> &mut OpenOptions {
        self.write = on;
        self
    }

    /// To write behind its last byte, wherever a call says to write (`O_APPEND`).
    pub fn append(&mut self, on: bool) -> &mut OpenOptions {
        self.append = on;
        self
    }

    /// To empty it, which takes `write`.
    pub fn truncate(&mut self, on: bool) -> &mut OpenOptions {
        self.truncate = on;
        self
    }

    /// To make it if there is none, which takes `write` or `append`.
    pub fn create(&mut self, on: bool) -> &mut OpenOptions {
        self.create = on;
        self
    }

    /// To make it, and to fail if there is one, which takes `write` or `append`.
    pub fn create_new(&mut self, on: bool) -> &mut OpenOptions {
        self.create_new = on;
        self
    }

    /// The permissions of a file that is made, less those that the umask takes away: 0o666 unless told otherwise.
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.mode = mode;
        self
    }

    /// Further flags of open(2), such as `O_DIRECT`; those that say whether to read or to write are left out.
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.custom_flags = flags;
        self
    }

    /// # Errors
    /// [`io::ErrorKind::InvalidInput`]: the options contradict each other.
    fn flags(&self) -> io::Result<OFlags> {
        let invalid = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        let writes = self.write || self.append;
        let access = match (self.read, writes) {
            (true, true) => OFlags::RDWR,
            (true, false) => OFlags::RDONLY,
            (false, true) => OFlags::WRONLY,
            (false, false) => return invalid("a file is opened neither to read nor to write"),
        };
        if !writes && (self.truncate || self.create || self.create_new) {
            return invalid("a file is to be made or emptied and not to be written to");
        }
        if self.append && self.truncate && !self.create_new {
            return invalid("a file is to be emptied and to be appended to");
        }
        let mut flags = access | OFlags::CLOEXEC;
        flags.set(OFlags::APPEND, self.append);
        match self.create_new {
            true => flags |= OFlags::CREATE | OFlags::EXCL,
            false => {
                flags.set(OFlags::CREATE, self.create);
                flags.set(OFlags::TRUNC, self.truncate);
            }
        }
        let custom = OFlags::from_bits_retain(self.custom_flags.cast_unsigned());
        Ok(flags | (custom - OFlags::RWMODE))
    }

    pub(super) fn to_operation(&self, path: &Path) -> io::Result<FileOperation> {
        let (flags, mode) = (self.flags()?, Mode::from_raw_mode(self.mode));
        Ok(FileOperation::Open { path: c_path(path)?, flags, mode })
    }
}

/// A path for the kernel.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`]: there is a zero byte in it.
pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

#[cfg(test)]
mod tests;
