//! What TCP sockets may keep in the kernel: all together, and each.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::limits::{CONNECTIONS_PER_BUSY, PAGE_BYTES};
use crate::show::{bytes, grouped};

/// Connections with something under way at one time.
fn busy(case: &Case<'_>) -> u64 {
    case.connections.div_ceil(CONNECTIONS_PER_BUSY)
}

pub(super) fn all(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let [_, _, most] = case.machine.numbers("net.ipv4.tcp_mem")?;
    let needs = busy(case);
    let enough = needs.max(most);
    Some(Check {
        name: "tcp_mem".into(),
        is: format!("{} pages, {}", grouped(most), bytes(most.saturating_mul(PAGE_BYTES))),
        needs: format!("{} or more, {}", grouped(needs), bytes(needs.saturating_mul(PAGE_BYTES))),
        verdict: Verdict::holds_if(most >= needs, Verdict::Breaks),
        why: "a socket with anything unread or not acknowledged takes a page at least, an idle one none; above the bound the kernel \
              drops data of everybody (counted: one connection in ten)",
        remedies: vec![Remedy::setting("net.ipv4.tcp_mem", format!("{} {} {enough}", enough / 2, enough / 4 * 3))],
    })
}

pub(super) fn receive(case: &Case<'_>) -> Option<Check> {
    let why = "what a client sends and nobody reads fills up to this, and its smallest is kept for each also when memory is short";
    buffer(case, "tcp_rmem", "net.ipv4.tcp_rmem", why)
}

pub(super) fn send(case: &Case<'_>) -> Option<Check> {
    let why = "what a slow client does not take fills up to this, and its smallest is kept for each also when memory is short";
    buffer(case, "tcp_wmem", "net.ipv4.tcp_wmem", why)
}

/// Smallest, default and largest buffer of a socket. Full ones of the busy connections must fit the memory.
fn buffer(case: &Case<'_>, name: &str, key: &'static str, why: &'static str) -> Option<Check> {
    case.on_kernel()?;
    let [least, default, most] = case.machine.numbers(key)?;
    let memory = case.machine.line("/proc/meminfo", "MemTotal")?;
    let share = (memory / busy(case)).max(PAGE_BYTES);
    let fitting = if default <= share { default } else { 1 << share.ilog2() };
    Some(Check {
        name: name.into(),
        is: format!("{least} {default} {most}"),
        needs: format!("smallest {PAGE_BYTES}, default {fitting} or less"),
        verdict: Verdict::holds_if(least <= PAGE_BYTES && default <= share, Verdict::Weakens),
        why,
        remedies: vec![Remedy::setting(key, format!("{} {fitting} {}", least.min(PAGE_BYTES), most.max(fitting)))],
    })
}
