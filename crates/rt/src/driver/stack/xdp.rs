//! `xdp:IFACE`, or `xdp:IFACE@NETNS`: an interface of the kernel's, of which we take what is ours. With `,rings=64` behind it, the
//! rings between us and the kernel have another size than the usual.
//!
//! Which addresses those are: an address that the kernel has on the interface too is shared, and only TCP to the ports that we
//! listen on comes to us; any other is ours alone, ARP and ping included. What is not said is read from the interface.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Instant;
use crore_nic::limits::{XDP_RING_FRAMES, XDP_RING_FRAMES_MAX, XDP_RING_FRAMES_MIN};
use crore_nic::{Capabilities, Claim, DeviceName, Interface, Link, PacketIo, Xdp, XdpSettings};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::limits::DEVICE_LOOKS_APART;
use crate::net::{Network, Prefix};

/// Where `ip netns` keeps the names of network namespaces (ip-netns(8)).
const NAMESPACES: &str = "/run/netns";

/// A device's name without the network namespace that it is in, and that namespace. What stands behind a comma is a setting of
/// an interface, see [`ring_frames`], and none of both.
pub(crate) fn apart(name: &str) -> (&str, Option<&str>) {
    let place = match name.split_once(',') {
        Some((place, _)) if name.starts_with("xdp:") => place,
        _ => name,
    };
    // DPDK's devices are named by DPDK, and are in this process's namespace.
    let place_in_namespace = place.split_once('@').filter(|_| !place.starts_with("dpdk:"));
    place_in_namespace.map_or((place, None), |(device, namespace)| (device, Some(namespace)))
}

/// How many entries a name wants the rings to have: `xdp:eth0,rings=64` wants 64, without it there are the usual ones.
fn ring_frames(name: &str) -> Result<u32, String> {
    let Some((_, setting)) = name.split_once(',') else { return Ok(XDP_RING_FRAMES) };
    let number = setting.strip_prefix("rings=").ok_or_else(|| {
        format!("{setting:?} is no setting of an interface: there is rings=ENTRIES, such as rings={XDP_RING_FRAMES}")
    })?;
    number.parse().map_err(|_| {
        format!(
            "{number:?} is no number of entries: use a power of two from {XDP_RING_FRAMES_MIN} to {XDP_RING_FRAMES_MAX}"
        )
    })
}

/// Runs `work` in the network namespace called `namespace`, on a thread of its own, because a thread that has moved does not
/// come back.
fn in_namespace<T: Send>(namespace: Option<&str>, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let Some(namespace) = namespace else { return work() };
    let there = move || {
        let about = |what: &str, error: io::Error| {
            io::Error::new(error.kind(), format!("network namespace {namespace:?}: {what}: {error}"))
        };
        let file = File::open(format!("{NAMESPACES}/{namespace}")).map_err(|error| about("cannot be opened", error))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| about("cannot be entered (that needs CAP_SYS_ADMIN)", error.into()))?;
        work()
    };
    std::thread::scope(|scope| scope.spawn(there).join()).expect("nothing in there panics")
}

/// Opens the interface, and completes what `network` does not say from what the interface has.
pub(super) fn open(name: &str, queues: u16, network: &Network) -> io::Result<(Vec<Box<dyn PacketIo + Send>>, Network)> {
    let (device, namespace) = apart(name);
    let Ok(DeviceName::Xdp { interface, only }) = device.parse::<DeviceName>() else {
        unreachable!("the name was checked to be one of this kind");
    };
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, format!("{name}: {text}"));
    let ring_frames = ring_frames(name).map_err(invalid)?;
    in_namespace(namespace, || {
        let nobody = || io::Error::new(io::ErrorKind::NotFound, format!("{name}: there is no such interface"));
        let found = Interface::find(&interface)?.ok_or_else(nobody)?;
        let network = completed(network, &found).map_err(invalid)?;
        let settings = XdpSettings { only, ring_frames, ..XdpSettings::new(claim(&network, &found), queues) };
        let opened = Xdp::open(&interface, &settings).map_err(io::Error::other)?;
        let shared = opened[0].interface();
        for sources in &network.blocked {
            shared.block(*sources).map_err(io::Error::other)?;
        }
        if let Some(reason) = shared.not_native() {
            tracing::warn!(interface, %reason, "the driver does not run XDP programs: the kernel does, which is slower");
        }
        let watched = |xdp| Box::new(Watched::new(interface.clone(), xdp)) as Box<dyn PacketIo + Send>;
        Ok((opened.into_iter().map(watched).collect(), network))
    })
}

