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
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            if controllers.is_empty() {
                let at = mounted(&mounts, "cgroup2", None).map(|mount| levels(&mount, path)).unwrap_or_default();
                groups.tighten(Groups {
                    memory: tightest(machine, &at, ["memory.max", "memory.current"]),
                    tasks: tightest(machine, &at, ["pids.max", "pids.current"]),
                    processor_millis: at.iter().filter_map(|folder| quota(machine, folder)).min(),
                });
                continue;
            }
            for controller in controllers.split(',') {
                let at =
                    mounted(&mounts, "cgroup", Some(controller)).map(|mount| levels(&mount, path)).unwrap_or_default();
                groups.tighten(match controller {
                    "memory" => {
                        let names = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
                        Groups { memory: tightest(machine, &at, names), ..Groups::default() }
                    }
                    "pids" => {
                        Groups { tasks: tightest(machine, &at, ["pids.max", "pids.current"]), ..Groups::default() }
                    }
                    "cpu" => {
                        let millis = at.iter().filter_map(|folder| quota_of_version_1(machine, folder)).min();
                        Groups { processor_millis: millis, ..Groups::default() }
                    }
                    _ => Groups::default(),
                });
            }
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

fn tightest(machine: &Machine, folders: &[String], [limit, used]: [&str; 2]) -> Option<Bound> {
    let bounds = folders.iter().filter_map(|folder| {
        let limit = machine.number(&format!("{folder}/{limit}")).filter(|limit| *limit < NO_MEMORY_LIMIT)?;
        Some(Bound { limit, used: machine.number(&format!("{folder}/{used}")).unwrap_or(0) })
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
