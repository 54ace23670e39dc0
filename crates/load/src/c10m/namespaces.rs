//! Two network namespaces and a veth between them, for AF_XDP; made with `ip` (ip-netns(8), veth(4)), and removed again.
//!
//! The processes stay in the namespace in which the command was started: only their devices lie in these, so the admin
//! listener is reachable as usual. Names hold our number, so runs beside each other do not meet, and what a run that was
//! killed left behind is removed by the next one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::LoadError;

/// What all of our namespaces' names begin with.
const PREFIX: &str = "c10m-";
/// The interface in each namespace.
const INTERFACE: &str = "c10m0";

/// Both namespaces. Dropping removes them, and the veth with them.
pub(super) struct Namespaces {
    names: [String; 2],
}

impl Namespaces {
    /// # Errors
    /// No right to make them, or no `ip`; the text says what was tried.
    pub(super) fn new(pid: u32) -> Result<Namespaces, LoadError> {
        if !rustix::process::geteuid().is_root() {
            return Err(LoadError::usage(
                "--wire xdp needs root, for namespaces and AF_XDP: use sudo, or --wire memory",
            ));
        }
        remove_leftovers();
        // From here on what was made is removed, also when the rest fails.
        let namespaces = Namespaces { names: [format!("{PREFIX}{pid}-gateway"), format!("{PREFIX}{pid}-swarm")] };
        let [gateway, swarm] = &namespaces.names;
        ip(&["netns", "add", gateway])?;
        ip(&["netns", "add", swarm])?;
        ip(&[
            "link",
            "add",
            INTERFACE,
            "netns",
            gateway,
            "numrxqueues",
            "1",
            "numtxqueues",
            "1",
            "type",
            "veth",
            "peer",
            "name",
            INTERFACE,
            "netns",
            swarm,
            "numrxqueues",
            "1",
            "numtxqueues",
            "1",
        ])?;
        // The kernel gets no addresses there: all frames are from and to our own TCP/IP.
        for name in [gateway, swarm] {
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", INTERFACE, "up"])?;
        }
        Ok(namespaces)
    }

    /// The I/O models of gateway and swarm.
    pub(super) fn devices(&self) -> [String; 2] {
        self.names.each_ref().map(|name| format!("xdp:{INTERFACE}@{name}"))
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            // One that was never made, or is gone already, is as it should be.
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), LoadError> {
    let command = || format!("ip {}", arguments.join(" "));
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| {
        LoadError::Broken(format!("{}: {error}: --wire xdp needs the command ip (iproute2)", command()))
    })?;
    match output.status.success() {
        true => Ok(()),
        false => {
            Err(LoadError::Broken(format!("{}: {}", command(), String::from_utf8_lossy(&output.stderr).trim_end())))
        }
    }
}

/// Removes namespaces of runs whose process is not there any more.
fn remove_leftovers() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if pid_of(&name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

/// Whose namespace it is, if it is one of ours.
fn pid_of(name: &str) -> Option<u32> {
    let (pid, side) = name.strip_prefix(PREFIX)?.split_once('-')?;
    matches!(side, "gateway" | "swarm").then(|| pid.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_namespaces_are_taken_for_leftovers() {
        assert_eq!(pid_of("c10m-77-gateway"), Some(77));
        for name in ["c10m-77", "c10m-x-swarm", "c10m-7-other", "net-77-gateway", "c10m--swarm"] {
            assert_eq!(pid_of(name), None, "{name}");
        }
    }

    #[test]
    fn namespaces_are_made_and_nothing_is_left() {
        if !rustix::process::geteuid().is_root() || Command::new("ip").arg("-V").output().is_err() {
            println!("skipped: needs root and the command ip");
            return;
        }
        // A number that no process has, so the next run of ours would take a leftover for one.
        let namespaces = match Namespaces::new(u32::MAX) {
            Ok(namespaces) => namespaces,
            Err(error) => return println!("skipped: no namespaces can be made here: {error}"),
        };
        let [gateway, _] = namespaces.devices();
        assert_eq!(gateway, "xdp:c10m0@c10m-4294967295-gateway");
        assert!(Path::new("/run/netns/c10m-4294967295-swarm").exists());
        drop(namespaces);
        assert!(!Path::new("/run/netns/c10m-4294967295-swarm").exists());
        assert!(!Path::new("/run/netns/c10m-4294967295-gateway").exists());
    }
}
