//! Interfaces and devices: queues, steering, bonds, XDP, huge pages.

use crore_doctor::Verdict::{Breaks, Holds, Weakens};
use crore_doctor::{Driver, Machine, Offloads, XdpSupport, examine};

use crate::folder::{Folder, GOOD_DRIVER, find, names, question};

/// The reference machine, whose interface can do everything.
fn server(folder: &Folder) -> Machine {
    folder.machine().with_driver("eth0", GOOD_DRIVER)
}

fn xdp(machine: &Machine) -> crore_doctor::Report {
    examine(machine, &question(10_000_000, "xdp:eth0"))
}

#[test]
fn ten_million_through_af_xdp_are_held_where_queues_rights_and_driver_are_right() {
    let folder = Folder::reference();
    let report = xdp(&server(&folder));
    assert!(report.holds, "{}", report.to_text());
    assert_eq!(names(&report, Weakens), ["swap"]);
    assert_eq!(find(&report, "XDP on eth0").is, "ixgbe: native, zero-copy");
    assert_eq!(find(&report, "interface eth0").is, "up, MTU 1,500, 10,000 Mbit/s");
    assert_eq!(find(&report, "locked memory").needs, "268 MB or more");
    for kernels in ["descriptors", "tcp_mem", "somaxconn", "conntrack", "RPS of eth0"] {
        assert!(report.checks.iter().all(|check| check.name != kernels), "{kernels} does not matter for AF_XDP");
    }
}

#[test]
fn without_rights_af_xdp_is_refused_for_those_that_are_missing_and_for_locked_memory() {
    let folder = Folder::reference();
    // CAP_NET_ADMIN alone.
    folder.replace("/proc/self/status", "000001ffffffffff", "0000000000001000");
    let report = xdp(&server(&folder));
    assert_eq!(names(&report, Breaks), ["rights", "locked memory"]);
    assert_eq!(find(&report, "rights").is, "without CAP_NET_RAW, CAP_BPF");
    assert!(find(&report, "rights").how().contains("setcap cap_net_admin,cap_net_raw,cap_bpf+ep crore"));
    assert!(find(&report, "locked memory").how().contains("ulimit -l 262144"));
    // With CAP_SYS_ADMIN instead of CAP_BPF, as before Linux 5.8, and CAP_IPC_LOCK.
    folder.replace("/proc/self/status", "0000000000001000", "0000000000207000");
    assert!(xdp(&server(&folder)).holds);
    assert_eq!(names(&folder.asked(1_000, "tap:a"), Breaks), Vec::<&str>::new());
}

#[test]
fn an_interface_that_is_missing_down_or_too_wide_breaks_af_xdp() {
    let folder = Folder::reference();
    let report = examine(&server(&folder), &question(1, "xdp:eth7"));
    assert_eq!(names(&report, Breaks), ["interface eth7"]);
    for (file, text) in [("operstate", "down"), ("mtu", "9000")] {
        let folder = Folder::reference();
        folder.put(&format!("/sys/class/net/eth0/{file}"), text);
        assert_eq!(names(&xdp(&server(&folder)), Breaks), ["interface eth0"], "{file} {text}");
    }
    let elsewhere = examine(&server(&folder), &question(1, "xdp:eth7@blue"));
    assert!(elsewhere.holds && find(&elsewhere, "interface eth7").is.contains("blue"));
}

#[test]
fn generic_mode_weakens_and_a_program_of_somebody_else_breaks() {
    let folder = Folder::reference();
    let said = |driver: Driver| xdp(&folder.machine().with_driver("eth0", driver));
    let modes = |native, zero_copy| Some(XdpSupport { native, zero_copy });
    let generic = said(Driver { xdp: modes(false, false), ..GOOD_DRIVER });
    assert_eq!((find(&generic, "XDP on eth0").verdict, generic.holds), (Weakens, true));
    let copied = said(Driver { xdp: modes(true, false), ..GOOD_DRIVER });
    assert_eq!(find(&copied, "XDP on eth0").is, "ixgbe: native, frames copied");
    assert_eq!(find(&said(Driver { xdp: None, ..GOOD_DRIVER }), "XDP on eth0").verdict, Holds);
    let taken = said(Driver { program: Some(17), ..GOOD_DRIVER });
    assert_eq!(names(&taken, Breaks), ["XDP on eth0"]);
    assert!(find(&taken, "XDP on eth0").how().contains("ip link set eth0 xdp off"));
}

