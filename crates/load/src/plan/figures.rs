//! The figures that a plan is made from, each with its source. Nothing else in the plan has a number that was measured or
//! assumed, so a new measurement is a change here and nowhere else.
//!
//! *Measured* figures come from this project's own commands. *Specified* ones stand in a standard. *Assumed* ones are
//! what nobody has measured here: each says what would replace it.

use serde::Serialize;

/// How a figure is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// By a command of this project.
    Measured,
    /// By a standard.
    Specified,
    /// By nobody yet.
    Assumed,
}

/// A number that a plan rests on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Figure {
    /// What it is about.
    pub(super) name: &'static str,
    /// How much.
    pub(super) value: f64,
    /// Of what.
    pub(super) unit: &'static str,
    /// How it is known.
    pub(super) origin: Origin,
    /// Command, machine and date; standard and section; or why it is assumed.
    pub(super) source: &'static str,
}

const fn measured(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Measured, source }
}

const fn specified(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Specified, source }
}

const fn assumed(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Assumed, source }
}

/// What a way to hold connections costs.
#[derive(Debug)]
pub(super) struct Stack {
    /// As in the output.
    pub(super) name: &'static str,
    /// User memory of an idle subscriber.
    pub(super) user: Figure,
    /// The kernel's memory of its socket, where there is one.
    pub(super) kernel: Option<Figure>,
    /// Memory of each core that serves, connections apart.
    pub(super) core: Option<Figure>,
    /// What a push takes until it is acknowledged, its payload apart, which all its subscribers share.
    pub(super) in_flight: Option<Figure>,
    /// Processor time of the server; none: not measured.
    pub(super) time: Option<Times>,
    /// Whether each connection needs a descriptor.
    pub(super) descriptors: bool,
}

/// Processor time of the server, microseconds of one core.
#[derive(Debug)]
pub(super) struct Times {
    /// From SYN to the last reply: TCP, upgrade, connect, subscriptions.
    pub(super) connect: Figure,
    /// One delivery of a broadcast to all, its ACK included.
    pub(super) broadcast: Figure,
    /// One delivery of steady traffic, its ACK included.
    pub(super) push: Figure,
    /// A ping and its pong.
    pub(super) ping: Figure,
}

/// Our own TCP/IP, measured on a wire of shared memory: without a NIC and its driver.
pub(super) static OWN: Stack = Stack {
    name: "own stack",
    user: measured(
        "own stack: a subscriber of two channels, at the peak of all phases",
        445.0,
        "bytes",
        "crore c10m --connections 1M, resident and huge pages of the gateway by client; 2-core 24 GB virtual machine, 2026-11-22",
    ),
    kernel: None,
    core: Some(specified(
        "own stack: frames of a core",
        33_554_432.0,
        "bytes",
        "16,384 frames of 2 KiB, crates/rt/src/limits.rs; already within the bytes of a subscriber for the core that was measured",
    )),
    in_flight: Some(assumed(
        "own stack: what a push takes until it is acknowledged",
        256.0,
        "bytes",
        "the sending part of a connection with its timer, rounded up; not measured by itself",
    )),
    time: Some(Times {
        connect: measured(
            "own stack: a connect with upgrade, connect and two subscriptions",
            9.1,
            "us",
            "crore c10m --connections 1M, CPU seconds of the gateway; 2-core 24 GB virtual machine, 2026-11-22",
        ),
        broadcast: measured(
            "own stack: a delivery of 128 bytes in a broadcast to all",
            0.57,
            "us",
            "crore c10m --connections 1M, CPU seconds of the gateway; 2-core 24 GB virtual machine, 2026-11-22",
        ),
        push: measured(
            "own stack: a delivery of 512 bytes to a group of a thousand",
            1.1,
            "us",
            "crore c10m --connections 200k --steady-rate 100k/s --requests 100, CPU seconds of the gateway, a busy machine; \
             2-core 24 GB virtual machine, 2026-11-22",
        ),
        ping: measured(
            "own stack: a ping and its pong",
            1.4,
            "us",
            "crore c10m --connections 200k --ping 5s --hold 20s, CPU seconds of the gateway while holding, a busy machine; \
             2-core 24 GB virtual machine, 2026-11-22",
        ),
    }),
    descriptors: false,
};

