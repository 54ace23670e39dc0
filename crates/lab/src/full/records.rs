//! The file behind `/disk`: records that are appended to it, and read back later.
//!
//! One thread does both for all who wait: one write for the records of a batch, a read for each. The records go where the kernel's page
//! cache puts them, and to the disk when the kernel likes: what must survive a loss of power goes to the database.
//!
//! A record is [`RECORD_BYTES`] bytes that follow from who wrote it and which of its records it is, so whoever reads knows what must
//! stand there.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::batch::Batches;
use crate::client::questions::pattern;
use crate::limits::{RECORD_BYTES, RECORDS_FILE_BYTES_MAX, RECORDS_KEPT, RECORDS_QUEUE_MAX, WRITERS_MAX};

#[cfg(test)]
mod tests;

/// What is asked for: append a record, and give back one of the same writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) writer: u32,
    /// The number of the record that is appended.
    pub(super) record: u32,
    /// The number of the one that is read, of the last [`RECORDS_KEPT`].
    pub(super) back: u32,
}

/// The file.
pub(super) struct Records(Batches<Turn, Result<Vec<u8>, String>>);

impl Records {
    /// Makes the file, which must not be there.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn create(path: &Path) -> io::Result<Records> {
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        let mut log = Log { file, bytes: 0, places: HashMap::new() };
        Ok(Records(Batches::start("crore-records", RECORDS_QUEUE_MAX, move |turns| log.take(&turns))?))
    }

    /// Appends the one and reads the other.
    ///
    /// # Errors
    /// As text: the system's, a record that is not there, and a bound that is reached.
    pub(super) async fn take(&self, turn: Turn) -> Result<Vec<u8>, String> {
        self.0.ask(turn).await.unwrap_or_else(|| Err("the thread of the records has ended".to_owned()))
    }
}

/// Where the bytes of a record begin in the pattern.
pub(crate) fn place_in_pattern(writer: u32, record: u32) -> u64 {
    // Each writer has a stretch of its own; what overflows would only repeat somebody else's.
    (u64::from(writer) << 32 | u64::from(record)).wrapping_mul(RECORD_BYTES as u64)
}

struct Log {
    file: File,
    bytes: u64,
    /// The last records of each writer: number, and where it lies.
    places: HashMap<u32, VecDeque<(u32, u64)>>,
}

impl Log {
    fn take(&mut self, turns: &[Turn]) -> Vec<Result<Vec<u8>, String>> {
        let appended = self.append(turns);
        let read = |turn: &Turn| {
            appended.clone()?;
            self.read(turn)
        };
        turns.iter().map(read).collect()
    }

    /// One write for all.
    fn append(&mut self, turns: &[Turn]) -> Result<(), String> {
        let length = turns.len() as u64 * RECORD_BYTES as u64;
        if self.bytes + length > RECORDS_FILE_BYTES_MAX {
            return Err(format!("the file of the records is full: {RECORDS_FILE_BYTES_MAX} bytes"));
        }
        let known = |turn: &&Turn| self.places.contains_key(&turn.writer);
        if self.places.len() + turns.iter().filter(|turn| !known(turn)).count() > WRITERS_MAX {
            return Err(format!("more than {WRITERS_MAX} writers"));
        }
        let record = |turn: &Turn| pattern(place_in_pattern(turn.writer, turn.record), RECORD_BYTES);
        let bytes: Vec<u8> = turns.iter().flat_map(record).collect();
        self.file.write_all_at(&bytes, self.bytes).map_err(|error| error.to_string())?;
        for (turn, at) in turns.iter().zip((self.bytes..).step_by(RECORD_BYTES)) {
            let places = self.places.entry(turn.writer).or_default();
            if places.len() == RECORDS_KEPT as usize {
                places.pop_front();
            }
            places.push_back((turn.record, at));
        }
        self.bytes += length;
        Ok(())
    }

    fn read(&self, turn: &Turn) -> Result<Vec<u8>, String> {
        let places = &self.places[&turn.writer];
        let Some((_, at)) = places.iter().find(|(record, _)| *record == turn.back) else {
            return Err(format!("record {} of writer {} is not kept", turn.back, turn.writer));
        };
        let mut bytes = vec![0; RECORD_BYTES];
        self.file.read_exact_at(&mut bytes, *at).map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}
