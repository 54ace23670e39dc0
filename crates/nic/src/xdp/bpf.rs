//! The bpf system call: maps, programs, and what ties a program to an interface. See bpf(2) and `linux/bpf.h`.
//!
//! This is the one file of XDP with a raw system call. The kernel is given addresses of buffers and takes their sizes
//! from what the map was made with, so a [`Map`] keeps those sizes and checks every buffer against them.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

use crate::limits::{XDP_PROCESSORS_MAX, XDP_VERIFIER_LOG_BYTES};

use super::assembler::Instruction;

const MAP_CREATE: i32 = 0;
const MAP_LOOKUP: i32 = 1;
const MAP_UPDATE: i32 = 2;
const MAP_DELETE: i32 = 3;
const PROGRAM_LOAD: i32 = 5;
const LINK_CREATE: i32 = 28;
const LINK_DETACH: i32 = 34;

const PROGRAM_KIND_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;
/// The kernel needs no other licence for the few functions that the filter calls.
const LICENSE: &[u8] = b"Dual MIT/GPL\0";
const NAME: [u8; 16] = *b"crore\0\0\0\0\0\0\0\0\0\0\0";

/// What a map is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum MapKind {
    /// Values in a row.
    Array = 2,
    /// Values in a row, one row for each processor.
    ArrayPerProcessor = 6,
    /// Values of prefixes; the longest that fits is found.
    Prefixes = 11,
    /// AF_XDP sockets in a row.
    Sockets = 17,
}

/// A table that a program and this process share.
pub(super) struct Map {
    descriptor: OwnedFd,
    kind: MapKind,
    key_bytes: usize,
    value_bytes: usize,
}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; 16],
}

#[repr(C)]
struct MapElement {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach: u32,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    interface: u32,
    attach: u32,
    flags: u32,
}

/// One call. `attributes` is the beginning of `union bpf_attr` for this command; the kernel takes what is not given as
/// zero.
///
/// # Safety
/// Every address in `attributes` must be of a buffer as large as the command makes the kernel read or write there.
unsafe fn bpf<T>(command: i32, attributes: &mut T) -> Result<i32, Errno> {
    let attributes: *mut T = attributes;
    // SAFETY: the kernel reads `size_of::<T>()` bytes of the struct and writes back no more than that; the caller
    // answers for the addresses in it.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    match i32::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)),
    }
}

/// As [`bpf`], for commands that make a descriptor.
///
/// # Safety
/// As for [`bpf`], and the command must be one of those.
unsafe fn bpf_descriptor<T>(command: i32, attributes: &mut T) -> Result<OwnedFd, Errno> {
    // SAFETY: the caller answers for the attributes.
    let descriptor = unsafe { bpf(command, attributes) }?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it. It closes on exec.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

impl Map {
    pub(super) fn new(kind: MapKind, key_bytes: usize, value_bytes: usize, entries: u32) -> Result<Self, Errno> {
        // Maps of prefixes must say that they take memory as they fill.
        let flags = u32::from(kind == MapKind::Prefixes);
        let mut attributes = MapCreate {
            kind: kind as u32,
            key_bytes: key_bytes as u32,
            value_bytes: value_bytes as u32,
            entries,
            flags,
            inner_map: 0,
            numa_node: 0,
            name: NAME,
        };
        // SAFETY: no address is in these attributes, and the command makes a descriptor.
        let descriptor = unsafe { bpf_descriptor(MAP_CREATE, &mut attributes) }?;
        Ok(Self { descriptor, kind, key_bytes, value_bytes })
    }

    /// The number by which a program names the map.
    pub(super) fn raw(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }

    /// Writes a value, in place of the one that was there.
    ///
    /// # Panics
    /// If key or value is not of the map's size, or each processor has its own.
    pub(super) fn update(&self, key: &[u8], value: &[u8]) -> Result<(), Errno> {
        assert!(key.len() == self.key_bytes && value.len() == self.value_bytes, "keys and values have one size");
        assert!(self.kind != MapKind::ArrayPerProcessor, "such a value is as many values as there are processors");
        let mut attributes = self.element(key, value.as_ptr() as u64);
        // SAFETY: the kernel reads as many bytes of key and value as the map was made with, which was just checked.
        unsafe { bpf(MAP_UPDATE, &mut attributes) }.map(drop)
    }

    /// Takes a value out.
    ///
    /// # Panics
    /// If the key is not of the map's size.
    pub(super) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        assert_eq!(key.len(), self.key_bytes, "keys have one size");
        let mut attributes = self.element(key, 0);
        // SAFETY: the kernel reads as many bytes of the key as the map was made with, and no value.
        unsafe { bpf(MAP_DELETE, &mut attributes) }.map(drop)
    }

    /// The sum of what all processors have at `key`. Allocates 64 KiB, of which it touches what there are processors.
    ///
    /// # Panics
    /// If the map is not one of numbers for each processor.
    pub(super) fn sum(&self, key: u32) -> Result<u64, Errno> {
        assert!(self.kind == MapKind::ArrayPerProcessor && self.value_bytes == 8 && self.key_bytes == 4);
        let key = key.to_ne_bytes();
        let mut values = vec![0_u64; XDP_PROCESSORS_MAX];
        let mut attributes = self.element(&key, values.as_mut_ptr() as u64);
        // SAFETY: the kernel reads four bytes of key and writes eight for each processor that the machine may have,
        // and no kernel can be built for more than there is room for.
        unsafe { bpf(MAP_LOOKUP, &mut attributes) }?;
        Ok(values.iter().fold(0, |sum, value| sum.wrapping_add(*value)))
    }

    fn element(&self, key: &[u8], value: u64) -> MapElement {
        MapElement { map: self.raw() as u32, padding: 0, key: key.as_ptr() as u64, value, flags: 0 }
    }
}

