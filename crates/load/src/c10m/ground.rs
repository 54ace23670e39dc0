//! What the two processes stand on: which I/O models, which addresses, and for AF_XDP the namespaces.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::namespaces::Namespaces;
use super::options::C10mOptions;
use super::wire::Wire;
use crate::error::LoadError;
use crate::limits::{CONNECTIONS_PER_OWN_SOURCE, LEAVING_ONE_OF, SWARM_REQUESTERS};
use crate::network::NetworkPlan;
use crate::sources::{self, Ports};

/// The gateway's address on our own TCP/IP. The net holds the swarm's block, too, so no router is needed.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);
/// The first of the swarm's addresses.
const SWARM: Ipv4Addr = Ipv4Addr::new(10, 65, 0, 1);
/// Bits of the net that holds both.
const NET_BITS: u8 = 10;
/// The swarm's own addresses.
const SWARM_BLOCK: &str = "10.65.0.0/16";

/// Everything that is different between wires.
pub(super) struct Ground {
    pub(super) gateway_io: String,
    pub(super) swarm_io: String,
    /// Where the gateway listens for clients; port 0 lets the system choose.
    pub(super) listen: SocketAddr,
    /// Where clients connect from for the first time, and where everybody else does.
    pub(super) sources: Vec<IpAddr>,
    pub(super) spare_sources: Vec<IpAddr>,
    /// Who the swarm is, and who the gateway is, where that is not the kernel's business.
    pub(super) network: NetworkPlan,
    gateway_address: Option<String>,
    /// Removed when this is dropped.
    _namespaces: Option<Namespaces>,
}

impl Ground {
    /// Sockets of devices are made in `folder`.
    ///
    /// # Errors
    /// More ports than there are, or no right to make namespaces.
    pub(super) fn new(options: &C10mOptions, folder: &Path) -> Result<Ground, LoadError> {
        let pid = std::process::id();
        match &options.wire {
            Wire::Kernel => Ground::of_kernel(options.connections, options.kernel_model()),
            Wire::Memory => {
                let io = format!("wire:c10m-{pid}");
                Ground::of_our_own(options.connections, io.clone(), io, None)
            }
            Wire::Xdp => {
                let namespaces = Namespaces::new(pid)?;
                let [gateway, swarm] = namespaces.devices();
                Ground::of_our_own(options.connections, gateway, swarm, Some(namespaces))
            }
            Wire::Dpdk(ends) => {
                let [gateway, swarm] = ends.devices(folder);
                Ground::of_our_own(options.connections, gateway, swarm, None)
            }
        }
    }

    fn of_kernel(connections: u64, io: &str) -> Result<Ground, LoadError> {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        // The kernel keeps apart what it has closed, so the same addresses serve twice.
        let sources = chosen(loopback, connections + spare(connections), &[], Ports::Kernel)?;
        Ok(Ground {
            gateway_io: io.to_owned(),
            swarm_io: io.to_owned(),
            listen: SocketAddr::new(loopback, 0),
            spare_sources: sources.clone(),
            sources,
            network: NetworkPlan::default(),
            gateway_address: None,
            _namespaces: None,
        })
    }

    fn of_our_own(
        connections: u64,
        gateway_io: String,
        swarm_io: String,
        namespaces: Option<Namespaces>,
    ) -> Result<Ground, LoadError> {
        let block = [SWARM_BLOCK.to_owned()];
        let address = [format!("{SWARM}/{NET_BITS}")];
        let network = NetworkPlan::new(&swarm_io, &block, &address, &[]).map_err(LoadError::Broken)?;
        let first = connections.div_ceil(CONNECTIONS_PER_OWN_SOURCE);
        let more = spare(connections).div_ceil(CONNECTIONS_PER_OWN_SOURCE);
        let mut sources = chosen(GATEWAY.into(), (first + more) * CONNECTIONS_PER_OWN_SOURCE, &block, Ports::Ours)?;
        let spare_sources = sources.split_off(usize::try_from(first).expect("a few hundred"));
        Ok(Ground {
            gateway_io,
            swarm_io,
            listen: SocketAddr::new(GATEWAY.into(), 8_000),
            sources,
            spare_sources,
            network,
            gateway_address: Some(format!("{GATEWAY}/{NET_BITS}")),
            _namespaces: namespaces,
        })
    }

    /// The flags of `crore serve` for this wire.
    pub(super) fn serve_flags(&self) -> Vec<OsString> {
        let listen = self.listen.to_string();
        let common = ["--io", &self.gateway_io, "--listen", &listen, "--workers", "1"].map(OsString::from);
        let address = self.gateway_address.iter().flat_map(|address| ["--address".into(), OsString::from(address)]);
        common.into_iter().chain(address).collect()
    }
}

/// Connections besides the first of each client: those who come back while the gateway may not have noticed that they were
/// gone, and those that request.
fn spare(connections: u64) -> u64 {
    connections.div_ceil(u64::from(LEAVING_ONE_OF)) + u64::from(SWARM_REQUESTERS)
}

/// Addresses with ports enough.
fn chosen(target: IpAddr, ports_needed: u64, block: &[String], ports: Ports) -> Result<Vec<IpAddr>, LoadError> {
    let sources = sources::choose(target, ports_needed, block, ports).map_err(LoadError::Usage)?;
    let capacity = ports.capacity(sources.len());
    if ports_needed > capacity {
        return Err(LoadError::usage(format!(
            "--connections: {ports_needed} ports are needed, those who come back included, and {} source address(es) have \
             {capacity}: ask for fewer, or use --wire memory",
            sources.len().max(1)
        )));
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_million_clients_have_addresses_enough() {
        let ground = Ground::of_our_own(10_000_000, "wire:a".into(), "wire:a".into(), None).unwrap();
        assert_eq!((ground.sources.len(), ground.spare_sources.len()), (200, 21));
        assert_eq!(ground.sources[0], IpAddr::from([10, 65, 0, 1]));
        assert_eq!(ground.spare_sources[20], IpAddr::from([10, 65, 0, 221]));
        assert_eq!(ground.network.owned, ["10.65.0.0/16"]);
        let flags = ground.serve_flags();
        assert_eq!(
            flags,
            ["--io", "wire:a", "--listen", "10.64.0.1:8000", "--workers", "1", "--address", "10.64.0.1/10"]
        );
    }

    #[test]
    fn the_kernel_serves_as_many_as_loopback_has_ports() {
        let ground = Ground::of_kernel(500, "epoll").unwrap();
        assert_eq!((ground.sources.len(), ground.listen.port()), (0, 0));
        let error = Ground::of_kernel(16_000_000_000, "epoll").err().unwrap().to_string();
        assert!(error.contains("17600001000") && error.contains("ports"), "{error}");
    }
}
