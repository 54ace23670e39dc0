//! A machine made of files, in a folder of its own that goes when it is dropped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crore_doctor::{Check, Driver, Machine, Offloads, Question, Report, Verdict, XdpSupport, examine};

pub(crate) struct Folder {
    root: PathBuf,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans temporary files.
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Folder {
    fn empty() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("crore-doctor-{}-{number}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        Folder { root }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(crate) fn put(&self, path: &str, text: &str) -> &Folder {
        let place = self.path(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, format!("{text}\n")).unwrap();
        self
    }

    /// A setting of the kernel's.
    pub(crate) fn set(&self, key: &str, value: &str) -> &Folder {
        self.put(&format!("/proc/sys/{}", key.replace('.', "/")), value)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap().trim().to_owned()
    }

    /// Puts `new` where `old` stands in a file.
    pub(crate) fn replace(&self, path: &str, old: &str, new: &str) -> &Folder {
        let text = self.text(path);
        assert!(text.contains(old), "{path} has no {old:?}");
        self.put(path, &text.replace(old, new))
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        let place = self.path(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(target, place).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) -> &Folder {
        let place = self.path(path);
        if place.is_dir() {
            fs::remove_dir_all(place).unwrap()
        } else {
            fs::remove_file(place).unwrap()
        }
        self
    }

    /// Every file in it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    walk(&entry.path(), into);
                } else if kind.is_file() {
                    into.push(entry.path());
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.root, &mut files);
        files
    }

    pub(crate) fn machine(&self) -> Machine {
        Machine::at(&self.root)
    }

    pub(crate) fn asked(&self, connections: u64, model: &str) -> Report {
        examine(&self.machine(), &question(connections, model))
    }

    /// An interface with its queues, and an interrupt for each on a processor of its own.
    pub(crate) fn card(&self, name: &str, queues: u64) {
        let folder = format!("/sys/class/net/{name}");
        for (file, text) in
            [("operstate", "up"), ("mtu", "1500"), ("speed", "10000"), ("ifindex", "2"), ("iflink", "2")]
        {
            self.put(&format!("{folder}/{file}"), text);
        }
        self.link(&format!("{folder}/device/driver"), "../../../../bus/pci/drivers/ixgbe");
        let mut table = "           CPU0       CPU1\n".to_owned();
        for queue in 0..queues {
            self.put(&format!("{folder}/queues/rx-{queue}/rps_cpus"), "00");
            self.put(&format!("{folder}/queues/rx-{queue}/rps_flow_cnt"), "0");
            self.put(&format!("{folder}/queues/tx-{queue}/xps_cpus"), &format!("{:02x}", 1 << queue));
            let interrupt = 40 + queue;
            self.put(&format!("{folder}/device/msi_irqs/{interrupt}"), "msix");
            self.put(&format!("/proc/irq/{interrupt}/effective_affinity_list"), &queue.to_string());
            table += &format!(
                " {interrupt}:      12345          0  PCI-MSIX-0000:01:00.0   {queue}-edge  {name}-TxRx-{queue}\n"
            );
        }
        self.put("/proc/interrupts", &table);
    }

