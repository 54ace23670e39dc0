//! How much memory this process holds, as the kernel counts it: ordinary and huge pages alike.

use std::fs;
use std::time::Instant;

use crore_base::limits::HUGE_PAGE_BYTES;
use crore_base::map::{Map, Pages, page_bytes};

/// Bytes that are resident now, exactly. Walks the page tables: some milliseconds for gigabytes.
pub fn resident() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    kilobytes(&rollup, "Rss:") + kilobytes(&rollup, "Private_Hugetlb:") + kilobytes(&rollup, "Shared_Hugetlb:")
}

/// Bytes of them on huge pages.
pub fn huge() -> u64 {
    kilobytes(&fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default(), "AnonHugePages:")
}

/// Per cent of what became resident that is on huge pages, since both were as in `before`.
pub fn huge_percent(before: (u64, u64)) -> f64 {
    let (resident, huge) = (resident().saturating_sub(before.0), huge().saturating_sub(before.1));
    huge as f64 * 100.0 / resident.max(1) as f64
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

/// Microseconds that the first touch of a page takes on this machine, as (median, longest) of some. No structure that
/// takes new memory can pause for less; where a host hands memory to a virtual machine late, it is many times longer.
pub fn first_touch(pages: Pages) -> Option<(f64, f64)> {
    const TOUCHES: usize = 64;
    let mut map = Map::<u8>::new(TOUCHES * HUGE_PAGE_BYTES).ok()?;
    let (apart, agreed) = match pages {
        Pages::Huge => (HUGE_PAGE_BYTES, map.huge()),
        Pages::Ordinary => (page_bytes(), map.ordinary()),
    };
    if !agreed && pages == Pages::Huge {
        return None;
    }
    let mut touches: Vec<f64> = (0..TOUCHES)
        .map(|touch| {
            let start = Instant::now();
            map[touch * apart] = 1;
            start.elapsed().as_nanos() as f64 / 1e3
        })
        .collect();
    touches.sort_by(f64::total_cmp);
    Some((touches[TOUCHES / 2], touches[TOUCHES - 1]))
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
