//! Where connections come from: several source addresses when the ports of one run out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::{CONNECTIONS_PER_OWN_SOURCE, CONNECTIONS_PER_SOURCE, SOURCES_MAX};

/// Who chooses the source ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ports {
    /// The kernel.
    Kernel,
    /// Our own TCP/IP.
    Ours,
}

impl Ports {
    /// Connections from one address before another is used.
    pub(crate) fn per_source(self) -> u64 {
        match self {
            Ports::Kernel => CONNECTIONS_PER_SOURCE,
            Ports::Ours => CONNECTIONS_PER_OWN_SOURCE,
        }
    }

    /// How many connections `sources` addresses can have to one destination.
    pub(crate) fn capacity(self, sources: usize) -> u64 {
        let each = match self {
            Ports::Kernel => kernel_ports(),
            Ports::Ours => CONNECTIONS_PER_OWN_SOURCE,
        };
        each * sources.max(1) as u64
    }
}

/// The addresses to connect from, taken in turn; none: the system's choice. `given` are addresses and CIDR blocks.
///
/// # Errors
/// An address that is none or of another family than the target's, or fewer ports than connections.
pub(crate) fn choose(target: IpAddr, connections: u64, given: &[String], ports: Ports) -> Result<Vec<IpAddr>, String> {
    let wanted = usize::try_from(connections.div_ceil(ports.per_source())).unwrap_or(SOURCES_MAX).clamp(1, SOURCES_MAX);
    if given.is_empty() {
        return Ok(of_loopback(target, wanted));
    }
    let mut sources = Vec::new();
    for text in given {
        // A block gives what is needed, single addresses are all used.
        sources.extend(block(text)?.take(wanted));
    }
    sources.truncate(SOURCES_MAX);
    match sources.iter().find(|source| source.is_ipv4() != target.is_ipv4()) {
        Some(stranger) => Err(format!("--source {stranger} cannot reach {target}: use addresses of the same family")),
        None => Ok(sources),
    }
}

/// A block of loopback that hardly another process uses. The ports of a run that ended a moment ago are in TIME-WAIT for a minute (RFC
/// 9293, section 3.6), and to find a free one among them costs the kernel a millisecond and more for each connection.
pub(crate) fn loopback_of_this_process() -> String {
    format!("127.{}.0.0/16", 2 + std::process::id() % 250)
}

/// The kernel's range of ports for active opens.
fn kernel_ports() -> u64 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ports: Vec<u64> = range.split_whitespace().filter_map(|port| port.parse().ok()).collect();
    match ports[..] {
        [first, last] if first <= last => last - first + 1,
        _ => 28_232, // Linux's default
    }
}

/// All of 127.0.0.0/8 is this machine: from 127.0.0.2 on as many as are needed. Other targets get the system's choice.
fn of_loopback(target: IpAddr, wanted: usize) -> Vec<IpAddr> {
    if wanted <= 1 || !target.is_loopback() || !target.is_ipv4() {
        return Vec::new();
    }
    let first = u32::from(Ipv4Addr::new(127, 0, 0, 2));
    (first..).take(wanted).map(|address| IpAddr::V4(Ipv4Addr::from(address))).collect()
}

/// The addresses of `text`: one, or the hosts of a CIDR block in order.
fn block(text: &str) -> Result<Box<dyn Iterator<Item = IpAddr>>, String> {
    let fail =
        |why: &str| format!("--source {text:?} {why}: use an address like 127.0.0.2 or a block like 10.0.0.0/16");
    let Some((address, bits)) = text.split_once('/') else {
        let address: IpAddr = text.parse().map_err(|_| fail("is not an address"))?;
        return Ok(Box::new(std::iter::once(address)));
    };
    let address: IpAddr = address.parse().map_err(|_| fail("is not an address block"))?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= width);
    let free = width - bits.ok_or_else(|| fail("has an impossible prefix length"))?;
    let base = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let mask = if free == 128 { u128::MAX } else { (1 << free) - 1 };
    // The first and the last address of a block of four or more are its network's and its broadcast's.
    let edge = u128::from(free >= 2);
    let (from, to) = ((base & !mask) + edge, (base | mask) - edge);
    Ok(Box::new((from..=to).map(move |bits| match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(bits).expect("a block of IPv4 stays inside of it"))),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(bits)),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn chosen(connections: u64, given: &[&str]) -> Vec<String> {
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        choose(LOOPBACK, connections, &given, Ports::Kernel).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn few_connections_use_the_systems_choice() {
        assert!(chosen(12_000, &[]).is_empty());
        assert!(choose("10.0.0.1".parse().unwrap(), 1 << 20, &[], Ports::Kernel).unwrap().is_empty());
    }

    #[test]
    fn loopback_gets_addresses_of_its_own_beyond_twelve_thousand() {
        assert_eq!(chosen(12_001, &[]), ["127.0.0.2", "127.0.0.3"]);
        let many = chosen(10_000_000, &[]);
        assert_eq!((many.len(), many[833].as_str()), (834, "127.0.3.67"));
    }

    #[test]
    fn blocks_give_what_is_needed_and_addresses_are_all_used() {
        assert_eq!(chosen(24_001, &["127.7.0.0/16"]), ["127.7.0.1", "127.7.0.2", "127.7.0.3"]);
        assert_eq!(chosen(1, &["127.0.0.5", "127.0.0.6"]), ["127.0.0.5", "127.0.0.6"]);
        assert_eq!(chosen(99_999, &["127.0.0.8/31"]), ["127.0.0.8", "127.0.0.9"]);
        assert_eq!(chosen(99_999, &["127.0.0.8/30"]), ["127.0.0.9", "127.0.0.10"]);
        assert_eq!(chosen(1, &["0.0.0.0/0"]), ["0.0.0.1"]);
    }

    #[test]
    fn the_block_of_a_process_is_loopbacks_and_not_the_usual_one() {
        let own = chosen(24_000, &[&loopback_of_this_process()]);
        assert_eq!(own.len(), 2);
        assert!(own.iter().all(|address| address.parse::<IpAddr>().unwrap().is_loopback()), "{own:?}");
        assert!(own[0].ends_with(".0.1") && !own[0].starts_with("127.0.") && !own[0].starts_with("127.1."), "{own:?}");
    }

    #[test]
    fn what_is_no_source_is_refused_by_name() {
        for given in ["elsewhere", "127.0.0.1/33", "127.0.0/8", "::1"] {
            let error = choose(LOOPBACK, 1, &[given.to_owned()], Ports::Kernel).unwrap_err();
            assert!(error.contains(given), "{error}");
        }
    }
}
