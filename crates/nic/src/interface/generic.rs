//! Generic netlink: families of questions, each with a number that must be asked for by its name first.
//!
//! See `Documentation/userspace-api/netlink/intro.rst` of Linux.

use rustix::io::Errno;
use rustix::net::netlink::GENERIC;

use super::netlink::{Netlink, attribute, put};

/// The family that knows the others.
const CONTROL: u16 = 0x10;
const CONTROL_GET_FAMILY: u8 = 3;
const CONTROL_FAMILY_NUMBER: u16 = 1;
const CONTROL_FAMILY_NAME: u16 = 2;

/// Command and version of a generic message, and two bytes of nothing.
pub(super) const GENERIC_BYTES: usize = 4;

pub(super) fn open() -> Result<Netlink, Errno> {
    Netlink::open(Some(GENERIC))
}

/// The number of a family on this machine; `ENOENT` if it has none of that name.
pub(super) fn family(netlink: &mut Netlink, name: &str) -> Result<u16, Errno> {
    let mut body = vec![CONTROL_GET_FAMILY, 1, 0, 0];
    put(&mut body, CONTROL_FAMILY_NAME, format!("{name}\0").as_bytes());
    let mut family = None;
    netlink.ask(CONTROL, 0, &body, |message| {
        let attributes = message.get(GENERIC_BYTES..).unwrap_or_default();
        let number = attribute(attributes, CONTROL_FAMILY_NUMBER).and_then(|number| number.try_into().ok());
        family = number.map(u16::from_ne_bytes);
    })?;
    family.ok_or(Errno::NOENT)
}
