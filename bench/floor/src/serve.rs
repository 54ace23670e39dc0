//! The bare loop: accept, read, write, with nothing between them and the kernel.
//!
//! A request line that begins with `GET ` is answered with fixed bytes. Any other message is an unmasked WebSocket frame,
//! and goes to every other connection with one write(2) each. No parser, no queue, no limit, no second thread: what this
//! takes, every server on kernel sockets takes. Not a server for anybody: a peer that does not read is cut off, and
//! with pushes to it ends the loop.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Events taken in a turn, as crore does.
const EVENTS: usize = 1_024;

/// As long as crore's answer of `/health`.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n\
    Content-Length: 2\r\n\r\n{}";

/// The token of the listener; connections have their index.
const LISTENER: u64 = u64::MAX;

/// Serves until it is killed.
pub fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
    let mut buffer = [0; 16 * 1024];
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            let token = event.data.u64();
            if token == LISTENER {
                accept(&listener, &epoll, &mut connections)?;
                continue;
            }
            let from = token as usize;
            let stream = connections[from].as_mut().expect("closed connections have left epoll");
            match stream.read(&mut buffer) {
                Ok(0) => connections[from] = None,
                Ok(length) if buffer.starts_with(b"GET ") => {
                    if answer(stream, &buffer[..length]).is_err() {
                        connections[from] = None;
                    }
                }
                Ok(length) => push(&mut connections, from, &buffer[..length])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => connections[from] = None,
            }
        }
    }
}

fn accept(listener: &TcpListener, epoll: &impl std::os::fd::AsFd, all: &mut Vec<Option<TcpStream>>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                epoll::add(epoll, &stream, EventData::new_u64(all.len() as u64), EventFlags::IN)?;
                all.push(Some(stream));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// One answer for each head that ends in `requests`; the client sends whole ones.
fn answer(stream: &mut TcpStream, requests: &[u8]) -> io::Result<()> {
    let heads = requests.windows(4).filter(|four| four == b"\r\n\r\n").count();
    stream.write_all(&ANSWER.repeat(heads))
}

/// Each frame to each other connection, by a write of its own.
fn push(connections: &mut [Option<TcpStream>], from: usize, mut frames: &[u8]) -> io::Result<()> {
    while let [_, length @ 0..=125, ..] = frames {
        let Some((frame, rest)) = frames.split_at_checked(2 + usize::from(*length)) else {
            break;
        };
        for (index, stream) in connections.iter_mut().enumerate() {
            match stream {
                Some(stream) if index != from => stream.write_all(frame)?,
                _ => {}
            }
        }
        frames = rest;
    }
    if frames.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other("a frame came in pieces, or is longer than 125 bytes"))
    }
}
