//! Files, without holding the core.
//!
//! Every call is one closure on the pool of [`blocking`]: two hand-overs between threads, some tens of microseconds where a
//! thread is idle, even if the file is in the cache. So read small files whole ([`read`]), large ones in [slices](File::slices),
//! and what is asked for again and again once.
//!
//! Buffers are owned: they travel to where the work is done, and come back with the result. Dropping a future drops its buffer
//! too, and what was begun may still happen: a write that was given up may be written, in part or whole.
//!
//! Errors are the system's own (open(2), pread(2), ...), without the path: who calls knows it. In a simulated world the files
//! are the machine's, and every call takes a turn.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use crore_rt::fs;
//!
//! let settings = fs::read("/etc/hosts").await?;
//! fs::write_atomically("/tmp/copy", settings).await?;
//!
//! let film = fs::File::open("/tmp/film").await?;
//! let mut slices = film.slices(.., 256 * 1024);
//! while let Some(slice) = slices.next().await {
//!     println!("{} bytes", slice?.len());
//! }
//! # Ok(())
//! # }
//! ```

mod atomic;
mod file;
mod slices;

use std::io;
use std::path::Path;

pub use std::fs::{Metadata, OpenOptions};

pub use self::atomic::write_atomically;
pub use self::file::File;
pub use self::slices::Slices;
use crate::pool::blocking;

/// Runs a closure on the pool; that the pool failed is an error like another.
async fn run<T: Send + 'static>(closure: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    blocking(closure).await?
}

/// Reads a whole file. It is as large in memory as on the disk: for what may be large there is [`File::slices`].
///
/// # Errors
/// Those of the system.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::read(path)).await
}

/// Makes a file of these bytes; one that is there loses what it held. A crash may leave a part: see [`write_atomically`].
///
/// # Errors
/// Those of the system.
pub async fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]> + Send + 'static) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::write(path, bytes)).await
}

/// Writes bytes behind what a file holds; makes the file if there is none. For more than a few writes, keep a
/// [`File`] open.
///
/// # Errors
/// Those of the system.
pub async fn append(path: impl AsRef<Path>, bytes: impl AsRef<[u8]> + Send + 'static) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        io::Write::write_all(&mut file, bytes.as_ref())
    })
    .await
}

/// What the system knows about the file at a path, links followed.
///
/// # Errors
/// Those of the system.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::metadata(path)).await
}

/// Gives a file another name on the same file system, at once; a file that had that name is gone (rename(2)).
///
/// # Errors
/// Those of the system.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    run(move || std::fs::rename(from, to)).await
}

/// Removes a file's name; its bytes go when nobody has it open (unlink(2)).
///
/// # Errors
/// Those of the system.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::remove_file(path)).await
}

/// Makes a directory and those above it that are not there.
///
/// # Errors
/// Those of the system.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::create_dir_all(path)).await
}
