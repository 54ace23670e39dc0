//! A real database client that needs tokio, against a real database, awaited on our cores. Skipped without `redis-server`.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crore_compat::Bridge;
use crore_rt::{Runtime, spawn_on};
use redis::AsyncCommands;

/// A server of the test's own, on a socket file in a folder of its own.
struct Database {
    process: Child,
    folder: PathBuf,
}

impl Database {
    fn start() -> Option<Database> {
        let folder = std::env::temp_dir().join(format!("crore-redis-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let started = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.join("socket"))
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: there is no redis-server here");
                return None;
            }
            Err(error) => panic!("redis-server does not start: {error}"),
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let is_ready = |line: std::io::Result<String>| line.unwrap().to_lowercase().contains("ready to accept");
        assert!(lines.any(is_ready), "redis-server ended before it was ready");
        // Who stops reading its words would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Database { process, folder })
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(format!("redis+unix://{}", self.folder.join("socket").display())).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        // What is left of a folder in the system's temporary one is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_database_is_read_and_written_from_several_cores() {
    let Some(database) = Database::start() else { return };
    let client = database.client();
    Runtime::builder().workers(2).pin(false).build().unwrap().block_on(async move {
        let bridge = Bridge::start().unwrap();
        let connect = async move { client.get_multiplexed_async_connection().await };
        let connection = bridge.run(connect).await.unwrap().unwrap();
        let work = |core: usize| {
            let (bridge, connection) = (bridge.clone(), connection.clone());
            spawn_on(core, move || async move {
                for _ in 0..100 {
                    let mut connection = connection.clone();
                    bridge.run(async move { connection.incr::<_, _, i64>("visits", 1).await }).await.unwrap().unwrap();
                }
            })
        };
        for done in [work(0), work(1)] {
            done.await.unwrap();
        }
        let mut own = connection.clone();
        let visits: i64 = bridge.run(async move { own.get("visits").await }).await.unwrap().unwrap();
        assert_eq!(visits, 200);
        let mut own = connection.clone();
        let wrong = bridge.run(async move { own.lpush::<_, _, i64>("visits", 1).await }).await.unwrap();
        assert!(wrong.unwrap_err().to_string().contains("WRONGTYPE"), "errors of the database come through");
    });
}
