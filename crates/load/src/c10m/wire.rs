//! What carries the connections of a run, and how users name it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// What carries the connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wire {
    /// Shared memory between the two processes, with our own TCP/IP at both ends.
    Memory,
    /// AF_XDP over a veth between two namespaces, with our own TCP/IP at both ends. Needs root.
    Xdp,
    /// The kernel's TCP/IP over loopback: by io_uring, which needs no descriptors, when there are fewer of them than clients.
    Kernel,
    /// Two devices of DPDK that are connected, with our own TCP/IP at both ends. Needs the Cargo feature `dpdk`.
    Dpdk(DpdkEnds),
}

/// Which two devices of DPDK.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DpdkEnds {
    /// `net_memif`: the two ends of shared memory, which meet at a socket of the run's own.
    Memif,
    /// `DEVICE+DEVICE`: what was prepared, such as the two ends of a veth.
    Two {
        /// The gateway's device string.
        gateway: String,
        /// The swarm's.
        swarm: String,
    },
}

/// The name that stands for both ends of a memif.
const MEMIF: &str = "net_memif";

impl Wire {
    /// Whether the kernel copies each frame, so that less is asked of it.
    pub(super) fn copies_in_kernel(&self) -> bool {
        matches!(self, Wire::Xdp | Wire::Dpdk(DpdkEnds::Two { .. }))
    }
}

impl DpdkEnds {
    /// The I/O models of the gateway and of the swarm; a socket, if they need one, is in `folder`.
    pub(super) fn devices(&self, folder: &Path) -> [String; 2] {
        match self {
            DpdkEnds::Memif => ["server", "client"]
                .map(|role| format!("dpdk:{MEMIF}0,role={role},socket={}", folder.join("memif").display())),
            DpdkEnds::Two { gateway, swarm } => [gateway, swarm].map(|device| format!("dpdk:{device}")),
        }
    }
}

impl FromStr for Wire {
    type Err = String;

    fn from_str(text: &str) -> Result<Wire, String> {
        match text {
            "memory" => Ok(Wire::Memory),
            "xdp" => Ok(Wire::Xdp),
            "kernel" => Ok(Wire::Kernel),
            _ => match text.strip_prefix("dpdk:") {
                Some(devices) => dpdk(devices),
                None => {
                    Err(format!("{text:?} is no wire: use memory, xdp, kernel, dpdk:{MEMIF} or dpdk:DEVICE+DEVICE"))
                }
            },
        }
    }
}

fn dpdk(devices: &str) -> Result<Wire, String> {
    let ends = match devices.split_once('+') {
        None if devices == MEMIF => DpdkEnds::Memif,
        Some((gateway, swarm)) if !gateway.is_empty() && !swarm.is_empty() => {
            DpdkEnds::Two { gateway: gateway.to_owned(), swarm: swarm.to_owned() }
        }
        _ => {
            return Err(format!(
                "dpdk:{devices} is one end of a wire: use dpdk:{MEMIF}, which has both, or two devices that are connected, \
                 the gateway's first, like dpdk:net_af_packet0,iface=va+net_af_packet0,iface=vb"
            ));
        }
    };
    Ok(Wire::Dpdk(ends))
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wire::Memory => f.write_str("memory"),
            Wire::Xdp => f.write_str("xdp"),
            Wire::Kernel => f.write_str("kernel"),
            Wire::Dpdk(DpdkEnds::Memif) => write!(f, "dpdk:{MEMIF}"),
            Wire::Dpdk(DpdkEnds::Two { gateway, swarm }) => write!(f, "dpdk:{gateway}+{swarm}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wires_are_read_as_they_are_shown() {
        for text in ["memory", "xdp", "kernel", "dpdk:net_memif", "dpdk:net_tap0,iface=a+net_tap1,iface=b"] {
            assert_eq!(text.parse::<Wire>().unwrap().to_string(), text);
        }
        assert!("tin".parse::<Wire>().unwrap_err().contains("\"tin\""));
        for one in ["dpdk:", "dpdk:net_tap0", "dpdk:+net_tap0", "dpdk:net_tap0+", "dpdk:net_memif0"] {
            assert!(one.parse::<Wire>().unwrap_err().contains(&format!("{one} is one end")), "{one}");
        }
    }

    #[test]
    fn the_ends_of_a_memif_meet_at_a_socket_of_the_run() {
        let [gateway, swarm] = DpdkEnds::Memif.devices(Path::new("/run/x"));
        assert_eq!(gateway, "dpdk:net_memif0,role=server,socket=/run/x/memif");
        assert_eq!(swarm, "dpdk:net_memif0,role=client,socket=/run/x/memif");
    }
}
