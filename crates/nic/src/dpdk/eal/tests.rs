use super::*;

fn line(device: &str, huge: bool) -> String {
    arguments(&device.parse().unwrap(), huge, 3).join(" ")
}

#[test]
fn a_virtual_device_needs_no_bus_and_a_card_is_the_only_one_that_is_looked_at() {
    let quiet = "crore --no-telemetry --log-level=warning --lcores=0@3";
    assert_eq!(line("net_ring0", true), format!("{quiet} --no-pci --in-memory"));
    assert_eq!(line("0000:03:00.0,x=1", true), format!("{quiet} -a 0000:03:00.0,x=1 --in-memory"));
    assert_eq!(line("net_ring0", false), format!("{quiet} --no-pci --no-shconf --no-huge -m {DPDK_ORDINARY_MIB}"));
}

#[test]
fn ordinary_pages_hold_as_many_queues_as_a_device_can_have() {
    let all = DPDK_OWN_BYTES + u64::from(crate::limits::QUEUES_MAX) * DPDK_QUEUE_BYTES;
    assert!(all <= u64::from(DPDK_ORDINARY_MIB) << 20, "{all}");
}

#[test]
fn free_huge_pages_of_every_size_are_added_up() {
    let folder = std::env::temp_dir().join(format!("crore-huge-{}", std::process::id()));
    for (size, free) in [("hugepages-2048kB", "3\n"), ("hugepages-1048576kB", "1\n"), ("other", "9\n")] {
        fs::create_dir_all(folder.join(size)).unwrap();
        fs::write(folder.join(size).join("free_hugepages"), free).unwrap();
    }
    assert_eq!(free_huge_bytes(&folder), (6 << 20) + (1 << 30));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(free_huge_bytes(&folder), 0, "a kernel without huge pages");
}
