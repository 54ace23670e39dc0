//! A machine as its files show it: `/proc` and `/sys`, below a folder that is `/` or one that a test has made.
//!
//! Not here: judgement. Everything is read when it is asked for, so that a change is seen at once; a file that is not there, or is
//! not what it should be, is `None`, and its check is left out. What no file shows, a driver is asked for over netlink; that is the
//! one thing that is not below the folder, so a test says it instead.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crore_nic::{Interface, Offloads, XdpSupport};

use crate::limits::{FILE_BYTES_MAX, PROCESSORS_MAX};

mod groups;
mod network;
mod process;

pub(crate) use groups::Groups;
pub(crate) use network::{Card, cards};
pub(crate) use process::{Capability, Process, Range};

/// A machine to look at, and to change.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
    /// What was told of drivers; none: they are asked.
    drivers: Option<BTreeMap<String, Driver>>,
}

/// What the driver of an interface says of itself, which stands in no file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Driver {
    /// What is done for many packets at once, or by the device.
    pub offloads: Offloads,
    /// What it can do for XDP; none: the kernel is too old to say.
    pub xdp: Option<XdpSupport>,
    /// The number of the XDP program that is attached.
    pub program: Option<u32>,
}

impl Machine {
    /// The one that this runs on.
    pub fn here() -> Machine {
        Machine { root: PathBuf::from("/"), drivers: None }
    }

    /// One whose `proc` and `sys` are below `root`; no driver of it says anything.
    pub fn at(root: impl Into<PathBuf>) -> Machine {
        Machine { root: root.into(), drivers: Some(BTreeMap::new()) }
    }

    /// As this one, where the driver of `interface` says `driver`.
    pub fn with_driver(mut self, interface: &str, driver: Driver) -> Machine {
        self.drivers.get_or_insert_default().insert(interface.to_owned(), driver);
        self
    }

    /// What the driver of an interface says; none: there is no such interface, or it does not answer.
    pub(crate) fn driver(&self, interface: &str) -> Option<Driver> {
        if let Some(told) = &self.drivers {
            return told.get(interface).copied();
        }
        let interface = Interface::find(interface).ok().flatten()?;
        Some(Driver {
            offloads: interface.offloads().ok()?,
            xdp: interface.xdp_support().ok()?,
            program: interface.program,
        })
    }

    /// Where a path of the machine, which begins with `/`, is.
    fn place(&self, path: &str) -> PathBuf {
        debug_assert!(path.starts_with('/'), "{path} is no absolute path");
        self.root.join(path.trim_start_matches('/'))
    }

    /// The content of a file without white space around it.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        File::open(self.place(path)).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned())
    }

    /// A file that holds one number; `max`, as control groups write it, is the largest.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        limit(&self.text(path)?)
    }

    /// A setting of the kernel's, like `net.core.somaxconn`.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        self.text(&setting_path(key))
    }

    /// A setting that is several numbers.
    pub(crate) fn numbers<const N: usize>(&self, key: &str) -> Option<[u64; N]> {
        let text = self.setting(key)?;
        let numbers: Option<Vec<u64>> = text.split_whitespace().map(parsed).collect();
        numbers?.try_into().ok()
    }

    /// The number behind a name in a file of lines like `MemTotal:  24684092 kB`, in bytes if it is in kB.
    pub(crate) fn line(&self, path: &str, name: &str) -> Option<u64> {
        let text = self.text(path)?;
        let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut words = rest.split_whitespace();
        let number: u64 = parsed(words.next()?)?;
        Some(if words.next() == Some("kB") { number.saturating_mul(1_024) } else { number })
    }

    /// The names in a folder, in order; none if there is no such folder.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.place(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.place(path).exists()
    }

    /// The last part of what a symbolic link points to.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.place(path)).ok()?;
        Some(Path::new(&target).file_name()?.to_str()?.to_owned())
    }

    /// Writes a value into a file that is there.
    ///
    /// # Errors
    /// There is no such file, it may not be written, or the kernel does not take the value.
    pub(crate) fn write(&self, path: &str, value: &str) -> io::Result<()> {
        assert!(!value.is_empty(), "a setting is set to something");
        let mut file = OpenOptions::new().write(true).truncate(true).open(self.place(path))?;
        // In one call: the kernel takes each as a whole value.
        file.write_all(value.as_bytes())
    }
}

/// Where a setting is: `net.core.somaxconn` in `/proc/sys/net/core/somaxconn`.
pub(crate) fn setting_path(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A number, or a word for none.
fn limit(text: &str) -> Option<u64> {
    if matches!(text, "max" | "unlimited") { Some(u64::MAX) } else { parsed(text) }
}

/// Those in a list like `0-3,8`. None: it is not a list, or names more than there can be.
fn processors(list: &str) -> Option<Vec<u64>> {
    let mut found = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u64, u64) = (parsed(first)?, parsed(last)?);
        if last >= PROCESSORS_MAX {
            return None;
        }
        found.extend(first..=last);
    }
    Some(found)
}

#[cfg(test)]
mod tests;
