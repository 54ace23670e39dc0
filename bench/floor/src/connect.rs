//! Connections to a server on this machine, more than one address has ports for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// Connections from one address: beyond about half of the range of ports the kernel's search for a free one takes long.
const PER_SOURCE: usize = 10_000;

/// Connection number `index` of a client; it blocks. To 127.0.0.1 each ten thousand come from an address of their own, from
/// 127.0.1.1 on; to anywhere else the kernel chooses. It ends with a reset, so that no port stays in TIME-WAIT for the next run.
pub fn to(address: SocketAddr, index: usize) -> io::Result<TcpStream> {
    let stream = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => from_loopback(address, index)?,
        _ => TcpStream::connect(address)?,
    };
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    Ok(stream)
}

fn from_loopback(address: SocketAddr, index: usize) -> io::Result<TcpStream> {
    let last = u8::try_from(1 + index / PER_SOURCE)
        .map_err(|_| io::Error::other(format!("connection {index} is beyond those of 127.0.1.1 to 127.0.1.255")))?;
    let source = SocketAddr::from(([127, 0, 1, last], 0));
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &source)?;
    connect(&socket, &address)?;
    Ok(TcpStream::from(socket))
}
