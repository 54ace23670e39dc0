//! The drivers of crore's runtime, each under the same tasks.
//!
//! Nothing here knows which driver it is: one is chosen by its name, and serves the same `net` API.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crore_rt::net::{ListenOptions, Network, Prefix, TcpListener, TcpStream};
use crore_rt::{JoinError, Runtime, blocking, check_driver, compute, is_device, spawn_detached, spawn_on};

use rustix::thread::{CapabilitySet, capabilities};

use super::door::{announce, wait_for_input_to_end};
use super::{Model, Place};
use crate::limits::LINGER_BYTES_MAX;
use crate::service::{Answer, Disk, Job, Protocol, Verdict};

/// A model for the driver of this name.
macro_rules! driver {
    ($constant:ident, $name:literal, $title:literal, $story:expr) => {
        pub(super) const $constant: Model = Model {
            name: $name,
            title: $title,
            story: $story,
            serves: Protocol::ALL,
            serve: |place| serve($name, place),
            refusal: || refusal($name),
        };
    };
}

driver!(
    SELECT,
    "select",
    "crore's runtime on select(2)",
    "4.2BSD's call (1983), the first with which one process waits for many descriptors, and the only one that every system has. The \
     descriptors are bits in a set of 1,024, copied into the kernel and searched there in full at each call, and then searched again by \
     who asked. Its limits are that number, which is compiled into the C library, and that every wait costs as much as there are \
     connections, however few have something to say."
);
driver!(
    POLL,
    "poll",
    "crore's runtime on poll(2)",
    "System V's select (1986): an array of descriptors in place of a set of bits, and so no 1,024. The rest is the same: the whole \
     array goes in and comes out at each call, and the kernel asks every descriptor in it. With ten thousand connections, of \
     which ten speak, a thousand questions are asked for one answer."
);
driver!(
    EPOLL_LT,
    "epoll-lt",
    "crore's runtime on epoll(7), level-triggered",
    "Linux 2.5.44 (2002): interest is registered once and kept by the kernel, which puts a descriptor on a list when something happens \
     to it. A wait costs what has happened and not what might. Level-triggered it goes on telling for as long as there is \
     something to read, as poll does; so nothing is ever missed, a handler may stop half-way, and interest in writing must be taken \
     back when there is nothing to write, or every wait returns at once."
);
driver!(
    EPOLL,
    "epoll",
    "crore's runtime on epoll(7), edge-triggered",
    "The same list, told once at each change (EPOLLET): both directions are registered with the connection, for ever, and \
     nothing is registered again. That saves a system call for every change of mind, and asks for discipline: who is told must go on \
     until it would block, or remember that it has not, because nobody tells again. nginx works so."
);
driver!(
    URING,
    "uring",
    "crore's runtime on io_uring",
    "Linux 5.1 (2019): not readiness but completion. Requests go into a ring that the kernel shares, outcomes come out of \
     another, many of each for one system call or none. The kernel holds the buffers meanwhile, so memory is chosen when bytes come and \
     not before, from rings of buffers given ahead. One accept or receive that is submitted once goes on answering \
     (multishot). Its limits: what is in flight belongs to the kernel until it says so, cancelling is a request like any \
     other, a receive that waits is an object of the kernel's, and many a container forbids it. Where the kernel has all of it, crore \
     works so by default."
);
driver!(
    PORTABLE,
    "portable",
    "crore's runtime on the system's own selector",
    "kqueue on BSD and macOS (2000), event ports on Solaris, IOCP on Windows and epoll here, behind one small crate (polling) as libuv \
     does it in C. Interest is given once for each event and given again after it, which all of them can do. Its limit is what \
     is common to all of them: one more system call for each event than where the system is known."
);
driver!(
    WIRE,
    "wire",
    "crore's own TCP/IP on shared memory",
    "No kernel at all: two processes of one machine exchange Ethernet frames through rings in shared memory, and the whole of \
     TCP/IP is crore's. It needs no privilege and no card, and it is the only place where ten million connections fit both \
     ends of one machine, because no socket exists. Its limit is that nobody else is on the wire."
);
driver!(
    TAP,
    "tap",
    "crore's own TCP/IP on a TAP interface",
    "The kernel gives an interface whose cable ends in our process: a read is a frame, a write is one. So crore's TCP/IP talks to \
     anybody's, with all the tools that look at an interface. A system call a frame is the price, and with it TAP is slower than \
     the sockets it replaces: it is a place to be correct in, not a fast one. It needs CAP_NET_ADMIN."
);
driver!(
    XDP,
    "xdp",
    "crore's own TCP/IP on AF_XDP",
    "Linux 4.18 (2018): a small program in the card's driver decides for each frame, and ours go into rings of our memory while \
     the kernel keeps the rest, on the same interface. No socket, no copy where the card can, and a wait when there is \
     nothing. It needs CAP_NET_ADMIN and CAP_BPF, and a card with as many queues as there are cores to be fast."
);
driver!(
    DPDK,
    "dpdk",
    "crore's own TCP/IP on DPDK",
    "Intel's kit (2010): the card belongs to the process, its driver is a library, and a core does nothing but ask it for frames, tens of \
     millions a second. It is the fastest way to a frame there is, and it takes the whole card away from the kernel, huge pages, and \
     cores that are always busy. It is a Cargo feature, because it needs a C library."
);

/// Whether the name must be followed by a device.
fn needs_device(name: &str) -> bool {
    matches!(name, "wire" | "tap" | "xdp" | "dpdk")
}

