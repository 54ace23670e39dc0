//! The database behind `/database`: rows that count how often they were asked for, durably.
//!
//! Each request is a transaction that reads its row and writes it back, one higher; the answer comes after the commit. The embedded
//! store is a file of this process, PostgreSQL and Redis are servers that the run has started.

use std::io;
use std::path::Path;

use crate::options::Database;

mod embedded;
#[cfg(feature = "compat")]
mod postgresql;
#[cfg(feature = "compat")]
mod redis;

/// An open database. Cores share it.
pub(super) enum Store {
    Embedded(embedded::Embedded),
    #[cfg(feature = "compat")]
    Postgresql(postgresql::Postgresql),
    #[cfg(feature = "compat")]
    Redis(redis::Redis),
}

impl Store {
    /// Opens what lies or listens in `folder`.
    ///
    /// # Errors
    /// The database's own, as text.
    pub(super) async fn open(database: Database, folder: &Path) -> io::Result<Store> {
        match database {
            Database::Embedded => embedded::Embedded::open(&folder.join("rows")).map(Store::Embedded),
            #[cfg(feature = "compat")]
            Database::Postgresql => postgresql::Postgresql::open(folder).await.map(Store::Postgresql),
            #[cfg(feature = "compat")]
            Database::Redis => redis::Redis::open(folder).await.map(Store::Redis),
            #[cfg(not(feature = "compat"))]
            Database::Postgresql | Database::Redis => {
                Err(io::Error::new(io::ErrorKind::Unsupported, format!("{} needs the feature compat", database.name())))
            }
        }
    }

    /// Makes the row one higher, and gives what it is then, when that is durable.
    ///
    /// # Errors
    /// The database's own, as text.
    pub(super) async fn count(&self, row: u64) -> Result<u64, String> {
        match self {
            Store::Embedded(store) => store.count(row).await,
            #[cfg(feature = "compat")]
            Store::Postgresql(store) => store.count(row).await,
            #[cfg(feature = "compat")]
            Store::Redis(store) => store.count(row).await,
        }
    }
}
