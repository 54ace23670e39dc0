//! Why a device of DPDK cannot be used.

use std::fmt;

use crate::limits::{DPDK_DEVICE_BYTES_MAX, DPDK_NAME_BYTES_MAX};

/// Why a device of DPDK cannot be used, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DpdkError {
    /// This program was built without DPDK.
    NotBuilt,
    /// What was given is no device string.
    Device,
    /// The device has fewer queues than were asked for.
    Queues {
        /// How many were asked for.
        asked: u16,
        /// How many it has.
        queues_max: u16,
    },
    /// DPDK was started for virtual devices, and does not look for others any more.
    PciTooLate,
    /// Its packets are too large for our frames.
    Mtu {
        /// What the device has, in bytes.
        mtu: u16,
        /// What it may have, in bytes.
        mtu_max: u16,
    },
    /// A step failed.
    Failed {
        /// What was tried.
        what: &'static str,
        /// The error number, in words.
        error: String,
        /// The errors that DPDK spoke of meanwhile; maybe none.
        said: String,
    },
}

impl fmt::Display for DpdkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt => f.write_str(
                "this program was built without DPDK: `apt-get install libdpdk-dev pkg-config`, then \
                 `cargo build --release --features dpdk`",
            ),
            Self::Device => write!(
                f,
                "no device string: use the address of a PCI device (0000:03:00.0) or a virtual device, such as \
                 net_tap0,iface=dtap0 (a name of at most {DPDK_NAME_BYTES_MAX} letters, digits and `_` that begins with net_; \
                 {DPDK_DEVICE_BYTES_MAX} bytes in all, without blanks)"
            ),
            Self::Queues { asked, queues_max } => {
                let plural = if *queues_max == 1 { "" } else { "s" };
                write!(
                    f,
                    "it has {queues_max} queue{plural}, {asked} workers asked for one each: use --workers {queues_max}, or \
                     give the device more (the argument of its driver)"
                )
            }
            Self::PciTooLate => f.write_str(
                "this process has started DPDK for virtual devices, which does not look for PCI devices any more: open the \
                 PCI device first, or in a process of its own",
            ),
            Self::Mtu { mtu, mtu_max } => write!(f, "its MTU is {mtu}, at most {mtu_max} fit a frame: set a smaller one"),
            Self::Failed { what, error, said } => {
                write!(f, "cannot {what}: {error}")?;
                if said.is_empty() { Ok(()) } else { write!(f, " (DPDK: {said})") }
            }
        }
    }
}

impl std::error::Error for DpdkError {}
