//! From what the user types to devices: `wire:NAME`, `tap:NAME`, `xdp:NAME` and `dpdk:DEVICE`, and what can go wrong on the way.

use std::fmt;
use std::io;
use std::str::FromStr;

use crate::dpdk::DpdkError;
#[cfg(feature = "dpdk")]
use crate::dpdk::{Device, Dpdk};
use crate::limits::{INTERFACE_NAME_BYTES_MAX, QUEUES_MAX, WIRE_NAME_BYTES_MAX, WIRES_SHOWN_MAX};
use crate::packet_io::PacketIo;
use crate::tap::Tap;
use crate::wire::{Role, Wire};
use crate::xdp::{Xdp, XdpError};

/// Opens all queues of the device that `name` names, one for each core, in the order of their numbers.
///
/// A wire is hosted or joined, whoever comes first; who wants one of the two calls [`Wire::open`]. Through AF_XDP it
/// takes the addresses of the interface's networks that the kernel has not
/// ([`Claim::neighbours_of`](crate::Claim::neighbours_of)); who wants others calls [`Xdp::open`].
///
/// # Errors
/// See [`OpenError`].
pub fn open(name: &str, queues: u16) -> Result<Vec<Box<dyn PacketIo + Send>>, OpenError> {
    fn boxed<T: PacketIo + Send + 'static>(queues: Vec<T>) -> Vec<Box<dyn PacketIo + Send>> {
        queues.into_iter().map(|queue| Box::new(queue) as Box<dyn PacketIo + Send>).collect()
    }
    match name.parse()? {
        DeviceName::Wire(name) => Wire::open(&name, queues, Role::Either).map(boxed),
        DeviceName::Tap(name) => Tap::open(&name, queues).map(boxed),
        DeviceName::Xdp { interface, only } => Xdp::open_beside_kernel(&interface, queues, &only).map(boxed),
        #[cfg(feature = "dpdk")]
        DeviceName::Dpdk(device) => Dpdk::open(&device, queues).map(boxed),
        #[cfg(not(feature = "dpdk"))]
        DeviceName::Dpdk(_) => unreachable!("without DPDK there is no such name"),
    }
}

/// The name of a device, as users write it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum DeviceName {
    /// `wire:NAME`: shared memory between two processes on one machine. Any user may.
    Wire(String),
    /// `tap:NAME`: a network interface whose other end is the kernel's own stack. Needs `CAP_NET_ADMIN`.
    Tap(String),
    /// `xdp:NAME` or `xdp:NAME:QUEUE:QUEUE`: frames of an interface of the kernel that are for us. Needs
    /// `CAP_NET_ADMIN`, `CAP_NET_RAW` and `CAP_BPF`.
    Xdp {
        /// The interface.
        interface: String,
        /// The queues of it, or none for all.
        only: Vec<u16>,
    },
    /// `dpdk:DEVICE`: a device of DPDK, by its device string. Only in a program that was built with DPDK.
    Dpdk(String),
}

impl FromStr for DeviceName {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        let unknown = || OpenError::Unknown { given: text.to_owned() };
        let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
        match kind {
            "wire" => check_name(name, WIRE_NAME_BYTES_MAX).map(Self::Wire),
            "tap" => check_name(name, INTERFACE_NAME_BYTES_MAX).map(Self::Tap),
            "xdp" => xdp_name(name),
            "dpdk" => dpdk_name(name),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(name) => write!(f, "wire:{name}"),
            Self::Tap(name) => write!(f, "tap:{name}"),
            Self::Xdp { interface, only } => {
                write!(f, "xdp:{interface}")?;
                only.iter().try_for_each(|queue| write!(f, ":{queue}"))
            }
            Self::Dpdk(device) => write!(f, "dpdk:{device}"),
        }
    }
}

/// `NAME` or `NAME:QUEUE:QUEUE`.
fn xdp_name(text: &str) -> Result<DeviceName, OpenError> {
    let mut parts = text.split(':');
    let interface = check_name(parts.next().unwrap_or_default(), INTERFACE_NAME_BYTES_MAX)?;
    let wrong = |given: &str| OpenError::QueueNumber { given: given.to_owned() };
    let queues: Result<Vec<u16>, OpenError> =
        parts.map(|part| part.parse().ok().filter(|queue| *queue < u16::MAX).ok_or_else(|| wrong(part))).collect();
    let only = queues?;
    if only.len() > usize::from(QUEUES_MAX) {
        return Err(OpenError::Queues { given: u16::try_from(only.len()).unwrap_or(u16::MAX) });
    }
    Ok(DeviceName::Xdp { interface, only })
}

/// A device string, in a program that can use it.
fn dpdk_name(text: &str) -> Result<DeviceName, OpenError> {
    #[cfg(feature = "dpdk")]
    let known: Result<(), DpdkError> = text.parse::<Device>().map(drop);
    #[cfg(not(feature = "dpdk"))]
    let known = Err(DpdkError::NotBuilt);
    known.map_err(|error| OpenError::Dpdk { name: format!("dpdk:{text}"), error })?;
    Ok(DeviceName::Dpdk(text.to_owned()))
}

