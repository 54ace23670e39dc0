//! Which judges are heard over what, with how many workers.
//!
//! Everything is judged over the kernel's sockets, with one worker and with four. Over our own TCP/IP everything is judged once
//! more on a TAP interface; the rest of its rounds hear only judges that the number of cores or the device can matter to. The
//! judge of the engine alone is heard on every device.

use super::{Need, PYTHON};

/// What carries the connections of the server under judgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Io {
    /// The kernel's sockets, on loopback.
    Kernel,
    /// Our own TCP/IP on a TAP interface; the clients are the kernel's.
    Tap,
    /// The same through AF_XDP on one end of a veth.
    Xdp,
}

impl Io {
    /// What `namespace.py` makes the network with.
    pub(super) fn needs(self) -> &'static [Need] {
        match self {
            Self::Kernel => &[],
            Self::Tap => &[PYTHON, Need::Program(&["ip"])],
            Self::Xdp => &[PYTHON, Need::Program(&["ip"]), Need::Program(&["nsenter"])],
        }
    }

    /// As CRORE_IO has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Tap => "tap",
            Self::Xdp => "xdp",
        }
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

/// In the order in which they run. The last three together take less than all the others: keep it so.
pub(super) const ROUNDS: &[Round] = &[
    Round { io: Io::Kernel, workers: 1, only: &[] },
    Round { io: Io::Kernel, workers: 4, only: &[] },
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
];

/// The rounds of the judge of the engine.
pub(super) const ENGINE_ROUNDS: &[Round] =
    &[Round { io: Io::Tap, workers: 1, only: &[] }, Round { io: Io::Xdp, workers: 1, only: &[] }];

/// The rounds of the judge of WebSockets, whose examples stand on the kernel's sockets.
pub(super) const ECHO_ROUNDS: &[Round] = &[Round { io: Io::Kernel, workers: 1, only: &[] }];

impl Round {
    /// Whether the judge called `name` is heard in this round of its subject.
    pub(super) fn hears(&self, name: &str) -> bool {
        let is_at_home = !NETWORK.contains(&name) || self.io != Io::Kernel;
        is_at_home && (self.only.is_empty() || self.only.contains(&name))
    }

    /// The row of the report in which the judge called `name` stands.
    pub(super) fn title(&self, name: &str) -> String {
        let workers = match self.workers {
            1 => "1 worker".to_owned(),
            several => format!("{several} workers"),
        };
        match self.io {
            Io::Kernel => format!("{name} ({workers})"),
            Io::Tap | Io::Xdp => format!("{name} ({}, {workers})", self.io.name()),
        }
    }

    /// The file that keeps what the judge called `name` printed.
    pub(super) fn log_name(&self, name: &str) -> String {
        match self.io {
            Io::Kernel => format!("{name}-w{}.log", self.workers),
            Io::Tap | Io::Xdp => format!("{name}-{}-w{}.log", self.io.name(), self.workers),
        }
    }
}

#[cfg(test)]
mod tests;
