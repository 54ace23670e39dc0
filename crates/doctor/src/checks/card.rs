//! Network interfaces: how packets are spread over processors, in both directions.
//!
//! What is about queues is asked of interfaces with a device behind them: those of bonds, bridges, VLANs and virtual cables are nobody's
//! work, but for AF_XDP, which serves them.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::limits::STEERED_FLOWS_MAX;
use crate::machine::Card;
use crate::model::Kind;
use crate::show::{counted, grouped};

/// Whether a queue's set of processors, hexadecimal words between commas, has any.
fn is_set(mask: &str) -> bool {
    mask.bytes().any(|digit| digit.is_ascii_hexdigit() && digit != b'0')
}

/// The set of these processors, as the kernel writes it.
fn mask(processors: &[u64]) -> String {
    let words = processors.iter().max().map_or(1, |last| last / 32 + 1);
    let word = |number: u64| {
        let own = processors.iter().filter(|processor| *processor / 32 == number);
        own.fold(0_u32, |word, processor| word | 1 << (processor % 32))
    };
    let mut text = format!("{:x}", word(words - 1));
    (0..words - 1).rev().for_each(|number| text += &format!(",{:08x}", word(number)));
    text
}

/// The queues of those given whose file of a set is there and empty.
fn without<'a>(case: &Case<'_>, queues: &'a [String], file: &str) -> Vec<&'a String> {
    let is_empty = |queue: &&String| case.machine.text(&format!("{queue}/{file}")).is_some_and(|mask| !is_set(&mask));
    queues.iter().filter(is_empty).collect()
}

/// Whether all queues hand what they receive to other processors.
fn is_steered(case: &Case<'_>, card: &Card) -> bool {
    let known = card.receive_queues.iter().any(|queue| case.machine.text(&format!("{queue}/rps_cpus")).is_some());
    known && without(case, &card.receive_queues, "rps_cpus").is_empty()
}

pub(super) fn bond(case: &Case<'_>, card: &Card) -> Option<Check> {
    let first = |file: &str| card.text(case.machine, file)?.split_whitespace().next().map(str::to_owned);
    let mode = first("bonding/mode")?;
    let policy = first("bonding/xmit_hash_policy").unwrap_or_default();
    let is_up = |name: &&String| {
        case.machine.text(&format!("/sys/class/net/{name}/operstate")).is_some_and(|state| state == "up")
    };
    let up = card.members.iter().filter(is_up).count() as u64;
    let members = card.members.len() as u64;
    let spreads = matches!(mode.as_str(), "802.3ad" | "balance-xor");
    let narrow = spreads && policy.starts_with("layer2") && members > 1;
    let hash = if spreads { format!(", hash {policy}") } else { String::new() };
    let verdict = match up {
        0 => Verdict::Breaks,
        _ => Verdict::holds_if(up == members && !narrow, Verdict::Weakens),
    };
    Some(Check {
        name: format!("bond {}", card.name),
        is: format!("{mode}{hash}, {up} of {} up", counted(members, "member", "members")),
        needs: "all members up; where it spreads, hash layer3+4".into(),
        verdict,
        why: "behind a router all frames have one address on the link, and by that alone all would leave through one member",
        remedies: vec![Remedy::words(format!(
            "ip link set {} type bond xmit_hash_policy layer3+4 (the switch chooses for what comes in); look at the cables of members \
             that are down",
            card.name
        ))],
    })
}

pub(super) fn queues(case: &Case<'_>, card: &Card) -> Option<Check> {
    let is_xdp = matches!(case.model.kind, Kind::Xdp { .. });
    (card.is_physical || is_xdp).then_some(())?;
    let (receive, send) = (card.receive_queues.len() as u64, card.send_queues.len() as u64);
    if receive == 0 {
        return None;
    }
    let processors = case.process.processors;
    let is_enough = if is_xdp { receive == processors } else { receive >= processors || is_steered(case, card) };
    let (needs, why) = match is_xdp {
        true => (
            format!("{processors}, or as many workers as queues"),
            "each worker has a queue of its own, and a queue without one would be deaf",
        ),
        false => (
            format!("{processors}, or steering by the kernel"),
            "a queue is emptied by one processor; with fewer queues than processors those that serve wait for it",
        ),
    };
    let workers = if is_xdp { format!("; or crore serve --workers {receive}") } else { String::new() };
    Some(Check {
        name: format!("queues of {}", card.name),
        is: format!("{} to receive, {} to send", grouped(receive), grouped(send)),
        needs,
        verdict: Verdict::holds_if(is_enough, Verdict::Weakens),
        why,
        remedies: vec![Remedy::words(format!(
            "ethtool -L {} combined {processors}, if `ethtool -l {}` says that it has so many{workers}",
            card.name, card.name
        ))],
    })
}

pub(super) fn interrupts(case: &Case<'_>, card: &Card) -> Option<Check> {
    let found = card.interrupted(case.machine)?.len() as u64;
    let queues = card.receive_queues.len() as u64;
    let needs = queues.min(case.process.processors).max(1);
    Some(Check {
        name: format!("interrupts of {}", card.name),
        is: format!("on {}", counted(found, "processor", "processors")),
        needs: format!("{} or more", grouped(needs)),
        verdict: Verdict::holds_if(found >= needs, Verdict::Weakens),
        why: "a queue is emptied where its interrupt goes; several on one processor are as slow as one queue",
        remedies: vec![Remedy::words(
            "systemctl enable --now irqbalance, or one processor for each queue: `echo N > /proc/irq/IRQ/smp_affinity_list` for the \
             numbers in /proc/interrupts",
        )],
    })
}

