//! What processes use, from `/proc` (proc(5)): a model's process and everything that it has started, or a family, or this one.
//!
//! A model begins a process group of its own, and what it starts stays in it, so the group also holds children whose parent has
//! ended. Processor time of children that have ended is counted where their parent has waited for them.

use std::fs;

use super::descriptors::Descriptors;

/// Processes that belong together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    root: u32,
    kin: Kin,
}

/// Who belongs to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kin {
    /// Its process group.
    Group,
    /// Its children and theirs, as long as their parents live.
    Family,
    /// Nobody else.
    Alone,
}

/// What a group has used and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// User and system time since the start, seconds; ended children with it.
    pub(crate) cpu_seconds: f64,
    /// Voluntary and other switches of all threads that live.
    pub(crate) context_switches: u64,
    /// Memory in proportion to how many share it (PSS), and huge pages, bytes.
    pub(crate) user_bytes: u64,
    /// Tables of pages, bytes.
    pub(crate) page_table_bytes: u64,
    /// Threads that live, of all processes.
    pub(crate) threads: u64,
    /// Sockets of all kinds, each counted once.
    pub(crate) sockets: u64,
    /// Descriptors that are registered with an epoll.
    pub(crate) watches: u64,
    /// Operations that wait in an io_uring.
    pub(crate) operations: u64,
    /// Those of them that receive from a socket.
    pub(crate) receives: u64,
}

impl Tree {
    /// The group of this number.
    pub(crate) fn new(group: u32) -> Tree {
        Tree { root: group, kin: Kin::Group }
    }

    /// A process and its children and theirs, for programs whose children begin groups of their own.
    pub(crate) fn family(pid: u32) -> Tree {
        Tree { root: pid, kin: Kin::Family }
    }

    /// This process.
    pub(crate) fn of_this_process() -> Tree {
        Tree { root: std::process::id(), kin: Kin::Alone }
    }

    /// What it has used until now. Costs some file reads for each process of the machine, and for each thread and descriptor of the
    /// group.
    pub(crate) fn usage(self) -> Usage {
        let (mut sum, mut descriptors) = (Usage::default(), Descriptors::default());
        for (pid, stat) in self.processes() {
            let tasks = Tasks::of(pid);
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            sum.cpu_seconds += stat.cpu_seconds(&tasks);
            sum.context_switches += tasks.context_switches;
            sum.threads += tasks.count;
            // Pages of hugetlbfs are in no set size (proc(5)).
            sum.user_bytes += proportional_bytes(pid) + kilobytes(&status, "HugetlbPages:") * 1_024;
            sum.page_table_bytes += kilobytes(&status, "VmPTE:") * 1_024;
            descriptors.add(pid);
        }
        let Descriptors { watches, operations, receives, .. } = descriptors;
        Usage { sockets: descriptors.sockets(), watches, operations, receives, ..sum }
    }

    /// Processor time only; see [`Usage::cpu_seconds`].
    pub(crate) fn cpu_seconds(self) -> f64 {
        self.processes().map(|(pid, stat)| stat.cpu_seconds(&Tasks::of(pid))).sum()
    }

    fn processes(self) -> impl Iterator<Item = (u32, Stat)> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let stat = |pid| Some((pid, Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
        let all: Vec<(u32, Stat)> = pids.filter_map(stat).collect();
        let mut family = vec![self.root];
        let mut at = 0;
        while let Some(&parent) = family.get(at).filter(|_| self.kin == Kin::Family) {
            family.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| pid));
            at += 1;
        }
        all.into_iter().filter(move |(pid, stat)| match self.kin {
            Kin::Group => stat.group == self.root,
            Kin::Family | Kin::Alone => family.contains(pid),
        })
    }
}

/// Of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stat {
    parent: u32,
    group: u32,
    /// User and system time of all its threads, also those that have ended. Whole ticks of 10 ms, rounded down.
    own_ticks: u64,
    /// The same of children that have ended and were waited for, and of theirs.
    ended_ticks: u64,
}

impl Stat {
    /// The name may hold anything, also spaces and parentheses, so the fields begin behind the last parenthesis.
    fn parse(text: &str) -> Option<Stat> {
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let ticks: Vec<u64> = fields.skip(8).take(4).filter_map(|field| field.parse().ok()).collect();
        let &[user, system, ended_user, ended_system] = &ticks[..] else { return None };
        Some(Stat { parent, group, own_ticks: user + system, ended_ticks: ended_user + ended_system })
    }

    /// The scheduler knows nanoseconds of threads that live, the ticks know of those that have ended: each is a part, so the
    /// larger is nearer.
    fn cpu_seconds(&self, tasks: &Tasks) -> f64 {
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        let own = (self.own_ticks as f64 / per_second).max(tasks.nanos as f64 / 1e9);
        own + self.ended_ticks as f64 / per_second
    }
}

/// The threads of a process that live.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tasks {
    count: u64,
    context_switches: u64,
    /// On a processor; 0 where the kernel was built without saying so.
    nanos: u64,
}

impl Tasks {
    fn of(pid: u32) -> Tasks {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        tasks.fold(Tasks::default(), |sum, task| {
            let text = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let (status, schedule) = (text("status"), text("schedstat"));
            let switches =
                ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"].map(|name| number(&status, name));
            let nanos = schedule.split_ascii_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
            Tasks {
                count: sum.count + 1,
                context_switches: sum.context_switches + switches.iter().sum::<u64>(),
                nanos: sum.nanos + nanos.unwrap_or(0),
            }
        })
    }
}

/// The proportional set size; 0 for a process that has just ended.
fn proportional_bytes(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    kilobytes(&rollup, "Pss:") * 1_024
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

fn number(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    #[test]
    fn a_group_counts_its_children_and_nobody_else() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat | cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        let mut shell = shell.spawn().unwrap();
        let tree = Tree::new(shell.id());
        // The shell needs a moment to start the two; wait until all are there.
        while tree.processes().count() < 3 {
            std::thread::yield_now();
        }
        let usage = tree.usage();
        assert_eq!(usage.threads, 3, "the shell and two cats, and not this process");
        assert_eq!(Tree::family(shell.id()).usage().threads, 3);
        assert!(Tree::of_this_process().cpu_seconds() > 0.0);
        assert!(usage.user_bytes > 100_000 && usage.page_table_bytes > 10_000, "{usage:?}");
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(tree.usage(), Usage::default(), "what has ended holds nothing");
    }

    #[test]
    fn names_with_spaces_and_parentheses_do_not_shift_the_fields() {
        let stat = "7 (a) b) (c) S 3 9 7 0 -1 0 0 0 0 0 100 20 3 4 20";
        let parsed = Stat::parse(stat).unwrap();
        assert_eq!(parsed, Stat { parent: 3, group: 9, own_ticks: 120, ended_ticks: 7 });
        assert_eq!(Stat::parse("no stat"), None);
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        let with = |nanos| parsed.cpu_seconds(&Tasks { nanos, ..Tasks::default() }) - 7.0 / per_second;
        assert_eq!((with(0), with(9_000_000_000_000)), (120.0 / per_second, 9_000.0));
    }

    #[test]
    fn figures_are_read_by_their_whole_name() {
        let status = "VmPTE:\t      44 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(kilobytes(status, "VmPTE:"), 44);
        assert_eq!(number(status, "voluntary_ctxt_switches:"), 5);
        assert_eq!(number(status, "nonvoluntary_ctxt_switches:"), 7);
    }
}
