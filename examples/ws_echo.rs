//! A WebSocket server that says back what it is told, text and bytes, at `/`; its peers' pace is its own.
//!
//! ```text
//! cargo run --release --example ws_echo -- --listen 127.0.0.1:9001 --workers 2 --compress
//! ```

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use crore::Runtime;
use crore::net::{ListenOptions, Network, TcpListener};
use crore::web::{
    AllowedOrigins, Application, Compression, DeflateOptions, Request, Server, ServerOptions, Upgrade, UpgradeOptions,
    WebSocket, WsLimits,
};

/// Says back what it is told.
#[derive(Parser)]
struct Arguments {
    /// Where to listen. The port is not 0, since every core binds it for itself.
    #[arg(long, default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
    /// Cores to serve on; 0: all.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// What carries the connections: auto, epoll, or a device for our own TCP/IP, like tap:t0.
    #[arg(long, default_value = "auto")]
    io: String,
    /// Takes permessage-deflate from clients that offer it.
    #[arg(long)]
    compress: bool,
    /// Bytes below which a message is sent as it is; 0: compresses all, also what becomes longer.
    #[arg(long, default_value_t = 128)]
    compress_from: u32,
    /// Lets compressed messages refer to those before them, at 32 KiB a connection and direction.
    #[arg(long, requires = "compress")]
    context_takeover: bool,
}

/// Sixteen megabytes, in frames of 64 bytes if the client likes.
const LIMITS: WsLimits = WsLimits { message_bytes: 16 << 20, fragments: 1 << 18 };

async fn session(mut socket: WebSocket) {
    while let Ok(Some(message)) = socket.next().await {
        if socket.sendable().await.is_err() || socket.send_message(&message).is_err() {
            break;
        }
    }
}

/// One core's share.
async fn serve(listen: SocketAddr, deflate: Option<DeflateOptions>) -> Result<(), String> {
    let upgrade = Upgrade::new(UpgradeOptions {
        origins: AllowedOrigins::Any,
        limits: LIMITS,
        compression: deflate.map(Compression::new),
        send_queue_bytes: Some(3 * LIMITS.message_bytes),
        ..UpgradeOptions::default()
    });
    let application = Application::new(upgrade)
        .get("/", async |request: Request<Upgrade>| request.state().accept(request.head(), session));
    let wrong = |error: std::io::Error| format!("{listen}: {error}");
    let listener = TcpListener::bind(listen, &ListenOptions::default()).map_err(wrong)?;
    if crore::core() == 0 {
        println!("listening on ws://{listen}");
    }
    Server::new(application, ServerOptions::default()).serve(listener).await.map_err(wrong)
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let &Arguments { listen, workers, compress, compress_from: bytes_min, context_takeover, .. } = arguments;
    let deflate = compress.then(|| DeflateOptions { bytes_min, context_takeover, ..DeflateOptions::default() });
    let network = Network::for_server(&arguments.io, &[listen], &[], &[])?;
    let builder = Runtime::builder().workers(workers).driver(&arguments.io).network(network);
    builder.build().map_err(|error| error.to_string())?.block_on(async move {
        for core in 1..crore::cores() {
            crore::spawn_on(core, move || async move {
                if let Err(reason) = serve(listen, deflate).await {
                    eprintln!("ws_echo: core {core}: {reason}");
                }
            })
            .detach();
        }
        serve(listen, deflate).await
    })
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("ws_echo: {reason}");
            ExitCode::FAILURE
        }
    }
}
