//! Where connections come in: a listening socket, what to do when no descriptor is left, and the end of standard input.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept_with, bind, listen, socket_with, sockopt};

use crate::limits::{BACKLOG, PAUSE_MS};
use crate::service::Session;

use super::Place;

/// A listening socket. What is accepted sends at once (`TCP_NODELAY`) and does not live on in programs that are started.
pub(super) struct Door {
    listener: TcpListener,
    /// A descriptor to give up when there is no other, so that a client can be told that there is no room.
    spare: Cell<Option<File>>,
    accepted: SocketFlags,
}

/// What ended a wait at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// Somebody may be there.
    ByClient,
    /// Standard input is closed: the end.
    ByInput,
}

impl Door {
    /// A door at which [`accept`](Door::accept) waits, and whose connections block.
    pub(super) fn blocking(place: &Place) -> io::Result<Door> {
        Door::open(place.address, SocketFlags::CLOEXEC, SocketFlags::CLOEXEC)
    }

    /// A door at which [`accept`](Door::accept) waits, and whose connections do not block: for who gives them to event loops.
    pub(super) fn before_reactors(place: &Place) -> io::Result<Door> {
        Door::open(place.address, SocketFlags::CLOEXEC, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
    }

    /// A door that never blocks, nor do its connections.
    pub(super) fn non_blocking(place: &Place) -> io::Result<Door> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Door::open(place.address, flags, flags)
    }

    /// A door that never blocks, but whose connections do: for who also has other things to wait for.
    pub(super) fn polled(place: &Place) -> io::Result<Door> {
        Door::open(place.address, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, SocketFlags::CLOEXEC)
    }

    fn open(address: SocketAddr, listening: SocketFlags, accepted: SocketFlags) -> io::Result<Door> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, listening, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        // Inherited by what is accepted (tcp(7)), so it costs nothing there.
        sockopt::set_tcp_nodelay(&socket, true)?;
        bind(&socket, &address).map_err(|error| {
            io::Error::new(io::Error::from(error).kind(), format!("cannot listen on {address}: {error}"))
        })?;
        listen(&socket, BACKLOG)?;
        Ok(Door { listener: socket.into(), spare: Cell::new(Some(spare()?)), accepted })
    }

    /// The same door once more, for another loop.
    pub(super) fn try_clone(&self) -> io::Result<Door> {
        Ok(Door { listener: self.listener.try_clone()?, spare: Cell::new(Some(spare()?)), accepted: self.accepted })
    }

    /// Where it is, with the port that the system chose.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Says on standard output that clients may come.
    pub(super) fn announce(&self) -> io::Result<()> {
        announce(self.address()?)
    }

    /// The next connection; none if nobody waits and this door does not block, or if the system has nothing to give. For want of a
    /// descriptor whoever came is refused: such a client reads an end of stream at once. For want of memory it waits.
    pub(super) fn accept(&self) -> io::Result<Option<TcpStream>> {
        loop {
            match accept_with(&self.listener, self.accepted) {
                Ok(socket) => return Ok(Some(socket.into())),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::MFILE | Errno::NFILE) => {
                    drop(self.spare.take());
                    drop(accept_with(&self.listener, self.accepted));
                    self.spare.set(spare().ok());
                    return Ok(None);
                }
                Err(Errno::NOBUFS | Errno::NOMEM) => {
                    thread::sleep(Duration::from_millis(PAUSE_MS));
                    return Ok(None);
                }
                // A client that has left already, or an error of its network that Linux tells here (accept(2)).
                Err(error) if is_of_the_client(error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until somebody comes or standard input ends.
    pub(super) fn wait(&self) -> io::Result<Woken> {
        let input = io::stdin();
        loop {
            let mut watched = [PollFd::new(&self.listener, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
            match poll(&mut watched, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [client, input] = watched.map(|descriptor| !descriptor.revents().is_empty());
            if input && input_has_ended() {
                return Ok(Woken::ByInput);
            }
            if client {
                return Ok(Woken::ByClient);
            }
        }
    }
}

impl Door {
    /// The number of its descriptor.
    pub(super) fn number(&self) -> RawFd {
        self.listener.as_raw_fd()
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Place {
    /// A session of the protocol that is spoken here.
    pub(super) fn session(&self) -> Session {
        Session::new(self.protocol)
    }
}

/// The one line that a model writes to standard output.
pub(super) fn announce(address: SocketAddr) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "listening on {address}")?;
    output.flush()
}

/// Ends the process when standard input is closed, from a thread that does nothing else. Not for models that fork.
pub(super) fn leave_with_input() -> io::Result<()> {
    thread::Builder::new().name("input".to_owned()).spawn(|| {
        wait_for_input_to_end();
        std::process::exit(0);
    })?;
    Ok(())
}

/// Waits until standard input is closed; what comes there is dropped.
pub(crate) fn wait_for_input_to_end() {
    while !input_has_ended() {}
}

/// Reads once from standard input: true at its end, or if it cannot be read.
pub(super) fn input_has_ended() -> bool {
    match rustix::io::read(io::stdin(), &mut [0; 64]) {
        Ok(count) => count == 0,
        Err(Errno::INTR) => false,
        Err(_) => true,
    }
}

fn is_of_the_client(error: Errno) -> bool {
    let of_the_network = [
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::PROTO,
        Errno::NETDOWN,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        Errno::PERM,
    ];
    of_the_network.contains(&error)
}

fn spare() -> io::Result<File> {
    File::open("/dev/null")
}
