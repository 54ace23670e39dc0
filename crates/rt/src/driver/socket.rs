//! Sockets of the kernel as all drivers of them make them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

use super::gone;
use crate::limits::ACCEPTS_SHED_PER_PAUSE;
use crate::net::{Accept, ConnectOptions, ListenOptions, StreamOption};

/// A socket that does not block.
fn new_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?)
}

/// A socket that listens on `address`, and the address with the port that the system chose.
pub(crate) fn listening_socket(address: SocketAddr, options: &ListenOptions) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = new_socket(address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // One listener a worker on one address; the kernel spreads the connections by their hash (socket(7)).
    let own_each = options.accept == Accept::PerWorker;
    sockopt::set_socket_reuseport(&socket, options.shared_port && own_each)?;
    if !address.is_ipv4() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    net::bind(&socket, &address)?;
    net::listen(&socket, options.backlog)?;
    // What is accepted inherits these. Small messages must not wait for acknowledgements (RFC 9293, MUST-17).
    sockopt::set_tcp_nodelay(&socket, true)?;
    options.accepted.iter().try_for_each(|&option| set_on_socket(&socket, option))?;
    let local = SocketAddr::try_from(net::getsockname(&socket)?)?;
    Ok((socket, local))
}

/// A socket that is to connect to `address`.
pub(super) fn connecting_socket(address: SocketAddr, options: &ConnectOptions) -> io::Result<OwnedFd> {
    let socket = new_socket(address)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(source) = options.source {
        net::bind(&socket, &SocketAddr::new(source, 0))?;
    }
    Ok(socket)
}

/// Our address and the peer's.
pub(super) fn addresses(socket: impl AsFd) -> io::Result<(SocketAddr, SocketAddr)> {
    let local = net::getsockname(&socket)?;
    let peer = net::getpeername(&socket)?.ok_or_else(gone)?;
    Ok((SocketAddr::try_from(local)?, SocketAddr::try_from(peer)?))
}

/// Sets what the kernel keeps of an option, on a connection or on a listener whose connections inherit it.
pub(super) fn set_on_socket(socket: impl AsFd, option: StreamOption) -> io::Result<()> {
    match option {
        StreamOption::NoDelay(on) => sockopt::set_tcp_nodelay(socket, on)?,
        StreamOption::Linger(time) => sockopt::set_socket_linger(socket, time.map(Into::into))?,
        StreamOption::UserTimeout(time) => {
            let millis = time.map_or(0, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
            sockopt::set_tcp_user_timeout(socket, millis)?;
        }
        StreamOption::KeepAlive(None) => sockopt::set_socket_keepalive(socket, false)?,
        StreamOption::KeepAlive(Some(keep_alive)) => {
            sockopt::set_socket_keepalive(&socket, true)?;
            sockopt::set_tcp_keepidle(&socket, keep_alive.idle.into())?;
            sockopt::set_tcp_keepintvl(&socket, keep_alive.interval.into())?;
            sockopt::set_tcp_keepcnt(&socket, keep_alive.probes)?;
        }
        StreamOption::SendLimit(_) => {} // ours
    }
    Ok(())
}

/// A descriptor that is given up when they have run out, so that waiting clients can be told.
pub(super) struct Spare(Option<OwnedFd>);

impl Spare {
    pub(super) fn new() -> Spare {
        Spare(open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok())
    }

    /// Accepts some of those who wait at a listener with it, and closes their connections at once: how many these were.
    pub(super) fn shed(&mut self, listener: &OwnedFd) -> u64 {
        let mut shed = 0;
        if self.0.take().is_some() {
            while shed < u64::from(ACCEPTS_SHED_PER_PAUSE) {
                match net::accept_with(listener, SocketFlags::CLOEXEC) {
                    Ok(refused) => drop(refused),
                    Err(_) => break,
                }
                shed += 1;
            }
        }
        *self = Spare::new();
        shed
    }
}
