//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use crore_base::time::Duration;
use crore_base::units::{parse_bytes, parse_count, parse_duration};
use crore_nic::limits::XDP_RING_FRAMES;
use crore_tcp::{KeepAlive, Options};
use crore_wire::ip::Prefix;

use crate::faults::Both;

/// The TCP/IP engine as a host of its own on a TAP interface, or on one of the kernel's.
#[derive(Parser, Debug)]
#[command(name = "host")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Role,
    /// The interface: tap:NAME, which is made if it does not exist, or xdp:NAME, where all our addresses are ours alone.
    #[arg(global = true, long, default_value = "tap:crore0")]
    pub(crate) io: String,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Role {
    /// Serves echo (7), discard (9), HTTP (80) and the services of odd endings (1001 and up).
    Serve(Serve),
    /// Opens connections to an echo server, and checks what comes back.
    Connect(Connect),
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// How long the lazy services wait before they read.
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub(crate) laziness: Duration,
    /// Connections that may wait to be accepted at each port.
    #[arg(long, default_value = "1024")]
    pub(crate) backlog: u32,
}

#[derive(Args, Debug, Clone)]
pub(crate) struct Connect {
    /// The echo server.
    #[arg(long)]
    pub(crate) to: SocketAddr,
    /// Connections to open, one after the other as `--parallel` allows.
    #[arg(long, default_value = "1", value_parser = count)]
    pub(crate) connections: u32,
    /// Connections open at once.
    #[arg(long, default_value = "100", value_parser = count)]
    pub(crate) parallel: u32,
    /// Bytes to exchange on each; 0 waits for the server to close.
    #[arg(long, default_value = "1000", value_parser = bytes)]
    pub(crate) bytes: u64,
    /// Our port, for a single connection.
    #[arg(long)]
    pub(crate) source_port: Option<u16>,
}

/// The host and its network.
#[derive(Args, Debug)]
pub(crate) struct Network {
    /// An address of ours with the length of its network; repeat it for more.
    #[arg(global = true, long = "address", default_values = ["10.77.0.2/24"])]
    pub(crate) addresses: Vec<Prefix>,
    /// Largest packet in bytes, if smaller than the interface's.
    #[arg(global = true, long)]
    pub(crate) mtu: Option<u16>,
    /// A bad network, such as `loss=1%,reorder=5%,delay=20ms,jitter=5ms,rate=10000000,seed=7`; see faults.rs.
    #[arg(global = true, long, default_value = "")]
    pub(crate) faulty: Both,
    /// The rate limit of both directions, in bits a second.
    #[arg(global = true, long, value_parser = parse_count_text)]
    pub(crate) rate: Option<u64>,
    /// Writes what passes between the bad network and the kernel to this file.
    #[arg(global = true, long)]
    pub(crate) pcap: Option<PathBuf>,
    /// Frames of the pool.
    #[arg(global = true, long, default_value = "16384", value_parser = count)]
    pub(crate) frames: u32,
    /// With xdp:NAME, entries of each ring between us and the kernel: a power of two.
    #[arg(global = true, long, default_value_t = XDP_RING_FRAMES, value_parser = count)]
    pub(crate) rings: u32,
    /// Bytes of the receive buffer.
    #[arg(global = true, long, default_value = "256KiB", value_parser = bytes32)]
    pub(crate) receive_buffer: u32,
    /// Bytes of the send queue.
    #[arg(global = true, long, default_value = "1MiB", value_parser = bytes32)]
    pub(crate) send_buffer: u32,
    /// Probes of idle connections: idle time, interval, number, such as `1s/1s/3`.
    #[arg(global = true, long, value_parser = keep_alive)]
    pub(crate) keep_alive: Option<KeepAlive>,
    /// Gives a connection up whose peer acknowledges nothing for so long.
    #[arg(global = true, long, default_value = "60s", value_parser = duration)]
    pub(crate) user_timeout: Duration,
    /// How long ports stay reserved after a connection.
    #[arg(global = true, long, default_value = "60s", value_parser = duration)]
    pub(crate) time_wait: Duration,
    /// No timestamps.
    #[arg(global = true, long)]
    pub(crate) no_timestamps: bool,
    /// Nagle's algorithm.
    #[arg(global = true, long)]
    pub(crate) nagle: bool,
    /// How long connections have at the end to finish by themselves.
    #[arg(global = true, long, default_value = "5s", value_parser = duration)]
    pub(crate) linger: Duration,
    /// Feeds the engine's secrets; by default from the system's entropy.
    #[arg(global = true, long)]
    pub(crate) seed: Option<u64>,
}

impl Network {
    /// The options of every connection.
    pub(crate) fn options(&self) -> Options {
        Options {
            nodelay: !self.nagle,
            receive_bytes_max: self.receive_buffer,
            send_bytes_max: self.send_buffer,
            timestamps: !self.no_timestamps,
            keep_alive: self.keep_alive,
            user_timeout: self.user_timeout,
            connect_timeout: self.user_timeout,
            ..Options::default()
        }
    }

    /// The bad network, with the rate limit if one was given apart.
    pub(crate) fn faults(&self) -> Both {
        let mut both = self.faulty;
        if let Some(rate) = self.rate {
            (both.incoming.bits_per_second, both.outgoing.bits_per_second) = (rate, rate);
        }
        both
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn bytes(text: &str) -> Result<u64, String> {
    parse_bytes(text).map_err(|error| error.to_string())
}

fn parse_count_text(text: &str) -> Result<u64, String> {
    parse_count(text).map_err(|error| error.to_string())
}

fn bytes32(text: &str) -> Result<u32, String> {
    let bytes = bytes(text)?;
    u32::try_from(bytes).map_err(|_| format!("{bytes} bytes are too many; at most 4 GiB - 1"))
}

fn count(text: &str) -> Result<u32, String> {
    let count = parse_count_text(text)?;
    u32::try_from(count).map_err(|_| format!("{count} is too many; at most {}", u32::MAX))
}

fn keep_alive(text: &str) -> Result<KeepAlive, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [idle, interval, probes] = parts[..] else {
        return Err(format!("{text:?} has not the form IDLE/INTERVAL/PROBES"));
    };
    let probes = probes.parse().map_err(|_| format!("{probes:?} is no number of probes, 2 to 255"))?;
    Ok(KeepAlive { idle: duration(idle)?, interval: duration(interval)?, probes })
}
