//! Interfaces for models that carry their own frames, made with `ip` (ip-link(8), ip-netns(8), ip-tuntap(8)) and removed again.
//!
//! Names hold our number, so runs beside each other do not meet, and what a run that was killed left behind is removed by the next.

use std::path::Path;
use std::process::{Command, Stdio};

/// What all of our namespaces' names begin with.
const PREFIX: &str = "lab-";
/// The interface in each of them.
const INTERFACE: &str = "lab0";

/// What was made. Dropping removes it.
#[derive(Debug, Default)]
pub(super) struct Device {
    /// Arguments of `ip`.
    removals: Vec<[String; 3]>,
}

impl Device {
    /// A TAP interface on which the kernel has `address`; `several` if more than one worker will have a queue of it.
    ///
    /// # Errors
    /// No right to make it, or no `ip`.
    pub(super) fn tap(interface: &str, address: &str, several: bool) -> Result<Device, String> {
        check_root("a TAP interface")?;
        let queues: &[&str] = if several { &["multi_queue"] } else { &[] };
        let mut device = Device::default();
        ip(&[&["tuntap", "add", "dev", interface, "mode", "tap"], queues].concat())?;
        device.remove_by(["link", "delete", interface]);
        ip(&["addr", "add", address, "dev", interface])?;
        ip(&["link", "set", interface, "up"])?;
        Ok(device)
    }

    /// Two namespaces with a veth of one queue between them; the kernel has `address` at the model's end, so that the network is known.
    /// Gives the names of both ends, the model's first.
    ///
    /// # Errors
    /// No right to make them, or no `ip`.
    pub(super) fn veth(pid: u32, address: &str) -> Result<(Device, [String; 2]), String> {
        check_root("AF_XDP")?;
        remove_leftovers();
        let namespaces = [format!("{PREFIX}{pid}-model"), format!("{PREFIX}{pid}-client")];
        let mut device = Device::default();
        for name in &namespaces {
            ip(&["netns", "add", name])?;
            device.remove_by(["netns", "delete", name]);
        }
        let [model, client] = namespaces.each_ref().map(String::as_str);
        let end = |namespace| ["netns", namespace, "numrxqueues", "1", "numtxqueues", "1"];
        let ours =
            [&["link", "add", INTERFACE][..], &end(model), &["type", "veth", "peer", "name", INTERFACE]].concat();
        ip(&[&ours[..], &end(client)].concat())?;
        ip(&["-n", model, "addr", "add", address, "dev", INTERFACE])?;
        for name in [model, client] {
            ip(&["-n", name, "link", "set", INTERFACE, "up"])?;
        }
        Ok((device, [model, client].map(|name| format!("{INTERFACE}@{name}"))))
    }

    fn remove_by(&mut self, arguments: [&str; 3]) {
        self.removals.push(arguments.map(str::to_owned));
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        for removal in &self.removals {
            // What is gone already is as it should be.
            let _ = ip(&removal.each_ref().map(String::as_str));
        }
    }
}

fn check_root(what: &str) -> Result<(), String> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(format!("{what} needs root: use sudo")),
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let command = format!("ip {}", arguments.join(" "));
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command}: {error}: the command ip (iproute2) is needed"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim_end())),
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
    matches!(side, "model" | "client").then(|| pid.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_namespaces_are_taken_for_leftovers() {
        assert_eq!(pid_of("lab-77-model"), Some(77));
        for name in ["lab-77", "lab-x-client", "lab-7-other", "c10m-77-model", "lab--model"] {
            assert_eq!(pid_of(name), None, "{name}");
        }
    }

    #[test]
    fn devices_are_made_and_nothing_is_left() {
        // A number that no process has, so the next run of ours would take a leftover for one.
        let (device, ends) = match Device::veth(u32::MAX, "10.64.0.2/24") {
            Ok(made) => made,
            Err(reason) => return println!("skipped: {reason}"),
        };
        assert_eq!(ends[1], "lab0@lab-4294967295-client");
        let path = Path::new("/run/netns/lab-4294967295-model");
        assert!(path.exists());
        drop(device);
        assert!(!path.exists());
    }
}