/// Gives a program to the kernel, which looks through all of its paths.
///
/// # Errors
/// The kernel's error number, and what its verifier has to say about the program, if it came so far.
pub(super) fn load_program(code: &[Instruction]) -> Result<OwnedFd, (Errno, String)> {
    // Without a log it is faster, and never fails for want of room for the log.
    load_with_log(code, &mut []).map_err(|errno| {
        let mut log = vec![0; XDP_VERIFIER_LOG_BYTES];
        let _again = load_with_log(code, &mut log);
        let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
        (errno, String::from_utf8_lossy(&log[..end]).trim_end().to_owned())
    })
}

fn load_with_log(code: &[Instruction], log: &mut [u8]) -> Result<OwnedFd, Errno> {
    let mut attributes = ProgramLoad {
        kind: PROGRAM_KIND_XDP,
        instructions: code.len() as u32,
        code: code.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        log_level: u32::from(!log.is_empty()),
        log_bytes: log.len() as u32,
        log: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
        kernel_version: 0,
        flags: 0,
        name: NAME,
        interface: 0,
        attach: ATTACH_XDP,
    };
    // SAFETY: the code is as many instructions as said, the licence ends with a zero, the log is as large as said, and
    // the command makes a descriptor.
    unsafe { bpf_descriptor(PROGRAM_LOAD, &mut attributes) }
}

/// Ties a program to an interface until the descriptor is closed, which the end of the process does too.
pub(super) fn attach(program: BorrowedFd<'_>, interface: u32, flags: u32) -> Result<OwnedFd, Errno> {
    let program = program.as_raw_fd() as u32;
    let mut attributes = LinkCreate { program, interface, attach: ATTACH_XDP, flags };
    // SAFETY: no address is in these attributes, and the command makes a descriptor.
    unsafe { bpf_descriptor(LINK_CREATE, &mut attributes) }
}

/// Takes a program off its interface, though somebody may still have the descriptor: a process that is forked at this
/// moment has it too, until it runs something else.
pub(super) fn detach(link: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut attributes = link.as_raw_fd() as u32;
    // SAFETY: no address is in these attributes, which are just the descriptor.
    unsafe { bpf(LINK_DETACH, &mut attributes) }.map(drop)
}

/// Runs a program on a packet without any interface, and returns its verdict.
#[cfg(test)]
pub(super) fn run(program: BorrowedFd<'_>, packet: &[u8]) -> Result<u32, Errno> {
    const PROGRAM_RUN: i32 = 10;
    #[repr(C)]
    struct ProgramRun {
        program: u32,
        verdict: u32,
        bytes_in: u32,
        bytes_out: u32,
        data_in: u64,
        data_out: u64,
        repeat: u32,
        duration: u32,
    }
    let mut attributes = ProgramRun {
        program: program.as_raw_fd() as u32,
        verdict: 0,
        bytes_in: packet.len() as u32,
        bytes_out: 0,
        data_in: packet.as_ptr() as u64,
        data_out: 0,
        repeat: 1,
        duration: 0,
    };
    // SAFETY: the packet is as large as said, and no output is asked for.
    unsafe { bpf(PROGRAM_RUN, &mut attributes) }?;
    Ok(attributes.verdict)
}
