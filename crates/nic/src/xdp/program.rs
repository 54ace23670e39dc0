//! The filter in the kernel, with the maps through which it is told what is ours and says what it has counted.
//!
//! All queues of an interface share it. What can change while it runs is in the maps: the ports, the blocked sources,
//! and each queue's socket. Telling is for set-up and operators, so it takes a lock and makes system calls.

use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use crore_wire::ip::{Ip, Prefix};
use rustix::io::Errno;

use crate::limits::{QUEUES_MAX, XDP_BLOCKED_MAX};

use super::bpf::{self, Map, MapKind};
use super::claim::{Claim, PortSet};
use super::error::XdpError;
use super::filter::{self, COUNTS, Count, Maps, SETTINGS_BLOCKED, SETTINGS_BYTES};

/// Queues of an interface whose sockets the filter knows: cards have up to some hundreds.
const SOCKETS_MAX: u32 = 1024;
const _: () = assert!(SOCKETS_MAX >= QUEUES_MAX as u32);

/// What the filter has done with the frames that came in, all queues and processors together.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct FilterCounts {
    /// Ours, and given to the socket of its queue.
    pub redirected: u64,
    /// Not ours, and left to the kernel.
    pub passed: u64,
    /// Ours, and dropped because their source is blocked.
    pub blocked: u64,
    /// Ours, and dropped because their queue has no socket, or none yet.
    pub without_socket: u64,
}

/// A filter in the kernel, attached or not.
pub(super) struct Program {
    descriptor: OwnedFd,
    sockets: Map,
    settings: Map,
    counts: Map,
    blocked_v4: Map,
    blocked_v6: Map,
    told: Mutex<Told>,
}

/// What the maps say, to be changed piece by piece.
struct Told {
    ports: PortSet,
    blocked_v4: HashSet<Prefix>,
    blocked_v6: HashSet<Prefix>,
}

impl Program {
    /// Makes the maps and gives the program to the kernel.
    pub(super) fn load(claim: &Claim) -> Result<Self, XdpError> {
        claim.check().map_err(XdpError::Claim)?;
        let make = |kind, key_bytes, value_bytes, entries| {
            Map::new(kind, key_bytes, value_bytes, entries).map_err(|errno| refused("make a BPF map", errno))
        };
        let sockets = make(MapKind::Sockets, 4, 4, SOCKETS_MAX)?;
        let settings = make(MapKind::Array, 4, SETTINGS_BYTES, 1)?;
        let counts = make(MapKind::ArrayPerProcessor, 4, 8, COUNTS)?;
        let blocked_v4 = make(MapKind::Prefixes, 4 + 4, 1, XDP_BLOCKED_MAX)?;
        let blocked_v6 = make(MapKind::Prefixes, 4 + 16, 1, XDP_BLOCKED_MAX)?;
        let maps = Maps {
            sockets: sockets.raw(),
            settings: settings.raw(),
            counts: counts.raw(),
            blocked_v4: blocked_v4.raw(),
            blocked_v6: blocked_v6.raw(),
        };
        let code = filter::assemble(claim, maps);
        let descriptor = bpf::load_program(&code).map_err(|(errno, log)| match errno {
            Errno::PERM if log.is_empty() => XdpError::Rights { what: "load a BPF program" },
            _ => XdpError::Program { error: errno.into(), log },
        })?;
        let told = Told { ports: claim.port_set().clone(), blocked_v4: HashSet::new(), blocked_v6: HashSet::new() };
        let program = Self { descriptor, sockets, settings, counts, blocked_v4, blocked_v6, told: Mutex::new(told) };
        program.tell(&program.lock())?;
        Ok(program)
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// What is ours and comes in at a queue goes to this socket, until that is closed.
    pub(super) fn set_socket(&self, queue: u32, socket: BorrowedFd<'_>) -> Result<(), XdpError> {
        let socket = socket.as_raw_fd().to_ne_bytes();
        self.sockets.update(&queue.to_ne_bytes(), &socket).map_err(|errno| refused("give a queue its socket", errno))
    }

    /// Replaces the ports that are ours at shared addresses.
    pub(super) fn set_ports(&self, ports: PortSet) -> Result<(), XdpError> {
        let mut told = self.lock();
        told.ports = ports;
        self.tell(&told)
    }

    /// Drops what is ours and comes from these sources. True if it did not before.
    pub(super) fn block(&self, sources: Prefix) -> Result<bool, XdpError> {
        let sources = Prefix::new(sources.network(), sources.bits());
        let mut told = self.lock();
        let blocked = told.of_family(&sources);
        if blocked.contains(&sources) {
            return Ok(false);
        }
        if blocked.len() >= XDP_BLOCKED_MAX as usize {
            return Err(XdpError::BlockedFull { max: XDP_BLOCKED_MAX });
        }
        self.map_of(&sources).update(&key(&sources), &[1]).map_err(|errno| refused("block a source", errno))?;
        told.of_family(&sources).insert(sources);
        self.tell(&told).map(|()| true)
    }

    /// Takes these sources again. False if they were not blocked as this very prefix.
    pub(super) fn unblock(&self, sources: Prefix) -> Result<bool, XdpError> {
        let sources = Prefix::new(sources.network(), sources.bits());
        let mut told = self.lock();
        if !told.of_family(&sources).remove(&sources) {
            return Ok(false);
        }
        self.map_of(&sources).delete(&key(&sources)).map_err(|errno| refused("unblock a source", errno))?;
        self.tell(&told).map(|()| true)
    }

    pub(super) fn counts(&self) -> Result<FilterCounts, XdpError> {
        let count = |which: Count| self.counts.sum(which as u32).map_err(|errno| refused("read a BPF map", errno));
        Ok(FilterCounts {
            redirected: count(Count::Redirected)?,
            passed: count(Count::Passed)?,
            blocked: count(Count::Blocked)?,
            without_socket: count(Count::NoSocket)?,
        })
    }

    /// Writes the settings as the filter reads them.
    fn tell(&self, told: &Told) -> Result<(), XdpError> {
        let mut settings = Vec::with_capacity(SETTINGS_BYTES);
        settings.extend(told.ports.bytes());
        assert_eq!(settings.len(), SETTINGS_BLOCKED, "the numbers are behind the ports");
        settings.extend((told.blocked_v4.len() as u32).to_ne_bytes());
        settings.extend((told.blocked_v6.len() as u32).to_ne_bytes());
        self.settings.update(&[0; 4], &settings).map_err(|errno| refused("write a BPF map", errno))
    }

    fn map_of(&self, sources: &Prefix) -> &Map {
        if sources.is_v4() { &self.blocked_v4 } else { &self.blocked_v6 }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        // Whoever panicked while holding it left sets that are whole.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn of_family(&mut self, sources: &Prefix) -> &mut HashSet<Prefix> {
        if sources.is_v4() { &mut self.blocked_v4 } else { &mut self.blocked_v6 }
    }
}

/// A prefix as the kernel's map has it: how many bits, and the address.
fn key(prefix: &Prefix) -> Vec<u8> {
    let network: Ip = prefix.network();
    let (bits, address) = match prefix.is_v4() {
        true => (prefix.bits() - 96, network.v4_octets().to_vec()),
        false => (prefix.bits(), network.octets().to_vec()),
    };
    [u32::from(bits).to_ne_bytes().to_vec(), address].concat()
}

fn refused(what: &'static str, errno: Errno) -> XdpError {
    match errno {
        Errno::PERM | Errno::ACCESS => XdpError::Rights { what },
        _ => XdpError::System { what, error: errno.into() },
    }
}

#[cfg(test)]
mod tests;
