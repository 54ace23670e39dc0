//! One question to a network driver: what it can do for XDP. Nothing is attached to find out.
//!
//! The family `netdev` of generic netlink; see `Documentation/netlink/specs/netdev.yaml` of Linux, since 6.3.

use rustix::io::Errno;

use super::XdpSupport;
use super::generic::{self, GENERIC_BYTES};
use super::netlink::{attribute, put};

const DEVICE_GET: u8 = 1;
const DEVICE_INTERFACE: u16 = 1;
const DEVICE_XDP_FEATURES: u16 = 3;

const XDP_BASIC: u64 = 1;
const XDP_REDIRECT: u64 = 1 << 1;
const XDP_ZERO_COPY: u64 = 1 << 3;

/// `None`: the kernel is too old to be asked.
pub(super) fn xdp_support(interface: u32) -> Result<Option<XdpSupport>, Errno> {
    let mut netlink = generic::open()?;
    let family = match generic::family(&mut netlink, "netdev") {
        Err(Errno::NOENT) => return Ok(None),
        family => family?,
    };
    let mut body = vec![DEVICE_GET, 1, 0, 0];
    put(&mut body, DEVICE_INTERFACE, &interface.to_ne_bytes());
    let mut features = None;
    netlink.ask(family, 0, &body, |message| {
        let attributes = message.get(GENERIC_BYTES..).unwrap_or_default();
        let bits = attribute(attributes, DEVICE_XDP_FEATURES).and_then(|bits| bits.try_into().ok());
        features = bits.map(u64::from_ne_bytes);
    })?;
    Ok(features.map(|bits| XdpSupport {
        native: bits & (XDP_BASIC | XDP_REDIRECT) == XDP_BASIC | XDP_REDIRECT,
        zero_copy: bits & XDP_ZERO_COPY != 0,
    }))
}
