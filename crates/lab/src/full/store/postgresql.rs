//! PostgreSQL: the client library's connections live on the bridge to tokio. What a core holds of them are channels, and it awaits their
//! answers itself. The rows are divided among the connections, whose commits the server takes to the disk together.

use std::io;
use std::path::Path;

use crore_compat::{Bridge, Bridged};
use crore_rt::time::{Duration, sleep};
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

use crate::full::engine::{DATABASE_USER, POSTGRESQL_FOLDER};
use crate::limits::{DATABASE_READY_PAUSE_MS, DATABASE_READY_TRIES, POSTGRESQL_CONNECTIONS};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS rows (id bigint PRIMARY KEY, count bigint NOT NULL)";
/// A transaction of its own, since nobody says `BEGIN`: the row is read, and written back one higher.
const COUNT: &str =
    "INSERT INTO rows VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET count = rows.count + 1 RETURNING count";

/// A running PostgreSQL.
pub(in crate::full) struct Postgresql {
    connections: Vec<Connection>,
    _bridge: Bridge,
}

struct Connection {
    client: Client,
    statement: Statement,
    /// What reads and writes, on the bridge. Dropping it ends the connection.
    _driver: Bridged<Result<(), Error>>,
}

impl Postgresql {
    /// Connects to the server whose socket lies below `folder`, and makes the table.
    ///
    /// # Errors
    /// The server's, as text.
    pub(in crate::full) async fn open(folder: &Path) -> io::Result<Postgresql> {
        let bridge = Bridge::start()?;
        let mut config = Config::new();
        config.host_path(folder.join(POSTGRESQL_FOLDER)).user(DATABASE_USER).dbname("postgres");
        let mut connections = Vec::with_capacity(POSTGRESQL_CONNECTIONS);
        for nth in 0..POSTGRESQL_CONNECTIONS {
            let tries = if nth == 0 { DATABASE_READY_TRIES } else { 1 };
            connections.push(connect(&bridge, &config, tries).await.map_err(io::Error::other)?);
        }
        Ok(Postgresql { connections, _bridge: bridge })
    }

    /// As [`Store::count`](super::Store::count).
    pub(in crate::full) async fn count(&self, row: u64) -> Result<u64, String> {
        let Connection { client, statement, .. } = &self.connections[(row % self.connections.len() as u64) as usize];
        let id = i64::try_from(row).map_err(|_| format!("row {row} is beyond PostgreSQL's bigint"))?;
        let answer = client.query_one(statement, &[&id]).await.map_err(|error| told(&error))?;
        let count: i64 = answer.try_get(0).map_err(|error| told(&error))?;
        u64::try_from(count).map_err(|_| format!("row {row} has the count {count}"))
    }
}

/// One connection; a server that has just been started is asked several times.
async fn connect(bridge: &Bridge, config: &Config, tries: u32) -> Result<Connection, String> {
    let mut tried = 0;
    let (client, connection) = loop {
        let config = config.clone();
        let opened = bridge.run(async move { config.connect(NoTls).await }).await.map_err(|error| error.to_string())?;
        tried += 1;
        match opened {
            Ok(opened) => break opened,
            Err(error) if tried == tries => return Err(told(&error)),
            Err(_) => sleep(Duration::from_millis(DATABASE_READY_PAUSE_MS)).await,
        }
    };
    let driver = bridge.run(connection);
    client.batch_execute(TABLE).await.map_err(|error| told(&error))?;
    let statement = client.prepare(COUNT).await.map_err(|error| told(&error))?;
    Ok(Connection { client, statement, _driver: driver })
}

/// An error with what is behind it, which its own text leaves out.
fn told(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("PostgreSQL: {error}: {source}"),
        None => format!("PostgreSQL: {error}"),
    }
}
