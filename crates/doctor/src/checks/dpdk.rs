//! What DPDK needs: this program built with it, memory that was reserved, and a card that is given to it.

use crore_nic::HAS_DPDK;
use crore_nic::limits::{DPDK_OWN_BYTES, DPDK_QUEUE_BYTES};

use super::Case;
use crate::check::{Check, Remedy, Verdict};
use crate::model::Kind;
use crate::show::{bytes, grouped};

/// Drivers of the kernel that hand a card to a process, and those that share it with one.
const HANDING_DRIVERS: [&str; 6] = ["vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core", "mlx4_core", "gve"];

/// Whether this program can.
pub(super) fn built(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| matches!(kind, Kind::Dpdk { .. }))?;
    Some(Check {
        name: "DPDK in this program".into(),
        is: if HAS_DPDK { "built in" } else { "left out" }.into(),
        needs: "built in".into(),
        verdict: Verdict::holds_if(HAS_DPDK, Verdict::Breaks),
        why: "DPDK is a library in C that is linked when the program is built; its drivers are found when it is started",
        remedies: vec![Remedy::words(
            "apt-get install libdpdk-dev pkg-config, then cargo build --release --features dpdk",
        )],
    })
}

/// Whether frames find huge pages.
pub(super) fn huge_pages(case: &Case<'_>) -> Option<Check> {
    case.on(|kind| matches!(kind, Kind::Dpdk { .. }))?;
    let page = case.machine.line("/proc/meminfo", "Hugepagesize")?.max(1);
    let free = case.machine.line("/proc/meminfo", "HugePages_Free")?;
    let all = case.machine.line("/proc/meminfo", "HugePages_Total")?;
    let needs = (case.process.processors * DPDK_QUEUE_BYTES + DPDK_OWN_BYTES).div_ceil(page);
    Some(Check {
        name: "reserved huge pages".into(),
        is: format!("{} free of {}, {} each", grouped(free), grouped(all), bytes(page)),
        needs: format!("{} free", grouped(needs)),
        verdict: Verdict::holds_if(free >= needs, Verdict::Weakens),
        why: "DPDK keeps its frames on pages that were reserved for it, or on ordinary ones if they are too few, which is slower and \
              not possible with every card; soon after the machine has started they are easiest to find",
        remedies: vec![Remedy::setting("vm.nr_hugepages", all.saturating_add(needs.saturating_sub(free)))],
    })
}

/// Whether the card is there, and DPDK's.
pub(super) fn card(case: &Case<'_>) -> Option<Check> {
    let Kind::Dpdk { card: Some(address) } = &case.model.kind else { return None };
    let folder = format!("/sys/bus/pci/devices/{address}");
    let (is, verdict) = match case.machine.link(&format!("{folder}/driver")) {
        _ if !case.machine.exists(&folder) => ("not there".to_owned(), Verdict::Breaks),
        None => ("without a driver".to_owned(), Verdict::Breaks),
        Some(driver) if HANDING_DRIVERS.contains(&driver.as_str()) => (driver, Verdict::Holds),
        Some(driver) => (format!("the kernel's, by {driver}"), Verdict::Breaks),
    };
    Some(Check {
        name: format!("card {address}"),
        is,
        needs: "vfio-pci, or a driver that shares it".into(),
        verdict,
        why: "a card that the kernel drives is not DPDK's to drive; vfio-pci hands it over",
        remedies: vec![Remedy::words(format!(
            "modprobe vfio-pci, then dpdk-devbind.py --bind=vfio-pci {address}; without an IOMMU first \
             /sys/module/vfio/parameters/enable_unsafe_noiommu_mode = 1"
        ))],
    })
}
