//! Processes made ahead of time, each of which serves one connection after the other.

use std::io;

use super::conversation::converse;
use super::door::Door;
use super::family::Family;
use super::{Model, Place, never};
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "prefork",
    title: "processes made ahead of time",
    story: "NCSA's httpd and Apache 1.x took fork out of the path of a request: the parent makes the children once, and all of \
            them block in accept on the same socket. The kernel wakes one (Linux has woken only one of those that wait in accept \
            since 2.3; before, all of them started up for one client, the thundering herd). A child still serves one client \
            at a time and is as safe as with fork, so PHP and many Ruby and Python servers run this way to this day. Its \
            limit is the number of children: as many clients are served, and keep-alive, which lets a client rest on its \
            connection, fills them with nothing to do. All others wait in the kernel's queue.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::blocking(place)?;
    let mut family = Family::start()?;
    let begin = || door.announce();
    family.keep(place.workers, begin, || {
        loop {
            if let Some(stream) = door.accept()? {
                converse(stream, place.session(), |job| job.run(&disk));
            }
        }
    })
}