    /// The reference machine, 8 cores, 64 GB, 10 Gbit/s, as Debian 12 sets it up, in a shell of root's.
    pub(crate) fn reference() -> Folder {
        let folder = Folder::empty();
        folder.put(
            "/proc/self/limits",
            "Limit                     Soft Limit           Hard Limit           Units\n\
             Max open files            1024                 1048576              files\n\
             Max locked memory         8388608              8388608              bytes",
        );
        folder.put(
            "/proc/self/status",
            "Name:\tbash\nCapEff:\t000001ffffffffff\nSeccomp:\t0\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7",
        );
        folder.put("/proc/self/cgroup", "0::/user.slice/user-0.slice/session-1.scope");
        folder.put(
            "/proc/self/mountinfo",
            "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
             30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate",
        );
        folder.put("/sys/fs/cgroup/user.slice/memory.max", "max");
        folder.put("/sys/fs/cgroup/user.slice/user-0.slice/pids.max", "165000");
        folder.put("/sys/fs/cgroup/user.slice/user-0.slice/pids.current", "12");
        folder.put("/sys/fs/cgroup/user.slice/cpu.max", "max 100000");
        folder.put(
            "/proc/meminfo",
            "MemTotal:       62500000 kB\nMemFree:        60000000 kB\nMemAvailable:   61000000 kB\nSwapTotal:       999420 kB\n\
             HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB",
        );
        folder.put(
            "/proc/net/route",
            "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t0100000A\t0003\neth0\t0000000A\t00000000\t0001",
        );
        folder.put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
        let clock = "/sys/devices/system/clocksource/clocksource0";
        folder.put(&format!("{clock}/current_clocksource"), "tsc");
        folder.put(&format!("{clock}/available_clocksource"), "tsc hpet acpi_pm");
        folder.put("/dev/net/tun", "");
        for (key, value) in [
            ("fs.nr_open", "1048576"),
            ("fs.file-max", "9223372036854775807"),
            ("fs.file-nr", "1312\t0\t9223372036854775807"),
            ("fs.epoll.max_user_watches", "14649733"),
            ("kernel.osrelease", "6.1.0-18-amd64"),
            ("net.core.somaxconn", "4096"),
            ("net.core.rps_sock_flow_entries", "0"),
            ("net.ipv4.ip_local_port_range", "32768\t60999"),
            ("net.ipv4.tcp_max_syn_backlog", "4096"),
            ("net.ipv4.tcp_syncookies", "1"),
            ("net.ipv4.tcp_mem", "732126\t976170\t1464252"),
            ("net.ipv4.tcp_rmem", "4096\t131072\t6291456"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
            ("net.ipv4.tcp_max_tw_buckets", "262144"),
            ("net.ipv4.tcp_tw_reuse", "2"),
            ("vm.overcommit_memory", "0"),
            ("vm.max_map_count", "65530"),
            ("vm.swappiness", "60"),
            ("vm.nr_hugepages", "0"),
        ] {
            folder.set(key, value);
        }
        folder.card("eth0", 8);
        folder
    }

    /// The two processors, 24 GB and 20,000 descriptors of a small virtual machine; its one interface has one queue.
    pub(crate) fn small() -> Folder {
        let folder = Folder::reference();
        folder.replace("/proc/self/limits", "1024                 1048576", "20000                20000");
        folder.replace("/proc/self/status", "0-7", "0-1").replace("/proc/self/status", "1ffffffffff", "1fffeffffff");
        folder.replace("/proc/meminfo", "62500000", "24684092").replace("/proc/meminfo", "61000000", "23837948");
        folder.set("fs.file-max", "2466177").set("fs.file-nr", "452\t0\t2466177");
        folder.set("fs.epoll.max_user_watches", "5491511").set("kernel.osrelease", "6.18.44-fc-v657");
        folder.set("net.ipv4.tcp_mem", "287901\t383868\t575802").set("net.ipv4.tcp_max_tw_buckets", "131072");
        folder.set("kernel.io_uring_disabled", "0").set("kernel.io_uring_group", "-1");
        folder.set("net.netfilter.nf_conntrack_max", "262144").set("net.netfilter.nf_conntrack_count", "0");
        folder.remove("/sys/class/net/eth0");
        folder.card("eth0", 1);
        folder
    }
}

pub(crate) fn question(connections: u64, model: &str) -> Question {
    Question::new(connections, model.parse().unwrap()).unwrap()
}

/// The names of the checks with a verdict.
pub(crate) fn names(report: &Report, verdict: Verdict) -> Vec<&str> {
    report.of(verdict).map(|check| check.name.as_str()).collect()
}

pub(crate) fn find<'a>(report: &'a Report, name: &str) -> &'a Check {
    report.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no {name} in {report:#?}"))
}

/// A driver that can do everything, with nothing attached.
pub(crate) const GOOD_DRIVER: Driver = Driver {
    offloads: Offloads { checksums: true, segmentation: true, coalescing: true },
    xdp: Some(XdpSupport { native: true, zero_copy: true }),
    program: None,
};
