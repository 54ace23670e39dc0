//! Descriptors: of a process, of the machine, and of the calls that wait for them.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::limits::{
    DESCRIPTORS_PER_WORKER, DESCRIPTORS_RESERVED, FILES_OF_OTHERS, POLL_CONNECTIONS, RING_DESCRIPTORS_MAX,
    SELECT_DESCRIPTORS,
};
use crate::machine::{Capability, Range};
use crate::model::Kind;
use crate::show::{counted, grouped};

/// Descriptors of the process, its own among them.
fn needed(case: &Case<'_>) -> u64 {
    let own = DESCRIPTORS_RESERVED + case.process.processors * DESCRIPTORS_PER_WORKER;
    case.connections.saturating_add(own)
}

pub(super) fn select(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| *kind == Kind::Select)?;
    let needs = case.connections.saturating_add(DESCRIPTORS_RESERVED);
    Some(Check {
        name: "select".into(),
        is: format!("{} descriptors", grouped(SELECT_DESCRIPTORS)),
        needs: grouped(needs),
        verdict: Verdict::holds_if(needs <= SELECT_DESCRIPTORS, Verdict::Breaks),
        why: "select(2) names descriptors in sets of 1,024 bits, and no setting changes that",
        remedies: vec![Remedy::words("choose another model: --io epoll, or --io poll where there is no epoll")],
    })
}

pub(super) fn poll(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| *kind == Kind::Poll)?;
    Some(Check {
        name: "poll".into(),
        is: format!("every call hands over {} descriptors", grouped(case.connections)),
        needs: format!("{} or fewer", grouped(POLL_CONNECTIONS)),
        verdict: Verdict::holds_if(case.connections <= POLL_CONNECTIONS, Verdict::Weakens),
        why: "poll(2) looks at every descriptor in every call, also at those on which nothing happens",
        remedies: vec![Remedy::words("choose a model that only names those with news: --io epoll")],
    })
}

pub(super) fn nr_open(case: &Case<'_>) -> Option<Check> {
    const KEY: &str = "fs.nr_open";
    case.on_kernel()?;
    case.on(|kind| *kind != Kind::Uring)?;
    let [is] = case.machine.numbers(KEY)?;
    let why = "no limit of descriptors of a process can be set above it";
    let check = case.at_least("nr_open", KEY, needed(case), Verdict::Breaks, why)?;
    // A power of two, as the kernel grows its tables.
    let enough = needed(case).checked_next_power_of_two().unwrap_or(u64::MAX);
    let value = if is >= needed(case) { is } else { enough };
    Some(Check { remedies: vec![Remedy::setting(KEY, value)], ..check })
}

pub(super) fn descriptors(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let range = case.process.descriptors?;
    let is = format!("{} (soft {})", grouped(range.hard), grouped(range.soft));
    if case.model.kind == Kind::Uring {
        return Some(rings(case, range, is));
    }
    let needs = needed(case);
    Some(Check {
        name: "descriptors".into(),
        is,
        needs: format!("{} or more, hard", grouped(needs)),
        verdict: Verdict::holds_if(range.hard >= needs, Verdict::Breaks),
        why: "each connection that the kernel carries is a descriptor of the process, which raises its soft limit to the hard one",
        remedies: raise(case, needs),
    })
}

/// How to raise the limit of a process to a power of two that is enough, but not beyond what may be set.
fn raise(case: &Case<'_>, needs: u64) -> Vec<Remedy> {
    let enough = needs.checked_next_power_of_two().unwrap_or(u64::MAX);
    let most = case.machine.numbers("fs.nr_open").map(|[most]| most).filter(|most| *most >= needs);
    let limit = most.map_or(enough, |most| enough.min(most));
    vec![
        Remedy::words(format!("LimitNOFILE={limit} in the unit of systemd")),
        Remedy::words(format!("or `ulimit -n {limit}` as root in the shell that starts it")),
        Remedy::words(format!(
            "or, from the next login, `* - nofile {limit}` and `root - nofile {limit}` in /etc/security/limits.d/90-crore.conf"
        )),
    ]
}

/// Direct descriptors are entries of a ring's table, and each table has the limit of the process.
fn rings(case: &Case<'_>, range: Range, is: String) -> Check {
    let table = range.hard.clamp(1, RING_DESCRIPTORS_MAX);
    let rings = case.connections.div_ceil(table);
    let each = case.connections.div_ceil(case.process.processors).min(RING_DESCRIPTORS_MAX);
    Check {
        name: "descriptors".into(),
        is,
        needs: format!("{} of direct descriptors, {} each", counted(rings, "ring", "rings"), grouped(table)),
        verdict: Verdict::holds_if(rings <= case.process.processors, Verdict::Weakens),
        why: "a ring has a table of as many direct descriptors as a process may open, and each ring more is a system call more in a turn",
        remedies: raise(case, each),
    }
}

pub(super) fn file_max(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let [open, _, _] = case.machine.numbers("fs.file-nr")?;
    let needs = needed(case).saturating_add(open).saturating_add(FILES_OF_OTHERS);
    // Who may do everything may also open files above it.
    let or = if case.may(Capability::SysAdmin) { Verdict::Weakens } else { Verdict::Breaks };
    let why =
        "open files of the whole machine, and each socket is one, also with direct descriptors; only root opens more";
    case.at_least("file-max", "fs.file-max", needs, or, why)
}

pub(super) fn epoll_watches(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| *kind == Kind::Epoll)?;
    let why = "each connection is watched by an epoll, and the kernel bounds what a user watches";
    case.at_least("epoll watches", "fs.epoll.max_user_watches", needed(case), Verdict::Breaks, why)
}
