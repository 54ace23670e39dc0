//! Memory: is there enough, on which pages, and what may be locked.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::limits::{
    KERNEL_CORE_BYTES, KERNEL_SOCKET_BYTES, KERNEL_USER_BYTES, MAPS, MEMORY_FREE_PART, OWN_CORE_BYTES, OWN_USER_BYTES,
    PROGRAM_BYTES, SWAPPINESS_MAX, THREADS_BESIDE, URING_CORE_BYTES, URING_LOCKED_BYTES, URING_SOCKET_BYTES,
};
use crate::machine::Capability;
use crate::model::Kind;
use crate::show::bytes;

/// Bytes that the connections take, idle, with the program and its cores.
pub(super) fn needed(case: &Case<'_>) -> u64 {
    let (each, core) = match &case.model.kind {
        Kind::Uring => (URING_SOCKET_BYTES + KERNEL_USER_BYTES, URING_CORE_BYTES),
        _ if case.model.is_kernel() => (KERNEL_SOCKET_BYTES + KERNEL_USER_BYTES, KERNEL_CORE_BYTES),
        _ => (OWN_USER_BYTES, OWN_CORE_BYTES),
    };
    case.connections.saturating_mul(each).saturating_add(case.process.processors * core + PROGRAM_BYTES)
}

/// What `bytes` are made of.
fn parts(case: &Case<'_>) -> String {
    let needs = bytes(needed(case));
    if !case.model.is_kernel() {
        return format!("{needs}: {OWN_USER_BYTES} bytes each, and the cores");
    }
    let socket = if case.model.kind == Kind::Uring { URING_SOCKET_BYTES } else { KERNEL_SOCKET_BYTES };
    let kernel = bytes(case.connections.saturating_mul(socket));
    format!("{needs}: {kernel} in the kernel, {} ours", bytes(case.connections.saturating_mul(KERNEL_USER_BYTES)))
}

pub(super) fn available(case: &Case<'_>) -> Option<Check> {
    let available = case.machine.line("/proc/meminfo", "MemAvailable")?;
    let total = case.machine.line("/proc/meminfo", "MemTotal")?;
    let needs = needed(case);
    let verdict = match available.checked_sub(needs) {
        None => Verdict::Breaks,
        Some(left) if left < total / MEMORY_FREE_PART => Verdict::Weakens,
        Some(_) => Verdict::Holds,
    };
    let smaller = if case.model.is_kernel() { "our own TCP/IP takes 407 bytes each (--io xdp:IFACE); or " } else { "" };
    Some(Check {
        name: "memory".into(),
        is: format!("{} available of {}", bytes(available), bytes(total)),
        needs: parts(case),
        verdict,
        why: "measured for subscribers that wait; what is under way, history and TLS (3.7 kB each) come on top",
        remedies: vec![Remedy::words(format!(
            "{smaller}fewer connections here, on more machines: crore plan --connections {}",
            case.connections
        ))],
    })
}

pub(super) fn overcommit(case: &Case<'_>) -> Option<Check> {
    let [mode] = case.machine.numbers("vm.overcommit_memory")?;
    let name = match mode {
        0 => "0, by its own judgement",
        1 => "1, always",
        _ => "2, never more than there is",
    };
    Some(Check {
        name: "overcommit".into(),
        is: name.into(),
        needs: "0 or 1".into(),
        verdict: Verdict::holds_if(mode < 2, Verdict::Weakens),
        why: "tables reserve address space for the most that they may ever hold, and take memory as they are filled",
        remedies: vec![Remedy::setting("vm.overcommit_memory", 0)],
    })
}

pub(super) fn transparent_huge_pages(case: &Case<'_>) -> Option<Check> {
    const FILE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
    let text = case.machine.text(FILE)?;
    let mode = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))?;
    Some(Check {
        name: "transparent huge pages".into(),
        is: mode.into(),
        needs: "madvise or always".into(),
        verdict: Verdict::holds_if(mode != "never", Verdict::Weakens),
        why: "tables from 8 MiB on stand on huge pages; on ordinary ones a connection that has not spoken for long takes a third longer",
        remedies: vec![Remedy::File { path: FILE.into(), value: "madvise".into() }],
    })
}

pub(super) fn locked(case: &Case<'_>) -> Option<Check> {
    let (needs, or, why) = match &case.model.kind {
        Kind::Xdp { .. } => (
            case.process.processors * OWN_CORE_BYTES,
            Verdict::Breaks,
            "the kernel locks the frames of each queue in memory, because the interface writes into them",
        ),
        Kind::Uring => (
            URING_LOCKED_BYTES,
            Verdict::Weakens,
            "what is sent without copying is locked until it has left; beyond the limit it is copied",
        ),
        _ => return None,
    };
    let range = case.process.locked?;
    let is_free = case.may(Capability::IpcLock);
    let kib = needs.div_ceil(1_024);
    Some(Check {
        name: "locked memory".into(),
        is: format!("{}{}", bytes(range.soft), if is_free { ", and CAP_IPC_LOCK: no limit" } else { "" }),
        needs: format!("{} or more", bytes(needs)),
        verdict: Verdict::holds_if(is_free || range.soft >= needs, or),
        why,
        remedies: vec![
            Remedy::words("LimitMEMLOCK=infinity in the unit of systemd"),
            Remedy::words(format!("or `ulimit -l {kib}` as root in the shell that starts it")),
            Remedy::words(format!(
                "or, from the next login, `* - memlock {kib}` in /etc/security/limits.d/90-crore.conf"
            )),
        ],
    })
}

pub(super) fn maps(case: &Case<'_>) -> Option<Check> {
    let threads = THREADS_BESIDE + 2 * case.process.processors;
    let why = "each table is a map and each thread has two; their number does not grow with the connections";
    case.at_least("max_map_count", "vm.max_map_count", MAPS + 2 * threads, Verdict::Breaks, why)
}

pub(super) fn swap(case: &Case<'_>) -> Option<Check> {
    let swap = case.machine.line("/proc/meminfo", "SwapTotal")?;
    let [swappiness] = case.machine.numbers("vm.swappiness")?;
    let is = if swap == 0 { "none".into() } else { format!("{}, swappiness {swappiness}", bytes(swap)) };
    Some(Check {
        name: "swap".into(),
        is,
        needs: format!("none, or swappiness {SWAPPINESS_MAX} or less"),
        verdict: Verdict::holds_if(swap == 0 || swappiness <= SWAPPINESS_MAX, Verdict::Weakens),
        why: "idle connections look like memory that nobody needs; a push to them then waits for a disk, and its core with it",
        remedies: vec![Remedy::setting("vm.swappiness", swappiness.min(SWAPPINESS_MAX))],
    })
}
