//! Which judges are heard over what, with how many workers.
//!
//! Everything is judged over the kernel's sockets by `epoll`, with one worker, and by `uring`, with four. The other models of the
//! kernel's sockets, which share their code with `epoll`, hear a few judges that speak with a server in every way. Over our own TCP/IP
//! everything is judged once more on a TAP interface; the rest of its rounds hear only judges that the number of cores or the device
//! can matter to. The judge of the engine alone is heard on every device.

use super::{Need, PYTHON};

/// What carries the connections of the server under judgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Io {
    /// The kernel's sockets on loopback, by this I/O model.
    Kernel(&'static str),
    /// Our own TCP/IP on a TAP interface; the clients are the kernel's.
    Tap,
    /// The same through AF_XDP on one end of a veth.
    Xdp,
    /// The same through DPDK's af_packet on one end of a veth.
    Dpdk,
}

impl Io {
    /// What `namespace.py` makes the network with.
    pub(super) fn needs(self) -> &'static [Need] {
        match self {
            Self::Kernel(_) => &[],
            Self::Tap => &[PYTHON, Need::Program(&["ip"])],
            Self::Xdp => &[PYTHON, Need::Program(&["ip"]), Need::Program(&["nsenter"])],
            Self::Dpdk => &[PYTHON, Need::Program(&["ip"]), Need::Dpdk],
        }
    }

    /// Its name in titles and files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kernel(model) => model,
            Self::Tap => "tap",
            Self::Xdp => "xdp",
            Self::Dpdk => "dpdk",
        }
    }

    /// The variable that tells a judge, and its value.
    pub(super) fn variable(self) -> (&'static str, &'static str) {
        match self {
            Self::Kernel(model) => ("CRORE_MODEL", model),
            Self::Tap | Self::Xdp | Self::Dpdk => ("CRORE_IO", self.name()),
        }
    }

    fn is_kernel(self) -> bool {
        matches!(self, Self::Kernel(_))
    }
}

/// One column of the matrix.
pub(super) struct Round {
    pub(super) io: Io,
    pub(super) workers: u32,
    /// The judges that are heard; none: all.
    only: &'static [&'static str],
}

/// The judges of our own TCP/IP on a network with the kernel's, which have nothing to judge on loopback: as a neighbour, with a device
/// in trouble, and flooded.
const NETWORK: &[&str] = &["neighbour", "trouble", "flood"];

/// What models that share nearly all their code with another one can be judged by: requests, WebSockets, polls, and abuse.
const BRIEF: &[&str] = &["api", "websockets", "poll", "hostile"];

/// In the order in which they run.
pub(super) const ROUNDS: &[Round] = &[
    Round { io: Io::Kernel("epoll"), workers: 1, only: &[] },
    Round { io: Io::Kernel("uring"), workers: 4, only: &[] },
    Round { io: Io::Kernel("epoll"), workers: 4, only: &["api", "websockets", "centrifuge", "lifecycle", "storm"] },
    Round { io: Io::Kernel("uring"), workers: 1, only: &["api", "http", "websockets", "tls", "lifecycle", "hostile"] },
    Round { io: Io::Kernel("select"), workers: 1, only: BRIEF },
    Round { io: Io::Kernel("poll"), workers: 1, only: BRIEF },
    Round { io: Io::Kernel("epoll-lt"), workers: 1, only: BRIEF },
    Round { io: Io::Kernel("portable"), workers: 1, only: BRIEF },
    Round { io: Io::Tap, workers: 1, only: &[] },
    Round { io: Io::Tap, workers: 2, only: &["api", "websockets", "neighbour", "flood", "storm"] },
    Round {
        io: Io::Xdp,
        workers: 1,
        only: &[
            "api",
            "websockets",
            "centrifuge",
            "eventsource",
            "poll",
            "lifecycle",
            "neighbour",
            "trouble",
            "flood",
            "storm",
        ],
    },
    Round { io: Io::Dpdk, workers: 1, only: &["api", "websockets"] },
];

/// The rounds of the judge of the engine.
pub(super) const ENGINE_ROUNDS: &[Round] =
    &[Round { io: Io::Tap, workers: 1, only: &[] }, Round { io: Io::Xdp, workers: 1, only: &[] }];

/// The rounds of the judge of WebSockets, whose examples stand on the kernel's sockets.
pub(super) const ECHO_ROUNDS: &[Round] = &[Round { io: Io::Kernel("auto"), workers: 1, only: &[] }];

impl Round {
    /// Whether the judge called `name` is heard in this round of its subject.
    pub(super) fn hears(&self, name: &str) -> bool {
        let is_at_home = !NETWORK.contains(&name) || !self.io.is_kernel();
        is_at_home && (self.only.is_empty() || self.only.contains(&name))
    }

    /// The row of the report in which the judge called `name` stands.
    pub(super) fn title(&self, name: &str) -> String {
        let workers = match self.workers {
            1 => "1 worker".to_owned(),
            several => format!("{several} workers"),
        };
        format!("{name} ({}, {workers})", self.io.name())
    }

    /// The file that keeps what the judge called `name` printed.
    pub(super) fn log_name(&self, name: &str) -> String {
        format!("{name}-{}-w{}.log", self.io.name(), self.workers)
    }
}

#[cfg(test)]
mod tests;
