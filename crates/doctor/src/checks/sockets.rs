//! Sockets on their way: ports, queues of those who come, TIME-WAIT of those who went, and the firewall's table between.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::limits::{BACKLOG_MAX, CONNECTIONS_PER_CLOSE, CONNTRACK_ENTRY_BYTES, PORTS_WIDE};
use crate::model::Kind;
use crate::show::{bytes, counted, grouped};

pub(super) fn ports(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let [first, last] = case.machine.numbers("net.ipv4.ip_local_port_range")?;
    let ports = last.saturating_add(1).saturating_sub(first).max(1);
    let wide = PORTS_WIDE[1] + 1 - PORTS_WIDE[0];
    // The kernel takes ports of one parity first; when those are used up, its search for others takes milliseconds a connect.
    let sources = case.connections.div_ceil((ports / 2).max(1));
    let found_fast = case.connections <= ports / 2 || ports >= wide;
    Some(Check {
        name: "port range".into(),
        is: format!("{first}-{last}, {}", counted(ports, "port", "ports")),
        needs: format!("as a client of one port: {}", counted(sources, "source address", "source addresses")),
        verdict: Verdict::holds_if(found_fast, Verdict::Weakens),
        why: "who connects has a port for each connection from one address to one port; half of the range is found fast (a server that \
              only accepts needs none)",
        remedies: vec![Remedy::setting(
            "net.ipv4.ip_local_port_range",
            format!("{} {}", PORTS_WIDE[0].min(first), PORTS_WIDE[1].max(last)),
        )],
    })
}

pub(super) fn accept_queue(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let needs = case.connections.min(BACKLOG_MAX);
    let why =
        "after a restart all come back at once; those for whom there is no room in the queue try again a second later";
    case.at_least("somaxconn", "net.core.somaxconn", needs, Verdict::Weakens, why)
}

pub(super) fn half_open(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let [backlog] = case.machine.numbers("net.ipv4.tcp_max_syn_backlog")?;
    let [cookies] = case.machine.numbers("net.ipv4.tcp_syncookies")?;
    let needs = case.connections.min(BACKLOG_MAX);
    let mut remedies = Vec::new();
    if cookies == 0 {
        remedies.push(Remedy::setting("net.ipv4.tcp_syncookies", 1));
    }
    remedies.push(Remedy::setting("net.ipv4.tcp_max_syn_backlog", needs.max(backlog)));
    Some(Check {
        name: "SYN backlog".into(),
        is: format!("{}, cookies {}", grouped(backlog), if cookies == 0 { "off" } else { "on" }),
        needs: format!("cookies, or {} or more", grouped(needs)),
        verdict: Verdict::holds_if(cookies != 0 || backlog >= needs, Verdict::Weakens),
        why: "half-open connections of a storm, or of an attack: beyond the backlog cookies answer, or nobody does",
        remedies,
    })
}

pub(super) fn time_wait(case: &Case<'_>) -> Option<Check> {
    case.on_kernel()?;
    let [buckets] = case.machine.numbers("net.ipv4.tcp_max_tw_buckets")?;
    let reuse = match case.machine.numbers("net.ipv4.tcp_tw_reuse") {
        Some([0]) => "no reuse",
        Some([2]) => "reuse on loopback",
        Some(_) => "reuse",
        None => "reuse not known",
    };
    let needs = case.connections.div_ceil(CONNECTIONS_PER_CLOSE);
    Some(Check {
        name: "TIME-WAIT".into(),
        is: format!("{}, {reuse}", grouped(buckets)),
        needs: format!("{} or more", grouped(needs)),
        verdict: Verdict::holds_if(buckets >= needs, Verdict::Weakens),
        why: "whoever closes first remembers the connection for a minute; what does not fit is forgotten at once, and late segments \
              meet strangers",
        remedies: vec![Remedy::setting("net.ipv4.tcp_max_tw_buckets", needs.max(buckets))],
    })
}

pub(super) fn conntrack(case: &Case<'_>) -> Option<Check> {
    // Frames that AF_XDP, DPDK and wires take never come to it.
    case.on(|kind| case.model.is_kernel() || *kind == Kind::Tap)?;
    let key = "net.netfilter.nf_conntrack_max";
    let [most] = case.machine.numbers(key)?;
    let [tracked] = case.machine.numbers("net.netfilter.nf_conntrack_count")?;
    let needs = case.connections.saturating_add(tracked);
    // The module may be there without a rule that uses it; then it tracks nothing.
    let or = if tracked == 0 { Verdict::Weakens } else { Verdict::Breaks };
    let enough = needs.saturating_add(needs / 4).max(most);
    Some(Check {
        name: "conntrack".into(),
        is: format!("{}, {} tracked now", grouped(most), grouped(tracked)),
        needs: format!("{} or more, {}", grouped(needs), bytes(needs.saturating_mul(CONNTRACK_ENTRY_BYTES))),
        verdict: Verdict::holds_if(most >= needs, or),
        why: "where a rule of the firewall looks at states, each connection has an entry, and packets of new ones beyond are dropped",
        remedies: vec![
            Remedy::setting(key, enough),
            Remedy::words(
                "or do not track it: `iptables -t raw -A PREROUTING -p tcp --dport PORT -j NOTRACK` and `iptables -t raw -A OUTPUT -p tcp \
                 --sport PORT -j NOTRACK`",
            ),
        ],
    })
}
