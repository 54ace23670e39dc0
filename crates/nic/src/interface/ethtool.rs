//! Three questions to a network driver, as `ethtool -l`, `ethtool -k` and `ethtool -K NAME tx` ask them.
//!
//! They go over generic netlink. See `Documentation/networking/ethtool-netlink.rst` of Linux.

use rustix::io::Errno;

use super::Offloads;
use super::generic::{self, GENERIC_BYTES};
use super::netlink::{Netlink, attribute, attributes, number, put, put_nested};

const CHANNELS_GET: u8 = 17;
const CHANNELS_RECEIVE: u16 = 6;
const CHANNELS_COMBINED: u16 = 9;

const FEATURES_GET: u8 = 11;
const FEATURES_SET: u8 = 12;
const FEATURES_WANTED: u16 = 3;
const FEATURES_ACTIVE: u16 = 4;
const BITS: u16 = 3;
const BIT: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;
/// The kinds of checksums that `ethtool -K NAME tx` stands for. A driver has the first, or some of the others.
const CHECKSUMS: [&str; 3] = ["tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6"];

const SEGMENTATION: &[u8] = b"tx-tcp-segmentation";
const COALESCING: &[u8] = b"rx-gro";

const HEADER: u16 = 1;
const HEADER_INTERFACE: u16 = 1;

/// Queues on which an interface receives; 1 if its driver does not say.
pub(super) fn queues(interface: u32) -> Result<u32, Errno> {
    let mut netlink = generic::open()?;
    let mut queues = 0;
    let asked = family(&mut netlink).and_then(|family| {
        netlink.ask(family, 0, &question(CHANNELS_GET, interface), |message| {
            let attributes = message.get(GENERIC_BYTES..).unwrap_or_default();
            let count = |kind| number(attributes, kind).unwrap_or(0);
            queues = count(CHANNELS_RECEIVE).saturating_add(count(CHANNELS_COMBINED));
        })
    });
    match asked {
        // Drivers without the question, and kernels without the family.
        Err(Errno::OPNOTSUPP | Errno::NOENT) => Ok(1),
        outcome => outcome.map(|()| queues.max(1)),
    }
}

/// What the driver does of what the kernel would do otherwise.
pub(super) fn offloads(interface: u32) -> Result<Offloads, Errno> {
    let mut netlink = generic::open()?;
    let family = family(&mut netlink)?;
    let mut on = Offloads::default();
    netlink.ask(family, 0, &question(FEATURES_GET, interface), |message| {
        let active = message.get(GENERIC_BYTES..).and_then(|attributes| attribute(attributes, FEATURES_ACTIVE));
        let bits = active.and_then(|active| attribute(active, BITS)).unwrap_or_default();
        // The answer lists only what is on.
        for (_, bit) in attributes(bits).filter(|(kind, _)| *kind == BIT) {
            let name = attribute(bit, BIT_NAME).and_then(|name| name.strip_suffix(b"\0")).unwrap_or_default();
            on.checksums |= CHECKSUMS.iter().any(|known| name == known.as_bytes());
            on.segmentation |= name == SEGMENTATION;
            on.coalescing |= name == COALESCING;
        }
    })?;
    Ok(on)
}

pub(super) fn set_checksum_offload(interface: u32, to_device: bool) -> Result<(), Errno> {
    let mut netlink = generic::open()?;
    let family = family(&mut netlink)?;
    let mut body = question(FEATURES_SET, interface);
    put_nested(&mut body, FEATURES_WANTED, |wanted| {
        put_nested(wanted, BITS, |bits| {
            for name in CHECKSUMS {
                put_nested(bits, BIT, |bit| {
                    put(bit, BIT_NAME, format!("{name}\0").as_bytes());
                    if to_device {
                        put(bit, BIT_VALUE, &[]);
                    }
                });
            }
        });
    });
    netlink.ask(family, 0, &body, |_| {})
}

/// The number of the family `ethtool` on this machine.
fn family(netlink: &mut Netlink) -> Result<u16, Errno> {
    generic::family(netlink, "ethtool")
}

/// The beginning of a message about an interface.
fn question(command: u8, interface: u32) -> Vec<u8> {
    let mut body = vec![command, 1, 0, 0];
    put_nested(&mut body, HEADER, |header| put(header, HEADER_INTERFACE, &interface.to_ne_bytes()));
    body
}
