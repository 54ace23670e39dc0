//! A WebSocket server that says back what it is told, text and bytes, at `/`; its peers' pace is its own.
//!
//! ```text
//! cargo run --release --example ws_echo -- --listen 127.0.0.1:9001 --workers 2 --compress
//! ```

mod arguments;

use std::process::ExitCode;

use clap::Parser;
use crore::web::{
    AllowedOrigins, Application, Compression, DeflateOptions, Request, Server, ServerOptions, Upgrade, UpgradeOptions,
    WebSocket, WsLimits,
};

/// Says back what it is told.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    arguments: arguments::Arguments,
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

fn main() -> ExitCode {
    let Options { arguments, compress, compress_from: bytes_min, context_takeover } = Options::parse();
    let deflate = compress.then(|| DeflateOptions { bytes_min, context_takeover, ..DeflateOptions::default() });
    arguments::serve(&arguments, move |listener| {
        let upgrade = Upgrade::new(UpgradeOptions {
            origins: AllowedOrigins::Any,
            limits: LIMITS,
            compression: deflate.map(Compression::new),
            send_queue_bytes: Some(3 * LIMITS.message_bytes),
            ..UpgradeOptions::default()
        });
        let application = Application::new(upgrade)
            .get("/", async |request: Request<Upgrade>| request.state().accept(request.head(), echo));
        Server::new(application, ServerOptions::default()).serve(listener)
    })
}

async fn echo(mut socket: WebSocket) {
    while let Ok(Some(message)) = socket.next().await {
        if socket.sendable().await.is_err() || socket.send_message(&message).is_err() {
            break;
        }
    }
}
