//! One thing at a time set as it should not be, on a machine that is otherwise right: it is named, and nothing else is.

use crore_doctor::Verdict::{self, Breaks, Holds, Weakens};

use crate::folder::{Folder, find, names};

/// A machine on which a million with epoll lack nothing.
fn tuned() -> Folder {
    let folder = Folder::reference();
    folder
        .set("net.core.somaxconn", "65535")
        .set("net.ipv4.ip_local_port_range", "10000\t65535")
        .set("vm.swappiness", "1");
    let report = folder.asked(1_000_000, "epoll");
    assert!(report.of(Holds).count() == report.checks.len() && report.checks.len() > 20, "{}", report.to_text());
    folder
}

/// What a million with epoll are told when something was changed: the names of a verdict, the other verdicts empty.
fn told(change: impl FnOnce(&Folder)) -> (Verdict, Vec<String>) {
    let folder = tuned();
    change(&folder);
    let report = folder.asked(1_000_000, "epoll");
    assert_eq!(report.holds, names(&report, Breaks).is_empty());
    let found = |verdict| names(&report, verdict).into_iter().map(str::to_owned).collect::<Vec<_>>();
    match (found(Breaks), found(Weakens)) {
        (breaking, weakening) if weakening.is_empty() => (Breaks, breaking),
        (breaking, weakening) if breaking.is_empty() => (Weakens, weakening),
        both => panic!("both kinds at once: {both:?}"),
    }
}

#[test]
fn a_setting_that_is_too_small_or_too_large_is_named_alone() {
    for (key, value, verdict, name) in [
        ("fs.nr_open", "65536", Breaks, "nr_open"),
        ("fs.file-max", "800000", Weakens, "file-max"),
        ("fs.epoll.max_user_watches", "400000", Breaks, "epoll watches"),
        ("net.core.somaxconn", "128", Weakens, "somaxconn"),
        ("net.ipv4.ip_local_port_range", "40000 50000", Weakens, "port range"),
        ("net.ipv4.tcp_mem", "10000 20000 50000", Breaks, "tcp_mem"),
        ("net.ipv4.tcp_rmem", "1048576 1048576 16777216", Weakens, "tcp_rmem"),
        ("net.ipv4.tcp_wmem", "8192 16384 4194304", Weakens, "tcp_wmem"),
        ("net.ipv4.tcp_max_tw_buckets", "5000", Weakens, "TIME-WAIT"),
        ("vm.overcommit_memory", "2", Weakens, "overcommit"),
        ("vm.max_map_count", "1000", Breaks, "max_map_count"),
        ("vm.swappiness", "60", Weakens, "swap"),
        ("kernel.osrelease", "4.19.0-26-amd64", Weakens, "kernel"),
    ] {
        assert_eq!(
            told(|folder| {
                folder.set(key, value);
            }),
            (verdict, vec![name.to_owned()]),
            "{key} = {value}"
        );
    }
}

#[test]
fn the_backlog_of_half_open_connections_matters_only_without_cookies() {
    assert_eq!(
        told(|folder| {
            folder.set("net.ipv4.tcp_max_syn_backlog", "64");
        })
        .1,
        Vec::<String>::new()
    );
    let without_cookies = told(|folder| {
        folder.set("net.ipv4.tcp_max_syn_backlog", "64").set("net.ipv4.tcp_syncookies", "0");
    });
    assert_eq!(without_cookies, (Weakens, vec!["SYN backlog".to_owned()]));
}

#[test]
fn only_root_opens_files_above_the_limit_of_the_machine() {
    let outcome = told(|folder| {
        folder.set("fs.file-max", "800000").replace("/proc/self/status", "000001ffffffffff", "0000000000000000");
    });
    assert_eq!(outcome, (Breaks, vec!["file-max".to_owned()]));
}

#[test]
fn a_connection_table_of_the_firewall_breaks_when_it_is_in_use() {
    let table = |count: &'static str| {
        move |folder: &Folder| {
            folder.set("net.netfilter.nf_conntrack_max", "262144").set("net.netfilter.nf_conntrack_count", count);
        }
    };
    assert_eq!(told(table("17")), (Breaks, vec!["conntrack".to_owned()]));
    assert_eq!(told(table("0")), (Weakens, vec!["conntrack".to_owned()]), "no rule uses it yet");
    let large = told(|folder| {
        folder.set("net.netfilter.nf_conntrack_max", "2000000").set("net.netfilter.nf_conntrack_count", "17");
    });
    assert_eq!(large.1, Vec::<String>::new());
}

#[test]
fn memory_that_others_have_taken_is_not_there() {
    let leave = |kb: &'static str| {
        move |folder: &Folder| {
            folder.replace("/proc/meminfo", "61000000", kb);
        }
    };
    assert_eq!(told(leave("3900000")), (Breaks, vec!["memory".to_owned()]), "4.09 GB are needed");
    assert_eq!(told(leave("5000000")), (Weakens, vec!["memory".to_owned()]), "nothing would be left");
    assert_eq!(told(leave("20000000")).1, Vec::<String>::new());
}