#[test]
fn another_number_of_queues_than_workers_weakens_af_xdp_in_both_directions() {
    for (queues, processors) in [(4, "0-7"), (8, "0-3")] {
        let folder = Folder::reference();
        folder.remove("/sys/class/net/eth0").replace("/proc/self/status", "0-7", processors);
        folder.card("eth0", queues);
        let report = xdp(&server(&folder));
        let check = find(&report, "queues of eth0");
        assert_eq!((check.verdict, report.holds), (Weakens, true));
        assert!(check.how().contains(&format!("crore serve --workers {queues}")), "{}", check.how());
    }
}

#[test]
fn a_virtual_cable_whose_other_end_leaves_checksums_out_breaks_af_xdp() {
    let cable = |own: &str, peer: Option<Driver>| {
        let folder = Folder::reference();
        let put = |name: &str, file: &str, text: &str| {
            folder.put(&format!("/sys/class/net/{name}/{file}"), text);
        };
        for (name, index, other) in [("va", "7", "8"), ("vb", "8", "7")] {
            folder.card(name, 8);
            folder.remove(&format!("/sys/class/net/{name}/device"));
            put(name, "ifindex", index);
            put(name, "iflink", other);
        }
        if peer.is_none() {
            folder.remove("/sys/class/net/vb");
        }
        let machine = peer.into_iter().fold(folder.machine(), |machine, driver| machine.with_driver("vb", driver));
        examine(&machine.with_driver("va", GOOD_DRIVER), &question(1_000, &format!("xdp:{own}")))
    };
    let bad = cable("va", Some(GOOD_DRIVER));
    assert_eq!(names(&bad, Breaks), ["checksums to va"]);
    assert_eq!(find(&bad, "checksums to va").how(), "ethtool -K vb tx off, at the other end");
    let written = cable("va", Some(Driver { offloads: Offloads::default(), ..GOOD_DRIVER }));
    assert_eq!((find(&written, "checksums to va").is.as_str(), written.holds), ("vb writes them", true));
    let unseen = cable("va", None);
    assert!(unseen.holds && find(&unseen, "checksums to va").how().contains("PEER"));
}

#[test]
fn one_queue_for_eight_processors_is_named_with_steering_as_the_way_out() {
    let folder = Folder::reference();
    folder.remove("/sys/class/net/eth0");
    folder.card("eth0", 1);
    let report = folder.asked(10_000, "epoll");
    let rps = find(&report, "RPS of eth0");
    assert_eq!((rps.verdict, rps.is.as_str()), (Weakens, "off on 1 queue"));
    assert!(rps.how().starts_with("echo ff > /sys/class/net/eth0/queues/rx-0/rps_cpus"), "{}", rps.how());
    assert_eq!(find(&report, "queues of eth0").verdict, Weakens);

    folder.put("/sys/class/net/eth0/queues/rx-0/rps_cpus", "ff");
    let report = folder.asked(10_000, "epoll");
    assert_eq!(find(&report, "RPS of eth0").verdict, Holds);
    assert_eq!(find(&report, "queues of eth0").verdict, Holds);
    assert_eq!(find(&report, "RFS of eth0").needs, "16,384 or more of both");
    folder.set("net.core.rps_sock_flow_entries", "32768").put("/sys/class/net/eth0/queues/rx-0/rps_flow_cnt", "16384");
    assert_eq!(find(&folder.asked(10_000, "epoll"), "RFS of eth0").verdict, Holds);
}

