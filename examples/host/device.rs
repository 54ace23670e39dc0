//! The devices that the host can stand on: a TAP interface, or one of the kernel's through AF_XDP. From above they differ in nothing
//! but in how many frames the kernel has on loan.

use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crore_base::frame::FramePool;
use crore_nic::{Claim, DeviceName, PacketIo, Pcap, Xdp, XdpSettings, XdpStatistics};
use crore_wire::ip::Prefix;

use crate::Outcome;
use crate::arguments::Network;

/// Bytes of a capture at most.
const PCAP_BYTES_MAX: u64 = 1 << 30;

/// A queue of frames that knows what the kernel has of them.
pub(crate) trait Device: PacketIo {
    /// Frames of the pool that are with the kernel, to receive into and to send from.
    fn lent(&self) -> u32 {
        0
    }

    /// What has happened at a queue of AF_XDP; `None` elsewhere.
    fn statistics(&self) -> Option<XdpStatistics> {
        None
    }
}

impl Device for Box<dyn PacketIo + Send> {}

impl Device for Xdp {
    fn lent(&self) -> u32 {
        self.lent()
    }

    fn statistics(&self) -> Option<XdpStatistics> {
        Some(self.statistics())
    }
}

impl<T: Device, W: Write> Device for Pcap<T, W> {
    fn lent(&self) -> u32 {
        self.inner().lent()
    }

    fn statistics(&self) -> Option<XdpStatistics> {
        self.inner().statistics()
    }
}

/// Opens the device called `name` for our addresses, ready to receive into `frames`, and captured if that is wanted.
pub(crate) fn open(name: &str, arguments: &Network, frames: &mut FramePool) -> Outcome<Box<dyn Device>> {
    match name.parse()? {
        DeviceName::Xdp { interface, only } => {
            let ours = arguments.addresses.iter().map(|address| Prefix::host(address.address()));
            let claim = ours.fold(Claim::new(), Claim::whole);
            let settings = XdpSettings { only, ring_frames: arguments.rings, ..XdpSettings::new(claim, 1) };
            let mut xdp = Xdp::open(&interface, &settings)?.pop().ok_or("a device has a queue")?;
            xdp.attach(frames)?;
            captured(xdp, arguments)
        }
        _ => captured(crore_nic::open(name, 1)?.pop().ok_or("a device has a queue")?, arguments),
    }
}

fn captured<T: Device + 'static>(device: T, arguments: &Network) -> Outcome<Box<dyn Device>> {
    let Some(path) = &arguments.pcap else { return Ok(Box::new(device)) };
    let epoch_nanos = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    Ok(Box::new(Pcap::new(device, File::create(path)?, PCAP_BYTES_MAX, epoch_nanos)?))
}
