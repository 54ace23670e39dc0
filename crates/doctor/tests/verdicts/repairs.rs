//! `--fix`, on folders: what is written, what is refused, what is left to the operator.

use crore_doctor::{Repair, Verdict, repair};

use crate::folder::{Folder, find, names, question};

fn set(what: &str, before: &str, after: &str) -> Repair {
    Repair::Set { what: what.into(), before: before.into(), after: after.into() }
}

#[test]
fn what_can_be_written_is_written_and_the_rest_is_named() {
    let folder = Folder::reference();
    folder.set("fs.nr_open", "65536").set("net.ipv4.tcp_mem", "1000 2000 3000");
    folder.replace("/proc/self/limits", "1048576", "65536");
    folder.put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]");
    let asked = question(1_000_000, "epoll");
    let repairs = repair(&folder.machine(), &asked);
    let (left, done): (Vec<_>, Vec<_>) = repairs.into_iter().partition(|repair| matches!(repair, Repair::Left { .. }));
    assert_eq!(
        done,
        [
            set("fs.nr_open", "65536", "1048576"),
            set("net.ipv4.ip_local_port_range", "32768\t60999", "10000 65535"),
            set("net.core.somaxconn", "4096", "65535"),
            set("net.ipv4.tcp_mem", "1000 2000 3000", "50000 75000 100000"),
            set("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]", "madvise"),
            set("vm.swappiness", "60", "10"),
        ]
    );
    assert!(
        matches!(&left[..], [Repair::Left { check, how }] if check == "descriptors" && how.contains("LimitNOFILE=1048576"))
    );
    assert_eq!(done[0].to_string(), "fs.nr_open: 65536 -> 1048576");
    assert_eq!(folder.text("/proc/sys/fs/nr_open"), "1048576");
    assert_eq!(folder.text("/proc/self/limits").matches("65536").count(), 1, "a limit is not written to");

    let report = folder.asked(1_000_000, "epoll");
    assert_eq!(names(&report, Verdict::Breaks), ["descriptors"]);
    assert_eq!(names(&report, Verdict::Weakens), Vec::<&str>::new());
}

#[test]
fn every_failing_check_holds_after_its_remedies_or_is_left_to_the_operator() {
    let folder = Folder::small();
    for (key, value) in [
        ("fs.nr_open", "1024"),
        ("fs.file-max", "1024"),
        ("fs.epoll.max_user_watches", "1024"),
        ("net.core.somaxconn", "8"),
        ("net.ipv4.ip_local_port_range", "50000 50010"),
        ("net.ipv4.tcp_max_syn_backlog", "8"),
        ("net.ipv4.tcp_syncookies", "0"),
        ("net.ipv4.tcp_mem", "1 2 3"),
        ("net.ipv4.tcp_rmem", "65536 8388608 16777216"),
        ("net.ipv4.tcp_wmem", "65536 8388608 16777216"),
        ("net.ipv4.tcp_max_tw_buckets", "1"),
        ("net.netfilter.nf_conntrack_max", "8"),
        ("net.netfilter.nf_conntrack_count", "8"),
        ("vm.overcommit_memory", "2"),
        ("vm.max_map_count", "10"),
    ] {
        folder.set(key, value);
    }
    let before = folder.asked(1_000_000, "epoll");
    assert!(before.checks.iter().filter(|check| check.verdict != Verdict::Holds).count() > 15, "{}", before.to_text());
    let repairs = repair(&folder.machine(), &question(1_000_000, "epoll"));
    assert!(repairs.iter().all(|repair| !matches!(repair, Repair::Refused { .. })), "{repairs:?}");
    let after = folder.asked(1_000_000, "epoll");
    // Steering is on now, so that its second half is looked at.
    let left: Vec<&str> =
        after.checks.iter().filter(|check| check.verdict != Verdict::Holds).map(|check| &check.name[..]).collect();
    assert_eq!(left, ["descriptors", "RFS of eth0"], "{}", after.to_text());
    repair(&folder.machine(), &question(1_000_000, "epoll"));
    assert_eq!(find(&folder.asked(1_000_000, "epoll"), "RFS of eth0").verdict, Verdict::Holds);
}

#[test]
fn what_is_enough_is_never_made_less() {
    let folder = Folder::reference();
    folder
        .set("net.core.somaxconn", "4000000")
        .set("net.ipv4.tcp_mem", "9000000 9000000 9000000")
        .set("vm.swappiness", "0");
    let report = folder.asked(1_000, "epoll");
    assert!(report.of(Verdict::Holds).count() == report.checks.len(), "{}", report.to_text());
    assert!(find(&report, "somaxconn").how().contains("='4000000'"));
    assert_eq!(repair(&folder.machine(), &question(1_000, "epoll")), []);
}

#[test]
fn a_refusal_is_told_with_the_systems_own_words_and_the_rest_goes_on() {
    // A number that this kernel shows and lets nobody change, not even root.
    const FIXED: &str = "/proc/sys/kernel/ngroups_max";
    let Ok(fixed) = std::fs::read_to_string(FIXED) else {
        println!("skipped: needs {FIXED}");
        return;
    };
    let folder = Folder::reference();
    folder.remove("/proc/sys/vm/swappiness").remove("/proc/sys/net/core/somaxconn");
    folder.link("/proc/sys/vm/swappiness", FIXED);
    let repairs = repair(&folder.machine(), &question(1_000_000, "epoll"));
    let [ports, Repair::Refused { what, before, wanted, error }] = &repairs[..] else { panic!("{repairs:?}") };
    assert_eq!(*ports, set("net.ipv4.ip_local_port_range", "32768\t60999", "10000 65535"));
    assert_eq!((what.as_str(), before.as_str(), wanted.as_str()), ("vm.swappiness", fixed.trim(), "10"));
    assert!(error.contains("denied"), "{error}");
    assert!(!folder.path("/proc/sys/net/core/somaxconn").exists(), "what the machine does not show is not made");
}
