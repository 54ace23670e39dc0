//! An interface with our filter on it: what all its queues share.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crore_wire::ip::Prefix;
use rustix::io::Errno;

use crate::interface::Interface;

use super::bpf;
use super::claim::{Claim, PortSet};
use super::error::XdpError;
use super::program::{FilterCounts, Program};

const FLAG_GENERIC: u32 = 1 << 1;
const FLAG_NATIVE: u32 = 1 << 2;

/// An interface to which our filter is attached, until the last of its queues is dropped or the process ends, however
/// that comes.
///
/// It may be used from any thread. All of it is for set-up, operators and reports: each call is a system call or more.
pub struct XdpInterface {
    interface: Interface,
    program: Program,
    /// Ties the program to the interface; the kernel unties it with the last descriptor, at the latest when the process
    /// ends.
    link: OwnedFd,
    /// Why the driver does not run the filter itself, if it does not.
    not_native: Option<io::Error>,
}

impl XdpInterface {
    /// Loads the filter for a claim and attaches it.
    pub(super) fn attach(interface: Interface, claim: &Claim, force_generic: bool) -> Result<Self, XdpError> {
        let program = Program::load(claim)?;
        let attach = |flags| bpf::attach(program.as_fd(), interface.index, flags);
        let native = if force_generic { Err(Errno::CANCELED) } else { attach(FLAG_NATIVE) };
        let (link, not_native) = match native {
            Ok(link) => (Ok(link), None),
            // There is one program for an interface, whoever would run it.
            Err(errno @ (Errno::BUSY | Errno::EXIST | Errno::PERM | Errno::NODEV)) => (Err(errno), None),
            Err(errno) => (attach(FLAG_GENERIC), Some(errno.into())),
        };
        let link = link.map_err(|errno| match errno {
            Errno::BUSY | Errno::EXIST => XdpError::Attached { program: attached_now(&interface) },
            Errno::PERM | Errno::ACCESS => XdpError::Rights { what: "attach an XDP program" },
            Errno::NODEV => XdpError::Gone,
            _ => XdpError::System { what: "attach an XDP program", error: errno.into() },
        })?;
        Ok(Self { interface, program, link, not_native })
    }

    /// The interface as it was when it was opened: addresses and gateways for a stack, among others.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Why the filter runs in the kernel's generic path, which is slower, and not in the driver's. On virtual interfaces
    /// all frames come in at queue 0 then. `None` if it runs in
    /// the driver's. A driver says no without words: its error numbers mean such things as a peer's MTU (`ERANGE`) or
    /// number of queues (`ENOSPC`) that does not fit, or that it cannot (`EOPNOTSUPP`).
    pub fn not_native(&self) -> Option<&io::Error> {
        self.not_native.as_ref()
    }

    /// What the filter has done with the frames that came in.
    ///
    /// # Errors
    /// The kernel refuses to say.
    pub fn counts(&self) -> Result<FilterCounts, XdpError> {
        self.program.counts()
    }

    /// Replaces the ports that are ours at shared addresses.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn set_ports(&self, ports: PortSet) -> Result<(), XdpError> {
        self.program.set_ports(ports)
    }

    /// Drops, before anything else sees them, frames that are ours and come from these sources. ARP and neighbour
    /// discovery are not touched, nor what is the kernel's. False if they were blocked already.
    ///
    /// # Errors
    /// As many are blocked as can be, [`XDP_BLOCKED_MAX`](crate::limits::XDP_BLOCKED_MAX) of each family; or the kernel
    /// refuses it.
    pub fn block(&self, sources: Prefix) -> Result<bool, XdpError> {
        self.program.block(sources)
    }

    /// Takes these sources again. False if this very prefix was not blocked.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn unblock(&self, sources: Prefix) -> Result<bool, XdpError> {
        self.program.unblock(sources)
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }
}

impl Drop for XdpInterface {
    fn drop(&mut self) {
        // It fails if the interface has gone, and then there is nothing to take off.
        let _detached = bpf::detach(self.link.as_fd());
    }
}

/// The number of the program that is there now: it may have come after the interface was looked at.
fn attached_now(interface: &Interface) -> Option<u32> {
    Interface::find(&interface.name).ok().flatten().and_then(|now| now.program).or(interface.program)
}
