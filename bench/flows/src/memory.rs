//! How much memory this process holds, as the kernel counts it: ordinary and huge pages alike.

use std::fs;

use crore_base::map::{Map, page_bytes};

/// Bytes that are resident now, exactly. Walks the page tables: some milliseconds for gigabytes.
pub fn resident() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    kilobytes(&rollup, "Rss:") + kilobytes(&rollup, "Private_Hugetlb:") + kilobytes(&rollup, "Shared_Hugetlb:")
}

/// The most bytes that were resident since [`forget_peak`], to within a few hundred kilobytes.
pub fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    kilobytes(&status, "VmHWM:") + kilobytes(&status, "HugetlbPages:")
}

/// Lets [`peak`] start from what is resident now.
pub fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Touches and returns as much memory as a run will use, so that a virtual machine's host has it ready and its delays
/// are not taken for those of a structure.
pub fn warm(bytes: usize) {
    if let Ok(mut map) = Map::<u8>::new(bytes) {
        map.huge();
        map.iter_mut().step_by(page_bytes()).for_each(|byte| *byte = 1);
    }
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
