//! Memory that the kernel keeps for a model: what it holds, times the size of each. An estimate from below.
//!
//! Counted are sockets with their files, entries of epoll, operations that wait in io_uring, threads with their stacks, and tables of
//! pages. Sizes are those of this kernel's objects (`/proc/slabinfo`, slabinfo(5); only root may read it). Not counted: queued bytes, and
//! what is shared by many. Numbers are the model's own, so neither the client nor other programs move them.

use std::fs;

use super::tree::Usage;

/// A thread's stack in the kernel, bytes: four pages on the 64-bit machines of Linux.
const STACK_BYTES: u64 = 16 << 10;

/// Why there is no figure.
pub(crate) const UNREADABLE: &str = "kernel memory is not known: /proc/slabinfo can be read by root only";

/// Bytes of the kernel's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// A TCP socket, its inode and its file.
    socket: u64,
    /// A descriptor's entry in an epoll.
    watch: u64,
    /// An operation of io_uring that waits.
    operation: u64,
    /// What one that receives has besides: a message header (`io_async_msghdr`), and where the socket calls back (`async_poll`).
    receive: u64,
    /// A thread's description and stack.
    thread: u64,
}

impl Sizes {
    /// None if they cannot be read.
    pub(crate) fn read() -> Option<Sizes> {
        Sizes::parse(&fs::read_to_string("/proc/slabinfo").ok()?)
    }

    fn parse(slabinfo: &str) -> Option<Sizes> {
        // name, objects in use, objects, bytes of an object
        let size = |cache: &str| {
            let mut lines = slabinfo.lines().map(str::split_ascii_whitespace);
            lines.find_map(|mut fields| (fields.next() == Some(cache)).then(|| fields.nth(2)?.parse::<u64>().ok())?)
        };
        Some(Sizes {
            socket: size("TCP")? + size("sock_inode_cache")? + size("filp")?,
            watch: size("eventpoll_epi")?,
            // A kernel without io_uring has none, and then nothing waits there.
            operation: size("io_kiocb").unwrap_or(0),
            receive: size("kmalloc-512")? + size("kmalloc-96")?,
            thread: size("task_struct")? + STACK_BYTES,
        })
    }

    /// The kernel's bytes for all that a model holds.
    pub(crate) fn bytes(self, held: &Usage) -> u64 {
        let ring = held.operations * self.operation + held.receives * self.receive;
        held.sockets * self.socket
            + held.watches * self.watch
            + ring
            + held.threads * self.thread
            + held.page_table_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLABINFO: &str = "slabinfo - version: 2.1\n\
        # name <active_objs> <num_objs> <objsize>\n\
        TCPv6 10 20 2496 13 8 : tunables 0 0 0\n\
        TCP 10 20 2368 13 8 : tunables 0 0 0\n\
        sock_inode_cache 100 120 832 19 4 :\n\
        filp 500 600 192 21 1 :\n\
        eventpoll_epi 3 9 128 32 1 :\n\
        io_kiocb 64 128 256 16 1 :\n\
        kmalloc-512 10 20 512 16 2 :\n\
        kmalloc-96 10 20 96 42 1 :\n\
        task_struct 70 90 5824 5 8 :\n";

    #[test]
    fn what_is_held_costs_its_number_times_its_size() {
        let sizes = Sizes::parse(SLABINFO).unwrap();
        let of = |usage: Usage| sizes.bytes(&usage);
        assert_eq!(of(Usage { sockets: 10, ..Usage::default() }), 10 * (2_368 + 832 + 192));
        assert_eq!(of(Usage { watches: 3, ..Usage::default() }), 3 * 128);
        assert_eq!(of(Usage { operations: 5, receives: 3, ..Usage::default() }), 5 * 256 + 3 * (512 + 96));
        assert_eq!(of(Usage { threads: 2, page_table_bytes: 7, ..Usage::default() }), 2 * (16_384 + 5_824) + 7);
    }

    #[test]
    fn what_is_no_slabinfo_gives_nothing() {
        for text in ["", "TCP 1 2 many", "TCP 1 2 2368"] {
            assert_eq!(Sizes::parse(text), None, "{text:?}");
        }
    }
}
