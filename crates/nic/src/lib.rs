//! Raw frames in and out behind one trait: devices, and wrappers that disturb, capture and count.
//!
//! A device is a [`PacketIo`] for each of its queues, one for each core. Frames are
//! [`Frame`](crore_base::frame::Frame)s of the core's own pool. [`open()`] makes the devices that users name:
//!
//! | name | device |
//! |---|---|
//! | `wire:NAME` | [`Wire`]: shared memory between two processes on one machine; needs no privilege |
//! | `tap:NAME` | [`Tap`]: an interface to the kernel's stack; needs `CAP_NET_ADMIN` |
//! | `xdp:NAME` | [`Xdp`]: an interface of the kernel, shared with it; needs `CAP_NET_ADMIN`, `CAP_NET_RAW`, `CAP_BPF` |
//! | `dpdk:DEVICE` | `Dpdk`: a device of DPDK, polled; only with the Cargo feature `dpdk` |
//!
//! Wrappers go around any device, in any order, and are devices themselves: [`Faulty`] is a bad network from a seed,
//! [`Pcap`] writes what passes to a file for Wireshark and tcpdump, [`Counted`] counts it. [`steering`] says which
//! queue a flow belongs to, [`Interface`] what the kernel knows about an interface, and [`limits`] is every bound of this
//! crate with its reason.
//!
//! `unsafe` lives in `wire/shared.rs`, `tap/descriptor.rs`, `xdp/bpf.rs`, `xdp/memory.rs` and `dpdk/shim.rs` and nowhere else.

mod counted;
mod dpdk;
mod faulty;
mod interface;
pub mod limits;
mod mac;
mod open;
mod packet_io;
mod pcap;
pub mod steering;
mod tap;
mod wire;
mod xdp;

pub use counted::{Counted, Counts};
#[cfg(feature = "dpdk")]
pub use dpdk::Dpdk;
pub use dpdk::{DpdkDrops, DpdkError, DpdkStatistics, HAS_DPDK};
pub use faulty::{Chance, Direction, FaultCounts, Faults, Faulty};
pub use interface::{Interface, Neighbour, Offloads, XdpSupport};
pub use open::{DeviceName, OpenError, open};
pub use packet_io::{Capabilities, Link, PacketIo};
pub use pcap::Pcap;
pub use tap::{Tap, TapStatistics};
pub use wire::{Role, Wire, WireStatistics};
pub use xdp::{
    Claim, ClaimError, FilterCounts, PortSet, Xdp, XdpError, XdpInterface, XdpKernelStatistics, XdpMode, XdpSettings,
    XdpStatistics,
};
