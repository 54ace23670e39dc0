//! What is asked, and what must come back.
//!
//! Requests are made from a number, so that no two connections ask the same and an answer to somebody else's question is
//! noticed. The file that `GET /disk` reads holds a pattern from which each byte of an answer follows.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use crore_base::payload::Payload;
use sha2::{Digest, Sha256};

use crate::full::place_in_pattern;
use crate::harness::limits::{DIGEST_BODIES, DIGEST_BYTES, DISK_FILE_BYTES, DISK_SLICE_BYTES, ECHO_BYTES};
use crate::limits::{RECORD_BYTES, RECORDS_KEPT};

#[cfg(test)]
mod tests;

/// The odd number nearest to 2^64 divided by the golden ratio: multiplied by it, neighbours become strangers (Knuth, TAOCP 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bytes of one word of the pattern.
const WORD: u64 = 8;

/// One kind of question.
pub(crate) enum Questions {
    /// Bytes that come back.
    Echo,
    /// `GET /`.
    Hello(Payload),
    /// `POST /digest`: requests with their digests.
    Digest(Vec<(Payload, String)>),
    /// `GET /disk`.
    Disk,
    /// What the full load asks: see [`mixed`].
    Full,
}

/// Kinds of requests whose latencies are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Answered at once.
    Plain,
    /// A transaction.
    Database,
    /// A record appended to a file, and one read.
    Disk,
}

/// One question: what is sent, and what must come back.
pub(crate) struct Question {
    pub(crate) request: Payload,
    pub(crate) expected: Expected,
}

/// What must come back.
pub(crate) enum Expected {
    /// What was sent.
    Same,
    /// An HTTP response with this text.
    Text(String),
    /// An HTTP response with these bytes of the pattern.
    Pattern(Range<u64>),
}

impl Questions {
    pub(crate) fn hello() -> Questions {
        Questions::Hello(Payload::from("GET / HTTP/1.1\r\nHost: lab\r\n\r\n"))
    }

    /// Allocates the bodies, each once.
    pub(crate) fn digests() -> Questions {
        let question = |seed: u64| {
            let body: Vec<u8> =
                (0..DIGEST_BYTES as u64 / WORD).flat_map(|at| scatter(seed << 32 | at).to_le_bytes()).collect();
            let digest = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
            let head = format!("POST /digest HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n", body.len());
            (Payload::from([head.as_bytes(), &body].concat()), digest)
        };
        Questions::Digest((0..DIGEST_BODIES).map(question).collect())
    }

    /// What kind of question number `number` is.
    pub(crate) fn kind(&self, number: u64) -> Kind {
        match (self, mixture(number)) {
            (Questions::Full, DATABASE_TURN) => Kind::Database,
            (Questions::Full, DISK_TURN) => Kind::Disk,
            _ => Kind::Plain,
        }
    }

    /// Question number `number`: the connection's number in the upper half, and how many it has asked before in the lower.
    pub(crate) fn question(&self, number: u64) -> Question {
        match self {
            Questions::Echo => {
                let first = scatter(number);
                let bytes: Vec<u8> =
                    (0..ECHO_BYTES as u64 / WORD).flat_map(|at| scatter(first ^ at).to_le_bytes()).collect();
                Question { request: Payload::from(bytes), expected: Expected::Same }
            }
            Questions::Hello(request) => {
                Question { request: request.clone(), expected: Expected::Text("Hello, World!".to_owned()) }
            }
            Questions::Digest(known) => {
                let (request, digest) = &known[(number % known.len() as u64) as usize];
                Question { request: request.clone(), expected: Expected::Text(digest.clone()) }
            }
            Questions::Disk => {
                let at = scatter(number) % (DISK_FILE_BYTES / DISK_SLICE_BYTES) * DISK_SLICE_BYTES;
                let request = format!("GET /disk?at={at}&length={DISK_SLICE_BYTES} HTTP/1.1\r\nHost: lab\r\n\r\n");
                Question { request: Payload::from(request), expected: Expected::Pattern(at..at + DISK_SLICE_BYTES) }
            }
            Questions::Full => mixed(self.kind(number), number),
        }
    }
}

