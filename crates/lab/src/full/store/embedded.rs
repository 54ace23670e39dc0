//! The embedded store: redb, a file with transactions (a copy-on-write B-tree). One thread commits for all that wait.

use std::io;
use std::path::Path;

use redb::{Database, ReadableTable, TableDefinition};

use crate::full::batch::Batches;
use crate::limits::STORE_QUEUE_MAX;

#[cfg(test)]
mod tests;

const ROWS: TableDefinition<u64, u64> = TableDefinition::new("rows");

/// The store, whose file is closed when this is dropped.
pub(in crate::full) struct Embedded(Batches<u64, Result<u64, String>>);

impl Embedded {
    /// Opens the file, which is made if it is not there.
    ///
    /// # Errors
    /// It is no such file, or somebody else has it open.
    pub(in crate::full) fn open(file: &Path) -> io::Result<Embedded> {
        let database =
            Database::create(file).map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        let answer = move |rows: Vec<u64>| match commit(&database, &rows) {
            Ok(counts) => counts.into_iter().map(Ok).collect(),
            // Nothing of the batch has happened.
            Err(error) => rows.iter().map(|_| Err(error.to_string())).collect(),
        };
        Ok(Embedded(Batches::start("crore-store", STORE_QUEUE_MAX, answer)?))
    }

    /// As [`Store::count`](super::Store::count).
    pub(in crate::full) async fn count(&self, row: u64) -> Result<u64, String> {
        self.0.ask(row).await.unwrap_or_else(|| Err("the store's thread has ended".to_owned()))
    }
}

/// One transaction for all: each row, in order, becomes one higher. Durable when this returns (redb's default is a sync of the file).
fn commit(database: &Database, rows: &[u64]) -> Result<Vec<u64>, redb::Error> {
    let transaction = database.begin_write()?;
    let mut counts = Vec::with_capacity(rows.len());
    {
        let mut table = transaction.open_table(ROWS)?;
        for row in rows {
            let count = table.get(row)?.map_or(0, |count| count.value()) + 1;
            table.insert(row, count)?;
            counts.push(count);
        }
    }
    transaction.commit()?;
    Ok(counts)
}

/// What a row is.
#[cfg(test)]
fn read(database: &Database, row: u64) -> u64 {
    let transaction = redb::ReadableDatabase::begin_read(database).unwrap();
    transaction.open_table(ROWS).unwrap().get(row).unwrap().map_or(0, |count| count.value())
}