#[test]
fn interrupts_of_eight_queues_on_one_processor_are_named() {
    let folder = Folder::reference();
    assert_eq!(find(&folder.asked(10_000, "epoll"), "interrupts of eth0").is, "on 8 processors");
    for interrupt in 40..48 {
        folder.put(&format!("/proc/irq/{interrupt}/effective_affinity_list"), "0");
    }
    let report = folder.asked(10_000, "epoll");
    let check = find(&report, "interrupts of eth0");
    assert_eq!((check.verdict, check.is.as_str(), check.needs.as_str()), (Weakens, "on 1 processor", "8 or more"));
}

#[test]
fn some_sending_queues_without_processors_are_named_but_not_all() {
    let folder = Folder::reference();
    folder.put("/sys/class/net/eth0/queues/tx-3/xps_cpus", "00");
    let report = folder.asked(10_000, "epoll");
    assert_eq!(
        (find(&report, "XPS of eth0").verdict, find(&report, "XPS of eth0").is.as_str()),
        (Weakens, "7 of 8 queues have processors")
    );
    (0..8).for_each(|queue| {
        folder.put(&format!("/sys/class/net/eth0/queues/tx-{queue}/xps_cpus"), "00");
    });
    assert_eq!(find(&folder.asked(10_000, "epoll"), "XPS of eth0").verdict, Holds);
}

#[test]
fn a_bond_that_spreads_by_hardware_addresses_or_lost_a_member_is_named() {
    let folder = Folder::reference();
    folder.replace("/proc/net/route", "eth0\t00000000", "bond0\t00000000");
    folder.card("bond0", 16);
    folder.remove("/sys/class/net/bond0/device");
    folder.card("eth1", 4);
    for member in ["eth0", "eth1"] {
        folder.link(&format!("/sys/class/net/bond0/lower_{member}"), &format!("../{member}"));
    }
    let put = |file: &str, text: &str| {
        folder.put(&format!("/sys/class/net/bond0/bonding/{file}"), text);
    };
    put("slaves", "eth0 eth1");
    put("mode", "802.3ad 4");
    put("xmit_hash_policy", "layer2 0");
    let verdict = || {
        let report = folder.asked(10_000, "epoll");
        let check = find(&report, "bond bond0");
        (check.verdict, check.is.clone())
    };
    assert_eq!(verdict(), (Weakens, "802.3ad, hash layer2, 2 members up".replace("2 members", "2 of 2 members")));
    put("xmit_hash_policy", "layer3+4 1");
    assert_eq!(verdict().0, Holds);
    let report = folder.asked(10_000, "epoll");
    let queues: Vec<_> = report.checks.iter().filter(|check| check.name.starts_with("queues")).collect();
    let queues: Vec<_> = queues.iter().map(|check| (check.name.as_str(), check.verdict)).collect();
    assert_eq!(
        queues,
        [("queues of eth1", Weakens), ("queues of eth0", Holds)],
        "the members' queues count, not the bond's"
    );
    folder.put("/sys/class/net/eth1/operstate", "down");
    assert_eq!(verdict(), (Weakens, "802.3ad, hash layer3+4, 1 of 2 members up".into()));
    folder.put("/sys/class/net/eth0/operstate", "down");
    assert_eq!(verdict().0, Breaks);
    put("mode", "active-backup 1");
    folder.put("/sys/class/net/eth0/operstate", "up").put("/sys/class/net/eth1/operstate", "up");
    assert_eq!(verdict(), (Holds, "active-backup, 2 of 2 members up".into()));
}

#[test]
fn the_virtual_cable_of_a_container_is_not_asked_for_queues() {
    let folder = Folder::reference();
    folder.remove("/sys/class/net/eth0");
    folder.card("eth0", 1);
    folder.remove("/sys/class/net/eth0/device");
    let report = folder.asked(10_000, "epoll");
    assert!(report.checks.iter().all(|check| !check.name.ends_with(" of eth0")), "{}", report.to_text());
}

