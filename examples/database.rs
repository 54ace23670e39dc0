//! An HTTP service of crore over Redis: the client library needs tokio, so it lives on the bridge, and handlers await its answers.
//!
//! ```text
//! cargo run --release --features compat --example database -- --database redis://127.0.0.1:6379
//! curl -d 'some value' http://127.0.0.1:8000/keys/one
//! curl http://127.0.0.1:8000/keys/one
//! ```

use std::error::Error;
use std::net::SocketAddr;

use clap::Parser;
use crore::compat::{Bridge, BridgeError};
use crore::net::{ListenOptions, Network, TcpListener};
use crore::web::{Application, Request, Response, Server, ServerOptions};
use crore_http::Status;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisError};

/// Reads and writes keys of a Redis database over HTTP.
#[derive(Parser)]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Cores to serve on; 0: all
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Who carries the bytes: auto, epoll, or a device for our own TCP/IP
    #[arg(long, default_value = "auto")]
    io: String,
    /// The database: redis://HOST:PORT or redis+unix:///PATH
    #[arg(long, default_value = "redis://127.0.0.1:6379")]
    database: String,
}

/// What every core has of the database: the bridge, and a connection there that all requests share.
#[derive(Clone)]
struct Database {
    bridge: Bridge,
    connection: MultiplexedConnection,
}

impl Database {
    async fn open(address: &str) -> Result<Database, Box<dyn Error>> {
        let client = redis::Client::open(address)?;
        let bridge = Bridge::start()?;
        let connection = bridge.run(async move { client.get_multiplexed_async_connection().await }).await??;
        Ok(Database { bridge, connection })
    }
}

async fn read(request: Request<Database>) -> Response {
    let Database { bridge, mut connection } = Database::clone(request.state());
    let key = request.parameter("key").to_owned();
    match bridge.run(async move { connection.get::<_, Option<Vec<u8>>>(key).await }).await {
        Ok(Ok(Some(value))) => Response::of("application/octet-stream", value),
        Ok(Ok(None)) => Response::error(Status::NOT_FOUND, "there is no such key"),
        failed => unavailable(failed),
    }
}

async fn write(request: Request<Database>) -> Response {
    let Database { bridge, mut connection } = Database::clone(request.state());
    let (key, value) = (request.parameter("key").to_owned(), request.into_body());
    match bridge.run(async move { connection.set::<_, _, ()>(key, value).await }).await {
        Ok(Ok(())) => Response::new(Status::NO_CONTENT),
        failed => unavailable(failed),
    }
}

/// The database, or the way to it, has failed.
fn unavailable<T>(failed: Result<Result<T, RedisError>, BridgeError>) -> Response {
    let reason = match failed {
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
        Ok(Ok(_)) => unreachable!("the caller has dealt with success"),
    };
    eprintln!("database: {reason}");
    Response::error(Status::SERVICE_UNAVAILABLE, "the database does not answer")
}

/// One core's share.
async fn serve(listen: SocketAddr, database: Database) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen, &ListenOptions::default())?;
    let application = Application::new(database).get("/keys/{key}", read).post("/keys/{key}", write);
    Server::new(application, ServerOptions::default()).serve(listener).await
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { listen, workers, io, database } = Arguments::parse();
    let network = Network::for_server(&io, &[listen], &[], &[])?;
    let runtime = crore::Runtime::builder().workers(workers).driver(&io).network(network).build()?;
    runtime.block_on(async move {
        let database = Database::open(&database).await?;
        let share = |core| {
            let database = database.clone();
            crore::spawn_on(core, move || serve(listen, database))
        };
        let shares: Vec<_> = (0..crore::cores()).map(share).collect();
        println!("listening on http://{listen}");
        for share in shares {
            share.await??;
        }
        Ok(())
    })
}
