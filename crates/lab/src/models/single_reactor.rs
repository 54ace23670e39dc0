//! One thread, one event loop: it asks the kernel once who has something to say.

use std::io;
use std::net::TcpStream;

use rustix::event::epoll::EventFlags;

use super::conversation::{Client, Conversation};
use super::door::{Door, leave_with_input};
use super::reactor::{Reactor, Token};
use super::{Model, Place, never};
use crate::limits::ACCEPTS_PER_TURN;
use crate::service::{Disk, Protocol};

pub(super) const MODEL: Model = Model {
    name: "single-reactor",
    title: "one thread, one event loop",
    story: "The pattern that Schmidt named the reactor in 1995 and that Redis, HAProxy and Node made famous: one thread, one \
            descriptor that tells which of the others are ready, and a handler for each that never waits. A connection costs an \
            entry in a table instead of a stack, nothing is shared, so nothing is locked, and under load one call brings many events, \
            so that it becomes cheaper the more there is to do. Its limit is in the word never: whoever computes for ten \
            milliseconds, or reads from a cold disk, lets everybody else wait; and it uses one processor.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

const DOOR: Token = Token::MAX;

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::non_blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    run(door, EventFlags::empty(), &disk, |stream| Ok(Conversation::new(stream, place.session())))
}

/// The loop. `sharing` says how the door is watched if other loops watch it too; `welcome` makes a client of a connection, or fails,
/// which closes it.
pub(super) fn run<C: Client>(
    door: Door,
    sharing: EventFlags,
    disk: &Disk,
    mut welcome: impl FnMut(TcpStream) -> io::Result<C>,
) -> io::Result<()> {
    let mut reactor = Reactor::new()?;
    reactor.watch(&door, DOOR, sharing)?;
    loop {
        for token in reactor.wait()? {
            if token != DOOR {
                reactor.serve(token, disk);
                continue;
            }
            for _ in 0..ACCEPTS_PER_TURN {
                let Some(stream) = door.accept()? else { break };
                match welcome(stream) {
                    Ok(client) => reactor.adopt(client),
                    Err(error) => eprintln!("a connection was closed, because there was no room for it: {error}"),
                }
            }
        }
    }
}
