//! Network interfaces as `/sys/class/net` shows them.

use std::collections::BTreeSet;

use super::{Machine, processors};
use crate::limits::INTERFACES_MAX;

/// An interface.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) name: String,
    /// Queues on which it receives.
    pub(crate) receive_queues: Vec<String>,
    /// Queues on which it sends.
    pub(crate) send_queues: Vec<String>,
    /// The interfaces that it joins, if it is a bond.
    pub(crate) members: Vec<String>,
    /// The interfaces that carry its packets, if it is a bond, a bridge or a VLAN.
    lower: Vec<String>,
    /// There is a device behind it.
    pub(crate) is_physical: bool,
}

impl Card {
    /// None: there is no interface of this name.
    pub(crate) fn of(machine: &Machine, name: &str) -> Option<Card> {
        let folder = format!("/sys/class/net/{name}");
        if !machine.exists(&folder) {
            return None;
        }
        let queues = |kind: &str| -> Vec<String> {
            let names = machine.names(&format!("{folder}/queues")).into_iter();
            names.filter(|queue| queue.starts_with(kind)).map(|queue| format!("{folder}/queues/{queue}")).collect()
        };
        let members = machine.text(&format!("{folder}/bonding/slaves")).unwrap_or_default();
        let lower = machine.names(&folder).into_iter();
        Some(Card {
            name: name.to_owned(),
            receive_queues: queues("rx-"),
            send_queues: queues("tx-"),
            members: members.split_whitespace().map(str::to_owned).collect(),
            lower: lower.filter_map(|file| Some(file.strip_prefix("lower_")?.to_owned())).collect(),
            is_physical: machine.exists(&format!("{folder}/device")),
        })
    }

    /// One of the files about it.
    pub(crate) fn text(&self, machine: &Machine, file: &str) -> Option<String> {
        machine.text(&format!("/sys/class/net/{}/{file}", self.name))
    }

    /// The name of its driver.
    pub(crate) fn driver(&self, machine: &Machine) -> Option<String> {
        machine.link(&format!("/sys/class/net/{}/device/driver", self.name))
    }

    /// The processors that its interrupts go to, of those that have ever come. None: its interrupts are not known.
    pub(crate) fn interrupted(&self, machine: &Machine) -> Option<BTreeSet<u64>> {
        // A virtual device is the child of the one that has the interrupts.
        let folders = ["device/msi_irqs", "device/../msi_irqs"];
        let mut numbers = folders.iter().map(|folder| machine.names(&format!("/sys/class/net/{}/{folder}", self.name)));
        let numbers = numbers.find(|numbers| !numbers.is_empty())?;
        let table = machine.text("/proc/interrupts")?;
        let happened: Vec<&str> = table.lines().filter_map(happened).collect();
        let came = numbers.iter().filter(|number| happened.contains(&number.as_str()));
        let affinity = |number: &String| {
            let read = |file: &str| machine.text(&format!("/proc/irq/{number}/{file}")).filter(|list| !list.is_empty());
            read("effective_affinity_list").or_else(|| read("smp_affinity_list"))
        };
        let found: BTreeSet<u64> = came.filter_map(affinity).filter_map(|list| processors(&list)).flatten().collect();
        (!found.is_empty()).then_some(found)
    }

    /// The interface at the other end of a virtual cable, if it is in this network namespace.
    pub(crate) fn peer(&self, machine: &Machine) -> Option<Card> {
        let number = |name: &str, file: &str| machine.number(&format!("/sys/class/net/{name}/{file}"));
        let (own, other) = (number(&self.name, "ifindex")?, number(&self.name, "iflink")?);
        let is_peer = |name: &String| number(name, "ifindex") == Some(other) && number(name, "iflink") == Some(own);
        let names = machine.names("/sys/class/net");
        names.iter().find(|name| own != other && is_peer(name)).and_then(|name| Card::of(machine, name))
    }
}

/// The number of an interrupt that has come at least once, from a line of `/proc/interrupts`: a number, a count for each processor, and
/// what it is.
fn happened(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(':')?;
    let mut counts = rest.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    counts.any(|count| count > 0).then_some(number.trim())
}

/// The interfaces that the kernel's connections come through: those of its default routes, and what is below bonds, bridges and VLANs.
pub(crate) fn cards(machine: &Machine) -> Vec<Card> {
    let mut names: Vec<String> = routed(machine).into_iter().collect();
    let mut cards: Vec<Card> = Vec::new();
    while let Some(name) = names.pop() {
        if cards.len() == INTERFACES_MAX || cards.iter().any(|card| card.name == name) {
            continue;
        }
        let card = Card::of(machine, &name);
        names.extend(card.iter().flat_map(|card| card.lower.iter().cloned()));
        cards.extend(card);
    }
    cards.sort_by(|one, other| one.name.cmp(&other.name));
    cards
}

/// The interfaces of default routes.
fn routed(machine: &Machine) -> BTreeSet<String> {
    const FIELDS_V4: [usize; 2] = [0, 1];
    const FIELDS_V6: [usize; 2] = [9, 0];
    let mut names = BTreeSet::new();
    for (file, [name, destination]) in [("/proc/net/route", FIELDS_V4), ("/proc/net/ipv6_route", FIELDS_V6)] {
        let table = machine.text(file).unwrap_or_default();
        for line in table.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (Some(name), Some(destination)) = (fields.get(name), fields.get(destination)) else { continue };
            let is_default = destination.bytes().all(|digit| digit == b'0');
            if is_default && *name != "lo" {
                names.insert((*name).to_owned());
            }
        }
    }
    names
}
