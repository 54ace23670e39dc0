//! Memory that the kernel keeps for connections: an estimate from below, and how it is made.
//!
//! Sockets are counted in the caches of the kernel that hold nothing but sockets and what belongs to them (`/proc/slabinfo`,
//! slabinfo(5); only root may read it). These hold both ends of a connection on this machine, so one end with its entry in an epoll is
//! taken off for the client. Threads are counted with their stacks and descriptions, processes with their tables of pages. Not counted:
//! queued bytes, entries of directories, and what other caches share with the rest of the system.

use std::fs;

use super::tree::Usage;

/// Caches for each end of a connection that is watched by epoll.
const OF_AN_END: [&str; 4] = ["TCP", "sock_inode_cache", "filp", "eventpoll_epi"];
/// All caches that are counted; io_uring's requests too.
const COUNTED: [&str; 7] = ["TCP", "TCPv6", "UDP", "sock_inode_cache", "filp", "eventpoll_epi", "io_kiocb"];
/// A thread's stack in the kernel, bytes: four pages on the 64-bit machines of Linux.
const STACK_BYTES: u64 = 16 << 10;

/// Why there is no figure.
pub(crate) const UNREADABLE: &str = "kernel memory is not known: /proc/slabinfo can be read by root only";

/// The kernel's caches at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Caches {
    /// Bytes in use of all that are counted.
    bytes: u64,
    /// Bytes of one end of a connection that epoll watches.
    end_bytes: u64,
    /// Bytes that describe one thread.
    thread_bytes: u64,
}

impl Caches {
    /// None if they cannot be read.
    pub(crate) fn read() -> Option<Caches> {
        Caches::parse(&fs::read_to_string("/proc/slabinfo").ok()?)
    }

    fn parse(slabinfo: &str) -> Option<Caches> {
        // name, objects in use, objects, bytes of an object
        let caches = slabinfo.lines().filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let (name, used) = (fields.next()?, fields.next()?.parse::<u64>().ok()?);
            Some((name, used, fields.nth(1)?.parse::<u64>().ok()?))
        });
        let mut sum = Caches { bytes: 0, end_bytes: 0, thread_bytes: STACK_BYTES };
        let mut found = false;
        for (name, used, bytes) in caches {
            found |= name == OF_AN_END[0];
            sum.bytes += if COUNTED.contains(&name) { used * bytes } else { 0 };
            sum.end_bytes += if OF_AN_END.contains(&name) { bytes } else { 0 };
            sum.thread_bytes += if name == "task_struct" { bytes } else { 0 };
        }
        found.then_some(sum)
    }
}

/// The kernel's bytes for each of `connections` that came between two moments; `with_sockets` if our ends were the kernel's, too.
pub(crate) fn bytes_per_connection(
    (caches_before, before): (&Caches, &Usage),
    (caches_after, after): (&Caches, &Usage),
    connections: u64,
    with_sockets: bool,
) -> f64 {
    assert!(connections > 0, "without connections there is nothing to divide by");
    let grown = |before: u64, after: u64| after as f64 - before as f64;
    let ours = if with_sockets { (caches_after.end_bytes * connections) as f64 } else { 0.0 };
    let sockets = grown(caches_before.bytes, caches_after.bytes) - ours;
    let threads = grown(before.threads, after.threads) * caches_after.thread_bytes as f64;
    let tables = grown(before.page_table_bytes, after.page_table_bytes);
    ((sockets + threads + tables) / connections as f64).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "slabinfo - version: 2.1\n\
        # name <active_objs> <num_objs> <objsize>\n\
        TCP 10 20 2368 13 8 : tunables 0 0 0\n\
        sock_inode_cache 100 120 832 19 4 :\n\
        filp 500 600 192 21 1 :\n\
        eventpoll_epi 3 9 128 32 1 :\n\
        task_struct 70 90 5824 5 8 :\n\
        dentry 9999 9999 192 21 1 :\n";

    #[test]
    fn one_end_of_each_connection_is_the_clients() {
        let before = Caches::parse(BEFORE).unwrap();
        let after = BEFORE
            .replace("TCP 10", "TCP 210")
            .replace("cache 100", "cache 300")
            .replace("filp 500", "filp 700")
            .replace("epi 3", "epi 203")
            .replace("dentry 9999", "dentry 99999");
        let after = Caches::parse(&after).unwrap();
        let usage = Usage::default();
        let end = (2_368 + 832 + 192 + 128) as f64;
        assert_eq!(bytes_per_connection((&before, &usage), (&after, &usage), 100, true), end);
        assert_eq!(bytes_per_connection((&before, &usage), (&after, &usage), 100, false), 2.0 * end);
    }

    #[test]
    fn a_thread_costs_its_stack_its_description_and_its_tables() {
        let caches = Caches::parse(BEFORE).unwrap();
        let before = Usage { threads: 1, page_table_bytes: 4_096, ..Usage::default() };
        let after = Usage { threads: 11, page_table_bytes: 45_056, ..Usage::default() };
        let bytes = bytes_per_connection((&caches, &before), (&caches, &after), 10, false);
        assert_eq!(bytes, (16_384 + 5_824 + 4_096) as f64);
    }

    #[test]
    fn what_is_no_slabinfo_gives_nothing() {
        assert!(Caches::parse("").is_none());
        assert!(Caches::parse("TCP many 20 2368").is_none());
    }
}