#[test]
fn a_slow_clock_and_ordinary_pages_are_named_with_the_better_ones() {
    let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    assert_eq!(
        told(|folder| {
            folder.put(file, "hpet");
        }),
        (Weakens, vec!["clock source".to_owned()])
    );
    let report = tuned().put(file, "acpi_pm").asked(1, "epoll");
    let how = find(&report, "clock source").how();
    assert!(how.starts_with(&format!("echo tsc > {file}")), "{how}");
    let pages = "/sys/kernel/mm/transparent_hugepage/enabled";
    let outcome = told(|folder| {
        folder.put(pages, "always madvise [never]");
    });
    assert_eq!(outcome, (Weakens, vec!["transparent huge pages".to_owned()]));
}

#[test]
fn the_groups_of_a_container_bound_memory_tasks_and_processors() {
    let group = "/sys/fs/cgroup/user.slice/user-0.slice";
    let put = |file: &'static str, text: &'static str| {
        move |folder: &Folder| {
            folder.put(&format!("{group}/{file}"), text);
        }
    };
    assert_eq!(told(put("memory.max", "2147483648")), (Breaks, vec!["cgroup memory".to_owned()]));
    assert_eq!(told(put("pids.max", "16")), (Breaks, vec!["cgroup tasks".to_owned()]), "12 of them are taken");
    assert_eq!(told(put("pids.max", "100")), (Weakens, vec!["cgroup tasks".to_owned()]));
    assert_eq!(told(put("cpu.max", "200000 100000")), (Weakens, vec!["cgroup processors".to_owned()]));

    let folder = tuned();
    folder.put(&format!("{group}/cpu.max"), "250000 100000");
    let report = folder.asked(1_000_000, "epoll");
    let quota = find(&report, "cgroup processors");
    assert_eq!(quota.is, "2.50 of 8");
    assert!(quota.how().starts_with("crore serve --workers 2;"), "{}", quota.how());
}

#[test]
fn the_tightest_group_on_the_way_to_the_root_counts() {
    let outcome = told(|folder| {
        folder.put("/sys/fs/cgroup/user.slice/memory.max", "1000000000");
        folder.put("/sys/fs/cgroup/user.slice/user-0.slice/memory.max", "9000000000000");
    });
    assert_eq!(outcome, (Breaks, vec!["cgroup memory".to_owned()]));
}

#[test]
fn what_the_kernel_would_give_back_is_not_used_memory() {
    let folder = tuned();
    let group = "/sys/fs/cgroup/user.slice";
    folder.put(&format!("{group}/memory.max"), "8000000000").put(&format!("{group}/memory.current"), "7000000000");
    assert_eq!(names(&folder.asked(1_000_000, "epoll"), Breaks), ["cgroup memory"]);
    folder.put(&format!("{group}/memory.stat"), "anon 1000000000\ninactive_file_x 1\ninactive_file 6000000000");
    let report = folder.asked(1_000_000, "epoll");
    assert!(report.holds, "{}", report.to_text());
    assert_eq!(find(&report, "cgroup memory").is, "7.00 GB left of 8.00 GB");
}

#[test]
fn groups_of_the_first_version_are_found_by_their_controllers() {
    let outcome = told(|folder| {
        folder.put("/proc/self/cgroup", "5:cpu,cpuacct:/jail\n4:memory:/docker/abc\n0::/");
        folder.put(
            "/proc/self/mountinfo",
            "31 24 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             32 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
        );
        folder.put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000000");
        folder.put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1000");
        folder.put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1");
        folder.put("/sys/fs/cgroup/cpu,cpuacct/jail/cpu.cfs_quota_us", "900000");
        folder.put("/sys/fs/cgroup/cpu,cpuacct/jail/cpu.cfs_period_us", "100000");
    });
    assert_eq!(outcome, (Breaks, vec!["cgroup memory".to_owned()]), "the quota is larger than the machine");
}

#[test]
fn a_machine_that_shows_nothing_is_not_judged_by_what_it_does_not_show() {
    let folder = Folder::reference();
    for shown in ["/proc", "/sys", "/dev"] {
        folder.remove(shown);
    }
    let report = folder.asked(1_000_000, "epoll");
    assert_eq!(report.checks, []);
    assert_eq!(names(&folder.asked(1, "tap:a"), Breaks), ["rights", "tun device"]);
}

#[test]
fn files_with_nonsense_in_them_are_left_out_and_break_nothing() {
    for nonsense in ["", "-1", "99999999999999999999999", "0", "0 0 0", "a:b:c\nd e f", "18446744073709551615"] {
        let folder = Folder::reference();
        for file in folder.files() {
            std::fs::write(file, nonsense).unwrap();
        }
        // So that the interface is looked at.
        folder.put("/proc/net/route", "eth0\t00000000");
        for model in ["epoll", "uring", "xdp:eth0", "dpdk:net_ring0"] {
            let report = folder.asked(10_000_000_000, model);
            assert!(report.to_json().starts_with(r#"{"holds":"#), "{nonsense:?}");
            assert!(!report.to_text().is_empty());
        }
    }
}
