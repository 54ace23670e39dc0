//! How the connections of one address reach the cores, by name.

use std::fmt;
use std::str::FromStr;

/// How the cores of a runtime share a listening address of the kernel's. The code of an application is the same for all: every
/// core binds the address.
///
/// Our own TCP/IP, and a simulated world, accept on each core by themselves: they take the first only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Accept {
    /// A socket each (`SO_REUSEPORT`, socket(7)): the kernel spreads connections by the hash of their addresses. No core waits for
    /// another, but one that is busy keeps those that hashed to it waiting.
    #[default]
    PerWorker,
    /// The core that binds first accepts for all and hands the connections out in turn: the evenest spread. The cores pay with a
    /// wake-up for each connection, and the accepting one sets the pace.
    Handover,
    /// One socket on which all cores wait: whoever is free accepts. One of those that sleep is woken with the driver `epoll`
    /// (`EPOLLEXCLUSIVE`, epoll_ctl(2)), all of them with the others. Nobody waits for a core that is busy, and the spread follows
    /// the work; a quiet server serves most on few cores.
    Shared,
}

impl Accept {
    /// All there are, in the order in which they are explained.
    pub const ALL: [Accept; 3] = [Accept::PerWorker, Accept::Handover, Accept::Shared];

    /// The name it is chosen by.
    pub const fn name(self) -> &'static str {
        match self {
            Accept::PerWorker => "per-worker",
            Accept::Handover => "handover",
            Accept::Shared => "shared",
        }
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Accept {
    type Err = String;

    /// # Errors
    /// What was asked for, and which there are.
    fn from_str(name: &str) -> Result<Accept, String> {
        let known = Accept::ALL.into_iter().find(|accept| accept.name() == name);
        known.ok_or_else(|| format!("there is no way to accept called {name:?}: it is per-worker, handover or shared"))
    }
}
