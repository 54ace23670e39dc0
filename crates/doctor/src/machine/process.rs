//! What this process may do: its limits, its rights, its processors. Children inherit all of it, so that it holds for a server that the
//! same shell starts.

use super::{Machine, limit, processors};

/// A right that root is made of (capabilities(7)); the value is its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Capability {
    NetAdmin = 12,
    NetRaw = 13,
    IpcLock = 14,
    SysAdmin = 21,
    Bpf = 39,
}

impl Capability {
    /// As the manual writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Capability::NetAdmin => "CAP_NET_ADMIN",
            Capability::NetRaw => "CAP_NET_RAW",
            Capability::IpcLock => "CAP_IPC_LOCK",
            Capability::SysAdmin => "CAP_SYS_ADMIN",
            Capability::Bpf => "CAP_BPF",
        }
    }
}

/// What a process has, and what it may raise that to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// This process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) descriptors: Option<Range>,
    /// Bytes.
    pub(crate) locked: Option<Range>,
    /// The numbers of the processors that it may use, at least one.
    pub(crate) allowed: Vec<u64>,
    /// How many they are.
    pub(crate) processors: u64,
    /// A filter of system calls is set.
    pub(crate) filtered: bool,
    /// The numbers of its groups.
    pub(crate) groups: Vec<u64>,
    rights: u64,
}

impl Process {
    pub(crate) fn of(machine: &Machine) -> Process {
        let limits = machine.text("/proc/self/limits").unwrap_or_default();
        let status = machine.text("/proc/self/status").unwrap_or_default();
        let field =
            |name: &str| status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()));
        let allowed = field("Cpus_allowed_list").and_then(processors).filter(|allowed| !allowed.is_empty());
        let allowed = allowed.unwrap_or_else(|| vec![0]);
        let groups = [field("Gid"), field("Groups")].into_iter().flatten().flat_map(str::split_whitespace);
        Process {
            descriptors: range(&limits, "Max open files"),
            locked: range(&limits, "Max locked memory"),
            processors: allowed.len() as u64,
            allowed,
            filtered: field("Seccomp").is_some_and(|mode| mode != "0"),
            groups: groups.filter_map(|group| group.parse().ok()).collect(),
            rights: field("CapEff").and_then(|bits| u64::from_str_radix(bits, 16).ok()).unwrap_or(0),
        }
    }

    pub(crate) fn may(&self, right: Capability) -> bool {
        self.rights & (1 << right as u32) != 0
    }
}

/// Soft and hard limit of a line like `Max open files  1024  524288  files`.
fn range(limits: &str, name: &str) -> Option<Range> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    let mut words = line.split_whitespace();
    Some(Range { soft: limit(words.next()?)?, hard: limit(words.next()?)? })
}
