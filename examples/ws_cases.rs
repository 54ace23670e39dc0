//! A WebSocket client for conformance suites in the manner of Autobahn's: it asks a fuzzing server for its number of cases, goes
//! through all of them, and says back what it is told in each.
//!
//! ```text
//! cargo run --release --example ws_cases -- --server 127.0.0.1:9002 --compress
//! ```

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use crore::Runtime;
use crore::web::client::{ClientError, Keys, WebSocketOptions};
use crore::web::{Compression, DeflateOptions, Message, WebSocket, WsLimits};

/// Goes through the cases of a fuzzing server.
#[derive(Parser)]
struct Arguments {
    /// The server.
    #[arg(long)]
    server: SocketAddr,
    /// Offers permessage-deflate.
    #[arg(long)]
    compress: bool,
    /// Bytes below which a message is sent as it is; 0: compresses all, also what becomes longer.
    #[arg(long, default_value_t = 128)]
    compress_from: u32,
    /// Lets compressed messages refer to those before them.
    #[arg(long, requires = "compress")]
    context_takeover: bool,
}

/// As the cases need it: sixteen megabytes, in frames of 64 bytes.
const LIMITS: WsLimits = WsLimits { message_bytes: 16 << 20, fragments: 1 << 18 };

async fn open(server: SocketAddr, target: &str, options: &WebSocketOptions) -> Result<WebSocket, ClientError> {
    let socket = WebSocket::connect(server, &server.to_string(), target, options).await?;
    socket.stream().set_send_limit(3 * LIMITS.message_bytes)?;
    Ok(socket)
}

/// Says back what it is told; a server that breaks the rules on purpose has ended its case.
async fn echo(mut socket: WebSocket) {
    while let Ok(Some(message)) = socket.next().await {
        if socket.sendable().await.is_err() || socket.send_message(&message).is_err() {
            break;
        }
    }
}

async fn cases(server: SocketAddr, options: WebSocketOptions) -> Result<u32, Box<dyn std::error::Error>> {
    let Some(Message::Text(count)) = open(server, "/getCaseCount", &options).await?.next().await? else {
        return Err("the server does not say how many cases it has".into());
    };
    let count = count.parse()?;
    for case in 1..=count {
        match open(server, &format!("/runCase?case={case}&agent=crore"), &options).await {
            Ok(socket) => echo(socket).await,
            Err(error) => eprintln!("ws_cases: case {case}: {error}"),
        }
    }
    echo(open(server, "/updateReports?agent=crore", &options).await?).await;
    Ok(count)
}

fn run(arguments: &Arguments) -> Result<u32, Box<dyn std::error::Error>> {
    let &Arguments { server, compress, compress_from: bytes_min, context_takeover } = arguments;
    let deflate = DeflateOptions { bytes_min, context_takeover, ..DeflateOptions::default() };
    Runtime::builder().build()?.block_on(async move {
        let compression = compress.then(|| Compression::new(deflate));
        let keys = Keys::from_seed(u64::from(std::process::id()));
        let options = WebSocketOptions { limits: LIMITS, compression, ..WebSocketOptions::new(keys) };
        cases(server, options).await
    })
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(count) => {
            println!("{count} cases");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ws_cases: {error}");
            ExitCode::FAILURE
        }
    }
}
