//! Two questions to a network driver, as `ethtool -l` and `ethtool -K NAME tx` ask them.
//!
//! They go over generic netlink: the family called `ethtool` has a number that must be asked for first. See
//! `Documentation/networking/ethtool-netlink.rst` of Linux.

use rustix::io::Errno;
use rustix::net::netlink::GENERIC;

use super::netlink::{Netlink, attribute, number, put, put_nested};

/// The family that knows the others.
const CONTROL: u16 = 0x10;
const CONTROL_GET_FAMILY: u8 = 3;
const CONTROL_FAMILY_NUMBER: u16 = 1;
const CONTROL_FAMILY_NAME: u16 = 2;

const CHANNELS_GET: u8 = 17;
const CHANNELS_RECEIVE: u16 = 6;
const CHANNELS_COMBINED: u16 = 9;

const FEATURES_SET: u8 = 12;
const FEATURES_WANTED: u16 = 3;
const BITS: u16 = 3;
const BIT: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;
/// The kinds of checksums that `ethtool -K NAME tx` stands for. A driver has the first, or some of the others.
const CHECKSUMS: [&str; 3] = ["tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6"];

const HEADER: u16 = 1;
const HEADER_INTERFACE: u16 = 1;
/// Command and version of a generic message, and two bytes of nothing.
const GENERIC_BYTES: usize = 4;

/// Queues on which an interface receives; 1 if its driver does not say.
pub(super) fn queues(interface: u32) -> Result<u32, Errno> {
    let mut netlink = Netlink::open(Some(GENERIC))?;
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

pub(super) fn set_checksum_offload(interface: u32, to_device: bool) -> Result<(), Errno> {
    let mut netlink = Netlink::open(Some(GENERIC))?;
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
    let mut body = vec![CONTROL_GET_FAMILY, 1, 0, 0];
    put(&mut body, CONTROL_FAMILY_NAME, b"ethtool\0");
    let mut family = None;
    netlink.ask(CONTROL, 0, &body, |message| {
        let attributes = message.get(GENERIC_BYTES..).unwrap_or_default();
        let number = attribute(attributes, CONTROL_FAMILY_NUMBER).and_then(|number| number.try_into().ok());
        family = number.map(u16::from_ne_bytes);
    })?;
    family.ok_or(Errno::NOENT)
}

/// The beginning of a message about an interface.
fn question(command: u8, interface: u32) -> Vec<u8> {
    let mut body = vec![command, 1, 0, 0];
    put_nested(&mut body, HEADER, |header| put(header, HEADER_INTERFACE, &interface.to_ne_bytes()));
    body
}
