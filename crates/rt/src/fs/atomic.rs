//! Replacing a file so that a reader, or a crash, finds the old one or the new one, never a part.
//!
//! The bytes go to a new file beside it, to the disk, and under the name; then the directory goes to the disk.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::run;
use crate::limits::TEMPORARY_NAMES_TRIED;

/// Makes a file of these bytes, or puts it in the place of the one that is there, whose permissions it takes over. Whoever opens
/// the path finds all of the old bytes or all of the new ones, also after a crash. Costs two waits for the disk.
///
/// Dropping the future does not stop what was begun: the new file may still take the old one's place.
///
/// # Errors
/// Those of the system; the old file is then as it was. A path without a file's name is [`io::ErrorKind::InvalidInput`].
pub async fn write_atomically(path: impl AsRef<Path>, bytes: impl AsRef<[u8]> + Send + 'static) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || replace(&path, bytes.as_ref())).await
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path)?;
    let written = (|| {
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        // The first error is the one to tell; a name that stays behind does no harm.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    fs::File::open(directory(path))?.sync_all()
}

/// A new file in the same directory, under a name that nobody has; at first for its owner alone where an old file's permissions
/// are still to come.
fn create_beside(path: &Path) -> io::Result<(PathBuf, fs::File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        let text = format!("{} does not end in a file's name", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let mode = if path.exists() { 0o600 } else { 0o666 };
    let mut tried = 0;
    loop {
        let mut beside = OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}-{}.new", process::id(), NEXT.fetch_add(1, Relaxed)));
        let temporary = directory(path).join(beside);
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < TEMPORARY_NAMES_TRIED => tried += 1,
            opened => return Ok((temporary, opened?)),
        }
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
