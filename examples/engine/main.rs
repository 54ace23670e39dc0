//! The engine against itself: a client and a server in two processes, one core each, over a shared-memory wire.
//!
//! ```text
//! cargo run --release --example engine -- --connections 10M --json
//! ```
//!
//! This process is the client. It starts itself once more as the server, opens `--connections` connections to it, verifies
//! each by a byte of its own that comes back, and then measures: exchanges of 64 bytes over a thousand and over all
//! connections, whole lives of connections, bulk data one way, memory, and the processor time of both at rest. One JSON
//! object goes to standard output with `--json`; progress and words for people go to standard error.

mod client;
mod exchange;
mod host;
mod lives;
mod measure;
mod report;
mod server;

use std::process::ExitCode;

use clap::Parser;
use crore_base::time::Duration;
use crore_base::units::{parse_count, parse_duration};

/// Measures the TCP/IP engine: client and server in two processes over shared memory, one core each.
#[derive(Parser, Clone, Debug)]
#[command(name = "engine")]
struct Arguments {
    /// Connections to open and keep open, such as 10M: 1,000 to 20M.
    #[arg(long, default_value = "1M", value_parser = connections)]
    connections: u32,
    /// How long each rate is measured.
    #[arg(long, default_value = "3s", value_parser = duration)]
    each: Duration,
    /// How long both ends are watched at rest.
    #[arg(long, default_value = "10s", value_parser = duration)]
    rest: Duration,
    /// One JSON object on standard output.
    #[arg(long)]
    json: bool,
    /// Run as the server at the other end of this wire. The client does this by itself.
    #[arg(long, hide = true)]
    server: Option<String>,
}

fn connections(text: &str) -> Result<u32, String> {
    let count = parse_count(text).map_err(|error| error.to_string())?;
    match u32::try_from(count) {
        Ok(count @ 1_000..=20_000_000) => Ok(count),
        _ => Err(format!("{count} connections; it must be 1,000 to 20,000,000")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.server {
        Some(wire) => server::run(wire, arguments.connections),
        None => client::run(&arguments).map(|report| report.print(arguments.json)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("engine: {error}");
            ExitCode::FAILURE
        }
    }
}
