//! Files, without holding the core.
//!
//! Every call is one closure on the pool of [`blocking`]: two hand-overs between threads, some tens of microseconds where a
//! thread is idle, even if the file is in the cache. So read small files whole ([`read`]), large ones in [slices](File::slices),
//! and what is asked for again and again once.
//!
//! On a core with the driver `uring` what is one system call goes through its ring instead, with the network's operations. A short
//! read from the cache, or an open of a path that is in it, is then done when the turn ends, without another thread; for the rest the
//! kernel has threads of its own. The pool still has what is several calls that belong together ([`write_atomically`],
//! [`create_dir_all`]) and [`metadata`](fn@metadata), since the standard library's cannot be made from what io_uring tells.
//!
//! Buffers are owned: they travel to where the work is done, and come back with the result. Dropping a future drops its buffer
//! too, if only when the kernel has done with it, and what was begun may still happen: a write that was given up may be written, in
//! part or whole.
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
mod call;
mod file;
mod open_file;
mod operation;
mod options;
mod slices;

pub use std::fs::Metadata;
use std::io;
use std::path::Path;

pub use self::atomic::write_atomically;
use self::call::Call;
pub use self::file::File;
pub(crate) use self::open_file::OpenFile;
pub(crate) use self::operation::{FileJob, FileOperation, Outcome};
pub use self::options::OpenOptions;
use self::options::c_path;
pub use self::slices::Slices;
use crate::limits::{FILE_COPIED_BYTES_MAX, FILE_READ_BYTES_FIRST};
use crate::pool::blocking;

/// Runs a closure on the pool; that the pool failed is an error like another.
async fn run<T: Send + 'static>(closure: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    blocking(closure).await?
}

/// Whether bytes, which are anybody's until they are copied, are written by this core's driver: if they are few.
fn goes_through_the_driver(bytes: &[u8]) -> bool {
    bytes.len() <= FILE_COPIED_BYTES_MAX && call::driver_has_files()
}

/// Reads a whole file. It is as large in memory as on the disk: for what may be large there is [`File::slices`].
///
/// # Errors
/// Those of the system.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    if call::driver_has_files() {
        let file = File::open(path.as_ref()).await?;
        return if file.has_positions() { read_to_end(&file).await } else { file.read_as_they_come().await };
    }
    let path = path.as_ref().to_owned();
    run(move || std::fs::read(path)).await
}

/// Without asking how long it is, which costs more than to find out.
async fn read_to_end(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut wanted = FILE_READ_BYTES_FIRST;
    loop {
        let offset = bytes.len() as u64;
        let (read, mut piece) = file.read_full_at(vec![0; wanted], offset).await;
        piece.truncate(read?);
        let is_end = piece.len() < wanted;
        if bytes.is_empty() {
            bytes = piece;
        } else {
            bytes.append(&mut piece);
        }
        if is_end {
            bytes.shrink_to_fit();
            return Ok(bytes);
        }
        wanted = bytes.len();
    }
}

/// Makes a file of these bytes; one that is there loses what it held. A crash may leave a part: see [`write_atomically`].
///
/// # Errors
/// Those of the system.
pub async fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]> + Send + 'static) -> io::Result<()> {
    if goes_through_the_driver(bytes.as_ref()) {
        return File::create(path).await?.write_copy(bytes.as_ref(), Some(0)).await;
    }
    let path = path.as_ref().to_owned();
    run(move || std::fs::write(path, bytes)).await
}

/// Writes bytes behind what a file holds; makes the file if there is none. For more than a few writes, keep a
/// [`File`] open.
///
/// # Errors
/// Those of the system.
pub async fn append(path: impl AsRef<Path>, bytes: impl AsRef<[u8]> + Send + 'static) -> io::Result<()> {
    if goes_through_the_driver(bytes.as_ref()) {
        let file = File::open_with(path, OpenOptions::new().append(true).create(true)).await?;
        return file.write_copy(bytes.as_ref(), None).await;
    }
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
    let (from, to) = (c_path(from.as_ref())?, c_path(to.as_ref())?);
    Call::new(FileOperation::Rename { from, to }).outcome().await.map(drop)
}

/// Removes a file's name; its bytes go when nobody has it open (unlink(2)).
///
/// # Errors
/// Those of the system.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    Call::new(FileOperation::Remove { path: c_path(path.as_ref())? }).outcome().await.map(drop)
}

/// Makes a directory and those above it that are not there.
///
/// # Errors
/// Those of the system.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::create_dir_all(path)).await
}
