//! Datagrams.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto};

use super::Lease;
use super::watched::Watched;
use crate::executor::budget;
use crate::limits::LEASE_BYTES;

/// A UDP socket of the kernel's, on this core. Dropping it closes it.
///
/// A datagram that is sent leaves at once; one that has come is received into a buffer that the core lends. Takes two descriptors.
/// Sending and receiving may go on at the same time, in one task each at most.
///
/// Our own TCP/IP has no UDP: with a device, too, the kernel's addresses are those that it can be bound to.
#[derive(Debug)]
pub struct UdpSocket {
    watched: Watched,
    local: SocketAddr,
}

impl UdpSocket {
    /// A socket at `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    /// The system's: the address is in use, not ours, or needs a privilege. A simulated world, which has no UDP.
    pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(family, SocketType::DGRAM, flags, Some(ipproto::UDP))?;
        net::bind(&socket, &address)?;
        UdpSocket::from_socket(socket)
    }

    fn from_socket(socket: OwnedFd) -> io::Result<UdpSocket> {
        let local = SocketAddr::try_from(net::getsockname(&socket)?)?;
        Ok(UdpSocket { watched: Watched::new(socket)?, local })
    }

    /// Names the peer: [`send`](UdpSocket::send) sends there, and only what comes from there is received. Connecting again names
    /// another.
    ///
    /// # Errors
    /// The system's: there is no way there.
    pub fn connect(&mut self, peer: SocketAddr) -> io::Result<()> {
        net::connect(self.watched.descriptor(), &peer)?;
        // Bound to every address before, the system now has chosen one.
        self.local = SocketAddr::try_from(net::getsockname(self.watched.descriptor())?)?;
        Ok(())
    }

    /// Sends one datagram. Waits while the system has no room for it.
    ///
    /// # Errors
    /// It is larger than the way there allows (65,507 bytes over IPv4), or the system's: what a datagram before met may be told here
    /// (`ConnectionRefused`, udp(7)).
    pub async fn send_to(&self, bytes: &[u8], peer: SocketAddr) -> io::Result<()> {
        poll_fn(|context| self.poll_send(context, |socket| net::sendto(socket, bytes, SendFlags::NOSIGNAL, &peer)))
            .await
    }

    /// As [`send_to`](UdpSocket::send_to), to the peer that [`connect`](UdpSocket::connect) named.
    ///
    /// # Errors
    /// As [`send_to`](UdpSocket::send_to); without a peer, the system's that an address is required.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        poll_fn(|context| self.poll_send(context, |socket| net::send(socket, bytes, SendFlags::NOSIGNAL))).await
    }

    /// The next datagram and who sent it. At most 16 KiB, in a buffer lent by the core; unlike a stream's, an empty one is a datagram
    /// like any other.
    ///
    /// # Errors
    /// `InvalidData`: it was larger, and is lost. The system's, such as `ConnectionRefused` when a peer that was named is not there;
    /// the socket stays usable.
    pub async fn recv_from(&self) -> io::Result<(Lease, SocketAddr)> {
        poll_fn(|context| self.poll_recv_from(context)).await
    }

    /// As [`recv_from`](UdpSocket::recv_from), for who knows the sender: the peer that [`connect`](UdpSocket::connect) named.
    ///
    /// # Errors
    /// As [`recv_from`](UdpSocket::recv_from).
    pub async fn recv(&self) -> io::Result<Lease> {
        self.recv_from().await.map(|(bytes, _)| bytes)
    }

    /// As [`recv_from`](UdpSocket::recv_from), for futures written by hand.
    pub fn poll_recv_from(&self, context: &Context<'_>) -> Poll<io::Result<(Lease, SocketAddr)>> {
        ready!(budget::spend(context));
        self.watched.poll_read(context, |socket, mut lease| {
            // The length is that of the datagram, though the buffer may hold only its beginning (recv(2)).
            let (_, length, sender) = net::recvfrom(socket, &mut lease[..], RecvFlags::TRUNC)?;
            let sender = sender.and_then(|sender| SocketAddr::try_from(sender).ok());
            if length > LEASE_BYTES {
                let text = format!("a datagram of {length} bytes came, of which at most {LEASE_BYTES} can be received");
                return Ok(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
            }
            lease.shorten(length);
            let unnamed = || io::Error::new(io::ErrorKind::InvalidData, "a datagram without a sender came");
            Ok(sender.ok_or_else(unnamed).map(|sender| (lease, sender)))
        })
    }

    fn poll_send(
        &self,
        context: &Context<'_>,
        send: impl FnMut(&OwnedFd) -> Result<usize, Errno>,
    ) -> Poll<io::Result<()>> {
        ready!(budget::spend(context));
        self.watched.poll_write(context, send).map_ok(drop)
    }

    /// The address it is bound to, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}
