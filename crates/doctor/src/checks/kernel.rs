//! The kernel itself: how new it is, what it permits, which clock it reads.

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::machine::Capability;
use crate::model::Kind;

/// Major and minor number of a release like `6.1.0-18-amd64`.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

pub(super) fn version(case: &Case<'_>) -> Option<Check> {
    let is = case.machine.setting("kernel.osrelease")?;
    let (needed, or, why) = match case.model.kind {
        Kind::Uring => {
            ((6, 1), Verdict::Breaks, "rings that only their own thread touches (DEFER_TASKRUN) came with it")
        }
        Kind::Xdp { .. } => {
            ((5, 9), Verdict::Breaks, "programs that detach with their process (BPF links for XDP) came with it")
        }
        _ => (
            (5, 14),
            Verdict::Weakens,
            "huge pages are made ready before they are needed (MADV_POPULATE_WRITE) since then",
        ),
    };
    let found = release(&is)?;
    Some(Check {
        name: "kernel".into(),
        is: format!("Linux {is}"),
        needs: format!("Linux {}.{} or newer", needed.0, needed.1),
        verdict: Verdict::holds_if(found >= needed, or),
        why,
        remedies: vec![Remedy::words("install a newer kernel")],
    })
}

pub(super) fn io_uring(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| *kind == Kind::Uring)?;
    // Kernels before 6.6 have no such setting, and permit it to everybody.
    let disabled = case.machine.numbers::<1>("kernel.io_uring_disabled").map_or(0, |[disabled]| disabled);
    let group = case.machine.setting("kernel.io_uring_group").unwrap_or_default();
    let is_member = group.parse().is_ok_and(|group| case.process.groups.contains(&group));
    let (is, verdict) = match disabled {
        0 if case.process.filtered => ("permitted, but a filter of system calls is set".to_owned(), Verdict::Weakens),
        0 => ("permitted".to_owned(), Verdict::Holds),
        1 if is_member || case.may(Capability::SysAdmin) => ("permitted to this user".to_owned(), Verdict::Holds),
        1 => (format!("only for group {group} and root"), Verdict::Breaks),
        _ => ("forbidden to all".to_owned(), Verdict::Breaks),
    };
    let remedy = match verdict {
        Verdict::Weakens => Remedy::words(
            "if io_uring_setup is refused: a seccomp profile that permits it (docker run --security-opt seccomp=FILE)",
        ),
        _ => Remedy::setting("kernel.io_uring_disabled", 0),
    };
    Some(Check {
        name: "io_uring".into(),
        is,
        needs: "permitted".into(),
        verdict,
        why: "this model makes its rings with io_uring_setup(2), which a setting or the filter of a container may refuse",
        remedies: vec![remedy],
    })
}

pub(super) fn rights(case: &Case<'_>) -> Option<Check> {
    let mut needed = match &case.model.kind {
        Kind::Xdp { .. } => vec![Capability::NetAdmin, Capability::NetRaw, Capability::Bpf],
        Kind::Tap => vec![Capability::NetAdmin],
        _ => return None,
    };
    if matches!(&case.model.kind, Kind::Xdp { namespace: Some(_), .. }) {
        needed.push(Capability::SysAdmin);
    }
    // What CAP_BPF permits, CAP_SYS_ADMIN permitted before it was made and still does.
    let may = |right| case.may(right) || (right == Capability::Bpf && case.may(Capability::SysAdmin));
    let names = |rights: &[Capability]| rights.iter().map(|right| right.name()).collect::<Vec<_>>().join(", ");
    let missing: Vec<Capability> = needed.iter().copied().filter(|right| !may(*right)).collect();
    let is = if missing.is_empty() { "all of them".to_owned() } else { format!("without {}", names(&missing)) };
    let units = names(&needed).replace(", ", " ");
    let files = names(&needed).replace(", ", ",").to_lowercase();
    Some(Check {
        name: "rights".into(),
        is,
        needs: names(&needed),
        verdict: Verdict::holds_if(missing.is_empty(), Verdict::Breaks),
        why: "frames that have not been through the kernel's rules are not for everybody",
        remedies: vec![Remedy::words(format!(
            "start it as root, with AmbientCapabilities={units} in the unit of systemd, or after `setcap {files}+ep crore`"
        ))],
    })
}

pub(super) fn tun(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| *kind == Kind::Tap)?;
    let is_there = case.machine.exists("/dev/net/tun");
    Some(Check {
        name: "tun device".into(),
        is: if is_there { "/dev/net/tun" } else { "not there" }.into(),
        needs: "/dev/net/tun".into(),
        verdict: Verdict::holds_if(is_there, Verdict::Breaks),
        why: "TAP interfaces are made through it",
        remedies: vec![Remedy::words("modprobe tun (to keep it: `tun` in /etc/modules-load.d/crore.conf)")],
    })
}

/// Clocks that a process reads without a system call (vdso(7)): x86-64 bare and under KVM and Hyper-V, arm64, RISC-V.
const FAST_CLOCKS: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"];

pub(super) fn clock(case: &Case<'_>) -> Option<Check> {
    const FOLDER: &str = "/sys/devices/system/clocksource/clocksource0";
    let is = case.machine.text(&format!("{FOLDER}/current_clocksource"))?;
    let offered = case.machine.text(&format!("{FOLDER}/available_clocksource")).unwrap_or_default();
    let better = FAST_CLOCKS.into_iter().find(|fast| offered.split_whitespace().any(|clock| clock == *fast));
    let remedy = match better {
        Some(clock) => Remedy::File { path: format!("{FOLDER}/current_clocksource"), value: clock.to_owned() },
        None => Remedy::words(
            "boot with tsc=reliable if the hypervisor or the board keeps its time-stamp counters together",
        ),
    };
    Some(Check {
        name: "clock source".into(),
        verdict: Verdict::holds_if(FAST_CLOCKS.contains(&is.as_str()), Verdict::Weakens),
        is,
        needs: "one that is read without a system call".into(),
        why: "each core reads the clock in every turn of its loop; through the kernel that takes a microsecond instead of 20 ns",
        remedies: vec![remedy],
    })
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn releases_of_distributions_are_read() {
        assert_eq!(release("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(release("5.14.0-362.el9.x86_64"), Some((5, 14)));
        assert_eq!(release("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(release("rolling"), None);
    }
}
