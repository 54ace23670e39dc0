//! How much memory this process holds, as the kernel counts it: ordinary and huge pages alike.

use std::fs;
use std::time::Instant;

use crore_base::limits::HUGE_PAGE_BYTES;
use crore_base::map::Map;

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

/// Microseconds that the first touch of a huge page takes on this machine, as (median, longest) of some. No structure that
/// takes new memory can pause for less; where a host hands memory to a virtual machine late, it is milliseconds.
pub fn first_touch() -> Option<(f64, f64)> {
    const PAGES: usize = 64;
    let mut map = Map::<u8>::new(PAGES * HUGE_PAGE_BYTES).ok()?;
    map.huge();
    let mut touches: Vec<f64> = (0..PAGES)
        .map(|page| {
            let start = Instant::now();
            map[page * HUGE_PAGE_BYTES] = 1;
            start.elapsed().as_nanos() as f64 / 1e3
        })
        .collect();
    touches.sort_by(f64::total_cmp);
    Some((touches[PAGES / 2], touches[PAGES - 1]))
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
