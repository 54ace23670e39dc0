//! Stream sockets between processes of one machine (unix(7)), with the verbs of [`TcpListener`](super::TcpListener) and
//! [`TcpStream`](super::TcpStream).
//!
//! A connection has a slot of the driver's like any of TCP's: the same queues, leases, limits and budget serve it.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use crore_base::payload::Payload;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::{Lease, ListenOptions, SendError, StreamId, StreamOption, TcpStream};
use crate::driver::ListenerId;
use crate::executor::budget;
use crate::limits::{SEND_QUEUE_BYTES, UNIX_CONNECT_PAUSE};
use crate::{current, time};

/// Accepts connections at a file on this core. The file is removed when it is dropped.
#[derive(Debug)]
pub struct UnixListener {
    id: ListenerId,
    path: PathBuf,
    /// The file that was made, so that no other is removed: device and number (inode(7)).
    file: (u64, u64),
}

impl UnixListener {
    /// Listens at `path`, at most 107 bytes. A file that a listener left behind when it died is replaced: a socket at which nobody
    /// answers. Of `options`, the backlog and the send limit count.
    ///
    /// # Errors
    /// `AddrInUse`: somebody listens there, or there is a file that is no socket. The system's: no such folder, no permission. A
    /// simulated world, which has no files.
    pub fn bind(path: impl AsRef<Path>, options: &ListenOptions) -> io::Result<UnixListener> {
        let path = path.as_ref();
        let address = address_of(path)?;
        let socket = socket()?;
        match net::bind(&socket, &address) {
            Err(Errno::ADDRINUSE) => {
                remove_stale(path, &address)?;
                net::bind(&socket, &address)?;
            }
            bound => bound?,
        }
        let made = fs::symlink_metadata(path)?;
        let file = (made.dev(), made.ino());
        let listening = net::listen(&socket, options.backlog).map_err(io::Error::from).and_then(|()| {
            current::with(|worker| worker.driver().borrow_mut().listen_on(socket, options.send_limit(), false))
        });
        match listening {
            Ok(id) => Ok(UnixListener { id, path: path.to_owned(), file }),
            Err(error) => {
                remove_own(path, file);
                Err(error)
            }
        }
    }

    /// The next connection; as [`TcpListener::accept`](super::TcpListener::accept).
    ///
    /// # Errors
    /// Only when the listener itself is broken.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        poll_fn(|context| {
            ready!(budget::spend(context));
            let accepted = current::with(|worker| worker.driver().borrow_mut().poll_accept(self.id, context));
            accepted.map_ok(|id| UnixStream { stream: TcpStream::from_id(id) })
        })
        .await
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        current::try_with(|worker| worker.driver().borrow_mut().unlisten(self.id));
        remove_own(&self.path, self.file);
    }
}

/// A connection to a process of this machine, of this core. Dropping it closes gracefully, as a
/// [`TcpStream`](super::TcpStream) is.
#[derive(Debug)]
pub struct UnixStream {
    /// The driver does not tell one kind of stream from the other.
    stream: TcpStream,
}

impl UnixStream {
    /// Connects to who listens at `path`. While their backlog is full it asks again every ten milliseconds, until it is dropped.
    ///
    /// # Errors
    /// The system's: there is no such file, or nobody listens there. This core has no connection slot free.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        let address = address_of(path.as_ref())?;
        let socket = socket()?;
        // It succeeds or fails at once, and does not go on by itself (connect(2)).
        while let Err(error) = net::connect(&socket, &address) {
            match error {
                Errno::AGAIN => time::sleep(UNIX_CONNECT_PAUSE).await,
                Errno::INTR => {}
                error => return Err(error.into()),
            }
        }
        UnixStream::adopt(socket)
    }

    /// Two ends of one connection, both of this core.
    ///
    /// # Errors
    /// No descriptor or no connection slot is free.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (one, other) = net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        Ok((UnixStream::adopt(one)?, UnixStream::adopt(other)?))
    }

    fn adopt(socket: OwnedFd) -> io::Result<UnixStream> {
        let adopted = current::with(|worker| worker.driver().borrow_mut().adopt(socket, SEND_QUEUE_BYTES))?;
        let full =
            || io::Error::other("this core holds as many connections as it may have: close some, or raise the limit");
        adopted.map(|id| UnixStream { stream: TcpStream::from_id(id) }).ok_or_else(full)
    }

    /// As [`TcpStream::recv`](super::TcpStream::recv).
    ///
    /// # Errors
    /// The connection is broken, or closed.
    pub async fn recv(&mut self) -> io::Result<Lease> {
        self.stream.recv().await
    }

    /// As [`recv`](UnixStream::recv), for futures written by hand.
    pub fn poll_recv(&mut self, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        self.stream.poll_recv(context)
    }

    /// As [`TcpStream::send`](super::TcpStream::send).
    ///
    /// # Errors
    /// As there.
    pub fn send(&self, payload: impl Into<Payload>) -> Result<(), SendError> {
        self.stream.send(payload)
    }

    /// As [`TcpStream::sendable`](super::TcpStream::sendable).
    ///
    /// # Errors
    /// As there.
    pub async fn sendable(&self) -> Result<(), SendError> {
        self.stream.sendable().await
    }

    /// As [`TcpStream::flushed`](super::TcpStream::flushed).
    ///
    /// # Errors
    /// As there.
    pub async fn flushed(&self) -> Result<(), SendError> {
        self.stream.flushed().await
    }

    /// As [`TcpStream::shutdown`](super::TcpStream::shutdown).
    pub fn shutdown(&self) {
        self.stream.shutdown();
    }

    /// Ends the connection at once; what is queued is dropped.
    pub fn abort(self) {
        self.stream.abort();
    }

    /// Its weak name. It has no addresses.
    pub fn id(&self) -> StreamId {
        self.stream.id()
    }

    /// Bytes that may wait in the send queue; 1 MiB unless set.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn set_send_limit(&self, bytes: u32) -> io::Result<()> {
        self.stream.set(StreamOption::SendLimit(bytes))
    }
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

fn address_of(path: &Path) -> io::Result<SocketAddrUnix> {
    SocketAddrUnix::new(path).map_err(|error| {
        let length = path.as_os_str().len();
        let text = format!("{}: {error}: {length} bytes, of which a socket's path has 1 to 107", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

/// Removes the file of a listener that is dead, and of nobody else.
fn remove_stale(path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    let in_use = |what: &str| Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {what}", path.display())));
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return in_use("a file that is no socket is there");
    }
    match net::connect(socket()?, address) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        // Whoever else there is, a full backlog included, is alive; and a socket of another type is somebody's, too.
        _ => in_use("somebody listens there"),
    }
}

/// Removes the file if it is still the one that was made.
fn remove_own(path: &Path, file: (u64, u64)) {
    if fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == file) {
        // If that fails the next listener finds it stale.
        let _ = fs::remove_file(path);
    }
}
