//! Files of a folder, for browsers: whole or in part, unless the client has them already.
//!
//! Nothing outside of the folder can be reached: the kernel resolves the path beneath it (openat2(2)), so neither `..` nor a symbolic
//! link leads out. Names that begin with a dot are not there. A small file is opened and read in one hop to the pool for blocking work; a
//! large one goes out in slices, one being sent and one read ahead, and never holds the core.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crore_http::{Condition, RequestHead, Status, Validators, Wanted, http_date, wanted};
use crore_rt::{fs, pool};
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

use crate::limits::{FILE_SLICE_BYTES, FILE_WHOLE_BYTES_MAX};
use crate::response::Response;

/// A folder whose files may be read by anybody who can reach the server; clones are the same.
#[derive(Debug, Clone)]
pub struct Files {
    root: Arc<OwnedFd>,
}

/// What a path leads to.
enum Found {
    File(Box<Opened>),
    Folder,
}

/// A file, and all of it if it is small.
struct Opened {
    file: File,
    metadata: Metadata,
    whole: Option<Vec<u8>>,
}

impl Files {
    /// The files of a folder, which stays the same even if another takes its name. Blocks for the time that opening it takes.
    ///
    /// # Errors
    /// It is not there, or no folder.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Files> {
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let root = open(root.as_ref(), flags, Mode::empty())?;
        Ok(Files { root: Arc::new(root) })
    }

    /// The response to a `GET` or `HEAD` of `path`, relative to the folder: the decoded value of a route's `{*path}`. A path that ends in
    /// `/`, or is empty, means its `index.html`.
    ///
    /// Understands `Range` (a single one), `If-Range`, `If-None-Match`, `If-Modified-Since`, `If-Match` and `If-Unmodified-Since`.
    pub async fn answer(&self, head: &RequestHead, path: &str) -> Response {
        let not_found = || Response::error(Status::NOT_FOUND, "there is no such file");
        let Some(path) = relative(path) else {
            return not_found();
        };
        let media_type = mime_guess::from_path(&path).first_raw().unwrap_or("application/octet-stream");
        let root = Arc::clone(&self.root);
        match pool::blocking(move || find(&root, &path)).await {
            Ok(Ok(Found::File(opened))) => answer(head, *opened, media_type),
            Ok(Ok(Found::Folder)) => moved(head).unwrap_or_else(not_found),
            Ok(Err(error)) => refuse(&error).unwrap_or_else(not_found),
            Err(error) => refuse(&error.into()).unwrap_or_else(not_found),
        }
    }
}

/// The path to open; none if no file can have it.
fn relative(path: &str) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for part in path.split('/') {
        if part.starts_with('.') || part.contains(['\\', '\0']) {
            return None;
        }
        relative.push(part); // an empty part adds nothing but a separator
    }
    if path.is_empty() || path.ends_with('/') {
        relative.push("index.html");
    }
    relative.is_relative().then_some(relative)
}

/// Opens a file, and reads it if it is small.
fn find(root: &OwnedFd, path: &Path) -> io::Result<Found> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut file = File::from(openat2(root, path, flags, Mode::empty(), resolve)?);
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(Found::Folder);
    }
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into()); // a pipe, a device
    }
    let whole = match metadata.len() <= FILE_WHOLE_BYTES_MAX {
        false => None,
        true => {
            let mut bytes = Vec::with_capacity(metadata.len() as usize);
            (&mut file).take(FILE_WHOLE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            // One that changes as we read is read again, as it is sent.
            (bytes.len() as u64 == metadata.len()).then_some(bytes)
        }
    };
    Ok(Found::File(Box::new(Opened { file, metadata, whole })))
}

/// A folder is told by its last slash, or the relative links on its page would lead elsewhere.
fn moved(head: &RequestHead) -> Option<Response> {
    let query = head.query().map(|query| format!("?{query}")).unwrap_or_default();
    // A path that begins with two slashes would name a host.
    let path = format!("/{}", head.path().trim_start_matches('/'));
    Response::new(Status::MOVED_PERMANENTLY).with("Location", &format!("{path}/{query}")).ok()
}

/// What goes wrong with the machine is not the client's mistake; everything else is not there.
fn refuse(error: &io::Error) -> Option<Response> {
    let not_there = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory, io::ErrorKind::PermissionDenied];
    let leads_out = error.raw_os_error() == Some(rustix::io::Errno::XDEV.raw_os_error())
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
        || error.raw_os_error() == Some(rustix::io::Errno::NAMETOOLONG.raw_os_error());
    if leads_out || not_there.contains(&error.kind()) {
        return None;
    }
    tracing::warn!(%error, "a file cannot be read");
    Some(Response::error(Status::INTERNAL_SERVER_ERROR, "the file cannot be read"))
}

fn answer(head: &RequestHead, opened: Opened, media_type: &'static str) -> Response {
    let Opened { file, metadata, whole } = opened;
    let length = metadata.len();
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let etag = format!("\"{:x}-{length:x}\"", modified.as_nanos());
    let validators = Validators { etag: &etag, modified: modified.as_secs() };
    let response = match validators.evaluate(head.headers(), true) {
        Condition::NotModified => Response::new(Status::NOT_MODIFIED),
        Condition::Failed => Response::error(Status::PRECONDITION_FAILED, "the file is another by now"),
        Condition::Holds => {
            let range = head.header("range").filter(|_| validators.allow_range(head.headers()));
            part(wanted(range, length), file, length, whole, media_type)
        }
    };
    let fields = [
        ("ETag", &*etag),
        ("Last-Modified", &http_date(modified.as_secs())),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
    ];
    let with_all = fields.into_iter().try_fold(response, |response, (name, value)| response.with(name, value));
    with_all.expect("tags, dates and constants have no control characters")
}

/// The bytes that are wanted, and what says which they are.
fn part(wanted: Wanted, file: File, length: u64, whole: Option<Vec<u8>>, media_type: &'static str) -> Response {
    let (range, status) = match wanted {
        Wanted::Whole => (0..length, Status::OK),
        Wanted::Part(range) => (range, Status::PARTIAL_CONTENT),
        Wanted::Nothing => {
            let response = Response::error(Status::RANGE_NOT_SATISFIABLE, &format!("the file has {length} bytes"));
            return response.with("Content-Range", &format!("bytes */{length}")).expect("a number is field text");
        }
    };
    let content_range = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
    let response = match whole {
        Some(bytes) if status == Status::OK => Response::of(media_type, bytes),
        Some(bytes) => Response::of(media_type, bytes[range.start as usize..range.end as usize].to_vec()),
        None => slices(file, range, media_type),
    };
    let response = response.with_status(status);
    match status {
        Status::PARTIAL_CONTENT => response.with("Content-Range", &content_range).expect("numbers are field text"),
        _ => response,
    }
}

fn slices(file: File, range: Range<u64>, media_type: &'static str) -> Response {
    let length = range.end - range.start;
    let stream = Response::stream(media_type, async move |mut writer| {
        let mut slices = fs::File::from(file).slices(range, FILE_SLICE_BYTES);
        while let Some(slice) = slices.next().await {
            writer.send(slice?).await?;
        }
        Ok(()) // a file that has become shorter is noticed by the length that was announced
    });
    stream.with_length(length)
}