#[test]
fn offloads_that_are_off_weaken_the_kernels_models_only() {
    let folder = Folder::reference();
    let ask =
        |driver: Driver, model: &str| examine(&folder.machine().with_driver("eth0", driver), &question(1_000, model));
    assert_eq!(find(&ask(GOOD_DRIVER, "epoll"), "offloads of eth0").verdict, Holds);
    let off = Driver { offloads: Offloads { segmentation: false, ..GOOD_DRIVER.offloads }, ..GOOD_DRIVER };
    let report = ask(off, "epoll");
    let check = find(&report, "offloads of eth0");
    assert_eq!((check.verdict, check.is.as_str()), (Weakens, "checksums on, TSO off, GRO on"));
    assert!(ask(off, "xdp:eth0").checks.iter().all(|check| check.name != "offloads of eth0"));
}

#[test]
fn dpdk_wants_to_be_built_in_and_huge_pages_that_are_reserved() {
    let folder = Folder::reference();
    let report = folder.asked(10_000_000, "dpdk:net_ring0");
    assert_eq!(report.holds, crore_nic::HAS_DPDK, "nothing else stands in the way");
    let built = find(&report, "DPDK in this program");
    assert_eq!(built.verdict == Holds, crore_nic::HAS_DPDK);
    assert!(built.how().contains("--features dpdk"));
    let pages = find(&report, "reserved huge pages");
    // 8 queues of 12 MiB and 64 MiB, in pages of 2 MiB.
    assert_eq!((pages.is.as_str(), pages.needs.as_str()), ("0 free of 0, 2.10 MB each", "80 free"));
    assert_eq!(pages.verdict, Weakens);
    assert!(pages.how().starts_with("sysctl -w vm.nr_hugepages='80'"), "{}", pages.how());
    folder.replace("/proc/meminfo", "HugePages_Total:       0", "HugePages_Total:     200");
    folder.replace("/proc/meminfo", "HugePages_Free:        0", "HugePages_Free:       50");
    assert!(find(&folder.asked(1, "dpdk:net_ring0"), "reserved huge pages").how().contains("vm.nr_hugepages='230'"));
    folder.replace("/proc/meminfo", "HugePages_Free:       50", "HugePages_Free:      200");
    assert_eq!(find(&folder.asked(1, "dpdk:net_ring0"), "reserved huge pages").verdict, Holds);
}

#[test]
fn a_card_has_to_be_given_to_dpdk() {
    let folder = Folder::reference();
    let asked = |device: &str| {
        let report = folder.asked(1, &format!("dpdk:{device}"));
        let check = find(&report, "card 0000:03:00.0");
        (check.is.clone(), check.verdict)
    };
    assert_eq!(asked("0000:03:00.0"), ("not there".to_owned(), Breaks));
    folder.put("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x8086");
    assert_eq!(asked("03:00.0,x=1"), ("without a driver".to_owned(), Breaks));
    let driver = folder.path("/sys/bus/pci/devices/0000:03:00.0/driver");
    std::os::unix::fs::symlink("../../../bus/pci/drivers/ixgbe", &driver).unwrap();
    assert_eq!(asked("03:00.0"), ("the kernel's, by ixgbe".to_owned(), Breaks));
    std::fs::remove_file(&driver).unwrap();
    std::os::unix::fs::symlink("../../../bus/pci/drivers/vfio-pci", &driver).unwrap();
    assert_eq!(asked("03:00.0"), ("vfio-pci".to_owned(), Holds));
    for device in ["net_ring0", "../..:x", "0000:..", "net_tap0,a=0000:03:00.0"] {
        assert!(folder.asked(1, &format!("dpdk:{device}")).checks.iter().all(|check| !check.name.starts_with("card")));
    }
}
