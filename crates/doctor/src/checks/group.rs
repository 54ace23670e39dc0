//! What the control groups of a container or of a systemd unit leave us.

use super::{Case, memory as needs_of_memory};
use crate::check::{Check, Remedy, Verdict};
use crate::limits::THREADS_BESIDE;
use crate::show::{bytes, grouped};

pub(super) fn memory(case: &Case<'_>) -> Option<Check> {
    let bound = case.groups.memory?;
    let needs = needs_of_memory::needed(case);
    let limit = needs.saturating_add(bound.used);
    Some(Check {
        name: "cgroup memory".into(),
        is: format!("{} left of {}", bytes(bound.left()), bytes(bound.limit)),
        needs: bytes(needs),
        verdict: Verdict::holds_if(bound.left() >= needs, Verdict::Breaks),
        why: "the kernel's memory of our sockets counts, too; who needs more is killed",
        remedies: vec![Remedy::words(format!(
            "MemoryMax={limit} in the unit of systemd, `docker run --memory {limit}`, or memory.max of the group"
        ))],
    })
}

pub(super) fn tasks(case: &Case<'_>) -> Option<Check> {
    let bound = case.groups.tasks?;
    let workers = case.process.processors;
    // Without these it does not start; the pools' threads come when there is work.
    let least = workers + 2;
    let needs = 2 * workers + THREADS_BESIDE;
    let limit = needs.saturating_add(bound.used);
    let verdict = match bound.left() {
        left if left < least => Verdict::Breaks,
        left if left < needs => Verdict::Weakens,
        _ => Verdict::Holds,
    };
    Some(Check {
        name: "cgroup tasks".into(),
        is: format!("{} left of {}", grouped(bound.left()), grouped(bound.limit)),
        needs: format!("{} or more", grouped(needs)),
        verdict,
        why: "a thread for each core, as many that compute, and up to 128 that wait for disks and name servers",
        remedies: vec![Remedy::words(format!(
            "TasksMax={limit} in the unit of systemd, `docker run --pids-limit {limit}`, or pids.max of the group"
        ))],
    })
}

pub(super) fn processors(case: &Case<'_>) -> Option<Check> {
    let millis = case.groups.processor_millis?;
    let processors = case.process.processors;
    let whole = (millis / 1_000).max(1);
    Some(Check {
        name: "cgroup processors".into(),
        is: format!("{}.{:02} of {processors}", millis / 1_000, millis % 1_000 / 10),
        needs: format!("{processors}, or fewer workers"),
        verdict: Verdict::holds_if(millis >= processors.saturating_mul(1_000), Verdict::Weakens),
        why: "workers follow the processors, not the quota; when it is used up, all of them stand still for the rest of the period",
        remedies: vec![Remedy::words(format!(
            "crore serve --workers {whole}; or CPUQuota={}% in the unit of systemd, `docker run --cpus {processors}`",
            processors.saturating_mul(100)
        ))],
    })
}
