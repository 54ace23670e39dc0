//! Who the clients are on the network of a device, as lanes are told.

use std::net::IpAddr;

use crore_rt::net::{Network, Prefix};
use serde::{Deserialize, Serialize};

/// A [`Network`] as text.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NetworkPlan {
    pub(crate) addresses: Vec<String>,
    pub(crate) owned: Vec<String>,
    pub(crate) gateways: Vec<IpAddr>,
}

impl NetworkPlan {
    /// What follows from the flags. Empty if `io` is no device.
    ///
    /// # Errors
    /// What is no address and no block, or that there is none.
    pub(crate) fn new(
        io: &str,
        sources: &[String],
        addresses: &[String],
        gateways: &[IpAddr],
    ) -> Result<NetworkPlan, String> {
        if !crore_rt::is_device(io) {
            return Ok(NetworkPlan::default());
        }
        let network = Network::for_client(io, &prefixes(sources)?, &prefixes(addresses)?, gateways)?;
        let texts = |prefixes: &[Prefix]| prefixes.iter().map(Prefix::to_string).collect();
        Ok(NetworkPlan {
            addresses: texts(&network.addresses),
            owned: texts(&network.owned),
            gateways: network.gateways,
        })
    }

    /// For the runtime. Whoever vanishes must look vanished, so strangers get no answer.
    ///
    /// # Errors
    /// What is no address.
    pub(crate) fn network(&self) -> Result<Network, String> {
        Ok(Network {
            addresses: prefixes(&self.addresses)?,
            owned: prefixes(&self.owned)?,
            gateways: self.gateways.clone(),
            stealth: true,
            ..Network::default()
        })
    }
}

fn prefixes(texts: &[String]) -> Result<Vec<Prefix>, String> {
    let prefix = |text: &String| text.parse().map_err(|_| format!("{text:?} is no address and no block of addresses"));
    texts.iter().map(prefix).collect()
}
