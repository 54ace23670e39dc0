//! What an interface needs when its frames come to us before the kernel makes packets of them.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::limits::XDP_MTU_BYTES;
use crate::machine::Card;
use crate::model::Kind;
use crate::show::grouped;

/// The interface that was named, whether it is there or not.
pub(super) fn interface(case: &Case<'_>) -> Option<Check> {
    let Kind::Xdp { interface, namespace } = &case.model.kind else { return None };
    let (is, verdict) = match (namespace, case.cards.first()) {
        (Some(namespace), _) => (format!("in namespace {namespace}, which is not looked into"), Verdict::Holds),
        (None, None) => ("not there".into(), Verdict::Breaks),
        (None, Some(card)) => state(case, card),
    };
    Some(Check {
        name: format!("interface {interface}"),
        is,
        needs: format!("up, with a signal, MTU {} or less", grouped(XDP_MTU_BYTES)),
        verdict,
        why: "frames come only through an interface that is there, and a packet has to fit a frame of 2 KiB",
        remedies: vec![Remedy::words(format!("ip link set {interface} up mtu 1500 (names: `ip link`)"))],
    })
}

fn state(case: &Case<'_>, card: &Card) -> (String, Verdict) {
    let state = card.text(case.machine, "operstate").unwrap_or_default();
    let mtu = card.text(case.machine, "mtu").and_then(|mtu| mtu.parse().ok()).unwrap_or(0);
    let speed = card.text(case.machine, "speed").and_then(|speed| speed.parse().ok()).filter(|speed: &u64| *speed > 0);
    let speed = speed.map_or_else(String::new, |speed| format!(", {} Mbit/s", grouped(speed)));
    // Virtual interfaces do not know, and say so.
    let works = matches!(state.as_str(), "up" | "unknown") && mtu <= XDP_MTU_BYTES;
    (format!("{state}, MTU {}{speed}", grouped(mtu)), Verdict::holds_if(works, Verdict::Breaks))
}

/// What the driver can do, and whether somebody else is there already.
pub(super) fn xdp(case: &Case<'_>, card: &Card) -> Option<Check> {
    case.on(|kind| matches!(kind, Kind::Xdp { .. }))?;
    let driver = case.machine.driver(&card.name)?;
    let name = card.driver(case.machine).unwrap_or_else(|| "virtual".into());
    let (mode, verdict) = match driver.xdp {
        None => ("not known before Linux 6.3", Verdict::Holds),
        Some(support) if !support.native => ("generic mode only", Verdict::Weakens),
        Some(support) if !support.zero_copy => ("native, frames copied", Verdict::Holds),
        Some(_) => ("native, zero-copy", Verdict::Holds),
    };
    let (taken, verdict) = match driver.program {
        Some(number) => (format!(", program {number} attached"), Verdict::Breaks),
        None => (String::new(), verdict),
    };
    let remedy = match driver.program {
        Some(_) => format!("end what has attached the program, or `ip link set {} xdp off`", card.name),
        None => "an interface whose driver runs XDP programs itself (ixgbe, i40e, ice, igc, mlx5, virtio_net, ena, veth and others)".into(),
    };
    Some(Check {
        name: format!("XDP on {}", card.name),
        is: format!("{name}: {mode}{taken}"),
        needs: "native mode, no other program".into(),
        verdict,
        why: "in generic mode the kernel makes a packet of each frame before we see it, which costs most of what the model gains",
        remedies: vec![Remedy::words(remedy)],
    })
}

/// The other end of a virtual cable has no device that would write checksums.
pub(super) fn checksums(case: &Case<'_>, card: &Card) -> Option<Check> {
    case.on(|kind| matches!(kind, Kind::Xdp { .. }))?;
    let number = |file: &str| card.text(case.machine, file).and_then(|text| text.parse::<u64>().ok());
    // A physical interface is its own link.
    if number("ifindex")? == number("iflink")? || card.driver(case.machine).is_some() {
        return None;
    }
    let peer = card.peer(case.machine);
    let name = peer.as_ref().map_or("PEER", |peer| &peer.name);
    let (is, verdict) = match peer.as_ref().and_then(|peer| case.machine.driver(&peer.name)) {
        Some(driver) if driver.offloads.checksums => (format!("{name} leaves them out"), Verdict::Breaks),
        Some(_) => (format!("{name} writes them"), Verdict::Holds),
        None => ("the other end is in another namespace".into(), Verdict::Holds),
    };
    Some(Check {
        name: format!("checksums to {}", card.name),
        is,
        needs: "written by the sender".into(),
        verdict,
        why: "the kernel leaves them to a device that a virtual cable has not, and TCP drops what has none",
        remedies: vec![Remedy::words(format!("ethtool -K {name} tx off, at the other end"))],
    })
}
