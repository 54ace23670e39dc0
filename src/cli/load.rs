//! `crore load`: flags into a load, its outcome into text, JSON and an exit code.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crore_base::time::Duration;
use crore_base::units::{parse_bytes, parse_count, parse_duration, parse_rate};
use crore_load::limits::CONNECTIONS_DEFAULT;
use crore_load::{ChildCommand, LoadError, Options, Trust};

/// Connect many clients to a push server (or request from any HTTP server) and check what they get.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit code: 0 all well, 1 something was lost, duplicated, reordered or failed, 2 bad usage.

Examples:
  crore load ws://127.0.0.1:8000 --connections 10k --publish-rate 10/s --hold 30s
  crore load sse+http://127.0.0.1:8000/events?channel=news --connections 1k
  crore load http://127.0.0.1:8000/health --connections 64 --rate 20k/s --json")]
pub(crate) struct Args {
    /// ws://HOST:PORT[/PATH], sse+http://HOST:PORT[/PATH] or http://HOST:PORT/PATH; by TLS wss://, sse+https:// or https://
    #[arg(required_unless_present = "worker")]
    url: Option<String>,

    /// Connections, like 500, 10k or 1M
    #[arg(long, short = 'n', value_name = "N", default_value_t = CONNECTIONS_DEFAULT, value_parser = parse_count)]
    connections: u64,

    /// Connects a second (5000 unless given); for http:// requests a second, and without it as many as are answered
    #[arg(long, value_name = "N/s", value_parser = parse_rate)]
    rate: Option<u64>,

    /// How long to hold, publish or request after all are connected
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    hold: Duration,

    /// The channel to subscribe and publish to
    #[arg(long, value_name = "NAME", default_value = "load")]
    channel: String,

    /// Publish through the server's HTTP API at this rate
    #[arg(long, value_name = "N/s", value_parser = parse_rate)]
    publish_rate: Option<u64>,

    /// Bytes of each publication's data
    #[arg(long, value_name = "BYTES", default_value = "128", value_parser = parse_bytes)]
    payload: u64,

    /// The key of the server's HTTP API
    #[arg(long, value_name = "KEY", env = "CRORE_API_KEY", hide_env_values = true)]
    api_key: Option<String>,

    /// Where the HTTP API is when it is not at the URL's address, like http://127.0.0.1:9000/api
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// The server's process on this machine, to measure its memory and processor time
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,

    /// Addresses or CIDR blocks to connect from; on loopback several are used by themselves beyond 12,000 connections
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    source: Vec<String>,

    /// Our address on the network of wire:, tap:, xdp: or dpdk:, like 192.0.2.7/24; on a wire it follows from --source
    #[arg(long = "address", value_name = "CIDR")]
    addresses: Vec<String>,

    /// The router of that network
    #[arg(long = "gateway", value_name = "IP")]
    gateways: Vec<IpAddr>,

    /// Load processes; by default as many as the limit of descriptors demands
    #[arg(long, value_name = "N", value_parser = parse_count)]
    processes: Option<u64>,

    /// The I/O model of the clients: epoll, uring, auto, select, poll, epoll-lt, portable, or our own TCP/IP on wire:NAME, tap:NAME,
    /// xdp:IFACE or dpdk:DEVICE. With uring one process is enough, whatever the limit of descriptors
    #[arg(long, value_name = "MODEL", default_value = "epoll")]
    io: String,

    /// Trust the certificates in this PEM file, and what they signed, instead of the system's authorities
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,

    /// Trust every certificate: whoever answers is loaded
    #[arg(long, conflicts_with = "tls_ca")]
    insecure_tls: bool,

    /// Print the outcome as one JSON object on one line of standard output
    #[arg(long)]
    json: bool,

    /// Write an HTML report with plots
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Be one of several load processes: started by the first one only
    #[arg(long, hide = true, exclusive = true)]
    worker: bool,
}

impl Args {
    fn options(self) -> Options {
        let trust = match (self.insecure_tls, self.tls_ca) {
            (true, _) => Trust::Everybody,
            (false, Some(file)) => Trust::File(file),
            (false, None) => Trust::System,
        };
        Options {
            trust,
            url: self.url.unwrap_or_default(),
            connections: self.connections,
            rate: self.rate,
            hold: self.hold,
            channel: self.channel,
            publish_rate: self.publish_rate,
            payload_bytes: self.payload,
            api_key: self.api_key,
            api_url: self.api_url,
            server_pid: self.server_pid,
            sources: self.source,
            addresses: self.addresses,
            gateways: self.gateways,
            processes: self.processes,
            io: self.io,
            report: self.report,
        }
    }
}

/// Runs the subcommand to its end.
pub(crate) fn run(args: Args) -> ExitCode {
    let json = args.json;
    let result = match args.worker {
        true => crore_load::run_child().map(|()| ExitCode::SUCCESS),
        false => load(&args.options(), json),
    };
    result.unwrap_or_else(|error| {
        eprintln!("crore load: {error}");
        ExitCode::from(match error {
            LoadError::Usage(_) => 2,
            LoadError::Broken(_) => 1,
        })
    })
}

fn load(options: &Options, json: bool) -> Result<ExitCode, LoadError> {
    let program = std::env::current_exe().map_err(|error| {
        LoadError::Broken(format!("this program does not know where it lies, so it cannot start itself: {error}"))
    })?;
    let arguments = ["load", "--worker"].map(Into::into).to_vec();
    let outcome = crore_load::run(options, &ChildCommand { program: program.into(), arguments })?;
    eprint!("{}", outcome.summary());
    if json {
        println!("{}", outcome.to_json());
    }
    if let Some(path) = &options.report {
        eprintln!("{:>14}  {}", "report", path.display());
    }
    Ok(if outcome.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