/// The kernel's TCP/IP and epoll, measured over loopback.
pub(super) static EPOLL: Stack = Stack {
    name: "epoll",
    user: measured(
        "epoll: a subscriber of two channels, in user memory",
        229.0,
        "bytes",
        "cargo xtask bench memory, 4 workers: 193 with one channel, and 36 for the second by the sizes of its parts; \
         2-core 24 GB virtual machine, 2026-11-22",
    ),
    kernel: Some(measured(
        "epoll: a socket in the kernel",
        3_850.0,
        "bytes",
        "cargo xtask bench memory, docs/benchmarks.md; Linux 6.18, 2-core 24 GB virtual machine, 2026-11-22",
    )),
    core: Some(measured(
        "epoll: a core's buffers and tables",
        681_000.0,
        "bytes",
        "cargo xtask bench memory, nobody connected, 4 workers against 1; 2-core 24 GB virtual machine, 2026-11-22",
    )),
    in_flight: Some(assumed(
        "epoll: what a push takes in the kernel until it is acknowledged, its bytes apart",
        1_280.0,
        "bytes",
        "a doubled sk_buff and its smallest head; measure with /proc/net/sockstat while publishing",
    )),
    time: Some(Times {
        connect: measured(
            "epoll: a connect with upgrade, connect and one subscription",
            32.0,
            "us",
            "cargo xtask bench connect, as fast as it goes, 1 worker; loopback, 2-core 24 GB virtual machine, 2026-11-22",
        ),
        broadcast: measured(
            "epoll: a delivery of 64 bytes, one publication at a time",
            5.51,
            "us",
            "cargo xtask bench fanout, 10,000 subscribers, 1 worker; loopback, 2-core 24 GB virtual machine, 2026-11-22",
        ),
        push: assumed(
            "epoll: a delivery of steady traffic",
            5.51,
            "us",
            "as one of a broadcast; measure with cargo xtask bench fanout",
        ),
        ping: measured(
            "epoll: a ping and its pong",
            14.2,
            "us",
            "cargo xtask bench idle, 15,000 subscribers; loopback, 2-core 24 GB virtual machine, 2026-11-22",
        ),
    }),
    descriptors: true,
};

/// The classic: a thread for each connection. Only its memory, as a comparison.
pub(super) static THREADS: Stack = Stack {
    name: "a thread each",
    user: assumed(
        "a thread each: a connection",
        16_384.0,
        "bytes",
        "the classic figure of an 8 KiB kernel stack and two pages of user stack, its socket left out; nothing here serves so",
    ),
    kernel: None,
    core: None,
    in_flight: None,
    time: None,
    descriptors: true,
};

/// The stacks of a plan, in the order of its columns.
pub(super) static STACKS: [&Stack; 3] = [&OWN, &EPOLL, &THREADS];

/// The program itself.
pub(super) const PROGRAM: Figure = measured(
    "the program with nobody connected",
    6_885_000.0,
    "bytes",
    "cargo xtask bench memory, 1 worker; 2-core 24 GB virtual machine, 2026-11-22",
);

/// What is not ours.
pub(super) const RESERVE: Figure = assumed(
    "kept for the kernel and other programs",
    2e9,
    "bytes",
    "page tables, network queues, ssh, logs; look at free -b before the server is started",
);

/// How much of several cores arrives.
pub(super) const EFFICIENCY: Figure = assumed(
    "what a core does beside others, of what it does alone",
    0.8,
    "",
    "cores share caches and memory; measured are only two cores, the server on one of them",
);

/// As many as were held at one time.
pub(super) const HELD: Figure = measured(
    "connections of one gateway, own stack, that were measured; beyond it figures are stretched",
    1_000_000.0,
    "",
    "crore c10m --connections 1M; 2-core 24 GB virtual machine, 2026-11-22",
);

