//! Opening the device of a runtime: one queue for each core.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crore_nic::{PacketIo, Pcap};

use super::exchange::{self, Exchange};
use super::xdp;
use crate::executor::shared::SharedCore;
use crate::limits::CAPTURE_BYTES_MAX;
use crate::net::Network;

/// What one core needs to begin: its queue, and who the host is.
pub(crate) struct Seat {
    pub(super) name: &'static str,
    pub(super) device: Box<dyn PacketIo + Send>,
    pub(super) exchange: Exchange,
    pub(super) network: Network,
    /// The secrets of this core's engine.
    pub(super) seed: u64,
}

/// Opens the device called `name` with one queue for each of `cores`.
pub(crate) fn open_seats(name: &str, cores: &[&'static SharedCore], network: &Network) -> io::Result<Vec<Seat>> {
    let queues = u16::try_from(cores.len()).expect("a runtime has fewer cores than that");
    let (devices, network) = match kind(name) {
        "xdp" => xdp::open(name, queues, network)?,
        _ => (open_plain(name, queues, network)?, network.clone()),
    };
    assert_eq!(devices.len(), cores.len(), "a device has as many queues as it was asked for");
    // A wire spreads flows by our own hash; what an interface of the kernel's does is its own affair.
    let exchanges = exchange::mesh(cores, kind(name) != "wire");
    let mut seats = Vec::with_capacity(cores.len());
    for (core, (device, exchange)) in devices.into_iter().zip(exchanges).enumerate() {
        let device = match &network.capture {
            None => device,
            Some(path) => captured(device, path, core)?,
        };
        seats.push(Seat { name: kind(name), device, exchange, network: network.clone(), seed: seed()? });
    }
    Ok(seats)
}

/// Opens a wire, a TAP interface or a device of DPDK.
fn open_plain(name: &str, queues: u16, network: &Network) -> io::Result<Vec<Box<dyn PacketIo + Send>>> {
    if network.addresses.is_empty() {
        let text = format!("{name} has no address: our own TCP/IP needs at least one, such as 10.0.0.1/8");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    crore_nic::open(name, queues).map_err(io::Error::other)
}

/// The kind of a device, as the driver is called.
fn kind(name: &str) -> &'static str {
    match name.split_once(':') {
        Some(("tap", _)) => "tap",
        Some(("xdp", _)) => "xdp",
        Some(("dpdk", _)) => "dpdk",
        _ => "wire",
    }
}

/// Core 0 writes to `path` itself, the others beside it.
fn captured(device: Box<dyn PacketIo + Send>, path: &Path, core: usize) -> io::Result<Box<dyn PacketIo + Send>> {
    let path = match core {
        0 => path.to_owned(),
        _ => path.with_extension(format!("{core}.pcapng")),
    };
    let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::create(&path).map_err(about)?;
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let epoch_nanos = since_1970.as_nanos() as u64;
    Ok(Box::new(Pcap::new(device, file, CAPTURE_BYTES_MAX, epoch_nanos).map_err(about)?))
}

/// Eight bytes of the system's randomness.
fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
