//! How the two ends of a wire find each other, and how each notices that the other is gone.
//!
//! They meet at a Unix socket in the abstract namespace, named after the user and the wire. Such a name is not a file:
//! it is free again the moment its process ends, however it ends, and so are the shared memory and the doorbells, which
//! have no names at all. The socket then stays open and silent. It is closed by the kernel when its process dies, and
//! that is how the other end learns of it.
//!
//! The host keeps the name and takes the next guest when one has gone, with fresh memory each time. A guest that has
//! lost its host stays without one.

use std::io::{self, BufRead};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crore_base::time::Duration;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::net::{accept_with, bind, connect, listen, socket_with, socketpair};
use rustix::process::geteuid;

use crate::limits::WIRE_BACKLOG;
use crate::open::OpenError;

use super::end::{End, Plug};
use super::hello::{Hello, Kind};
use super::layout::{Layout, RingSizes, Side};
use super::shared::SharedMemory;

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// What queue 0 of an end does for all: keeps the socket, lets others in, notices when they go.
pub(super) struct Keeper {
    end: Arc<End>,
    sizes: RingSizes,
    /// The name of the wire, if this end is its host.
    listener: Option<OwnedFd>,
    /// Somebody who has come and has not said what it wants. Whoever comes next takes its place.
    greeting: Option<OwnedFd>,
    /// The other end.
    connection: Option<OwnedFd>,
    /// Readable if any of these, or the doorbell of queue 0, needs a look.
    pub(super) waiter: OwnedFd,
}

impl Keeper {
    fn new(end: Arc<End>, sizes: RingSizes) -> io::Result<Self> {
        assert!(sizes.are_valid(), "{sizes:?} are no sizes of rings");
        let waiter = epoll::create(CreateFlags::CLOEXEC)?;
        let keeper = Self { end, sizes, listener: None, greeting: None, connection: None, waiter };
        keeper.watch(&keeper.end.bells[0])?;
        Ok(keeper)
    }

    /// Takes the name of a wire and waits there. `None` if somebody has it already.
    pub(super) fn host(end: Arc<End>, sizes: RingSizes) -> io::Result<Option<Self>> {
        let listener = socket()?;
        match bind(&listener, &address(&end.name)?) {
            Ok(()) => {}
            Err(Errno::ADDRINUSE) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
        listen(&listener, WIRE_BACKLOG)?;
        let mut keeper = Self::new(end, sizes)?;
        keeper.watch(&listener)?;
        keeper.listener = Some(listener);
        Ok(Some(keeper))
    }

    /// Joins the host of a wire; waits for its answer, but not longer than `timeout`. `None` if the wire has no host.
    pub(super) fn join(end: Arc<End>, timeout: Duration) -> Result<Option<Self>, OpenError> {
        let system = |what, error: io::Error| OpenError::System { name: end.name.clone(), what, error };
        let connection = socket().map_err(|error| system("make a socket", error))?;
        let address = address(&end.name).map_err(|error| system("name a socket", error))?;
        match connect(&connection, &address) {
            Ok(()) => {}
            Err(Errno::CONNREFUSED) => return Ok(None),
            // Its backlog is full, and this socket does not wait.
            Err(Errno::AGAIN) => return Err(OpenError::Silent { name: end.name.clone() }),
            Err(errno) => return Err(system("connect", errno.into())),
        }
        let peer = socket_peercred(&connection).map_err(|errno| system("ask who is there", errno.into()))?;
        if peer.uid != geteuid() {
            return Err(OpenError::Foreign { name: end.name.clone(), uid: peer.uid.as_raw() });
        }
        let hello = Hello { kind: Kind::Join, queues: end.queues(), sizes: RingSizes::DEFAULT };
        let bells: Vec<_> = end.bells.iter().map(AsFd::as_fd).collect();
        hello.send(connection.as_fd(), &bells).map_err(|error| system("greet", error))?;
        let plug = answer(&end, &connection, timeout)?;
        let mut keeper = Self::new(end.clone(), RingSizes::DEFAULT).map_err(|error| system("wait", error))?;
        keeper.connect(connection, plug).map_err(|error| system("wait", error))?;
        Ok(Some(keeper))
    }

    /// Both ends of a wire in this process, met already.
    pub(super) fn pair(host: Arc<End>, guest: Arc<End>, sizes: RingSizes) -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let copies = |end: &End| end.bells.iter().map(OwnedFd::try_clone).collect::<io::Result<Vec<_>>>();
        let (host_bells, guest_bells) = (copies(&host)?, copies(&guest)?);
        let layout = Layout::new(host.queues(), guest.queues(), sizes).ok_or(io::ErrorKind::InvalidInput)?;
        let (memory, _file) = SharedMemory::create(layout.words())?;
        let memory = Arc::new(memory);
        let host_plug = Plug { layout, side: Side::Host, memory: memory.clone(), bells: Arc::new(guest_bells) };
        let guest_plug = Plug { layout, side: Side::Guest, memory, bells: Arc::new(host_bells) };
        let (mut host, mut guest) = (Self::new(host, sizes)?, Self::new(guest, sizes)?);
        host.connect(one, host_plug)?;
        guest.connect(other, guest_plug)?;
        Ok((host, guest))
    }