impl Expected {
    /// Bytes of the whole answer's body; `sent` is the request.
    pub(crate) fn length(&self, sent: &Payload) -> u64 {
        match self {
            Expected::Same => sent.len() as u64,
            Expected::Text(text) => text.len() as u64,
            Expected::Pattern(range) => range.end - range.start,
        }
    }

    /// Whether `bytes` are what must stand at `from`, bytes after the body's start. Beyond the end nothing is right.
    pub(crate) fn holds(&self, sent: &Payload, from: u64, bytes: &[u8]) -> bool {
        let end = from + bytes.len() as u64;
        if end > self.length(sent) {
            return false;
        }
        let place = from as usize..end as usize;
        match self {
            Expected::Same => sent[place] == *bytes,
            Expected::Text(text) => text.as_bytes()[place] == *bytes,
            Expected::Pattern(range) => is_pattern(range.start + from, bytes),
        }
    }
}

/// Of ten questions of a connection, those that are not plain.
const DATABASE_TURN: u64 = 4;
const DISK_TURN: u64 = 9;
/// Rows of each connection.
const ROWS_EACH: u64 = 64;

/// Which of ten questions this is. Connections begin at different places, so that those of one kind do not come together.
fn mixture(number: u64) -> u64 {
    ((number >> 32) + (number & u64::from(u32::MAX))) % 10
}

/// A question of the full load. What must come back follows from the number, because a connection's rows and records are its own, and it
/// asks for them in order.
fn mixed(kind: Kind, number: u64) -> Question {
    let (connection, asked) = (number >> 32, number & u64::from(u32::MAX));
    // A question of this kind comes once in ten.
    let nth = asked / 10;
    let post =
        |target: String| Payload::from(format!("POST {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n"));
    match kind {
        Kind::Plain => {
            let request = Payload::from("GET /plain HTTP/1.1\r\nHost: lab\r\n\r\n");
            Question { request, expected: Expected::Text("Hello, World!".to_owned()) }
        }
        Kind::Database => {
            let (row, count) = (connection * ROWS_EACH + nth % ROWS_EACH, nth / ROWS_EACH + 1);
            let expected = Expected::Text(format!("row {row} count {count}\n"));
            Question { request: post(format!("/database?row={row}")), expected }
        }
        Kind::Disk => {
            let (writer, record) = (connection as u32, nth as u32);
            let back = record - (scatter(number) % u64::from(RECORDS_KEPT.min(record + 1))) as u32;
            let at = place_in_pattern(writer, back);
            let request = post(format!("/disk?writer={writer}&record={record}&back={back}"));
            Question { request, expected: Expected::Pattern(at..at + RECORD_BYTES as u64) }
        }
    }
}

/// Whether these are the bytes of the pattern from `at` on.
fn is_pattern(at: u64, bytes: &[u8]) -> bool {
    let mut word = (at / WORD, scatter(at / WORD).to_le_bytes());
    bytes.iter().zip(at..).all(|(byte, at)| {
        if at / WORD != word.0 {
            word = (at / WORD, scatter(at / WORD).to_le_bytes());
        }
        *byte == word.1[(at % WORD) as usize]
    })
}

/// So many bytes of the pattern, from a multiple of its words on.
pub(crate) fn pattern(at: u64, bytes: usize) -> Vec<u8> {
    assert!(at.is_multiple_of(WORD) && (bytes as u64).is_multiple_of(WORD), "whole words");
    (0..bytes as u64 / WORD).flat_map(|word| scatter(at / WORD + word).to_le_bytes()).collect()
}

/// Writes the file that `GET /disk` reads, and sees to it that it is on the disk.
///
/// # Errors
/// The system's.
pub(crate) fn write_pattern(path: &Path) -> io::Result<()> {
    let file = std::fs::File::create(path)?;
    let mut output = BufWriter::with_capacity(DISK_SLICE_BYTES as usize, &file);
    (0..DISK_FILE_BYTES / WORD).try_for_each(|word| output.write_all(&scatter(word).to_le_bytes()))?;
    output.flush()?;
    drop(output);
    file.sync_all()
}

fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(GOLDEN);
    (mixed ^ (mixed >> 29)).wrapping_mul(GOLDEN)
}