/// The network with addresses and routers: those that were given, or the interface's.
fn completed(network: &Network, interface: &Interface) -> Result<Network, String> {
    let mut network = network.clone();
    if network.addresses.is_empty() {
        let everywhere = network.listening.is_empty() || network.listening.iter().any(IpAddr::is_unspecified);
        for &ip in &network.listening {
            let on_link = interface.addresses.iter().find(|prefix| prefix.contains(ip.into()) && !ip.is_unspecified());
            match on_link {
                Some(prefix) => network.addresses.push(Prefix::new(ip.into(), prefix.bits())),
                None if ip.is_unspecified() || ip.is_loopback() => {}
                None => {
                    return Err(format!(
                        "{ip} is in none of the interface's networks: say with --address which network it is in"
                    ));
                }
            }
        }
        if everywhere {
            network.addresses.extend(interface.addresses.iter().filter(|prefix| !prefix.address().is_link_local()));
        }
        if network.addresses.is_empty() {
            return Err("the interface has no address and none was given: --address 192.0.2.7/24".to_owned());
        }
    }
    let addresses = network.addresses.iter().map(Prefix::address);
    network.shared = addresses.filter(|address| interface.has_address(*address)).map(|ip| ip.to_std()).collect();
    if network.gateways.is_empty() {
        let on_link = |gateway: &IpAddr| network.addresses.iter().any(|prefix| prefix.contains((*gateway).into()));
        let known = interface.gateways.iter().map(|gateway| gateway.to_std()).filter(on_link);
        network.gateways = known.collect();
    }
    Ok(network)
}

fn claim(network: &Network, interface: &Interface) -> Claim {
    let mut claim = Claim::new();
    for address in &network.addresses {
        claim = match interface.has_address(address.address()) {
            true => claim.share(address.address()),
            false => claim.whole(Prefix::host(address.address())),
        };
    }
    for prefix in &network.owned {
        claim = claim.whole(*prefix);
    }
    for &port in &network.ports {
        claim = claim.ports(port..=port);
    }
    claim
}

/// A queue of the interface, and somebody who looks now and then whether all is well with it, and says so if not.
struct Watched {
    interface: String,
    xdp: Xdp,
    now: Instant,
    look_at: Option<Instant>,
    /// What was said last, so that nothing is said twice.
    said: usize,
}

impl Watched {
    fn new(interface: String, xdp: Xdp) -> Watched {
        Watched { interface, xdp, now: Instant::ZERO, look_at: None, said: 0 }
    }

    #[cold]
    fn look(&mut self) {
        if self.look_at.is_none() {
            let mode = self.xdp.mode();
            tracing::info!(
                interface = self.interface,
                queue = self.xdp.channel(),
                native = mode.native,
                zero_copy = mode.zero_copy,
                "AF_XDP queue at work"
            );
        }
        self.look_at = Some(self.now + DEVICE_LOOKS_APART);
        let advice = self.xdp.statistics().advice();
        if advice.len() > self.said {
            for text in &advice {
                tracing::warn!(interface = self.interface, queue = self.xdp.channel(), "{text}");
            }
        }
        self.said = advice.len();
    }
}

/// The last word about a queue: what was lost there, and what the filter has done, in numbers.
impl Drop for Watched {
    fn drop(&mut self) {
        if self.look_at.is_some() {
            self.look(); // at what has happened since
        }
        let counted = self.xdp.statistics();
        let kernel = counted.kernel.unwrap_or_default();
        // The filter counts for all queues together, so one of them tells it.
        let filter = self.xdp.interface().counts().ok().filter(|_| self.xdp.capabilities().queue == 0);
        tracing::info!(
            interface = self.interface,
            queue = self.xdp.channel(),
            receive_ring_full = kernel.receive_ring_full,
            fill_ring_empty = kernel.fill_ring_empty,
            pool_empty = counted.starved,
            transmit_ring_full = counted.waited,
            stalls = counted.stalls,
            not_sent_stuck = counted.lost_stuck,
            not_sent_down = counted.lost_down,
            blocked = filter.map(|filter| filter.blocked),
            without_socket = filter.map(|filter| filter.without_socket),
            "AF_XDP queue closed"
        );
    }
}

impl PacketIo for Watched {
    fn capabilities(&self) -> Capabilities {
        self.xdp.capabilities()
    }

    fn link(&self) -> Link {
        self.xdp.link()
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let received = self.xdp.receive(frames, into, max)?;
        if self.look_at.is_none_or(|at| at <= self.now) {
            self.look();
        }
        Ok(received)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        self.xdp.transmit(frames, from)
    }

    fn recycle(&mut self, frames: &mut FramePool) -> usize {
        self.xdp.recycle(frames)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.xdp.descriptor()
    }

    fn prepare_sleep(&mut self) -> bool {
        self.xdp.prepare_sleep()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.xdp.next_deadline()
    }

    fn on_time(&mut self, now: Instant) {
        self.now = now;
        self.xdp.on_time(now);
    }
}

#[cfg(test)]
mod tests;
