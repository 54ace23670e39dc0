//! Every I/O model, one file each, on the same [`service`](crate::service).
//!
//! A model differs from the others in nothing but how it waits: what a connection does is in `conversation`, how one is let in
//! in `door`, how processes are made in `family`. A model owns the process that it runs in: it writes one line to standard
//! output when it accepts, serves until standard input is closed or SIGTERM comes, and takes every child with it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crore_rt::raise_descriptor_limit;

pub use cgi::answer;
pub(crate) use door::wait_for_input_to_end;

use crate::limits::WORKERS_MAX;
use crate::service::{Disk, Protocol};

mod acceptor_threads;
mod aio;
mod busy_poll;
mod callbacks;
mod cgi;
mod conversation;
mod door;
mod driver;
mod family;
mod fastcgi;
mod fork;
mod generator;
mod half_async;
mod iterative;
mod multi_process;
mod preemptive;
mod prefork;
mod reactor;
mod sigio;
mod single_reactor;
mod stackful;
mod tasks;
mod thread;
mod thread_pool;
mod udp;

/// A way to do I/O.
#[derive(Debug)]
pub struct Model {
    /// The name it is chosen by.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// A paragraph: what it is, where it comes from, and where it ends.
    pub story: &'static str,
    /// What it can speak.
    pub serves: &'static [Protocol],
    /// Serves until standard input is closed, or does not return: a model may end the process. Call [`serve`], which checks first.
    pub serve: fn(&Place) -> io::Result<()>,
    /// Why it cannot run here: missing hardware, privilege or library.
    pub refusal: fn() -> Option<String>,
}

/// Where a model serves.
#[derive(Debug, Clone)]
pub struct Place {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where to listen; with port 0 the system chooses one.
    pub address: SocketAddr,
    /// Processes or threads, for the models that have a number of them: 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// The device, as `wire:NAME`, `tap:NAME` or `xdp:IFACE`, for the models that need one.
    pub io: Option<String>,
    /// The file that `GET /disk` reads from. Opened for [`Protocol::Http`] alone.
    pub data: PathBuf,
}

impl Place {
    fn disk(&self) -> io::Result<Disk> {
        match self.protocol {
            Protocol::Echo => Ok(Disk::NONE),
            Protocol::Http => Disk::open(&self.data),
        }
    }
}

/// Every model, in the order in which they were thought of, more or less.
pub const MODELS: &[Model] = &[
    iterative::MODEL,
    fork::MODEL,
    cgi::MODEL,
    fastcgi::MODEL,
    prefork::MODEL,
    thread::MODEL,
    thread_pool::MODEL,
    busy_poll::MODEL,
    sigio::MODEL,
    aio::MODEL,
    single_reactor::MODEL,
    multi_process::MODEL,
    acceptor_threads::MODEL,
    half_async::MODEL,
    callbacks::MODEL,
    stackful::MODEL,
    generator::MODEL,
    tasks::MODEL,
    preemptive::MODEL,
    udp::MODEL,
    driver::SELECT,
    driver::POLL,
    driver::EPOLL_LT,
    driver::EPOLL,
    driver::URING,
    driver::PORTABLE,
    driver::WIRE,
    driver::TAP,
    driver::XDP,
    driver::DPDK,
];

/// The model of this name.
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}

/// Runs the model called `name` at `place`, in this process, until standard input is closed, with as many descriptors as the system
/// gives without a privilege. It may end the process then instead of
/// returning, and so may SIGTERM. The process must have one thread when this is called, because some models fork.
///
/// # Errors
/// There is no such model, it does not speak the protocol, it refuses (see [`Model::refusal`]), the number of workers is out of range,
/// and what the system says: the address is in use, the data file is not there.
pub fn serve(name: &str, place: &Place) -> io::Result<()> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
    let Some(model) = find(name) else {
        let names: Vec<_> = MODELS.iter().map(|model| model.name).collect();
        return Err(invalid(format!("there is no model {name:?}: choose one of {}", names.join(", "))));
    };
    if !model.serves.contains(&place.protocol) {
        return Err(invalid(format!("{name} does not speak {}: its nature is another", place.protocol.name())));
    }
    if !(1..=WORKERS_MAX).contains(&place.workers) {
        return Err(invalid(format!("{} workers were asked for: 1 to {WORKERS_MAX} can be", place.workers)));
    }
    if let Some(reason) = (model.refusal)() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, format!("{name}: {reason}")));
    }
    raise_descriptor_limit();
    (model.serve)(place)
}

#[cfg(test)]
mod tests;

/// For the models that run wherever Linux does.
fn never() -> Option<String> {
    None
}
