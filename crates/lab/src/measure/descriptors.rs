//! The sockets that processes hold, how many descriptors their epolls watch, and what waits in their io_urings, from `/proc/PID/fd` and `fdinfo` (proc(5)).
//!
//! A socket that several processes hold is one socket. Those that only an io_uring holds (direct descriptors) count too.

use std::collections::HashSet;
use std::fs;

/// What was found in the processes that were looked at.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    /// By inode.
    sockets: HashSet<u64>,
    pub(super) watches: u64,
    /// Operations that wait in an io_uring for something to happen to a descriptor.
    pub(super) operations: u64,
    /// Those of them that receive.
    pub(super) receives: u64,
}

/// `IORING_OP_RECV`, as `fdinfo` names it.
const RECEIVE: &str = "op=27,";

impl Descriptors {
    /// Looks at one more process. Costs a system call for each of its descriptors.
    pub(super) fn add(&mut self, pid: u32) {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            // One that was closed meanwhile is none.
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let number = entry.file_name();
            let about = || fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy()));
            match target.to_str().unwrap_or_default() {
                "anon_inode:[eventpoll]" => self.add_epoll(&about().unwrap_or_default()),
                "anon_inode:[io_uring]" => self.add_ring(&about().unwrap_or_default()),
                name => self.add_named(name),
            }
        }
    }

    /// How many sockets there are.
    pub(super) fn sockets(&self) -> u64 {
        self.sockets.len() as u64
    }

    fn add_epoll(&mut self, about: &str) {
        self.watches += about.lines().filter(|line| line.starts_with("tfd:")).count() as u64;
    }

    /// Its table of files, and its list of operations that poll.
    fn add_ring(&mut self, about: &str) {
        self.add_named(about);
        let waiting = about.lines().map(str::trim_start).filter(|line| line.starts_with("op="));
        for line in waiting {
            self.operations += 1;
            self.receives += u64::from(line.starts_with(RECEIVE));
        }
    }

    /// Each `socket:[INODE]` in a text.
    fn add_named(&mut self, text: &str) {
        let after = text.split("socket:[").skip(1);
        self.sockets.extend(after.filter_map(|rest| rest.split(']').next()?.parse::<u64>().ok()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_one_socket_however_often_it_is_held() {
        let mut found = Descriptors::default();
        found.add_named("socket:[77]");
        found.add_named("socket:[77]");
        let polls = "PollList:\n  op=6, task_works=0\n  op=27, task_works=0\nCqOverflowList:\n";
        found.add_ring(&format!("UserFiles:\t2\n    0: socket:[77]\n    1: socket:[78]\n{polls}"));
        assert_eq!((found.operations, found.receives), (2, 1));
        found.add_named("/dev/null");
        assert_eq!(found.sockets(), 2);
        found.add_epoll("pos:\t0\nflags:\t02\ntfd:        5 events: 1\ntfd:        6 events: 1\n");
        assert_eq!(found.watches, 2);
    }

    #[test]
    fn the_sockets_of_this_process_are_found() {
        let sockets = || {
            let mut found = Descriptors::default();
            found.add(std::process::id());
            found.sockets
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let name = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&listener))).unwrap();
        let mut wanted = Descriptors::default();
        wanted.add_named(name.to_str().unwrap());
        assert_eq!(wanted.sockets(), 1);
        assert!(sockets().is_superset(&wanted.sockets));
    }
}
