//! What the control groups of this process leave it: memory, tasks, processor time. Both versions of control groups, side by side or
//! alone (cgroups(7)); of a bound, the tightest on the way from our group to the root counts.

use super::Machine;
use crate::limits::GROUP_LEVELS_MAX;

/// A bound of a group, and what of it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bound {
    pub(crate) limit: u64,
    pub(crate) used: u64,
}

impl Bound {
    /// What is left.
    pub(crate) fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The bounds that there are; none: nothing is bounded.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Groups {
    /// Bytes, those of the kernel for our sockets among them.
    pub(crate) memory: Option<Bound>,
    /// Threads and processes.
    pub(crate) tasks: Option<Bound>,
    /// Thousandths of a processor.
    pub(crate) processor_millis: Option<u64>,
}

/// Version 1 writes a limit that is none as the largest number of pages, in bytes.
const NO_MEMORY_LIMIT: u64 = 1 << 62;

impl Groups {
    pub(crate) fn of(machine: &Machine) -> Groups {
        let mounts = machine.text("/proc/self/mountinfo").unwrap_or_default();
        let memberships = machine.text("/proc/self/cgroup").unwrap_or_default();
        let mut groups = Groups::default();
        for line in memberships.lines() {
            // Number of the hierarchy, its controllers, our group in it. The one of version 2 names no controllers.
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let folders = |kind, controller| {
                mounted(&mounts, kind, controller).map(|mount| levels(&mount, path)).unwrap_or_default()
            };
            if controllers.is_empty() {
                groups.tighten(Groups::of_version_2(machine, &folders("cgroup2", None)));
            } else {
                for controller in controllers.split(',') {
                    let folders = folders("cgroup", Some(controller));
                    groups.tighten(Groups::of_version_1(machine, controller, &folders));
                }
            }
        }
        groups
    }

    fn of_version_2(machine: &Machine, folders: &[String]) -> Groups {
        Groups {
            memory: tightest(machine, folders, ["memory.max", "memory.current"], Some("inactive_file")),
            tasks: tightest(machine, folders, ["pids.max", "pids.current"], None),
            processor_millis: folders.iter().filter_map(|folder| quota(machine, folder)).min(),
        }
    }

    fn of_version_1(machine: &Machine, controller: &str, folders: &[String]) -> Groups {
        const MEMORY: [&str; 2] = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
        let mut groups = Groups::default();
        match controller {
            "memory" => groups.memory = tightest(machine, folders, MEMORY, Some("total_inactive_file")),
            "pids" => groups.tasks = tightest(machine, folders, ["pids.max", "pids.current"], None),
            "cpu" => {
                let quotas = folders.iter().filter_map(|folder| quota_of_version_1(machine, folder));
                groups.processor_millis = quotas.min();
            }
            _ => {}
        }
        groups
    }

    /// Of both, the tighter bounds.
    fn tighten(&mut self, other: Groups) {
        let tighter = |one: Option<Bound>, other| [one, other].into_iter().flatten().min_by_key(|bound| bound.left());
        self.memory = tighter(self.memory, other.memory);
        self.tasks = tighter(self.tasks, other.tasks);
        self.processor_millis = [self.processor_millis, other.processor_millis].into_iter().flatten().min();
    }
}

/// Where a hierarchy is mounted, and which of its groups is there: containers see only their own.
struct Mount {
    root: String,
    point: String,
}

/// The mount of a kind, with a controller, in the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
fn mounted(mounts: &str, kind: &str, controller: Option<&str>) -> Option<Mount> {
    mounts.lines().find_map(|line| {
        let (own, of_system) = line.split_once(" - ")?;
        let mut own = own.split(' ').skip(3);
        let (root, point) = (own.next()?, own.next()?);
        let mut of_system = of_system.split(' ');
        let found = of_system.next()?;
        let options = of_system.nth(1).unwrap_or_default();
        let fits = controller.is_none_or(|controller| options.split(',').any(|option| option == controller));
        (found == kind && fits).then(|| Mount { root: root.to_owned(), point: point.to_owned() })
    })
}

/// The folders from the mount down to the group called `path`. A group beyond what is mounted, as seen from inside a container, is at
/// the mount itself.
fn levels(mount: &Mount, path: &str) -> Vec<String> {
    let below = path.strip_prefix(mount.root.trim_end_matches('/')).unwrap_or_default();
    let mut folder = mount.point.clone();
    let mut levels = vec![folder.clone()];
    let parts = below.split('/').filter(|part| !part.is_empty() && *part != "..");
    for part in parts.take(GROUP_LEVELS_MAX) {
        folder = format!("{folder}/{part}");
        levels.push(folder.clone());
    }
    levels
}

/// The bound with least left, from the files of a limit and of what is used. What of the latter the kernel gives back when somebody
/// needs it, pages of files that nobody has read for a while, is the line of `memory.stat` called `reclaimable`.
fn tightest(
    machine: &Machine,
    folders: &[String],
    [limit, used]: [&str; 2],
    reclaimable: Option<&str>,
) -> Option<Bound> {
    let reclaimed = |folder: &str| -> Option<u64> {
        let statistics = machine.text(&format!("{folder}/memory.stat"))?;
        let name = reclaimable?;
        statistics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    };
    let bounds = folders.iter().filter_map(|folder| {
        let limit = machine.number(&format!("{folder}/{limit}")).filter(|limit| *limit < NO_MEMORY_LIMIT)?;
        let used = machine.number(&format!("{folder}/{used}")).unwrap_or(0);
        Some(Bound { limit, used: used.saturating_sub(reclaimed(folder).unwrap_or(0)) })
    });
    bounds.min_by_key(|bound| bound.left())
}

/// `cpu.max` holds a quota and a period, in microseconds.
fn quota(machine: &Machine, folder: &str) -> Option<u64> {
    let text = machine.text(&format!("{folder}/cpu.max"))?;
    let (quota, period) = text.split_once(' ')?;
    millis(quota.parse().ok()?, period.parse().ok()?)
}

/// A quota of -1, which is no number of ours, is none.
fn quota_of_version_1(machine: &Machine, folder: &str) -> Option<u64> {
    let read = |name| machine.number(&format!("{folder}/{name}"));
    millis(read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
}

fn millis(quota: u64, period: u64) -> Option<u64> {
    quota.saturating_mul(1_000).checked_div(period)
}
