//! One thread, one connection at a time: the server of the first chapter.

use std::io;

use super::conversation::converse;
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "iterative",
    title: "one blocking thread, one connection after the other",
    story: "The server of the first chapter of every book: accept, read, answer, close, and then the next. Stevens calls it \
            iterative, and daytime and time were served so. There is nothing to go wrong in it, no lock, no state but the \
            stack, and while it works nothing is faster. Its limit is that it waits for one client at a time: whoever \
            connects and says nothing has stopped the service for all others, who wait in the kernel's queue.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    loop {
        if let Some(stream) = door.accept()? {
            converse(stream, place.session(), |job| job.run(&disk));
        }
    }
}
