//! Ways to hold connections, and what each costs.

use super::figure::{Figure, Model};
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
    /// The most descriptors of a process that this way can watch, where it sets a limit of its own.
    pub(in crate::plan) watched: Option<Figure>,
}

/// Processor time of the server, microseconds of one core.
#[derive(Debug)]
pub(in crate::plan) struct Times {
    /// From SYN to the last reply: TCP, upgrade, connect, subscriptions.
    pub(in crate::plan) connect: Figure,
    /// One delivery of a broadcast to all, its ACK included.
    pub(in crate::plan) broadcast: Figure,
    /// One delivery of steady traffic, its ACK included; none: not measured, see [`Times::push_us`].
    pub(in crate::plan) push: Option<Figure>,
    /// A ping and its pong.
    pub(in crate::plan) ping: Figure,
}

impl Times {
    /// One delivery of steady traffic, microseconds.
    pub(in crate::plan) fn push_us(&self) -> f64 {
        self.push.map_or(self.broadcast.value * assumed::KERNEL_PUSH.value, |figure| figure.value)
    }
}

/// An I/O model over the kernel's TCP/IP.
const fn kernel(model: Model, core: Figure) -> Stack {
    Stack {
        name: model.name,
        user: model.user,
        kernel: Some(model.kernel),
        core: Some(core),
        in_flight: Some(assumed::KERNEL_IN_FLIGHT),
        time: Some(Times { connect: model.connect, broadcast: model.broadcast, push: None, ping: model.ping }),
        descriptors: true,
        watched: None,
    }
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
        push: Some(measured::OWN_PUSH),
        ping: measured::OWN_PING,
    }),
    descriptors: false,
    watched: None,
};

/// io_uring, whose sockets are places in tables of its rings.
pub(in crate::plan) static URING: Stack = Stack { descriptors: false, ..kernel(measured::URING, measured::URING_CORE) };

/// The model that is chosen where nothing is said.
pub(in crate::plan) static EPOLL: Stack = kernel(measured::EPOLL, measured::EPOLL_CORE);

static EPOLL_LT: Stack = kernel(measured::EPOLL_LT, measured::EPOLL_CORE);
static PORTABLE: Stack = kernel(measured::PORTABLE, measured::EPOLL_CORE);
static POLL: Stack = Stack { watched: Some(assumed::POLL_WATCHED), ..kernel(measured::POLL, measured::EPOLL_CORE) };

/// The oldest model, which cannot watch many.
pub(in crate::plan) static SELECT: Stack =
    Stack { watched: Some(specified::SELECT_WATCHED), ..kernel(measured::SELECT, measured::EPOLL_CORE) };

/// The classic: a thread for each connection. Only its memory, as a comparison.
pub(in crate::plan) static THREADS: Stack = Stack {
    name: "a thread each",
    user: assumed::THREAD,
    kernel: None,
    core: None,
    in_flight: None,
    time: None,
    descriptors: true,
    watched: None,
};

/// The stacks of a plan, in the order of its rows.
pub(in crate::plan) static STACKS: [&Stack; 8] = [&OWN, &URING, &EPOLL, &EPOLL_LT, &PORTABLE, &POLL, &SELECT, &THREADS];
