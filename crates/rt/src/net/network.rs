//! Who this host is on the network that its own TCP/IP serves.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

pub use crore_wire::ip::Prefix;

/// The addresses of a runtime whose connections are carried by crore's own TCP/IP (`wire:`, `tap:`, `xdp:`, `dpdk:`). Everything else,
/// such as loopback, the kernel carries, in the same loop.
///
/// The default has no address: enough for the drivers that are the kernel's.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Our addresses, each with the length of its network: `192.0.2.7/24` says that all of 192.0.2.0/24 is on the link. At
    /// most 16.
    pub addresses: Vec<Prefix>,
    /// Whole prefixes that are ours too, for listeners on many addresses and for clients that need more ports than one address
    /// has. At most 16.
    pub owned: Vec<Prefix>,
    /// The routers behind which everything else is, at most one a family.
    pub gateways: Vec<IpAddr>,
    /// Ports that we listen on: with `xdp:`, those that are ours at an address which the kernel has too.
    pub ports: Vec<u16>,
    /// Addresses that we listen on: with `xdp:`, and without `addresses`, those are ours, in the interface's networks.
    pub listening: Vec<IpAddr>,
    /// Those of `addresses` that the kernel has too; known when the interface was opened. There we only listen: the kernel's
    /// own connections go on using them.
    pub shared: Vec<IpAddr>,
    /// Sources whose frames `xdp:` drops before anybody looks at them.
    pub blocked: Vec<Prefix>,
    /// Frames to nobody get no answer, see [`crore_tcp::Config::stealth`].
    pub stealth: bool,
    /// Writes every frame of every queue to this file and its siblings, for Wireshark and tcpdump.
    pub capture: Option<PathBuf>,
}

impl Network {
    /// The network of a server on the device `driver` that listens on `listen`.
    ///
    /// A wire has two ends and nothing else, so on one the addresses follow from the listeners unless `addresses` says
    /// otherwise: those that are not loopback, with everything else at the other end. With `xdp:` they follow from the
    /// listeners and the interface, when it is opened.
    ///
    /// # Errors
    /// No address is given, and none can be inferred.
    pub fn for_server(
        driver: &str,
        listen: &[SocketAddr],
        addresses: &[Prefix],
        gateways: &[IpAddr],
    ) -> Result<Network, String> {
        let outside = || listen.iter().filter(|address| !address.ip().is_loopback());
        let hosts = outside().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified()).collect();
        let network = Network::inferred(driver, hosts, addresses, gateways, "--listen")?;
        let (ports, listening) = outside().map(|address| (address.port(), address.ip())).unzip();
        Ok(Network { ports, listening, ..network })
    }

    /// The network of a client on the device `driver` whose connections come from `sources`: blocks of addresses that are all
    /// ours. As for a server, on a wire nothing more need be said.
    ///
    /// # Errors
    /// As [`for_server`](Self::for_server).
    pub fn for_client(
        driver: &str,
        sources: &[Prefix],
        addresses: &[Prefix],
        gateways: &[IpAddr],
    ) -> Result<Network, String> {
        // The first host of the first block is who asks for neighbours.
        let first = |block: &Prefix| block.nth(u128::from(block.size() > 2)).to_std();
        let asking = sources.first().map(first).into_iter().collect();
        let owned = sources.iter().map(|block| Prefix::new(block.network(), block.bits())).collect();
        Ok(Network { owned, ..Network::inferred(driver, asking, addresses, gateways, "--source")? })
    }

    fn inferred(
        driver: &str,
        mut hosts: Vec<IpAddr>,
        addresses: &[Prefix],
        gateways: &[IpAddr],
        flag: &str,
    ) -> Result<Network, String> {
        if !crate::driver::is_device(driver) {
            return Ok(Network::default());
        }
        hosts.sort();
        hosts.dedup();
        // Everything of the address's family but what no network may have in it (see LinkConfig).
        let whole_link = |ip: &IpAddr| Prefix::new((*ip).into(), if ip.is_ipv4() { 96 } else { 8 });
        let addresses = match addresses.is_empty() {
            false => addresses.to_vec(),
            true if driver.starts_with("wire:") => hosts.iter().map(whole_link).collect(),
            true => Vec::new(),
        };
        // An interface knows its own.
        if addresses.is_empty() && !driver.starts_with("xdp:") {
            return Err(format!(
                "{driver} needs an address of ours: --address 192.0.2.7/24, or on a wire {flag} with one that is not loopback"
            ));
        }
        Ok(Network { addresses, gateways: gateways.to_vec(), ..Network::default() })
    }

    /// Whether connections to and from this address are our own stack's.
    pub fn is_ours(&self, address: IpAddr) -> bool {
        let address = address.into();
        self.addresses.iter().any(|ours| ours.address() == address)
            || self.owned.iter().any(|prefix| prefix.contains(address))
    }

    /// Whether active opens from this address are our own stack's.
    pub(crate) fn opens_from(&self, address: IpAddr) -> bool {
        self.is_ours(address) && !self.shared.contains(&address)
    }

    /// Whether our own stack can open connections to this address: it is on the link, or behind a router.
    pub fn reaches(&self, address: IpAddr) -> bool {
        let alone = |ours: &Prefix| !self.shared.contains(&ours.address().to_std());
        if !self.addresses.iter().any(alone) {
            return false;
        }
        let on_link = self.addresses.iter().any(|ours| ours.contains(address.into()));
        let routed = self.gateways.iter().any(|gateway| gateway.is_ipv4() == address.is_ipv4());
        !address.is_loopback() && (on_link || routed)
    }
}