/// A name as all kinds of devices can have it.
pub(crate) fn check_name(name: &str, bytes_max: usize) -> Result<String, OpenError> {
    let fits = (1..=bytes_max).contains(&name.len());
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let dots = matches!(name, "." | "..");
    if !fits || !plain || dots {
        return Err(OpenError::Name { given: name.to_owned(), bytes_max });
    }
    Ok(name.to_owned())
}

/// As many queues as a device can have.
pub(crate) fn check_queues(queues: u16) -> Result<(), OpenError> {
    if (1..=QUEUES_MAX).contains(&queues) { Ok(()) } else { Err(OpenError::Queues { given: queues }) }
}

/// Why a device could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is not of a kind that exists.
    Unknown {
        /// What was given.
        given: String,
    },
    /// The part after the colon cannot be a name.
    Name {
        /// What was given.
        given: String,
        /// How many bytes it may have.
        bytes_max: usize,
    },
    /// A device cannot have that many queues.
    Queues {
        /// What was given.
        given: u16,
    },
    /// What was given is not the number of a queue.
    QueueNumber {
        /// What was given.
        given: String,
    },
    /// An interface cannot be used through AF_XDP.
    Xdp {
        /// The device.
        name: String,
        /// Why, and what to do.
        error: XdpError,
    },
    /// A device of DPDK cannot be used.
    Dpdk {
        /// The device.
        name: String,
        /// Why, and what to do.
        error: DpdkError,
    },
    /// Somebody else is there already: both ends of the wire, or the end that was asked for.
    Taken {
        /// The device.
        name: String,
    },
    /// Nobody is at the other end, and this end was asked to join somebody.
    Nobody {
        /// The device.
        name: String,
        /// The wires whose hosts are there.
        others: Vec<String>,
    },
    /// The host of the wire exists and does not answer: it is stopped, or runs no loop.
    Silent {
        /// The device.
        name: String,
    },
    /// The wire belongs to another user.
    Foreign {
        /// The device.
        name: String,
        /// Who that is.
        uid: u32,
    },
    /// The other end is not what it should be.
    Misfit {
        /// The device.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The interface carries packets that are too large for our frames.
    Mtu {
        /// The device.
        name: String,
        /// Bytes of the largest packets that it may carry.
        mtu_max: u32,
    },
    /// This process has not the rights.
    Rights {
        /// The device.
        name: String,
        /// What it was not allowed to do.
        what: &'static str,
    },
    /// A system call failed.
    System {
        /// The device.
        name: String,
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { given } => write!(
                f,
                "`{given}` names no network device: use wire:NAME (shared memory between two processes), tap:NAME (an \
                 interface to the kernel's stack), xdp:NAME (an interface of the kernel, shared with it) or dpdk:DEVICE (a \
                 device of DPDK)"
            ),
            Self::Name { given, bytes_max } => write!(
                f,
                "`{given}` cannot be the name of a device: use 1 to {bytes_max} letters, digits, `-`, `_` or `.`"
            ),
            Self::Queues { given } => write!(f, "a device cannot have {given} queues: use 1 to {QUEUES_MAX}"),
            Self::QueueNumber { given } => {
                write!(f, "`{given}` is not the number of a queue: use xdp:NAME for all, or xdp:NAME:0:1 for some")
            }
            Self::Xdp { name, error } => write!(f, "{name}: {error}"),
            Self::Dpdk { name, error } => write!(f, "{name}: {error}"),
            Self::Taken { name } => {
                write!(f, "{name} is taken: another process is at this end already; end it or choose another name")
            }
            Self::Nobody { name, others } => {
                write!(f, "nobody is at the other end of {name}: start that end first")?;
                match others.len() {
                    0 => f.write_str(" (no wire has a host now)"),
                    _ => write!(f, " (wires with a host: {})", others[..others.len().min(WIRES_SHOWN_MAX)].join(", ")),
                }
            }
            Self::Silent { name } => {
                write!(f, "the other end of {name} does not answer: its process is stopped or does not run its loop")
            }
            Self::Foreign { name, uid } => {
                write!(f, "{name} belongs to the user with number {uid}: choose another name, or run as that user")
            }
            Self::Misfit { name, what } => {
                write!(f, "the other end of {name} does not fit this one ({what}): run the same version at both ends")
            }
            Self::Mtu { name, mtu_max } => {
                write!(f, "the MTU of {name} is larger than a frame holds: `ip link set NAME mtu {mtu_max}` or less")
            }
            Self::Rights { name, what } => {
                write!(
                    f,
                    "no right to {what} for {name}: run with CAP_NET_ADMIN, or let root prepare the interface ("
                )?;
                write!(f, "`ip tuntap add dev NAME mode tap user USER`, with `multi_queue` for several queues, then ")?;
                write!(f, "`ip link set NAME up`)")
            }
            Self::System { name, what, error } => write!(f, "cannot {what} for {name}: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { error, .. } => Some(error),
            Self::Xdp { error, .. } => Some(error),
            Self::Dpdk { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
