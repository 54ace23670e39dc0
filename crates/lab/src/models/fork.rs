//! A process for each connection, made when it comes.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::conversation::converse;
use super::door::{Door, Woken};
use super::family::Family;
use super::{Model, Place, never};
use crate::limits::{CHILDREN_MAX, PAUSE_MS};
use crate::service::Protocol;

pub(super) const MODEL: Model = Model {
    name: "fork",
    title: "a process a connection",
    story: "What Unix was made for: the parent accepts and forks, the child inherits the connection, serves it as if it were \
            alone in the world, and ends. inetd, the first sendmail and CERN's httpd did so, and sshd and PostgreSQL still \
            do, because the kernel guards each client from all others: a child that crashes is one client's misfortune. The \
            price is a process: copying page tables takes a good part of a millisecond, the kernel's share of each is tens \
            of kilobytes at least, and the table of processes ends at some tens of thousands. Who comes beyond the limit waits \
            in the kernel's queue until a child ends.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::polled(place)?;
    let mut family = Family::start()?;
    door.announce()?;
    while door.wait()? == Woken::ByClient {
        if family.count() >= CHILDREN_MAX {
            sleep(Duration::from_millis(PAUSE_MS));
            continue;
        }
        let Some(stream) = door.accept()? else { continue };
        let child = family.raise(|| {
            converse(stream, place.session(), |job| job.run(&disk));
            Ok(())
        });
        if let Err(error) = child {
            eprintln!("a connection was closed, because no process could be made for it: {error}");
        }
    }
    Ok(())
}
