//! What the kernel knows about a network interface: address, size, state, queues, IP addresses, gateways, neighbours.
//!
//! This is read when a device is opened, so that nobody has to type what the machine knows already. It is a snapshot:
//! the operator may change any of it a moment later. All of it comes from the kernel itself over netlink, and is of the
//! network namespace of the calling thread (the files under `/sys` are of the namespace in which they were mounted).

mod ethtool;
mod generic;
mod netdev;
mod netlink;

use std::io;

use crore_wire::ethernet::Mac;
use crore_wire::ip::{Ip, Prefix};
use rustix::io::Errno;

use crate::limits::INTERFACE_NAME_BYTES_MAX;

use netlink::{DUMP, Netlink, attribute, number, put};

const GET_LINK: u16 = 18;
const GET_ADDRESS: u16 = 22;
const GET_ROUTE: u16 = 26;
const GET_NEIGHBOUR: u16 = 30;

const LINK_BYTES: usize = 16;
const LINK_ADDRESS: u16 = 1;
const LINK_NAME: u16 = 3;
const LINK_MTU: u16 = 4;
const LINK_CARRIER: u16 = 33;
const LINK_XDP: u16 = 43;
const XDP_PROGRAM: u16 = 4;
const FLAG_UP: u32 = 1;

const ADDRESS_BYTES: usize = 8;
const ADDRESS_OF_PEER: u16 = 1;
const ADDRESS_LOCAL: u16 = 2;

const ROUTE_BYTES: usize = 12;
const ROUTE_INTERFACE: u16 = 4;
const ROUTE_GATEWAY: u16 = 5;
const ROUTE_METRIC: u16 = 6;

const NEIGHBOUR_BYTES: usize = 12;
const NEIGHBOUR_IP: u16 = 1;
const NEIGHBOUR_MAC: u16 = 2;

const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;

/// A network interface of the kernel, as it was when it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Its number in this network namespace.
    pub index: u32,
    /// Its hardware address; all zero if it has none of six bytes.
    pub mac: Mac,
    /// Bytes of the largest IP packet that it carries.
    pub mtu: u32,
    /// It is switched on (`ip link set NAME up`).
    pub is_up: bool,
    /// It has a signal, as far as the driver can tell.
    pub has_carrier: bool,
    /// Queues on which it receives; 1 if the driver does not say.
    pub queues: u32,
    /// The kernel's own addresses on it, each with the size of its network.
    pub addresses: Vec<Prefix>,
    /// Where packets go that are for no network of ours, the best route of each family first.
    pub gateways: Vec<Ip>,
    /// The number of the XDP program that is attached to it.
    pub program: Option<u32>,
}

/// Somebody on the same link whose hardware address the kernel knows.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// The address on the network.
    pub ip: Ip,
    /// The address on the link.
    pub mac: Mac,
}

/// What is switched on of an interface's offloads.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Offloads {
    /// The kernel leaves checksums of what it sends to the device.
    pub checksums: bool,
    /// It leaves cutting TCP's data into segments to the device (TSO).
    pub segmentation: bool,
    /// It puts received segments of a flow together before it works on them (GRO).
    pub coalescing: bool,
}

/// What the driver of an interface can do for XDP.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct XdpSupport {
    /// It runs programs itself and obeys them when they redirect (native mode), before the kernel makes a packet of a frame.
    pub native: bool,
    /// It receives into and sends from memory of an AF_XDP socket.
    pub zero_copy: bool,
}

impl Interface {
    /// Asks the kernel for the interface `name`, in about six questions. `None` if there is none of that name.
    ///
    /// # Errors
    /// The kernel does not answer; this needs no rights.
    pub fn find(name: &str) -> io::Result<Option<Self>> {
        if name.is_empty() || name.len() > INTERFACE_NAME_BYTES_MAX || name.contains('\0') {
            return Ok(None);
        }
        let mut route = Netlink::open(None)?;
        let mut question = vec![0; LINK_BYTES];
        put(&mut question, LINK_NAME, format!("{name}\0").as_bytes());
        let mut interface = None;
        match route.ask(GET_LINK, 0, &question, |message| interface = Self::of_link(message)) {
            Err(Errno::NODEV) => return Ok(None),
            outcome => outcome?,
        }
        let Some(mut interface) = interface else {
            return Ok(None);
        };
        interface.queues = ethtool::queues(interface.index)?;
        interface.addresses = addresses(&mut route, interface.index)?;
        for family in [FAMILY_V4, FAMILY_V6] {
            let gateway = gateway(&mut route, interface.index, family)?;
            interface.gateways.extend(gateway);
        }
        Ok(Some(interface))
    }