    /// Looks after the sockets: hangs up on whoever is gone or breaks the rules, and lets the next one in. A few system
    /// calls; never waits.
    pub(super) fn tend(&mut self) {
        let gone = self.connection.as_ref().is_some_and(is_gone);
        if self.connection.is_some() && (gone || self.end.is_violated()) {
            self.connection = None;
            self.end.unplug();
        }
        for _ in 0..WIRE_BACKLOG {
            let Some(newcomer) = self.listener.as_ref().and_then(admit) else {
                break;
            };
            // If it cannot be watched, it is looked at whenever something else happens.
            let _watched = self.watch(&newcomer);
            self.greeting = Some(newcomer);
            self.greet();
        }
        self.greet();
    }

    /// Hears what the newcomer wants and answers it, if it has spoken yet.
    fn greet(&mut self) {
        let Some(newcomer) = self.greeting.take() else {
            return;
        };
        match Hello::receive(newcomer.as_fd()) {
            Ok(None) => self.greeting = Some(newcomer),
            Ok(Some((hello, _))) if self.connection.is_some() => {
                let busy = Hello { kind: Kind::Busy, queues: self.end.queues(), sizes: self.sizes };
                let _told = if hello.kind == Kind::Join { busy.send(newcomer.as_fd(), &[]) } else { Ok(()) };
            }
            // A newcomer that says nonsense, or for whom there is no memory, sees the door close.
            Ok(Some((hello, bells))) => {
                let _welcome = self.welcome(newcomer, hello, bells);
            }
            Err(_) => {}
        }
    }

    fn welcome(&mut self, newcomer: OwnedFd, hello: Hello, bells: Vec<OwnedFd>) -> io::Result<()> {
        assert!(self.connection.is_none(), "a wire has two ends");
        let layout = Layout::new(self.end.queues(), hello.queues, self.sizes);
        let layout = layout.filter(|_| hello.kind == Kind::Join && bells.len() == usize::from(hello.queues));
        let layout = layout.ok_or(io::ErrorKind::InvalidData)?;
        let (memory, file) = SharedMemory::create(layout.words())?;
        let answer = Hello { kind: Kind::Welcome, queues: self.end.queues(), sizes: self.sizes };
        let mut descriptors = vec![file.as_fd()];
        descriptors.extend(self.end.bells.iter().map(AsFd::as_fd));
        answer.send(newcomer.as_fd(), &descriptors)?;
        let plug = Plug { layout, side: Side::Host, memory: Arc::new(memory), bells: Arc::new(bells) };
        self.end.plug_in(plug);
        self.connection = Some(newcomer);
        Ok(())
    }

    fn connect(&mut self, connection: OwnedFd, plug: Plug) -> io::Result<()> {
        self.watch(&connection)?;
        self.connection = Some(connection);
        self.end.plug_in(plug);
        Ok(())
    }

