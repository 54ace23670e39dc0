//! Who this host is on the network that its own TCP/IP serves.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

pub use crore_wire::ip::Prefix;

/// The addresses of a runtime whose connections are carried by crore's own TCP/IP (`wire:`, `tap:`, `xdp:`). Everything else,
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
    /// Frames to nobody get no answer, see [`crore_tcp::Config::stealth`].
    pub stealth: bool,
    /// Writes every frame of every queue to this file and its siblings, for Wireshark and tcpdump.
    pub capture: Option<PathBuf>,
}

impl Network {
    /// The network of a server on the device `driver` that listens on `listen`.
    ///
    /// A wire has two ends and nothing else, so on one the addresses follow from the listeners unless `addresses` says
    /// otherwise: those that are not loopback, with everything else at the other end.
    ///
    /// # Errors
    /// No address is given, and none can be inferred.
    pub fn for_server(
        driver: &str,
        listen: &[SocketAddr],
        addresses: &[Prefix],
        gateways: &[IpAddr],
    ) -> Result<Network, String> {
        let listening = listen.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
        Network::inferred(driver, listening.collect(), addresses, gateways, "--listen")
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
        if addresses.is_empty() {
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

    /// Whether our own stack can reach this address: it is on the link, or behind a router.
    pub fn reaches(&self, address: IpAddr) -> bool {
        let on_link = self.addresses.iter().any(|ours| ours.contains(address.into()));
        let routed = self.gateways.iter().any(|gateway| gateway.is_ipv4() == address.is_ipv4());
        !address.is_loopback() && (on_link || routed)
    }
}