    /// The names of all interfaces of this network namespace.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn names() -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let each = |message: &[u8]| names.extend(Self::of_link(message).map(|interface| interface.name));
        Netlink::open(None)?.ask(GET_LINK, DUMP, &[0; LINK_BYTES], each)?;
        Ok(names)
    }

    /// Whom the kernel knows on this link, now. With [shared addresses](crate::Claim::share) the answers to ARP and
    /// neighbour discovery go to the kernel, so this is where a stack finds the hardware address of its gateway.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn neighbours(&self) -> io::Result<Vec<Neighbour>> {
        let mut neighbours = Vec::new();
        Netlink::open(None)?.ask(GET_NEIGHBOUR, DUMP, &[0; NEIGHBOUR_BYTES], |message| {
            if let Some((header, rest)) = message.split_first_chunk::<NEIGHBOUR_BYTES>()
                && u32::from_ne_bytes([header[4], header[5], header[6], header[7]]) == self.index
            {
                let ip = attribute(rest, NEIGHBOUR_IP).and_then(ip_of);
                let mac = attribute(rest, NEIGHBOUR_MAC).and_then(|mac| mac.try_into().ok());
                neighbours.extend(ip.zip(mac).map(|(ip, mac)| Neighbour { ip, mac: Mac(mac) }));
            }
        })?;
        Ok(neighbours)
    }

    /// Lets the kernel leave the checksums of what it sends through this interface to the device, or makes it write
    /// them itself (`ethtool -K NAME tx on|off`). Needs `CAP_NET_ADMIN`.
    ///
    /// A virtual cable has no device that would write them: whoever takes frames out of its other end needs them off.
    ///
    /// # Errors
    /// No right to; or the driver can do only one of the two.
    pub fn set_checksum_offload(&self, to_device: bool) -> io::Result<()> {
        Ok(ethtool::set_checksum_offload(self.index, to_device)?)
    }

    /// What of the kernel's work is done for many packets at once, or by the device (`ethtool -k NAME`).
    ///
    /// # Errors
    /// The kernel does not answer; this needs no rights.
    pub fn offloads(&self) -> io::Result<Offloads> {
        Ok(ethtool::offloads(self.index)?)
    }

    /// What the driver says it can do for XDP. `None`: the kernel is older than Linux 6.3 and cannot be asked.
    ///
    /// # Errors
    /// The kernel does not answer; this needs no rights.
    pub fn xdp_support(&self) -> io::Result<Option<XdpSupport>> {
        Ok(netdev::xdp_support(self.index)?)
    }

    /// Whether the kernel has this address on this interface.
    pub fn has_address(&self, address: Ip) -> bool {
        self.addresses.iter().any(|own| own.address() == address)
    }

    /// The interface that a message describes, so far as the message does.
    fn of_link(message: &[u8]) -> Option<Self> {
        let (header, rest) = message.split_first_chunk::<LINK_BYTES>()?;
        let flags = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
        let name = attribute(rest, LINK_NAME)?;
        let name = String::from_utf8_lossy(name.strip_suffix(b"\0").unwrap_or(name)).into_owned();
        let mac = attribute(rest, LINK_ADDRESS).and_then(|mac| mac.try_into().ok()).unwrap_or_default();
        let program = attribute(rest, LINK_XDP).and_then(|xdp| number(xdp, XDP_PROGRAM));
        Some(Self {
            name,
            index: u32::from_ne_bytes([header[4], header[5], header[6], header[7]]),
            mac: Mac(mac),
            mtu: number(rest, LINK_MTU)?,
            is_up: flags & FLAG_UP != 0,
            has_carrier: attribute(rest, LINK_CARRIER).is_some_and(|carrier| carrier == [1]),
            queues: 1,
            addresses: Vec::new(),
            gateways: Vec::new(),
            program: program.filter(|program| *program != 0),
        })
    }
}

fn addresses(route: &mut Netlink, index: u32) -> Result<Vec<Prefix>, Errno> {
    let mut found = Vec::new();
    route.ask(GET_ADDRESS, DUMP, &[0; ADDRESS_BYTES], |message| {
        let Some((header, rest)) = message.split_first_chunk::<ADDRESS_BYTES>() else {
            return;
        };
        if u32::from_ne_bytes([header[4], header[5], header[6], header[7]]) == index {
            let local = attribute(rest, ADDRESS_LOCAL).or_else(|| attribute(rest, ADDRESS_OF_PEER));
            found.extend(local.and_then(ip_of).and_then(|ip| prefix(ip, header[1])));
        }
    })?;
    Ok(found)
}

/// The gateway of the best default route of a family through an interface. Routes over several gateways at once have
/// none here.
fn gateway(route: &mut Netlink, index: u32, family: u8) -> Result<Option<Ip>, Errno> {
    let mut best: Option<(u32, Ip)> = None;
    let mut question = [0; ROUTE_BYTES];
    question[0] = family;
    route.ask(GET_ROUTE, DUMP, &question, |message| {
        let Some((header, rest)) = message.split_first_chunk::<ROUTE_BYTES>() else {
            return;
        };
        let is_default = header[0] == family && header[1] == 0;
        if is_default && number(rest, ROUTE_INTERFACE) == Some(index) {
            let metric = number(rest, ROUTE_METRIC).unwrap_or(0);
            let gateway = attribute(rest, ROUTE_GATEWAY).and_then(ip_of);
            best = [best, gateway.map(|ip| (metric, ip))].into_iter().flatten().min_by_key(|(metric, _)| *metric);
        }
    })?;
    Ok(best.map(|(_, ip)| ip))
}

/// The address in these bytes, 4 or 16 of them.
fn ip_of(bytes: &[u8]) -> Option<Ip> {
    match bytes.len() {
        4 => Some(Ip::v4(bytes.try_into().ok()?)),
        16 => Some(Ip::from_octets(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// A prefix of so many bits as the kernel counts them: an IPv4 address has 32.
fn prefix(ip: Ip, bits: u8) -> Option<Prefix> {
    let family_bits = if ip.is_v4() { 32 } else { 128 };
    (bits <= family_bits).then(|| Prefix::new(ip, 128 - family_bits + bits))
}

#[cfg(test)]
mod tests;
