//! `crore serve`: reads the settings, runs the gateway, and ends it in order.

use std::io::{self, IsTerminal, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use crore_gateway::values::{self, Addresses, Count, Network};
use crore_gateway::{Config, Gateway, Layer, unknown_variables};
use crore_rt::Runtime;
use crore_rt::net::{Accept, Prefix};
use crore_rt::signal::{SIGHUP, SIGINT, SIGTERM, Signals};
use tracing_subscriber::EnvFilter;

use super::{BAD_USAGE, FAILED, doctor};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read settings from this TOML file. Environment variables CRORE_KEY are stronger than it, flags stronger than both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here for clients, IP:PORT; may be given several times. Port 0 lets the system choose. [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Listen here, and only here, for console, API and metrics.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// The I/O model: auto, select, poll, epoll-lt, epoll, uring, portable, or our own TCP/IP on wire:NAME, tap:NAME, xdp:IFACE or
    /// dpdk:DEVICE.
    /// [default: auto]
    #[arg(long, value_name = "MODEL")]
    io: Option<String>,
    /// How the cores share the connections of an address: per-worker (a socket each), handover (core 0 accepts and hands them
    /// out in turn) or shared (one socket on which all wait). [default: per-worker]
    #[arg(long, value_name = "NAME")]
    accept: Option<Accept>,
    /// Our address on the network of wire:, tap:, xdp: or dpdk:, like 192.0.2.7/24; may be given several times.
    #[arg(long = "address", value_name = "CIDR")]
    addresses: Vec<Prefix>,
    /// The router of that network.
    #[arg(long = "gateway", value_name = "IP")]
    gateways: Vec<IpAddr>,
    /// Write every frame of wire:, tap:, xdp: or dpdk: to this file, for Wireshark and tcpdump.
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Show clients this certificate chain, a PEM file: the listeners speak TLS (https, wss), but for the admin listener.
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, a PEM file. SIGHUP reads both files again.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// How many cores serve. [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Only check the settings: exit 0 if they are right, 2 if not.
    #[arg(long)]
    check: bool,
    /// Permit everything to everybody, and listen anywhere.
    #[arg(long)]
    insecure: bool,
}

impl Args {
    fn layer(&self) -> Layer {
        Layer {
            listen: Some(Addresses(self.listen.clone())),
            admin: self.admin,
            io: self.io.clone(),
            addresses: (!self.addresses.is_empty()).then(|| self.addresses.iter().copied().map(Network).collect()),
            gateways: (!self.gateways.is_empty()).then(|| self.gateways.clone()),
            capture: self.capture.clone(),
            tls_certificate: self.tls_certificate.clone(),
            tls_key: self.tls_key.clone(),
            workers: self.workers.map(Count),
            accept: self.accept.map(values::Accept),
            insecure: self.insecure.then_some(true),
            ..Layer::default()
        }
    }
}

pub(crate) fn run(args: Args) -> ExitCode {
    let config = match Config::load(args.config.as_deref(), std::env::vars(), args.layer()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    if args.check {
        println!("the settings are right");
        return ExitCode::SUCCESS;
    }
    start_log();
    let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    for name in unknown_variables(names.iter().map(String::as_str)) {
        tracing::warn!(name, "an environment variable that no setting has");
    }
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn start_log() {
    let filter = EnvFilter::try_from_env("CRORE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

fn serve(config: Config) -> io::Result<()> {
    let descriptors = crore_rt::raise_descriptor_limit();
    // A playground is on loopback, and nobody's service.
    if !config.playground {
        doctor::warn(&config.io);
    }
    let network = config.network().map_err(io::Error::other)?;
    let runtime = Runtime::builder()
        .workers(config.workers)
        .driver(&config.io)
        .network(network)
        .stall_after(config.stall_after)
        .build()?;
    let seed = seed()?;
    runtime.block_on(async move {
        // Without a certificate to read again, SIGHUP means what it means elsewhere.
        let reloading = config.tls.is_some().then_some(SIGHUP);
        let heard: Vec<i32> = [SIGTERM, SIGINT].into_iter().chain(reloading).collect();
        let mut signals = Signals::new(&heard)?;
        let (playground, insecure) = (config.playground, config.insecure);
        let gateway = Gateway::start(config, seed).await?;
        announce(&gateway, playground, insecure, descriptors);
        while signals.next().await == SIGHUP {
            reload(&gateway);
        }
        tracing::info!(
            "draining: not ready, no new connections, clients are sent elsewhere; a second signal ends at once"
        );
        let at_once = crore_rt::spawn(async move {
            while signals.next().await == SIGHUP {}
            tracing::warn!("ended at once, with clients connected");
            std::process::exit(i32::from(FAILED));
        });
        gateway.drain().await;
        drop(at_once);
        tracing::info!("drained");
        Ok(())
    })
}

/// Reads the certificate again.
fn reload(gateway: &Gateway) {
    match gateway.reload_certificate() {
        Ok(()) => tracing::info!("certificate and key were read again, for connections to come"),
        Err(error) => tracing::error!(%error, "certificate and key are kept as they were"),
    }
}

fn announce(gateway: &Gateway, playground: bool, insecure: bool, descriptors: u64) {
    let scheme = if gateway.is_secured() { "https" } else { "http" };
    for address in gateway.listening() {
        println!("listening on {scheme}://{address}");
    }
    if let Some(address) = gateway.admin() {
        println!("console, API and metrics on http://{address}");
    }
    tracing::info!(driver = crore_rt::driver_name(), workers = crore_rt::cores(), descriptors, "serving");
    if playground {
        tracing::warn!(
            "no configuration: this is a playground. Anybody who reaches it may subscribe and publish anywhere; every channel \
             keeps 100 publications for 5 minutes"
        );
    }
    if insecure {
        tracing::warn!("insecure: everything is permitted to everybody");
    }
}

/// Eight bytes of the system's randomness.
fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
