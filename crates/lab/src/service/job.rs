//! What takes long: jobs, what they need, and their answers. A job may cross threads; it is plain data.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crore_http::{Status, query};
use sha2::{Digest, Sha256};

use crate::limits::PART_BYTES_MAX;

/// Something to do for a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Job {
    /// Nothing but to greet. Handed out only with [`Delegation::All`](super::Delegation::All).
    Greet,
    /// Computes: the SHA-256 of these bytes. A megabyte takes a millisecond or several.
    Digest(Vec<u8>),
    /// Reads so many bytes of the data file, from there on.
    Read {
        /// Where the part begins, in bytes.
        at: u64,
        /// Its length in bytes, at most [`PART_BYTES_MAX`].
        length: usize,
    },
}

/// What a request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: Status,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The data file that parts are read from, or nothing where the protocol asks for none.
#[derive(Debug)]
pub struct Disk(Option<File>);

impl Disk {
    /// A disk without a file: every part is missing.
    pub const NONE: Disk = Disk(None);

    /// The data file at `path`.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn open(path: &Path) -> io::Result<Disk> {
        let file = File::open(path)
            .map_err(|error| io::Error::new(error.kind(), format!("the data file {}: {error}", path.display())))?;
        Ok(Disk(Some(file)))
    }

    /// The file itself, for models that read it in a way of their own.
    pub fn file(&self) -> Option<&File> {
        self.0.as_ref()
    }
}

impl Job {
    /// The job of a request to `path` with this `query`; none if there is no such thing here. What a digest is of comes later: it is
    /// empty.
    pub fn of(method: &str, path: &str, query: Option<&str>) -> Option<Job> {
        match (method, path) {
            ("GET", "/") => Some(Job::Greet),
            ("POST", "/digest") => Some(Job::Digest(Vec::new())),
            ("GET", "/disk") => {
                let number = |name| query::find(query?, name).ok()??.parse::<u64>().ok();
                let (at, length) = (number("at")?, usize::try_from(number("length")?).ok()?);
                (length <= PART_BYTES_MAX).then_some(Job::Read { at, length })
            }
            _ => None,
        }
    }

    /// The request that asks for this: method, target without its query, query and body.
    pub fn request(&self) -> (&'static str, &'static str, String, &[u8]) {
        match self {
            Job::Greet => ("GET", "/", String::new(), &[]),
            Job::Digest(body) => ("POST", "/digest", String::new(), body),
            Job::Read { at, length } => ("GET", "/disk", format!("at={at}&length={length}"), &[]),
        }
    }

    /// Does it, here and now: computes, or waits for the disk.
    pub fn run(self, disk: &Disk) -> Answer {
        match self {
            Job::Greet => Answer::ok(b"Hello, World!".to_vec()),
            Job::Digest(body) => Answer::ok(hexadecimal(&Sha256::digest(&body))),
            Job::Read { at, length } => {
                let mut body = vec![0; length];
                let read = disk.file().map(|file| file.read_exact_at(&mut body, at));
                if let Some(Ok(())) = read { Answer::ok(body) } else { Answer::not_found() }
            }
        }
    }
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: Vec<u8>) -> Answer {
        Answer { status: Status::OK, body }
    }

    /// 404: there is no such thing, or no such part of the file.
    pub fn not_found() -> Answer {
        Answer { status: Status::NOT_FOUND, body: b"there is no such thing here\n".to_vec() }
    }

    /// 500: whoever should have answered did not.
    pub fn failed(why: &io::Error) -> Answer {
        Answer { status: Status::INTERNAL_SERVER_ERROR, body: format!("no answer: {why}\n").into_bytes() }
    }
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let digit = |four: u8| b"0123456789abcdef"[usize::from(four)];
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
