//! Redis: a connection on the bridge to tokio that all requests share, one after the other without waiting (pipelining).

use std::io;
use std::path::Path;

use crore_compat::Bridge;
use crore_rt::time::{Duration, sleep};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Client, ConnectionAddr, IntoConnectionInfo};

use crate::full::engine::REDIS_SOCKET;
use crate::limits::{DATABASE_READY_PAUSE_MS, DATABASE_READY_TRIES};

/// A running Redis.
pub(in crate::full) struct Redis {
    bridge: Bridge,
    connection: MultiplexedConnection,
}

impl Redis {
    /// Connects to the server whose socket lies in `folder`.
    ///
    /// # Errors
    /// The server's, as text.
    pub(in crate::full) async fn open(folder: &Path) -> io::Result<Redis> {
        let bridge = Bridge::start()?;
        let address = ConnectionAddr::Unix(folder.join(REDIS_SOCKET));
        let client = address.into_connection_info().and_then(Client::open).map_err(io::Error::other)?;
        let mut tried = 0;
        loop {
            let client = client.clone();
            let opened = bridge.run(async move { client.get_multiplexed_async_connection().await }).await;
            tried += 1;
            match opened.map_err(|error| io::Error::other(error.to_string()))? {
                Ok(connection) => return Ok(Redis { bridge, connection }),
                Err(error) if tried == DATABASE_READY_TRIES => return Err(io::Error::other(format!("Redis: {error}"))),
                // It has just been started.
                Err(_) => sleep(Duration::from_millis(DATABASE_READY_PAUSE_MS)).await,
            }
        }
    }

    /// As [`Store::count`](super::Store::count).
    pub(in crate::full) async fn count(&self, row: u64) -> Result<u64, String> {
        let mut connection = self.connection.clone();
        // `INCR` reads the row and writes it back as one step.
        let asked = self.bridge.run(async move { connection.incr::<_, _, u64>(row, 1).await });
        match asked.await {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(format!("Redis: {error}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
