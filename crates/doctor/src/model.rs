//! The I/O model that a machine is judged for, by the name that `--io` takes.

use std::fmt;
use std::str::FromStr;

/// The models by name, as `--io` takes them.
pub const MODELS: &str =
    "auto, select, poll, epoll-lt, epoll, uring, portable, wire:NAME, tap:NAME, xdp:IFACE, dpdk:DEVICE";

/// An I/O model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Model {
    name: String,
    /// What `auto` stands for.
    automatic: bool,
    pub(crate) kind: Kind,
}

/// What of a model matters to the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Select,
    Poll,
    /// `epoll`, `epoll-lt`, and `portable`, which is epoll on Linux.
    Epoll,
    Uring,
    Wire,
    Tap,
    Xdp {
        interface: String,
        /// The network namespace that the interface is in, where it is not ours.
        namespace: Option<String>,
    },
    Dpdk {
        /// The PCI address, if it is a card.
        card: Option<String>,
    },
}

impl Model {
    /// The model that `auto` stands for on the machine; which it is, the runtime knows.
    pub fn automatic(chosen: Model) -> Model {
        Model { automatic: true, ..chosen }
    }

    /// Whether connections are sockets of the kernel.
    pub(crate) fn is_kernel(&self) -> bool {
        matches!(self.kind, Kind::Select | Kind::Poll | Kind::Epoll | Kind::Uring)
    }

    /// As people read it.
    pub(crate) fn described(&self) -> String {
        if self.automatic { format!("auto, which is {} here", self.name) } else { self.name.clone() }
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Model, String> {
        let wrong = || format!("there is no I/O model {text:?}: choose one of {MODELS}");
        let kind = match text.split_once(':') {
            None => match text {
                "select" => Kind::Select,
                "poll" => Kind::Poll,
                "epoll" | "epoll-lt" | "portable" => Kind::Epoll,
                "uring" => Kind::Uring,
                _ => return Err(wrong()),
            },
            Some((_, "")) => return Err(format!("{text:?} names no device: write what comes after the colon")),
            Some(("wire", _)) => Kind::Wire,
            Some(("tap", _)) => Kind::Tap,
            Some(("dpdk", device)) => Kind::Dpdk { card: pci_address(device) },
            Some(("xdp", device)) => xdp(device).ok_or_else(|| format!("{text:?} names no interface"))?,
            Some(_) => return Err(wrong()),
        };
        Ok(Model { name: text.to_owned(), automatic: false, kind })
    }
}

/// `IFACE`, `IFACE:QUEUE:QUEUE`, `IFACE@NAMESPACE`, each with `,rings=N` behind it if need be. Whether queues and rings are right,
/// the driver says when it opens the device.
fn xdp(device: &str) -> Option<Kind> {
    let place = device.split(',').next().unwrap_or_default();
    let (device, namespace) = place.split_once('@').map_or((place, None), |(device, name)| (device, Some(name)));
    let interface = device.split(':').next().unwrap_or_default();
    // The name becomes a part of a path.
    let is_name = |name: &str| !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    is_name(interface).then(|| Kind::Xdp { interface: interface.to_owned(), namespace: namespace.map(str::to_owned) })
}

/// The PCI address that a device string of DPDK begins with, with its domain; a virtual device has none.
fn pci_address(device: &str) -> Option<String> {
    let name = device.split(',').next().unwrap_or_default();
    let plain = name.contains(':') && name.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    // It becomes a part of a path.
    let address = if name.matches(':').count() == 1 { format!("0000:{name}") } else { name.to_owned() };
    (plain && !name.contains("..")).then_some(address)
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.automatic { "auto" } else { &self.name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_name_that_is_read_and_shown_again() {
        for name in ["select", "poll", "epoll-lt", "epoll", "uring", "portable", "wire:a", "tap:b", "dpdk:net_ring0"] {
            let model: Model = name.parse().unwrap();
            assert_eq!(model.to_string(), name);
            assert_eq!(model.is_kernel(), !name.contains(':'), "{name}");
        }
    }

    #[test]
    fn what_auto_stands_for_is_judged_and_said() {
        let model = Model::automatic("uring".parse().unwrap());
        assert_eq!((model.kind.clone(), model.to_string().as_str()), (Kind::Uring, "auto"));
        assert_eq!(model.described(), "auto, which is uring here");
    }

    #[test]
    fn an_interface_stands_before_its_queues_its_namespace_and_its_rings() {
        let namespace = |name: &str| Some(name.to_owned());
        for (name, expected) in [
            ("xdp:eth0", None),
            ("xdp:eth0:1:2", None),
            ("xdp:eth0,rings=64", None),
            ("xdp:eth0@blue,rings=64", namespace("blue")),
            ("xdp:eth0:1@blue", namespace("blue")),
        ] {
            let model: Model = name.parse().unwrap();
            assert_eq!(model.kind, Kind::Xdp { interface: "eth0".into(), namespace: expected }, "{name}");
        }
    }

    #[test]
    fn what_is_no_model_is_refused_with_those_that_are() {
        for name in ["", "kqueue", "epol", "usb:0", "EPOLL"] {
            let error = name.parse::<Model>().unwrap_err();
            assert!(error.contains(&format!("{name:?}")) && error.contains(MODELS), "{error}");
        }
        for name in ["wire:", "xdp:", "xdp::1", "xdp:../..", "xdp:a/b", "xdp:@blue"] {
            let error = name.parse::<Model>().unwrap_err();
            assert!(error.contains(&format!("{name:?}")), "{error}");
        }
    }
}