/// How long a push stays in memory.
pub(super) const ROUND_TRIP: Figure = assumed(
    "from a push to its acknowledgment",
    0.1,
    "s",
    "a path of 60 ms and a delayed ACK of 40 ms; yours is what ping says, and 40 ms",
);

/// What surrounds a publication's data, and how often.
pub(super) const ENVELOPE: Figure = specified(
    "JSON around the data of a publication",
    r#"{"push":{"channel":"c10m","pub":{"data":,"offset":1000000}}}"#.len() as f64,
    "bytes",
    "docs/protocol.md, with a channel's name of four letters and an offset of seven digits",
);

/// Ethernet beside the packet.
pub(super) const ETHERNET: Figure = specified(
    "Ethernet: preamble, header, checksum and gap of a frame",
    38.0,
    "bytes",
    "IEEE 802.3: 8 + 14 + 4 + 12; no VLAN tag",
);

/// The smallest frame.
pub(super) const FRAME_MIN: Figure =
    specified("Ethernet: the smallest frame, its preamble and gap", 84.0, "bytes", "IEEE 802.3: 64 + 8 + 12");

/// IP beside the segment.
pub(super) const IP_HEADER: Figure = specified("IPv4: header", 20.0, "bytes", "RFC 791 section 3.1; IPv6 takes 40");

/// TCP beside the data.
pub(super) const TCP_HEADER: Figure =
    specified("TCP: header with timestamps", 32.0, "bytes", "RFC 9293 section 3.1, RFC 7323 section 3");

/// The most that one frame carries.
pub(super) const MTU: Figure = specified("Ethernet: the largest packet", 1_500.0, "bytes", "RFC 894");

/// Frames from a client while it connects.
pub(super) const CONNECT_FRAMES_IN: Figure = measured(
    "a connect: frames from the client",
    4.0,
    "",
    "crore c10m --connections 200k, crore_network_total while holding, 2026-11-22; a network with long paths adds ACKs",
);

/// Frames to a client while it connects.
pub(super) const CONNECT_FRAMES_OUT: Figure = measured(
    "a connect: frames to the client",
    3.0,
    "",
    "crore c10m --connections 200k, crore_network_total while holding, 2026-11-22; a network with long paths adds ACKs",
);

/// Data from a client while it connects.
pub(super) const CONNECT_DATA_IN: Figure = measured(
    "a connect: bytes of data from the client",
    280.0,
    "bytes",
    "crore c10m --connections 200k, crore_bytes_received_total while holding, 2026-11-22; browsers send longer requests",
);

/// Data to a client while it connects.
pub(super) const CONNECT_DATA_OUT: Figure = measured(
    "a connect: bytes of data to the client",
    414.0,
    "bytes",
    "crore c10m --connections 200k, crore_bytes_sent_total while holding, 2026-11-22",
);

/// A firewall's memory of a connection.
pub(super) const CONNTRACK: Figure = measured(
    "a tracked connection of the kernel's firewall",
    264.0,
    "bytes",
    "/proc/slabinfo, nf_conntrack, and a pointer of its hash table; Linux 6.18, 2026-11-22",
);

/// All figures, for the list below a plan.
pub(super) fn all() -> Vec<Figure> {
    let mut figures = Vec::new();
    for stack in STACKS {
        figures.push(stack.user);
        figures.extend([stack.kernel, stack.core, stack.in_flight].into_iter().flatten());
        figures.extend(stack.time.iter().flat_map(|time| [time.connect, time.broadcast, time.push, time.ping]));
    }
    figures.extend([
        HELD, PROGRAM, RESERVE, EFFICIENCY, ROUND_TRIP, ENVELOPE, ETHERNET, FRAME_MIN, IP_HEADER, TCP_HEADER, MTU,
    ]);
    figures.extend([CONNECT_FRAMES_IN, CONNECT_FRAMES_OUT, CONNECT_DATA_IN, CONNECT_DATA_OUT, CONNTRACK]);
    figures
}
