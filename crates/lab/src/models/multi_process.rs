//! Several processes, each with an event loop, all at one door.

use std::io;

use rustix::event::epoll::EventFlags;

use super::conversation::Conversation;
use super::door::Door;
use super::family::Family;
use super::{Model, Place, never, single_reactor};
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "multi-process",
    title: "processes, each with an event loop",
    story: "nginx's answer (2004) to one reactor using one processor: as many processes as processors, each with a loop of its own, and a \
            parent that only watches. Nothing is shared, so nothing is locked, and a crash takes one share of the clients \
            with it. All wait for the same listening socket, with EPOLLEXCLUSIVE (Linux 4.5), so that a client wakes one of them and \
            not the herd; before, nginx took a lock between processes to decide who may accept. Its limits: the kernel \
            wakes who began to wait last, so the shares are uneven when there is little to do, and what the processes \
            have to tell each other goes through shared memory or another server.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::non_blocking(place)?;
    let mut family = Family::start()?;
    let begin = || door.announce();
    family.keep(place.workers, begin, || {
        let door = door.try_clone()?;
        single_reactor::run(door, EventFlags::EXCLUSIVE, &disk, |stream| Ok(Conversation::new(stream, place.session())))
    })
}
