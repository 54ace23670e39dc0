//! The system calls of a TAP device that have no safe wrapper: three requests with a `struct ifreq`.
//!
//! This is the one file of TAP with `unsafe`. See `Documentation/networking/tuntap.rst` of Linux, and netdevice(7).

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::limits::INTERFACE_NAME_BYTES_MAX;

/// Attach this descriptor to an interface, which is made if it does not exist.
const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
const SIOCGIFFLAGS: Opcode = 0x8913;
const SIOCSIFFLAGS: Opcode = 0x8914;
const SIOCGIFMTU: Opcode = 0x8921;

/// Whole Ethernet frames.
const IFF_TAP: u16 = 0x0002;
/// Frames without four bytes of packet information in front.
const IFF_NO_PI: u16 = 0x1000;
/// Several descriptors, each a queue.
const IFF_MULTI_QUEUE: u16 = 0x0100;
const IFF_UP: u16 = 0x0001;

/// `struct ifreq`: a name, and 24 bytes that mean something else to each request.
#[repr(C, align(8))]
struct InterfaceRequest {
    name: [u8; INTERFACE_NAME_BYTES_MAX + 1],
    value: [u8; 24],
}

const _: () = assert!(size_of::<InterfaceRequest>() == 40, "as the kernel has it on 64-bit machines");

impl InterfaceRequest {
    fn new(name: &str) -> Self {
        assert!(name.len() <= INTERFACE_NAME_BYTES_MAX, "{name} is too long for an interface");
        let mut request = Self { name: [0; 16], value: [0; 24] };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        request
    }

    fn set_flags(&mut self, flags: u16) {
        self.value[..2].copy_from_slice(&flags.to_ne_bytes());
    }

    fn flags(&self) -> u16 {
        u16::from_ne_bytes([self.value[0], self.value[1]])
    }

    fn number(&self) -> i32 {
        i32::from_ne_bytes([self.value[0], self.value[1], self.value[2], self.value[3]])
    }

    /// Lets the kernel read this request, and write its answer over it.
    fn send<const REQUEST: Opcode>(&mut self, to: &OwnedFd) -> Result<(), Errno> {
        const { assert!(matches!(REQUEST, TUNSETIFF | SIOCGIFFLAGS | SIOCSIFFLAGS | SIOCGIFMTU)) };
        // SAFETY: all four requests take a pointer to a `struct ifreq`, which this is in size and layout.
        let request = unsafe { Updater::<REQUEST, Self>::new(self) };
        // SAFETY: the kernel reads and writes the 40 bytes of that struct and nothing else, and any bytes are valid
        // there.
        unsafe { ioctl(to.as_fd(), request) }
    }
}

/// Opens one queue of the TAP interface `name`, and makes the interface if it does not exist. It does not block.
pub(super) fn open_queue(name: &str, several: bool) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let queue = rustix::fs::open("/dev/net/tun", flags, Mode::empty())?;
    let mut request = InterfaceRequest::new(name);
    request.set_flags(IFF_TAP | IFF_NO_PI | if several { IFF_MULTI_QUEUE } else { 0 });
    request.send::<TUNSETIFF>(&queue)?;
    Ok(queue)
}

/// Brings the interface up, if it is not up already.
pub(super) fn bring_up(name: &str) -> Result<(), Errno> {
    let socket = any_socket()?;
    let mut request = InterfaceRequest::new(name);
    request.send::<SIOCGIFFLAGS>(&socket)?;
    if request.flags() & IFF_UP != 0 {
        return Ok(());
    }
    request.set_flags(request.flags() | IFF_UP);
    request.send::<SIOCSIFFLAGS>(&socket)
}

/// Bytes of the largest packet that the interface carries.
pub(super) fn mtu(name: &str) -> Result<u32, Errno> {
    let mut request = InterfaceRequest::new(name);
    request.send::<SIOCGIFMTU>(&any_socket()?)?;
    Ok(u32::try_from(request.number()).unwrap_or(0))
}

/// Requests about interfaces go to any socket of the same network namespace.
fn any_socket() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}
