//! A thread for each connection, made when it comes.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::Duration;

use super::conversation::converse;
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::limits::{CHILDREN_MAX, PAUSE_MS, STACK_BYTES};
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "thread",
    title: "a thread a connection",
    story: "A process without the walls: threads share memory, so one costs a stack and a kernel task instead of page tables. Java \
            knew nothing else until 2002, and MySQL does so today. The code stays what it was with one client, top to bottom, \
            and the kernel's scheduler does the waiting. The price is paid a connection, busy or not: the kernel's 16 KB of stack \
            and its task, the touched part of our own, and a switch of context of a microsecond or more for every message. At ten \
            thousand threads (the C10K problem of 1999) memory and scheduling were all there was left; today it is nearer a \
            hundred thousand, and the limit is still there. Who comes beyond it waits in the kernel's queue.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    let place = place.clone();
    run(&door, move |stream| converse(stream, place.session(), |job| job.run(&disk)))
}

/// Accepts, and gives each connection to a thread of its own, which does `serve` and ends.
pub(super) fn run(door: &Door, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> io::Result<()> {
    let serve = Arc::new(serve);
    loop {
        // Each thread holds it once.
        if Arc::strong_count(&serve) > CHILDREN_MAX {
            sleep(Duration::from_millis(PAUSE_MS));
            continue;
        }
        let Some(stream) = door.accept()? else { continue };
        let serve = Arc::clone(&serve);
        if let Err(error) = Builder::new().stack_size(STACK_BYTES).spawn(move || serve(stream)) {
            eprintln!("a connection was closed, because no thread could be made for it: {error}");
        }
    }
}
