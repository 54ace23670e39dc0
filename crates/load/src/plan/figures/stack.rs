//! Ways to hold connections, and what each costs.

use super::figure::Figure;
use super::{assumed, measured, specified};

/// What a way to hold connections costs.
#[derive(Debug)]
pub(in crate::plan) struct Stack {
    /// As in the output.
    pub(in crate::plan) name: &'static str,
    /// User memory of an idle subscriber.
    pub(in crate::plan) user: Figure,
    /// The kernel's memory of its socket, where there is one.
    pub(in crate::plan) kernel: Option<Figure>,
    /// Memory of each core that serves, connections apart.
    pub(in crate::plan) core: Option<Figure>,
    /// What a push takes until it is acknowledged, its payload apart, which all its subscribers share.
    pub(in crate::plan) in_flight: Option<Figure>,
    /// Processor time of the server; none: not measured.
    pub(in crate::plan) time: Option<Times>,
    /// Whether each connection needs a descriptor.
    pub(in crate::plan) descriptors: bool,
}

/// Processor time of the server, microseconds of one core.
#[derive(Debug)]
pub(in crate::plan) struct Times {
    /// From SYN to the last reply: TCP, upgrade, connect, subscriptions.
    pub(in crate::plan) connect: Figure,
    /// One delivery of a broadcast to all, its ACK included.
    pub(in crate::plan) broadcast: Figure,
    /// One delivery of steady traffic, its ACK included.
    pub(in crate::plan) push: Figure,
    /// A ping and its pong.
    pub(in crate::plan) ping: Figure,
}

/// Our own TCP/IP.
pub(in crate::plan) static OWN: Stack = Stack {
    name: "own stack",
    user: measured::OWN_USER,
    kernel: None,
    core: Some(specified::OWN_CORE),
    in_flight: Some(assumed::OWN_IN_FLIGHT),
    time: Some(Times {
        connect: measured::OWN_CONNECT,
        broadcast: measured::OWN_BROADCAST,
        push: measured::OWN_PUSH,
        ping: measured::OWN_PING,
    }),
    descriptors: false,
};

/// The kernel's TCP/IP and epoll.
pub(in crate::plan) static EPOLL: Stack = Stack {
    name: "epoll",
    user: measured::EPOLL_USER,
    kernel: Some(measured::EPOLL_KERNEL),
    core: Some(measured::EPOLL_CORE),
    in_flight: Some(assumed::EPOLL_IN_FLIGHT),
    time: Some(Times {
        connect: measured::EPOLL_CONNECT,
        broadcast: measured::EPOLL_BROADCAST,
        push: assumed::EPOLL_PUSH,
        ping: measured::EPOLL_PING,
    }),
    descriptors: true,
};

/// The classic: a thread for each connection. Only its memory, as a comparison.
pub(in crate::plan) static THREADS: Stack = Stack {
    name: "a thread each",
    user: assumed::THREAD,
    kernel: None,
    core: None,
    in_flight: None,
    time: None,
    descriptors: true,
};

/// The stacks of a plan, in the order of its columns.
pub(in crate::plan) static STACKS: [&Stack; 3] = [&OWN, &EPOLL, &THREADS];
