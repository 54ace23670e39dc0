//! Machines made of files, good and bad, and what is said of them. Nothing here touches the machine that the tests run on.

mod badly_set;
mod devices;
mod folder;
mod repairs;
mod report;

use crore_doctor::{Model, Question, Verdict};
use folder::{Folder, find, names, question};

#[test]
fn a_debian_server_holds_a_million_with_epoll_and_is_told_what_could_be_better() {
    let report = Folder::reference().asked(1_000_000, "epoll");
    assert!(report.holds, "{}", report.to_text());
    assert_eq!(names(&report, Verdict::Breaks), Vec::<&str>::new());
    assert_eq!(names(&report, Verdict::Weakens), ["port range", "somaxconn", "swap"]);
    assert_eq!(find(&report, "descriptors").needs, "1,000,144 or more, hard");
    assert_eq!(find(&report, "file-max").is, "unlimited");
}

#[test]
fn ten_million_with_epoll_fit_sixty_four_gigabytes_but_no_process_may_open_so_many() {
    let folder = Folder::reference();
    let report = folder.asked(10_000_000, "epoll");
    assert!(!report.holds);
    assert_eq!(names(&report, Verdict::Breaks), ["nr_open", "descriptors"]);
    assert_eq!(find(&report, "nr_open").how().split(" (").next(), Some("sysctl -w fs.nr_open='16777216'"));
    let memory = find(&report, "memory");
    assert_eq!(
        (memory.verdict, memory.needs.as_str()),
        (Verdict::Holds, "40.8 GB: 38.5 GB in the kernel, 2.29 GB ours")
    );

    folder.set("fs.nr_open", "16777216").replace("/proc/self/limits", "1048576", "16777216");
    let report = folder.asked(10_000_000, "epoll");
    assert!(report.holds, "{}", report.to_text());
    assert_eq!(names(&report, Verdict::Weakens), ["port range", "somaxconn", "tcp_rmem", "swap"]);
}

#[test]
fn sixteen_million_with_epoll_are_more_than_sixty_four_gigabytes() {
    let report = Folder::reference().asked(16_000_000, "epoll");
    assert_eq!(names(&report, Verdict::Breaks), ["nr_open", "descriptors", "epoll watches", "tcp_mem", "memory"]);
    assert!(find(&report, "memory").how().contains("crore plan --connections 16000000"));
}

#[test]
fn ten_million_on_our_own_tcp_ip_take_no_descriptors_and_four_gigabytes() {
    let folder = Folder::reference();
    for model in ["wire:lab", "tap:lab"] {
        let report = folder.asked(10_000_000, model);
        assert!(report.holds, "{}", report.to_text());
        assert_eq!(names(&report, Verdict::Weakens), ["swap"]);
        assert_eq!(find(&report, "memory").needs, "4.35 GB: 407 bytes each, and the cores");
        assert!(report.checks.iter().all(|check| !check.name.contains("descriptors") && check.name != "tcp_mem"));
    }
}

#[test]
fn twenty_thousand_descriptors_refuse_a_million_and_hold_nineteen_thousand() {
    let folder = Folder::small();
    let report = folder.asked(1_000_000, "epoll");
    assert_eq!(names(&report, Verdict::Breaks), ["descriptors"]);
    let descriptors = find(&report, "descriptors");
    assert_eq!(
        (descriptors.is.as_str(), descriptors.needs.as_str()),
        ("20,000 (soft 20,000)", "1,000,084 or more, hard")
    );
    assert!(descriptors.how().contains("LimitNOFILE=1048576") && descriptors.how().contains("limits.d"));
    let report = folder.asked(19_000, "epoll");
    assert!(report.holds, "{}", report.to_text());
    assert_eq!(names(&report, Verdict::Weakens), ["port range", "somaxconn", "swap", "queues of eth0", "RPS of eth0"]);
}

#[test]
fn the_limit_that_is_proposed_is_one_that_may_be_set() {
    let folder = Folder::small();
    folder.set("fs.nr_open", "700000");
    let how = |connections| find(&folder.asked(connections, "epoll"), "descriptors").how();
    assert!(how(600_000).starts_with("LimitNOFILE=700000 "), "{}", how(600_000));
    assert!(how(800_000).starts_with("LimitNOFILE=1048576 "), "after nr_open was raised: {}", how(800_000));
}