/// Receive packet steering: the kernel's own spreading where the interface has too few queues.
pub(super) fn receive_steering(case: &Case<'_>, card: &Card) -> Option<Check> {
    case.on_kernel()?;
    let processors = case.process.processors;
    let receive = card.receive_queues.len() as u64;
    if receive == 0 || receive >= processors || !card.is_physical {
        return None;
    }
    let missing = without(case, &card.receive_queues, "rps_cpus");
    let steered = is_steered(case, card);
    let files = card.receive_queues.iter().map(|queue| format!("{queue}/rps_cpus"));
    Some(Check {
        name: format!("RPS of {}", card.name),
        is: if steered { "on".into() } else { format!("off on {}", counted(missing.len() as u64, "queue", "queues")) },
        needs: format!("on: {receive} of {processors} processors have a queue"),
        verdict: Verdict::holds_if(steered, Verdict::Weakens),
        why: "the kernel can spread what few queues receive over all processors by its own hash",
        remedies: files.map(|path| Remedy::File { path, value: mask(&case.process.allowed) }).collect(),
    })
}

/// Receive flow steering: packets go to the processor whose worker reads them. It builds on RPS.
pub(super) fn flow_steering(case: &Case<'_>, card: &Card) -> Option<Check> {
    case.on_kernel()?;
    (is_steered(case, card) && card.is_physical).then_some(())?;
    let key = "net.core.rps_sock_flow_entries";
    let [entries] = case.machine.numbers(key)?;
    let needs = case.connections.min(STEERED_FLOWS_MAX).next_power_of_two();
    let queues = card.receive_queues.len() as u64;
    let each = needs.div_ceil(queues);
    let files = card.receive_queues.iter().map(|queue| format!("{queue}/rps_flow_cnt"));
    let queued = files.clone().filter_map(|file| case.machine.number(&file)).fold(0, u64::saturating_add);
    let remedies = files.map(|path| Remedy::File { path, value: each.to_string() });
    Some(Check {
        name: format!("RFS of {}", card.name),
        is: format!("{} flows, {} of its queues", grouped(entries), grouped(queued)),
        needs: format!("{} or more of both", grouped(needs)),
        verdict: Verdict::holds_if(entries >= needs && queued >= needs, Verdict::Weakens),
        why: "with it a packet goes to the processor of the worker that has the connection, and not from one to the other",
        remedies: std::iter::once(Remedy::setting(key, needs.max(entries))).chain(remedies).collect(),
    })
}

/// Transmit packet steering: which queue a processor sends through.
pub(super) fn transmit_steering(case: &Case<'_>, card: &Card) -> Option<Check> {
    case.on_kernel()?;
    if card.send_queues.len() < 2 || case.process.processors < 2 || !card.is_physical {
        return None;
    }
    let known: Vec<&String> =
        card.send_queues.iter().filter(|queue| case.machine.text(&format!("{queue}/xps_cpus")).is_some()).collect();
    if known.is_empty() {
        return None;
    }
    let missing = without(case, &card.send_queues, "xps_cpus").len();
    Some(Check {
        name: format!("XPS of {}", card.name),
        is: format!("{} of {} have processors", known.len() - missing, counted(known.len() as u64, "queue", "queues")),
        needs: "all, or none has and the driver chooses".into(),
        verdict: Verdict::holds_if(missing == 0 || missing == known.len(), Verdict::Weakens),
        why: "a queue of its own for each processor is one that it need not wait for",
        remedies: vec![Remedy::words(format!(
            "give each queue its processors: `echo MASK > /sys/class/net/{}/queues/tx-N/xps_cpus`; drivers do it themselves when their \
             queues are set anew (ethtool -L)",
            card.name
        ))],
    })
}

/// What the kernel would do itself for each packet. For AF_XDP it matters only at the other end.
pub(super) fn offloads(case: &Case<'_>, card: &Card) -> Option<Check> {
    case.on_kernel()?;
    card.is_physical.then_some(())?;
    let on = case.machine.driver(&card.name)?.offloads;
    let state = |is: bool| if is { "on" } else { "off" };
    Some(Check {
        name: format!("offloads of {}", card.name),
        is: format!("checksums {}, TSO {}, GRO {}", state(on.checksums), state(on.segmentation), state(on.coalescing)),
        needs: "all on".into(),
        verdict: Verdict::holds_if(on.checksums && on.segmentation && on.coalescing, Verdict::Weakens),
        why: "without them the kernel sums, cuts and hands on packet by packet, which shows with large payloads first",
        remedies: vec![Remedy::words(format!(
            "ethtool -K {} tx on tso on gro on, as far as its driver can",
            card.name
        ))],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_processors_are_words_of_thirty_two() {
        let first = |count: u64| (0..count).collect::<Vec<_>>();
        let masks = [first(1), first(8), first(32), first(33), vec![4, 5], vec![0, 64], vec![]].map(|set| mask(&set));
        assert_eq!(masks[..4], ["1", "ff", "ffffffff", "1,ffffffff"]);
        assert_eq!(masks[4..], ["30", "1,00000000,00000001", "0"]);
        assert!(masks[..6].iter().all(|mask| is_set(mask)) && !is_set(&masks[6]));
        assert!(!is_set("0") && !is_set("00000000,00000000") && !is_set(""));
    }
}
