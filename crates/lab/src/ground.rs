//! Where a model stands: its address, its I/O model, and who the client is there.
//!
//! Most models stand on the kernel's loopback. A wire in shared memory has two ends, and both processes bring their own TCP/IP.

use std::net::{Ipv4Addr, SocketAddr};

use crore_rt::net::Network;

use crate::error::LabError;

/// The model's address where the kernel does not carry it, and the client's.
const MODEL: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);
const CLIENTS: &str = "10.65.0.1/10";
/// The port there: nobody else is on that network.
const PORT: u16 = 8_000;

/// Where a model stands.
#[derive(Debug)]
pub(crate) struct Ground {
    /// Where the model listens; port 0 lets the system choose.
    pub(crate) listen: SocketAddr,
    /// The device of the model, if it has one.
    pub(crate) model_io: Option<String>,
    /// The I/O model of the client.
    pub(crate) client_io: String,
    /// Who the client is, where that is not the kernel's business.
    pub(crate) network: Network,
}

impl Ground {
    /// The ground of the model called `name`. `run` is a number that no other ground of this process has.
    ///
    /// # Errors
    /// The network cannot be had.
    pub(crate) fn new(name: &str, run: u64) -> Result<Ground, LabError> {
        if name != "wire" {
            return Ok(Ground {
                listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
                model_io: None,
                client_io: "auto".to_owned(),
                network: Network::default(),
            });
        }
        let wire = format!("wire:lab-{}-{run}", std::process::id());
        let address = CLIENTS.parse().expect("the constant is a block of addresses");
        let network = Network::for_client(&wire, &[], &[address], &[]).map_err(LabError::broken)?;
        Ok(Ground {
            listen: SocketAddr::new(MODEL.into(), PORT),
            model_io: Some(wire.clone()),
            client_io: wire,
            network,
        })
    }

    /// Whether the kernel has a socket for each end of a connection.
    pub(crate) fn is_kernels(&self) -> bool {
        !crore_rt::is_device(&self.client_io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_has_its_two_ends_and_a_name_of_its_own() {
        let (one, other) = (Ground::new("wire", 1).unwrap(), Ground::new("wire", 2).unwrap());
        assert_eq!(one.model_io.as_ref(), Some(&one.client_io));
        assert_ne!(one.model_io, other.model_io);
        assert!(!one.is_kernels() && one.network.reaches(one.listen.ip()));
        let loopback = Ground::new("thread", 1).unwrap();
        assert!(loopback.is_kernels() && loopback.listen.port() == 0);
    }
}
