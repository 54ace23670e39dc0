//! Where a model stands: its address, its device, and who the client is there.
//!
//! Most models stand on the kernel's loopback. A wire in shared memory has two ends, and both processes bring their own TCP/IP. At the
//! other end of a TAP interface is the kernel, with the client's sockets. AF_XDP stands on a veth between two network namespaces, with
//! our own TCP/IP at both ends. DPDK stands on a memif: shared memory between two processes, which meet at a socket without a file.

use std::net::{Ipv4Addr, SocketAddr};

use crore_rt::net::Network;

use device::Device;

mod device;

/// The model's address where the kernel does not carry it.
const MODEL: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);
/// The kernel's on the same network: the client's on a TAP interface; on a veth it only says which network that is.
const KERNEL: &str = "10.64.0.2/24";
/// The client's, where the client brings its own TCP/IP.
const CLIENT: &str = "10.64.0.3/24";
/// The port there: nobody else is on that network.
const PORT: u16 = 8_000;

/// Where a model stands.
#[derive(Debug)]
pub(crate) struct Ground {
    /// Where the model listens; port 0 lets the system choose.
    pub(crate) listen: SocketAddr,
    /// The device of the model, if it has one.
    pub(crate) model_io: Option<String>,
    /// Workers at most, where the device has a limit.
    pub(crate) workers_max: Option<usize>,
    /// The I/O model of the client.
    pub(crate) client_io: String,
    /// Who the client is, where that is not the kernel's business.
    pub(crate) network: Network,
    /// Removed when this is dropped.
    _device: Option<Device>,
}

impl Ground {
    /// The ground of the model called `name`, for so many workers. `run` is a number that no other ground of this process has.
    ///
    /// # Errors
    /// The device cannot be had: a privilege or a program is missing.
    pub(crate) fn new(name: &str, workers: usize, run: u64) -> Result<Ground, String> {
        let pid = std::process::id();
        match name {
            "wire" => {
                let wire = format!("wire:lab-{pid}-{run}");
                Ground::of_our_own(wire.clone(), wire, None, None)
            }
            "tap" => {
                let (device, interface) = Device::tap(pid, KERNEL, workers > 1)?;
                let kernel = Ground::on_loopback();
                let listen = SocketAddr::new(MODEL.into(), PORT);
                Ok(Ground { listen, model_io: Some(format!("tap:{interface}")), _device: Some(device), ..kernel })
            }
            "xdp" => {
                let (device, [model, client]) = Device::veth(pid, KERNEL)?;
                // The veth has one queue: frames come out of it where they went in.
                Ground::of_our_own(format!("xdp:{model}"), format!("xdp:{client}"), Some(1), Some(device))
            }
            "dpdk" => {
                // The name is that of an abstract socket (unix(7)), which goes with its process.
                let end = |role| format!("dpdk:net_memif0,role={role},socket=crore-lab-{pid}-{run}");
                Ground::of_our_own(end("server"), end("client"), Some(1), None)
            }
            _ => Ok(Ground::on_loopback()),
        }
    }

    fn on_loopback() -> Ground {
        Ground {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            model_io: None,
            workers_max: None,
            client_io: "epoll".to_owned(),
            network: Network::default(),
            _device: None,
        }
    }

    fn of_our_own(
        model_io: String,
        client_io: String,
        workers_max: Option<usize>,
        device: Option<Device>,
    ) -> Result<Ground, String> {
        let address = CLIENT.parse().expect("the constant is an address with its network");
        let network = Network::for_client(&client_io, &[], &[address], &[])?;
        let listen = SocketAddr::new(MODEL.into(), PORT);
        Ok(Ground { listen, model_io: Some(model_io), workers_max, client_io, network, _device: device })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_has_its_two_ends_and_a_name_of_its_own() {
        let ground = |run| Ground::new("wire", 2, run).unwrap();
        let (one, other) = (ground(1), ground(2));
        assert_eq!(one.model_io.as_ref(), Some(&one.client_io));
        assert_ne!(one.model_io, other.model_io);
        assert!(crore_rt::is_device(&one.client_io) && one.network.reaches(one.listen.ip()));
    }

    #[test]
    fn a_memif_has_two_ends_that_meet_at_one_socket() {
        let ground = Ground::new("dpdk", 2, 1).unwrap();
        let model = ground.model_io.unwrap();
        assert_eq!(model.replace("role=server", "role=client"), ground.client_io);
        assert!(model.starts_with("dpdk:net_memif0,role=server,") && ground.workers_max == Some(1), "{model}");
    }

    #[test]
    fn what_needs_no_device_stands_on_loopback() {
        let loopback = Ground::new("thread", 2, 1).unwrap();
        assert!(
            !crore_rt::is_device(&loopback.client_io) && loopback.listen.port() == 0 && loopback.model_io.is_none()
        );
    }
}
