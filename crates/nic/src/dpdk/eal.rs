//! DPDK's environment (EAL), which a process starts once, with the first device.
//!
//! It is kept from all that a process of ours has itself: no files or sockets that outlive it, no telemetry thread, no lines on
//! the terminal, no thread of ours pinned to a processor of its choice. What stays is one thread that waits for interrupts.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::error::DpdkError;
use super::name::Device;
use super::shim;
use crate::limits::{DPDK_ORDINARY_MIB, DPDK_OWN_BYTES, DPDK_QUEUE_BYTES, DPDK_SAID_BYTES_MAX};

/// Where the kernel says how many huge pages there are, by size.
const HUGE_PAGES: &str = "/sys/kernel/mm/hugepages";

/// How EAL was started in this process; none: not yet.
static STARTED: Mutex<Option<Result<Buses, DpdkError>>> = Mutex::new(None);

/// The errors that DPDK has spoken of since the last device was asked for, as far as they fit.
static SAID: Mutex<String> = Mutex::new(String::new());

/// What EAL looks for devices on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Buses {
    Virtual,
    Pci,
}

/// Sees to it that EAL runs and can have `device`, then lets `open` use it; one caller at a time.
pub(super) fn with<T>(
    device: &Device,
    queues: u16,
    open: impl FnOnce() -> Result<T, DpdkError>,
) -> Result<T, DpdkError> {
    let wanted = if device.is_pci() { Buses::Pci } else { Buses::Virtual };
    said().clear();
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    // A start that failed leaves DPDK half made: it cannot be tried again.
    let buses = started.get_or_insert_with(|| start(device, queues).map(|()| wanted)).clone()?;
    if wanted == Buses::Pci && buses == Buses::Virtual {
        return Err(DpdkError::PciTooLate);
    }
    open()
}

/// What failed, with the reason that DPDK gave.
pub(super) fn failed(what: &'static str, code: shim::Code) -> DpdkError {
    DpdkError::Failed { what, error: io::Error::from_raw_os_error(code).to_string(), said: said().clone() }
}

fn said() -> MutexGuard<'static, String> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(device: &Device, queues: u16) -> Result<(), DpdkError> {
    let needed = DPDK_OWN_BYTES + u64::from(queues) * DPDK_QUEUE_BYTES;
    let free = free_huge_bytes(Path::new(HUGE_PAGES));
    match free >= needed {
        true => tracing::info!(free_mib = free >> 20, "DPDK uses huge pages"),
        false => tracing::info!(
            free_mib = free >> 20,
            needed_mib = needed >> 20,
            "DPDK uses ordinary pages, because too few huge ones are free: sysctl vm.nr_hugepages says how many there are"
        ),
    }
    let texts = arguments(device, free >= needed, first_processor());
    let texts = texts.into_iter().map(|text| CString::new(text).expect("the device string has no zero")).collect();
    shim::log_to(hear).map_err(|code| failed("keep its log", code))?;
    // EAL pins the thread that starts it, so that one ends.
    let starting = thread::Builder::new().name("dpdk-start".to_owned()).spawn(move || shim::start(texts));
    let started = starting.map_err(|error| failed("have a thread", error.raw_os_error().unwrap_or(libc::EAGAIN)))?;
    started.join().expect("the thread does not panic").map_err(|code| failed("start DPDK", code))
}

/// EAL's command line.
fn arguments(device: &Device, huge: bool, processor: usize) -> Vec<String> {
    let mut arguments = vec![
        "crore".to_owned(),
        "--no-telemetry".to_owned(),
        "--log-level=warning".to_owned(),
        format!("--lcores=0@{processor}"),
    ];
    match device.is_pci() {
        true => arguments.extend(["-a".to_owned(), device.text().to_owned()]),
        false => arguments.push("--no-pci".to_owned()),
    }
    // Nothing is shared with other processes. With ordinary pages that is another option, because the first one implies huge ones.
    match huge {
        true => arguments.push("--in-memory".to_owned()),
        false => arguments.extend(["--no-shconf", "--no-huge", "-m"].map(str::to_owned)),
    }
    arguments.extend((!huge).then(|| DPDK_ORDINARY_MIB.to_string()));
    arguments
}

/// A processor that this process may use: EAL refuses others.
fn first_processor() -> usize {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap_or_default();
    (0..rustix::thread::CpuSet::MAX_CPU).find(|&processor| allowed.is_set(processor)).unwrap_or(0)
}

/// Bytes of huge pages of all sizes that nobody has.
fn free_huge_bytes(folder: &Path) -> u64 {
    let bytes = |size: fs::DirEntry| {
        let kib: u64 = size.file_name().to_str()?.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let free: u64 = fs::read_to_string(size.path().join("free_hugepages")).ok()?.trim().parse().ok()?;
        Some(free * kib * 1024)
    };
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(bytes).sum()
}

/// Puts a line of DPDK's log into ours.
fn hear(is_error: bool, line: &str) {
    if !is_error {
        tracing::info!(target: "dpdk", "{line}");
        return;
    }
    tracing::warn!(target: "dpdk", "{line}");
    let mut said = said();
    if !said.is_empty() {
        said.push_str("; ");
    }
    said.push_str(line);
    let end = said.floor_char_boundary(DPDK_SAID_BYTES_MAX);
    said.truncate(end);
}

#[cfg(test)]
mod tests;
