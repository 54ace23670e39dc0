//! One socket for every client: datagrams instead of connections.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;

use super::door::{announce, leave_with_input};
use super::{Model, Place, never};
use crate::limits::DATAGRAM_BYTES_MAX;
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "udp",
    title: "one socket for every client",
    story: "How Tencent's QQ held its first millions of users (1999), how DNS, NTP and most games work, and what QUIC stands on: there are no \
            connections, so there is nothing to hold. One socket is everybody's, a million clients cost the kernel as much as one, \
            and one descriptor is enough. What TCP did is the protocol's own work now. Here a datagram begins with a sequence \
            number of eight bytes that the client chooses and the answer repeats: so a client can tell answers apart, asks again \
            when none comes, and may get one twice; the server holds nothing about anybody. Its limits are what is missing: order, \
            flow and congestion control, anything longer than a datagram, and proof that a sender's address is its own.",
    serves: &[Protocol::Echo],
    serve,
    refusal: never,
};

/// Bytes of the sequence number that each datagram begins with, in network order.
const SEQUENCE_BYTES: usize = 8;

fn serve(place: &Place) -> io::Result<()> {
    let socket = UdpSocket::bind(place.address)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot bind {}: {error}", place.address)))?;
    leave_with_input()?;
    announce(socket.local_addr()?)?;
    // One byte more than may come, so that what is longer is not mistaken for its own beginning.
    let mut datagram = [0; DATAGRAM_BYTES_MAX + 1];
    loop {
        match socket.recv_from(&mut datagram) {
            Ok((length @ SEQUENCE_BYTES..=DATAGRAM_BYTES_MAX, client)) => {
                // What the network does not take is lost, as on the way: the client asks again.
                let _ = socket.send_to(&datagram[..length], client);
            }
            Ok(_) => {} // without a number, or too long: no client of ours
            // What became of an earlier answer is told here (udp(7)), and says nothing about this socket.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
