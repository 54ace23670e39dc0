//! Device strings: what stands behind `dpdk:`.
//!
//! DPDK reads the arguments itself; here is only what decides how it is started, and what would confuse it.

use std::str::FromStr;

use super::error::DpdkError;
use crate::limits::{DPDK_DEVICE_BYTES_MAX, DPDK_NAME_BYTES_MAX};

/// How many hexadecimal digits domain, bus, device and function have in a PCI address.
const PCI_DIGITS: [usize; 4] = [4, 2, 2, 1];

/// A device as DPDK names it: `net_tap0,iface=dtap0` or `0000:03:00.0`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Device {
    text: String,
    is_pci: bool,
}

impl Device {
    /// The whole, as DPDK wants it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Without arguments: how DPDK calls the port.
    pub(crate) fn name(&self) -> &str {
        self.text.split(',').next().unwrap_or_default()
    }

    /// Whether it is a card, and not made by its driver.
    pub(crate) fn is_pci(&self) -> bool {
        self.is_pci
    }

    /// Whether the kernel's own stack is at the same interface, or next to it under the same hardware address: then ours needs
    /// another.
    pub(crate) fn shares_address_with_kernel(&self) -> bool {
        ["net_tap", "net_af_packet"].iter().any(|driver| self.text.starts_with(driver))
    }
}

impl FromStr for Device {
    type Err = DpdkError;

    fn from_str(text: &str) -> Result<Self, DpdkError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || text.len() > DPDK_DEVICE_BYTES_MAX {
            return Err(DpdkError::Device);
        }
        let name = text.split(',').next().unwrap_or_default();
        // The domain is zero on most machines, and left out by lspci.
        let whole = if name.matches(':').count() == 1 { format!("0000:{text}") } else { text.to_owned() };
        let (address, arguments) = whole.split_at(whole.find(',').unwrap_or(whole.len()));
        if is_pci_address(address) {
            // As DPDK calls the port.
            return Ok(Self { text: address.to_ascii_lowercase() + arguments, is_pci: true });
        }
        let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !word || !name.starts_with("net_") || name.len() > DPDK_NAME_BYTES_MAX {
            return Err(DpdkError::Device);
        }
        Ok(Self { text: text.to_owned(), is_pci: false })
    }
}

/// `0000:03:00.0`.
fn is_pci_address(text: &str) -> bool {
    let Some((place, function)) = text.split_once('.') else { return false };
    let parts = place.split(':').chain([function]);
    parts.clone().map(str::len).eq(PCI_DIGITS)
        && parts.into_iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_known_by_their_addresses_with_or_without_a_domain() {
        for (text, whole) in [
            ("0000:03:00.0", "0000:03:00.0"),
            ("03:00.1", "0000:03:00.1"),
            ("0001:AF:1f.7,representor=A", "0001:af:1f.7,representor=A"),
        ] {
            let device: Device = text.parse().unwrap();
            assert!(device.is_pci());
            assert_eq!((device.text(), device.name()), (whole, whole.split(',').next().unwrap()));
        }
    }

    #[test]
    fn virtual_devices_keep_their_arguments() {
        let device: Device = "net_memif0,role=server,socket=/run/x.sock".parse().unwrap();
        assert_eq!((device.name(), device.is_pci()), ("net_memif0", false));
        assert_eq!(device.text(), "net_memif0,role=server,socket=/run/x.sock");
        assert!(!device.shares_address_with_kernel());
        assert!("net_tap0".parse::<Device>().unwrap().shares_address_with_kernel());
        assert!("net_af_packet_x,iface=va".parse::<Device>().unwrap().shares_address_with_kernel());
    }

    #[test]
    fn what_dpdk_would_take_for_something_else_is_refused() {
        let long = format!("net_{}", "x".repeat(DPDK_NAME_BYTES_MAX));
        let longer = format!("net_tap0,{}", "x".repeat(DPDK_DEVICE_BYTES_MAX));
        for text in ["", ",", "tap0", "net_tap 0", "net_tap0,a=\n", "net_tap\0", "--no-pci", "00:00", &long, &longer] {
            assert_eq!(text.parse::<Device>(), Err(DpdkError::Device), "{text}");
        }
        for text in ["0000:03:00:0", "0000.03.00.0", "g000:03:00.0", "03:00.00", "3:00.0", "00000:03:00.0"] {
            assert_eq!(text.parse::<Device>(), Err(DpdkError::Device), "{text}");
        }
    }
}
