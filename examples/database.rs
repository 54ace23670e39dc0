//! An HTTP service of crore over Redis: the client library needs tokio, so it lives on the bridge, and handlers await its answers.
//!
//! ```text
//! cargo run --release --features compat --example database -- --database redis://127.0.0.1:6379
//! curl -d 'some value' http://127.0.0.1:8000/keys/one
//! curl http://127.0.0.1:8000/keys/one
//! ```

mod arguments;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use crore::compat::{Bridge, BridgeError};
use crore::net::TcpListener;
use crore::web::{Application, Request, Response, Server, ServerOptions, Status};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisError};

/// Reads and writes keys of a Redis database over HTTP.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    arguments: arguments::Arguments,
    /// The database: redis://HOST:PORT or redis+unix:///PATH
    #[arg(long, default_value = "redis://127.0.0.1:6379")]
    database: String,
}

/// What a core has of the database: the bridge, and a connection there that all its requests share.
#[derive(Clone)]
struct Database {
    bridge: Bridge,
    connection: MultiplexedConnection,
}

impl Database {
    async fn open(bridge: Bridge, address: String) -> Result<Database, Box<dyn Error>> {
        let client = redis::Client::open(address)?;
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

fn main() -> ExitCode {
    let Options { arguments, database } = Options::parse();
    let bridge = match Bridge::start() {
        Ok(bridge) => bridge,
        Err(error) => {
            eprintln!("the bridge cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    arguments::serve(&arguments, move |listener| serve(listener, bridge.clone(), database.clone()))
}

async fn serve(listener: TcpListener, bridge: Bridge, address: String) -> Result<(), String> {
    let database = Database::open(bridge, address.clone()).await.map_err(|error| format!("{address}: {error}"))?;
    let application = Application::new(database).get("/keys/{key}", read).post("/keys/{key}", write);
    Server::new(application, ServerOptions::default()).serve(listener).await.map_err(|error| error.to_string())
}