    /// Makes the waiter readable when `descriptor` is. Closing it undoes this.
    fn watch(&self, descriptor: &OwnedFd) -> io::Result<()> {
        Ok(epoll::add(&self.waiter, descriptor, EventData::new_u64(0), EventFlags::IN)?)
    }

    /// Breaks the silence of the socket, as no honest end does.
    #[cfg(test)]
    pub(super) fn say_nonsense(&self) {
        rustix::io::write(self.connection.as_ref().unwrap(), b"nonsense").unwrap();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.connection = None;
        self.end.unplug();
    }
}

/// Waits for the host's answer and unpacks it.
fn answer(end: &End, connection: &OwnedFd, timeout: Duration) -> Result<Plug, OpenError> {
    let misfit = |what: &str| OpenError::Misfit { name: end.name.clone(), what: what.to_owned() };
    let nanos = timeout.as_nanos() as i64;
    let timeout = Timespec { tv_sec: nanos / NANOS_PER_SEC, tv_nsec: nanos % NANOS_PER_SEC };
    // A signal is no answer, but it ends the waiting early only as often as there are signals.
    let _ready = poll(&mut [PollFd::new(connection, PollFlags::IN)], Some(&timeout));
    let mut heard = Hello::receive(connection.as_fd());
    if heard.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
        // The host has closed with something unread; what it said before that is behind the error.
        heard = Hello::receive(connection.as_fd());
    }
    let (hello, mut descriptors) = match heard {
        Ok(Some(heard)) => heard,
        Ok(None) => return Err(OpenError::Silent { name: end.name.clone() }),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(misfit(&error.to_string())),
        Err(_) => return Err(misfit("it has hung up")),
    };
    match hello.kind {
        Kind::Welcome => {}
        Kind::Busy => return Err(OpenError::Taken { name: end.name.clone() }),
        Kind::Join => return Err(misfit("it wants to join too")),
    }
    let layout = Layout::new(hello.queues, end.queues(), hello.sizes);
    let layout = layout.ok_or_else(|| misfit("its rings have impossible sizes"))?;
    if descriptors.len() != 1 + usize::from(hello.queues) {
        return Err(misfit("it has sent the wrong number of descriptors"));
    }
    let bells = descriptors.split_off(1);
    let memory = SharedMemory::open(descriptors[0].as_fd(), layout.words());
    let memory = memory.map_err(|error| misfit(&error.to_string()))?;
    Ok(Plug { layout, side: Side::Guest, memory: Arc::new(memory), bells: Arc::new(bells) })
}

/// The wires of this user whose hosts are there, each once.
pub(super) fn hosted() -> Vec<String> {
    let Ok(sockets) = std::fs::File::open("/proc/net/unix") else {
        return Vec::new();
    };
    let prefix = format!("@{}", prefix());
    let lines = io::BufReader::new(sockets).lines().map_while(Result::ok);
    let names = lines.filter_map(|line| Some(format!("wire:{}", line.split(' ').next_back()?.strip_prefix(&prefix)?)));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// What the names of all wires of this user begin with.
fn prefix() -> String {
    format!("crore-wire/{}/", geteuid().as_raw())
}

/// Where the ends of a wire meet. `name` is `wire:` and the user's word.
pub(super) fn address(name: &str) -> io::Result<SocketAddrUnix> {
    let word = name.strip_prefix("wire:").unwrap_or(name);
    Ok(SocketAddrUnix::new_abstract_name(format!("{}{word}", prefix()).as_bytes())?)
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// The next one who has come, if there is one and it is of this user.
fn admit(listener: &OwnedFd) -> Option<OwnedFd> {
    let newcomer = accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK).ok()?;
    let uid = socket_peercred(&newcomer).ok()?.uid;
    if uid == geteuid() { Some(newcomer) } else { None }
}

/// Whether the other side of a connection has closed it, or says what it should not.
fn is_gone(connection: &OwnedFd) -> bool {
    !matches!(Hello::receive(connection.as_fd()), Ok(None))
}
