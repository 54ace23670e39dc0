//! `dpdk:DEVICE`: a network card, or one of DPDK's virtual devices, driven by DPDK in this process.
//!
//! The kernel has no part in a frame, so this is the fastest way to a card that has a driver there, and a card is then
//! nobody else's. A device is polled: an idle core looks at it after short sleeps. Only with the Cargo feature `dpdk`; without
//! it there are the types of errors and counters alone, and every name is refused with what to do.
//!
//! `name.rs` reads device strings, `eal.rs` starts DPDK, `device.rs` moves frames; `shim.rs` and `shim.c` are the way there and
//! the only `unsafe`. Invariant: DPDK is started once, by the first device, and never ended.

mod error;

#[cfg(feature = "dpdk")]
mod device;
#[cfg(feature = "dpdk")]
mod eal;
#[cfg(feature = "dpdk")]
mod name;
#[cfg(feature = "dpdk")]
mod shim;

#[cfg(feature = "dpdk")]
pub use device::Dpdk;
pub use error::DpdkError;
#[cfg(feature = "dpdk")]
pub(crate) use name::Device;

/// Whether this program was built with DPDK.
pub const HAS_DPDK: bool = cfg!(feature = "dpdk");

/// What has happened at one queue of a device of DPDK beside frames that came and went.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct DpdkStatistics {
    /// Frames thrown away because the device had no link.
    pub lost: u64,
    /// Frames to be sent that were empty or larger than the device's MTU.
    pub unfit: u64,
    /// Frames that came and were larger than a frame of ours, or lay in several pieces.
    pub oversized: u64,
}

/// What a device of DPDK has dropped itself since it was opened.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
#[repr(C)]
pub struct DpdkDrops {
    /// Frames that came while the ring was full: the core did not look often enough.
    pub missed: u64,
    /// Frames that came broken.
    pub malformed: u64,
    /// Frames that came while no memory was left for them.
    pub starved: u64,
    /// Frames that could not be sent.
    pub unsent: u64,
}