fn refusal(name: &str) -> Option<String> {
    if name == "tap" && !Path::new("/dev/net/tun").exists() {
        return Some("this system has no TAP interfaces: there is no /dev/net/tun".to_owned());
    }
    let needed = match name {
        "tap" => &[CapabilitySet::NET_ADMIN][..],
        "xdp" => &[CapabilitySet::NET_ADMIN, CapabilitySet::BPF],
        _ => &[],
    };
    let ours = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    // Before there was CAP_BPF, CAP_SYS_ADMIN was asked for in its place, and it is still enough.
    let has = |capability: &&CapabilitySet| {
        ours.contains(**capability) || (**capability == CapabilitySet::BPF && ours.contains(CapabilitySet::SYS_ADMIN))
    };
    if let Some(missing) = needed.iter().find(|capability| !has(capability)) {
        return Some(format!("this process lacks {missing:?}: run it as root, or give it that capability"));
    }
    // Any device will do: what is asked is whether there is such a driver.
    let whole = match name {
        "dpdk" => "dpdk:net_memif0".to_owned(),
        name if needs_device(name) => format!("{name}:lab0"),
        name => name.to_owned(),
    };
    check_driver(&whole).err()
}

fn serve(name: &str, place: &Place) -> io::Result<()> {
    run(&driver(name, place.io.as_deref())?, place, converse)
}

/// The driver's whole name, with the device of the place.
fn driver(name: &str, io: Option<&str>) -> io::Result<String> {
    let invalid = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    match io {
        _ if !needs_device(name) => Ok(name.to_owned()),
        Some(device) if device.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')) => Ok(device.to_owned()),
        Some(other) => invalid(format!("{name} cannot use {other:?}: give it a device, as {name}:NAME")),
        None => invalid(format!("{name} needs a device: give it one, as {name}:NAME")),
    }
}

/// Runs the runtime with this driver, and a task made by `converse` for each connection, until standard input is closed.
pub(super) fn run<F: Future<Output = ()> + 'static>(
    driver: &str,
    place: &Place,
    converse: fn(TcpStream, Rc<Place>, Arc<Disk>) -> F,
) -> io::Result<()> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
    let network = match is_device(driver) {
        true => Network::for_server(driver, &[place.address], &addresses(driver, place), &[]).map_err(invalid)?,
        false => Network::default(),
    };
    let disk = Arc::new(place.disk()?);
    let runtime = Runtime::builder().workers(place.workers).driver(driver).network(network).build()?;
    let (workers, place) = (place.workers, place.clone());
    runtime.block_on(async move {
        // Core 0 is first, because it may be the one that learns the port.
        let address = open(place.clone(), Arc::clone(&disk), converse)?;
        for core in 1..workers {
            let (place, disk) = (Place { address, ..place.clone() }, Arc::clone(&disk));
            spawn_on(core, move || async move { open(place, disk, converse) }).await.map_err(failed)??;
        }
        announce(address)?;
        blocking(wait_for_input_to_end).await.map_err(failed)
    })
}

/// Our address with its network, where it does not follow from the device: a TAP interface or a memif has none, so everybody is near.
fn addresses(driver: &str, place: &Place) -> Vec<Prefix> {
    let ip = place.address.ip();
    // IPv4 is the last 32 of 128 bits.
    let near = Prefix::new(ip.into(), if ip.is_ipv4() { 96 + 24 } else { 64 });
    if driver.starts_with("tap:") || driver.starts_with("dpdk:") { vec![near] } else { Vec::new() }
}

/// Listens on this core, and starts the task that accepts there.
fn open<F: Future<Output = ()> + 'static>(
    place: Place,
    disk: Arc<Disk>,
    converse: fn(TcpStream, Rc<Place>, Arc<Disk>) -> F,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(place.address, &ListenOptions::default())?;
    let address = listener.local_addr();
    let place = Rc::new(place);
    let accept = async move {
        while let Ok(stream) = listener.accept().await {
            // A core that has no room for another task drops the connection, which closes it.
            let _ = spawn_detached(converse(stream, Rc::clone(&place), Arc::clone(&disk)));
        }
    };
    spawn_detached(accept).map_err(|_| io::Error::other("a core has no room for the task that accepts"))?;
    Ok(address)
}

/// One connection. While it waits for bytes it has no buffer: the core lends one when they are there.
async fn converse(mut stream: TcpStream, place: Rc<Place>, disk: Arc<Disk>) {
    let mut session = place.session();
    loop {
        let mut out = Vec::new();
        let mut verdict = match stream.recv().await {
            Ok(input) if !input.is_empty() => session.on_input(&input, &mut out),
            _ => return,
        };
        loop {
            if !out.is_empty() && (stream.send(std::mem::take(&mut out)).is_err() || stream.flushed().await.is_err()) {
                return;
            }
            match verdict {
                Verdict::Open => break,
                Verdict::Work(job) => verdict = session.on_done(done(job, &disk).await, &mut out),
                Verdict::Close => return linger(stream).await,
            }
        }
    }
}

/// Does a job where it holds nobody up.
pub(super) async fn done(job: Job, disk: &Arc<Disk>) -> Answer {
    let disk = Arc::clone(disk);
    let answer = match job {
        Job::Digest(_) => compute(move || job.run(&disk)).await,
        Job::Greet | Job::Read { .. } => blocking(move || job.run(&disk)).await,
    };
    answer.unwrap_or_else(|error| Answer::failed(&failed(error)))
}

/// Lets the client read the last answer before the connection is gone.
pub(super) async fn linger(mut stream: TcpStream) {
    stream.shutdown();
    let mut left = LINGER_BYTES_MAX;
    while let Ok(bytes) = stream.recv().await {
        match left.checked_sub(bytes.len()) {
            Some(rest) if !bytes.is_empty() => left = rest,
            _ => return,
        }
    }
}

fn failed(error: JoinError) -> io::Error {
    io::Error::other(error.to_string())
}