#[test]
fn io_uring_holds_a_million_in_spite_of_twenty_thousand_descriptors_on_fifty_rings() {
    let folder = Folder::small();
    let report = folder.asked(1_000_000, "uring");
    assert!(report.holds, "{}", report.to_text());
    let rings = find(&report, "descriptors");
    assert_eq!(rings.needs, "50 rings of direct descriptors, 20,000 each");
    assert_eq!(rings.verdict, Verdict::Weakens);
    assert_eq!(find(&folder.asked(30_000, "uring"), "descriptors").verdict, Verdict::Holds);
    assert!(report.checks.iter().all(|check| !["nr_open", "epoll watches"].contains(&check.name.as_str())));
}

#[test]
fn io_uring_that_is_forbidden_breaks_only_what_needs_it() {
    let folder = Folder::small();
    folder.set("kernel.io_uring_disabled", "2");
    assert_eq!(names(&folder.asked(1_000, "uring"), Verdict::Breaks), ["io_uring"]);
    assert!(folder.asked(1_000, "epoll").holds);
    folder.set("kernel.io_uring_disabled", "1");
    assert!(folder.asked(1_000, "uring").holds, "who may do everything may also do this");
    folder.replace("/proc/self/status", "000001fffeffffff", "0000000000000000");
    assert_eq!(find(&folder.asked(1_000, "uring"), "io_uring").is, "only for group -1 and root");
    folder.set("kernel.io_uring_group", "1007");
    assert_eq!(names(&folder.asked(1_000, "uring"), Verdict::Breaks), ["io_uring"]);
    folder.replace("/proc/self/status", "Seccomp", "Groups:\t27 1007\nSeccomp");
    assert!(folder.asked(1_000, "uring").holds);
    folder.set("kernel.io_uring_disabled", "0").replace("/proc/self/status", "Seccomp:\t0", "Seccomp:\t2");
    assert_eq!(find(&folder.asked(1_000, "uring"), "io_uring").verdict, Verdict::Weakens);
    folder.set("kernel.osrelease", "5.15.0-91-generic");
    assert_eq!(names(&folder.asked(1_000, "uring"), Verdict::Breaks), ["kernel"]);
}

#[test]
fn select_ends_at_a_thousand_descriptors_whatever_the_machine_allows() {
    let folder = Folder::reference();
    assert_eq!(names(&folder.asked(960, "select"), Verdict::Breaks), Vec::<&str>::new());
    assert_eq!(names(&folder.asked(961, "select"), Verdict::Breaks), ["select"]);
    assert!(find(&folder.asked(2_000, "select"), "select").how().contains("--io epoll"));
    assert_eq!(find(&folder.asked(10_000, "poll"), "poll").verdict, Verdict::Holds);
    let report = folder.asked(10_001, "poll");
    assert!(report.holds && find(&report, "poll").verdict == Verdict::Weakens);
}

#[test]
fn a_server_without_a_number_asks_for_as_many_as_its_descriptors_and_the_memory_allow() {
    let folder = Folder::small();
    let of = |model: &str| Question::of_server(&folder.machine(), model.parse::<Model>().unwrap());
    assert_eq!(of("epoll"), question(20_000 - 84, "epoll"));
    assert_eq!(of("wire:lab"), question(1, "wire:lab"));
    for model in ["epoll", "uring"] {
        let report = crore_doctor::examine(&folder.machine(), &of(model));
        assert!(report.holds, "a machine as it came needs no warning: {}", report.to_text());
    }
    folder.set("net.netfilter.nf_conntrack_max", "8192").set("net.netfilter.nf_conntrack_count", "12");
    let report = crore_doctor::examine(&folder.machine(), &of("epoll"));
    assert_eq!(names(&report, Verdict::Breaks), ["conntrack"]);

    folder.replace("/proc/self/limits", "20000                20000", "1073741816           1073741816");
    assert_eq!(of("epoll"), question(1_000_000, "epoll"));
    folder.replace("/proc/meminfo", "23837948", "1000000");
    assert_eq!(of("epoll").connections(), 249_020, "of a gigabyte, each with 4,079 bytes");
    folder.put("/sys/fs/cgroup/memory.max", "100000000");
    assert_eq!(of("epoll").connections(), 22_493);
    folder.put("/sys/fs/cgroup/memory.max", "1000000");
    assert_eq!(of("epoll").connections(), 1);
}

#[test]
fn nobody_and_more_than_there_are_people_are_refused_with_the_limit() {
    let model = || "epoll".parse::<Model>().unwrap();
    assert!(Question::new(0, model()).unwrap_err().contains("1 or more"));
    let error = Question::new(10_000_000_001, model()).unwrap_err();
    assert!(error.contains("10000000001") && error.contains("at most 10000000000"), "{error}");
    assert!(!Folder::reference().asked(10_000_000_000, "epoll").holds);
}
