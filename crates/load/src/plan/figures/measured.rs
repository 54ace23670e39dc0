//! Everything that was measured, in one table for each machine and day; I/O models have a table of their own, a row each. A new
//! measurement is a new row here, and nowhere else; one of another day or machine goes into a table of its own.
//!
//! Processor time is that of the server, in microseconds of one core of the machine.

use super::figure::{Figure, Model, Origin, measured, models};

// I/O models: the medians of `cargo xtask bench drivers` belong here, all rows from one run, and that is then the command of each. Until
// it has run on a machine where nothing else does, epoll's row is of the sections named, and each other row is epoll's, times the ratio
// of the two in one run (for user memory, plus the difference). The kernel's memory differed by less than the runs did.
models! { on "2-core 24 GB virtual machine, Linux 6.18", "2026-11-22":
    //                      user  kernel  connect  delivery   ping
    //                     bytes   bytes       us        us     us
    URING    = "uring"    [243.0 4_551.0     29.9      3.92   17.4] "cargo xtask bench drivers, 10,000 clients, as a ratio to epoll, the kernel's memory with 60,000; loopback";
    EPOLL    = "epoll"    [229.0 3_850.0     32.0      5.51   14.2] "cargo xtask bench memory, connect, fanout and idle; loopback";
    EPOLL_LT = "epoll-lt" [229.0 3_850.0     28.2      4.86   15.1] "cargo xtask bench drivers, 10,000 clients, as a ratio to epoll; loopback";
    PORTABLE = "portable" [229.0 3_850.0     30.8      4.57   17.4] "cargo xtask bench drivers, 10,000 clients, as a ratio to epoll; loopback";
    POLL     = "poll"     [268.0 3_850.0     43.1      5.73  232.0] "cargo xtask bench drivers, 4,000 clients, as a ratio to epoll; loopback";
    SELECT   = "select"   [259.0 3_850.0     44.1      3.80  297.0] "cargo xtask bench drivers, 900 clients, as a ratio to epoll; loopback";
}

measured! { on "2-core 24 GB virtual machine, Linux 6.18", "2026-11-22":

    // Our own TCP/IP, on a wire of shared memory: without a NIC and its driver.
    OWN_USER = 407.0 "bytes",
        "own stack: a subscriber of two channels, at the peak of all phases",
        "crore c10m --connections 10M, resident and huge pages of the gateway by client";
    OWN_CONNECT = 9.2 "us",
        "own stack: a connect with upgrade, connect and two subscriptions",
        "crore c10m --connections 10M, CPU seconds of the gateway";
    OWN_BROADCAST = 0.44 "us",
        "own stack: a delivery of 128 bytes in a broadcast to all",
        "crore c10m --connections 10M, CPU seconds of the gateway";
    OWN_PUSH = 1.0 "us",
        "own stack: a delivery of 512 bytes to a group of a thousand",
        "crore c10m --connections 200k --steady-rate 100k/s --requests 100, CPU seconds of the gateway";
    OWN_PING = 1.5 "us",
        "own stack: a ping and its pong",
        "crore c10m --connections 200k --ping 5s --hold 20s, CPU seconds of the gateway while holding";
    // As many as were held at one time.
    HELD = 10_000_000.0 "",
        "connections of one gateway, own stack, that were measured; beyond it figures are stretched",
        "crore c10m --connections 10M";

    // The kernel's TCP/IP: what a core has beside its connections. `select`, `poll`, `epoll-lt` and `portable` are epoll's driver.
    EPOLL_CORE = 681_000.0 "bytes",
        "epoll: a core's buffers and tables",
        "cargo xtask bench memory, nobody connected, 4 workers against 1";
    URING_CORE = 2_990_000.0 "bytes",
        "uring: a core's buffers and tables",
        "cargo xtask bench drivers, nobody connected, 4 workers against 1";

    // The program, and what a client says while it connects.
    PROGRAM = 6_885_000.0 "bytes",
        "the program with nobody connected",
        "cargo xtask bench memory, 1 worker";
    CONNECT_FRAMES_IN = 4.0 "",
        "a connect: frames from the client",
        "crore c10m --connections 200k, crore_network_total while holding (a network with long paths adds ACKs)";
    CONNECT_FRAMES_OUT = 3.0 "",
        "a connect: frames to the client",
        "crore c10m --connections 200k, crore_network_total while holding (a network with long paths adds ACKs)";
    CONNECT_DATA_IN = 280.0 "bytes",
        "a connect: bytes of data from the client",
        "crore c10m --connections 200k, crore_bytes_received_total while holding (browsers send longer requests)";
    CONNECT_DATA_OUT = 414.0 "bytes",
        "a connect: bytes of data to the client",
        "crore c10m --connections 200k, crore_bytes_sent_total while holding";

    // What others keep of a connection.
    CONNTRACK = 264.0 "bytes",
        "a tracked connection of the kernel's firewall",
        "/proc/slabinfo, nf_conntrack, and a pointer of its hash table";
}
