//! Linux's native asynchronous I/O, for sockets and files, joined to epoll by an eventfd.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::conversation::{Client, Conversation, Need, room};
use super::door::{Door, leave_with_input};
use super::{Model, Place};
use crate::limits::{ACCEPTS_PER_TURN, AIO_CONNECTIONS_MAX, AIO_PAUSES_MAX, PAUSE_MS, ROUNDS_PER_TURN};
use crate::service::{Answer, Disk, Job, Protocol};
use buffer::AlignedBuffer;
use ring::{Outcome, Ring, Wish};

mod buffer;
mod ring;
#[cfg(test)]
mod tests;

pub(super) const MODEL: Model = Model {
    name: "aio",
    title: "Linux's native AIO, joined to epoll",
    story: "io_submit (Linux 2.6, 2003) was made for databases: hand in many reads, collect the results later, no thread waits. It \
            keeps that promise for files that are opened past the page cache (O_DIRECT) and quietly blocks for all others, which \
            is why nginx has it behind a directive and a pool of threads beside it. Since 4.19 it also polls sockets, once for each \
            request (IOCB_CMD_POLL), and with an eventfd its results are one more descriptor for epoll. So here one call submits a \
            whole turn's wishes. It was the rehearsal for io_uring: completions and batches were there already; what was missing are \
            rings that cost no call, and reading and writing sockets themselves. Its limit is fs.aio-max-nr, 65,536 for all \
            processes together: this server takes half of what is left, for 16,384 connections at most, and closes those that come \
            beyond.",
    serves: Protocol::ALL,
    serve,
    refusal,
};

const DOOR: u64 = 0;
const COMPLETIONS: u64 = 1;

fn refusal() -> Option<String> {
    let error = Ring::open(1).err()?;
    // That others have all of it is no lasting reason.
    (error.kind() != io::ErrorKind::WouldBlock).then(|| format!("the kernel gives no native AIO: {error}"))
}

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::non_blocking(place)?;
    let ring = largest_ring()?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &door, EventData::new_u64(DOOR), EventFlags::IN)?;
    epoll::add(&epoll, &ring, EventData::new_u64(COMPLETIONS), EventFlags::IN)?;
    leave_with_input()?;
    door.announce()?;
    let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(&place.data).ok();
    let mut house =
        House { place: place.clone(), disk, direct, ring, clients: Vec::new(), free: Vec::new(), room: room() };
    let mut events: Vec<Event> = Vec::with_capacity(2);
    loop {
        // Everything that the last turn wished for, with one call.
        house.ring.submit()?;
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                DOOR => house.admit(&door)?,
                _ => house.collect()?,
            }
        }
    }
}

/// A ring for as many connections as half of what the system has left, so that others find some too.
fn largest_ring() -> io::Result<Ring> {
    let number = |name| std::fs::read_to_string(format!("/proc/sys/fs/{name}")).ok()?.trim().parse::<usize>().ok();
    let mut pauses = 0;
    loop {
        let left = number("aio-max-nr").zip(number("aio-nr")).map(|(most, now)| most.saturating_sub(now));
        let capacity = (left.unwrap_or(AIO_CONNECTIONS_MAX) / 2).clamp(1, AIO_CONNECTIONS_MAX);
        match Ring::open(capacity) {
            // Somebody was faster, or has ended: what a process had comes back a moment after its end.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && pauses < AIO_PAUSES_MAX => {
                sleep(Duration::from_millis(PAUSE_MS));
                pauses += 1;
            }
            ring => return ring,
        }
    }
}

struct House {
    place: Place,
    disk: Disk,
    /// The data file past the page cache; none where its file system cannot do that.
    direct: Option<File>,
    ring: Ring,
    clients: Vec<Option<Conversation>>,
    free: Vec<usize>,
    room: Box<[u8]>,
}

impl House {
    fn admit(&mut self, door: &Door) -> io::Result<()> {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(stream) = door.accept()? else { break };
            let index = self.free.pop().unwrap_or(self.clients.len());
            if index == self.ring.capacity() {
                continue;
            }
            if index == self.clients.len() {
                self.clients.push(None);
            }
            self.clients[index] = Some(Conversation::new(stream, self.place.session()));
            self.go_on(index);
        }
        Ok(())
    }

    /// Takes the outcomes of what was wished for: each client has one wish under way, so each outcome has its client.
    fn collect(&mut self) -> io::Result<()> {
        for (token, outcome) in self.ring.collect()? {
            let index = token as usize;
            if let Outcome::Read(buffer) = outcome {
                let client = self.clients[index].as_mut().expect("a client waits for its read");
                client.on_done(buffer.into_part().map_or_else(Answer::not_found, Answer::ok));
            }
            self.go_on(index);
        }
        Ok(())
    }

    fn go_on(&mut self, index: usize) {
        let client = self.clients[index].as_mut().expect("who goes on is there");
        for _ in 0..ROUNDS_PER_TURN {
            let wish = match client.advance(&mut self.room) {
                Need::Read => Wish::Readable,
                Need::Write => Wish::Writable,
                // What is written is ready at once, so this is a turn of the loop later.
                Need::Turn => break,
                Need::Work(Job::Read { at, length }) if self.direct.is_some() && length > 0 => {
                    Wish::Read(AlignedBuffer::for_part(at, length))
                }
                Need::Work(job) => {
                    client.on_done(job.run(&self.disk));
                    continue;
                }
                Need::Nothing => {
                    self.clients[index] = None;
                    self.free.push(index);
                    return;
                }
            };
            let source = match (&wish, &self.direct) {
                (Wish::Read(_), Some(file)) => file.as_fd(),
                _ => client.stream().as_fd(),
            };
            self.ring.wish(index as u64, source, wish);
            return;
        }
        self.ring.wish(index as u64, client.stream().as_fd(), Wish::Writable);
    }
}
