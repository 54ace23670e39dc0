//! Who accepts: the same echo, with the cores sharing what comes in different ways.

use std::io;

use crore_rt::net::{Accept, TcpListener, TcpStream};
use crore_rt::spawn_detached;

use super::host::host;
use crate::{Model, Place, Protocol};

/// All of them.
pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "accept-one",
        title: "one thread accepts for all",
        story: "One event loop accepts and hands each connection to the next in turn, as memcached does. The spread is the evenest \
                there is, but every connection costs a wake-up of another thread, and the one that accepts sets the pace.",
        serves: &[Protocol::Echo],
        serve: |place| serve(place, Accept::Handover),
        refusal: || None,
    },
    Model {
        name: "accept-exclusive",
        title: "all threads accept from one socket",
        story: "All event loops wait on one listening socket with EPOLLEXCLUSIVE (Linux 4.5), so that a connection wakes one of them \
                and not all: the thundering herd of earlier servers. Who is free accepts; on a quiet machine that is mostly the same one.",
        serves: &[Protocol::Echo],
        serve: |place| serve(place, Accept::Shared),
        refusal: || None,
    },
    Model {
        name: "accept-reuseport",
        title: "each thread has a socket of its own",
        story: "Each event loop listens on the same address with SO_REUSEPORT (Linux 3.9), and the kernel spreads connections by the \
                hash of their addresses. Nobody waits for anybody, but a connection that hashed to a busy thread waits for it.",
        serves: &[Protocol::Echo],
        serve: |place| serve(place, Accept::PerWorker),
        refusal: || None,
    },
];

fn serve(place: &Place, accept: Accept) -> io::Result<()> {
    host(place, "epoll", accept, async |listener: TcpListener| {
        while let Ok(stream) = listener.accept().await {
            // Without a slot for its task the connection is closed, and the client sees it.
            let _ = spawn_detached(echo(stream));
        }
    })
}

async fn echo(mut stream: TcpStream) {
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.send(&bytes[..]).is_err() || stream.sendable().await.is_err() {
            return;
        }
    }
}
