//! Connections that are only held, by blocking sockets that nothing watches: so what the kernel keeps of this end is a plain
//! socket and its file, and no more.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::subscriber::{CHANNEL, Protocol, Subscriber};
use crate::{connect, count, request};

/// The second channel of a held subscriber; the gateway's default of what one may have is far above two.
const OTHER_CHANNEL: &str = "other";

/// What is asked for.
pub struct Job {
    address: SocketAddr,
    /// Subscribers of two channels; or HTTP connections that have been answered once and are kept.
    subscribe: bool,
    connections: usize,
}

impl Job {
    /// Reads the words behind `hold`.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let &[address, protocol, connections] = words else {
            return Err(format!("hold takes 3 words, not {}", words.len()));
        };
        Ok(Self {
            address: crate::address(address)?,
            subscribe: match protocol {
                "websocket" => true,
                "http" => false,
                other => return Err(format!("{other:?} is neither http nor websocket")),
            },
            connections: count("CONNECTIONS", connections)? as usize,
        })
    }

    fn open(&self, index: usize) -> io::Result<TcpStream> {
        if self.subscribe {
            let stream = connect::to(self.address, index)?;
            return Ok(Subscriber::join(stream, Protocol::Websocket, &[CHANNEL, OTHER_CHANNEL])?.stream);
        }
        Ok(request::open(self.address, index)?.0)
    }
}

/// Opens them, one after the other, and holds them.
pub fn run(job: &Job) -> Result<(), String> {
    let opened =
        (0..job.connections).map(|index| job.open(index).map_err(|error| format!("connection {index}: {error}")));
    hold(&opened.collect::<Result<Vec<_>, _>>()?)
}

/// Opens so many connections to itself, and holds both ends.
pub fn run_pairs(pairs: u32) -> Result<(), String> {
    let problem = |error: io::Error| format!("a pair: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(problem)?;
    let address = listener.local_addr().map_err(problem)?;
    let pair = |index| Ok((connect::to(address, index)?, listener.accept()?.0));
    let opened: io::Result<Vec<(TcpStream, TcpStream)>> = (0..pairs as usize).map(pair).collect();
    hold(&opened.map_err(problem)?)
}

/// Says that they are there, and waits for the end of the input.
fn hold<T>(held: &[T]) -> Result<(), String> {
    println!("holding {}", held.len());
    let ended = io::stdin().read_to_end(&mut Vec::new());
    ended.map(drop).map_err(|error| format!("standard input: {error}"))
}
