//! Everything that is looked at, in the order of a connection's way: what bounds sockets, the kernel's TCP, memory, the interface.
//!
//! A check is a function of the [`Case`]. It gives nothing where it does not matter for the model, or where the machine does not show
//! what it is about (a container sees only some settings). It changes nothing.

use crate::check::{Check, Remedy, Verdict};
use crate::machine::{Capability, Card, Groups, Machine, Process, cards};
use crate::model::{Kind, Model};
use crate::show::grouped;

mod card;
mod dpdk;
mod files;
mod frames;
mod group;
mod kernel;
mod memory;
mod sockets;
mod tcp_memory;

/// What is asked, and of whom.
pub(crate) struct Case<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) process: Process,
    pub(crate) groups: Groups,
    pub(crate) model: &'a Model,
    pub(crate) connections: u64,
    /// The interfaces that connections come through, as far as they are known.
    pub(crate) cards: Vec<Card>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(machine: &'a Machine, model: &'a Model, connections: u64) -> Case<'a> {
        assert!(connections > 0, "somebody shall be held");
        let cards = match &model.kind {
            Kind::Xdp { interface, namespace: None } => Card::of(machine, interface).into_iter().collect(),
            _ if model.is_kernel() => cards(machine),
            _ => Vec::new(),
        };
        let (process, groups) = (Process::of(machine), Groups::of(machine));
        Case { machine, process, groups, model, connections, cards }
    }

    /// Where connections are sockets of the kernel.
    fn on_kernel(&self) -> Option<()> {
        self.model.is_kernel().then_some(())
    }

    /// Where the model is one of `kinds`.
    fn on(&self, fits: impl Fn(&Kind) -> bool) -> Option<()> {
        fits(&self.model.kind).then_some(())
    }

    /// A check of a setting that should be at least `needs`; it is left alone where it is more.
    fn at_least(&self, name: &str, key: &'static str, needs: u64, or: Verdict, why: &'static str) -> Option<Check> {
        let [is] = self.machine.numbers(key)?;
        Some(Check {
            name: name.to_owned(),
            is: grouped(is),
            needs: format!("{} or more", grouped(needs)),
            verdict: Verdict::holds_if(is >= needs, or),
            why,
            remedies: vec![Remedy::setting(key, is.max(needs))],
        })
    }

    fn may(&self, right: Capability) -> bool {
        self.process.may(right)
    }
}

/// Checks that give one answer.
const SINGLE: &[fn(&Case<'_>) -> Option<Check>] = &[
    files::select,
    files::poll,
    files::nr_open,
    files::descriptors,
    files::file_max,
    files::epoll_watches,
    kernel::version,
    kernel::io_uring,
    kernel::rights,
    kernel::tun,
    sockets::ports,
    sockets::accept_queue,
    sockets::half_open,
    sockets::time_wait,
    sockets::conntrack,
    tcp_memory::all,
    tcp_memory::receive,
    tcp_memory::send,
    memory::available,
    group::memory,
    group::tasks,
    group::processors,
    memory::overcommit,
    memory::transparent_huge_pages,
    dpdk::huge_pages,
    memory::locked,
    memory::maps,
    memory::swap,
    kernel::clock,
    frames::interface,
    dpdk::built,
    dpdk::card,
];

/// Checks of each interface.
const EACH_CARD: &[fn(&Case<'_>, &Card) -> Option<Check>] = &[
    card::bond,
    card::queues,
    card::interrupts,
    card::receive_steering,
    card::flow_steering,
    card::transmit_steering,
    card::offloads,
    frames::xdp,
    frames::checksums,
];

/// Looks at everything that matters.
pub(crate) fn all(case: &Case<'_>) -> Vec<Check> {
    let single = SINGLE.iter().filter_map(|check| check(case));
    let cards = case.cards.iter().flat_map(|card| EACH_CARD.iter().filter_map(move |check| check(case, card)));
    single.chain(cards).collect()
}
