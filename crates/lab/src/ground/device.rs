//! Interfaces for models that carry their own frames, made with `ip` (ip-link(8), ip-netns(8), ip-tuntap(8)) and removed again.
//!
//! Names hold our number, so runs beside each other do not meet, and what a run that was killed left behind is removed by the next.

use std::path::Path;
use std::process::{Command, Stdio};

/// What the names of our namespaces begin with; the number of the process and a side follow.
const NAMESPACE: &str = "lab-";
/// The interface in each of them.
const INTERFACE: &str = "lab0";
/// What the names of our TAP interfaces begin with; the number of the process follows.
const TAP: &str = "labtap";

/// What was made. Dropping removes it.
#[derive(Debug, Default)]
pub(super) struct Device {
    /// Arguments of `ip`.
    removals: Vec<[String; 3]>,
}

impl Device {
    /// A TAP interface on which the kernel has `address`, and its name; `several` if more than one worker will have a queue of it.
    ///
    /// # Errors
    /// No right to make it, or no `ip`.
    pub(super) fn tap(pid: u32, address: &str, several: bool) -> Result<(Device, String), String> {
        check_root("a TAP interface")?;
        remove_leftovers("/sys/class/net", tap_owner, |name| ["link", "delete", name]);
        let interface = format!("{TAP}{pid}");
        let queues: &[&str] = if several { &["multi_queue"] } else { &[] };
        let mut device = Device::default();
        ip(&[&["tuntap", "add", "dev", &interface, "mode", "tap"], queues].concat())?;
        device.remove_by(["link", "delete", &interface]);
        ip(&["addr", "add", address, "dev", &interface])?;
        ip(&["link", "set", &interface, "up"])?;
        Ok((device, interface))
    }

    /// Two namespaces with a veth of one queue between them; the kernel has `address` at the model's end, so that the network is known.
    /// Gives the names of both ends, the model's first.
    ///
    /// # Errors
    /// No right to make them, or no `ip`.
    pub(super) fn veth(pid: u32, address: &str) -> Result<(Device, [String; 2]), String> {
        check_root("AF_XDP")?;
        remove_leftovers("/run/netns", namespace_owner, |name| ["netns", "delete", name]);
        let namespaces = [format!("{NAMESPACE}{pid}-model"), format!("{NAMESPACE}{pid}-client")];
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

/// Removes what runs left behind whose process is not there any more: of the names in `folder` those that have such an owner.
fn remove_leftovers(folder: &str, owner: fn(&str) -> Option<u32>, removal: for<'a> fn(&'a str) -> [&'a str; 3]) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if owner(&name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Somebody else may have been faster.
            let _ = ip(&removal(&name));
        }
    }
}

/// Whose namespace it is, if it is one of ours.
fn namespace_owner(name: &str) -> Option<u32> {
    let (pid, side) = name.strip_prefix(NAMESPACE)?.split_once('-')?;
    matches!(side, "model" | "client").then(|| pid.parse().ok())?
}

/// Whose TAP interface it is, if it is one of ours.
fn tap_owner(name: &str) -> Option<u32> {
    name.strip_prefix(TAP)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_namespaces_are_taken_for_leftovers() {
        assert_eq!((namespace_owner("lab-77-model"), tap_owner("labtap78")), (Some(77), Some(78)));
        for name in ["lab-77", "lab-x-client", "lab-7-other", "c10m-77-model", "lab--model"] {
            assert_eq!((namespace_owner(name), tap_owner(name)), (None, None), "{name}");
        }
    }

    #[test]
    fn devices_are_made_and_nothing_is_left() {
        // A number that no process has, so the next run of ours would take a leftover for one.
        let (tap, interface) = match Device::tap(99_999_999, "10.64.9.2/24", true) {
            Ok(made) => made,
            Err(reason) => return println!("skipped: {reason}"),
        };
        let path = format!("/sys/class/net/{interface}");
        assert!(Path::new(&path).exists());
        drop(tap);
        assert!(!Path::new(&path).exists());
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
