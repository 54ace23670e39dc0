//! How a file is read: `GET /disk?at=N&length=N` in ways that differ in who waits for the disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

use crore_rt::net::{Accept, TcpListener};
use crore_rt::{blocking, fs};
use crore_web::{Application, Request, Response, Server, ServerOptions, Status};

use super::host::host;
use crate::catalogue::HTTP;
use crate::harness::limits::DISK_READ_BYTES_MAX;
use crate::{Model, Place};

/// What direct reads must be multiples of: the largest block that a disk commonly has.
const BLOCK: usize = 4_096;

/// All of them.
pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "disk-cache",
        title: "read on the event loop, out of the page cache",
        story: "The event loop calls pread itself. While the file is in memory this is the fastest way there is; the first page that is \
                not stops every connection of that core until the disk has answered, and nothing in the program shows it.",
        serves: HTTP,
        serve: |place| serve(place, false, async |file, at, length| read(&file, at, length)),
        refusal: || None,
    },
    Model {
        name: "disk-pool",
        title: "read by a thread pool, through the page cache",
        story: "Threads of a pool call pread and wake the task on its core: what libuv, nginx with aio threads and crore do. Two hand-overs \
                a read, whether it was in memory or not.",
        serves: HTTP,
        serve: |place| serve(place, false, async |file, at, length| on_pool(move || read(&file, at, length)).await),
        refusal: || None,
    },
    Model {
        name: "disk-direct",
        title: "read by a thread pool, past the page cache",
        story: "As disk-pool, but with O_DIRECT: aligned reads that go to the disk each time and leave the memory to others, as databases \
                do that keep a cache of their own.",
        serves: HTTP,
        serve: |place| {
            serve(place, true, async |file, at, length| on_pool(move || read_aligned(&file, at, length)).await)
        },
        refusal: || None,
    },
    Model {
        name: "disk-uring",
        title: "read through io_uring, in the loop that serves the sockets",
        story: "The read is one more entry in the ring on which the sockets are; nobody waits in the kernel but the kernel's own workers, and \
                only where the page is not in memory.",
        serves: HTTP,
        serve: serve_by_ring,
        refusal: || crore_rt::check_driver("uring").err(),
    },
];

/// Serves slices of the file; `read` gets them.
fn serve(
    place: &Place,
    direct: bool,
    read: impl AsyncFn(Arc<File>, u64, usize) -> io::Result<Vec<u8>> + Copy + Send + 'static,
) -> io::Result<()> {
    let flags = if direct { libc::O_DIRECT } else { 0 };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&place.data)?;
    let file = Arc::new(file);
    host(place, "epoll", Accept::PerWorker, move |listener| answer(listener, Arc::clone(&file), read))
}

/// As [`serve`], with files as the runtime reads them when its I/O model is the ring.
fn serve_by_ring(place: &Place) -> io::Result<()> {
    let path = place.data.clone();
    host(place, "uring", Accept::PerWorker, move |listener| {
        let path = path.clone();
        async move {
            match fs::File::open(path).await {
                Ok(file) => answer(listener, Arc::new(file), read_by_runtime).await,
                Err(error) => eprintln!("the data file cannot be opened: {error}"),
            }
        }
    })
}

/// Answers requests with what `read` gives of `file`.
async fn answer<F: 'static>(
    listener: TcpListener,
    file: Arc<F>,
    read: impl AsyncFn(Arc<F>, u64, usize) -> io::Result<Vec<u8>> + Copy + 'static,
) {
    let application = Application::new(file).get("/disk", move |request: Request<Arc<F>>| async move {
        let Some((at, length)) = wanted(&request) else {
            return Response::error(Status::BAD_REQUEST, "at and length are numbers, length at most 1 MiB");
        };
        match read(Arc::clone(request.state()), at, length).await {
            Ok(bytes) => Response::of("application/octet-stream", bytes),
            Err(error) => Response::error(Status::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    });
    // It fails when its listener is broken: the clients see it, and their harness counts it.
    let _ = Server::new(application, ServerOptions::default()).serve(listener).await;
}

/// The part of the file that is asked for.
fn wanted<S>(request: &Request<S>) -> Option<(u64, usize)> {
    let number = |name| request.query(name).ok()??.parse::<u64>().ok();
    let (at, length) = (number("at")?, number("length")?);
    (length <= DISK_READ_BYTES_MAX).then_some((at, usize::try_from(length).ok()?))
}

fn read(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; length];
    file.read_exact_at(&mut buffer, at)?;
    Ok(buffer)
}

/// Reads blocks around what is wanted into memory that begins at a block, as `O_DIRECT` demands (open(2)).
fn read_aligned(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let before = usize::try_from(at % BLOCK as u64).expect("below a block");
    let whole = (before + length).next_multiple_of(BLOCK);
    let mut memory = vec![0_u8; whole + BLOCK];
    let start = memory.as_ptr().align_offset(BLOCK);
    assert!(start < BLOCK, "an offset to the next block is less than a block");
    let blocks = &mut memory[start..start + whole];
    let mut filled = 0;
    while filled < before + length {
        match file.read_at(&mut blocks[filled..], at - before as u64 + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(blocks[before..before + length].to_vec())
}

async fn on_pool(read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static) -> io::Result<Vec<u8>> {
    blocking(read).await.map_err(|error| io::Error::other(error.to_string()))?
}

async fn read_by_runtime(file: Arc<fs::File>, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let (read, bytes) = file.read_full_at(vec![0; length], at).await;
    match read? == length {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests;
