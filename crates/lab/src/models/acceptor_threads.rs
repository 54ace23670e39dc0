//! One thread accepts, several serve: each of those has an event loop and an inbox.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;

use rustix::event::epoll::EventFlags;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

use super::conversation::Conversation;
use super::door::{Door, leave_with_input};
use super::reactor::{Reactor, Token};
use super::{Model, Place, never};
use crate::limits::{ACCEPTS_PER_TURN, POOL_QUEUE_MAX};
use crate::service::{Disk, Protocol};

pub(super) const MODEL: Model = Model {
    name: "acceptor-threads",
    title: "one thread accepts, several serve",
    story: "memcached's way since 2006, and Netty's boss and workers: one thread accepts and deals the connections out in turn, each to \
            a thread that serves its own with an event loop. Every thread has an equal share, which a shared listening socket does not \
            promise, and all see the same memory: memcached's table of values lies behind locks that all of them take. Its limits \
            are the hand-over, a queue and a wake-up for each connection, which shows when connections are short, and \
            the one thread that accepts, beyond which no other helps.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

/// How connections come from the thread that accepts them: a queue, and a semaphore that the event loop can wait for.
struct Inbox {
    bell: Arc<OwnedFd>,
    queue: Receiver<TcpStream>,
}

/// The other end of an [`Inbox`].
struct Outbox {
    bell: Arc<OwnedFd>,
    queue: SyncSender<TcpStream>,
}

fn serve(place: &Place) -> io::Result<()> {
    let disk = Arc::new(place.disk()?);
    let door = Door::before_reactors(place)?;
    let mut threads = Vec::new();
    // Nobody is accepted before every loop has its descriptors.
    let ready = Arc::new(Barrier::new(place.workers + 1));
    for _ in 0..place.workers {
        let (outbox, inbox) = mailbox()?;
        let (place, disk, ready) = (place.clone(), Arc::clone(&disk), Arc::clone(&ready));
        thread::Builder::new().spawn(move || {
            if let Err(error) = run(&place, &inbox, &disk, &ready) {
                eprintln!("an event loop failed, and the process ends with it: {error}");
                std::process::exit(1);
            }
        })?;
        threads.push(outbox);
    }
    ready.wait();
    leave_with_input()?;
    door.announce()?;
    for outbox in threads.iter().cycle() {
        while !door.accept()?.is_some_and(|stream| outbox.give(stream)) {}
    }
    unreachable!("a cycle of at least one worker does not end")
}

/// One event loop, whose door is its inbox.
fn run(place: &Place, inbox: &Inbox, disk: &Disk, ready: &Barrier) -> io::Result<()> {
    const INBOX: Token = Token::MAX;
    let mut reactor = Reactor::new()?;
    reactor.watch(&inbox.bell, INBOX, EventFlags::empty())?;
    ready.wait();
    loop {
        for token in reactor.wait()? {
            if token != INBOX {
                reactor.serve(token, disk);
                continue;
            }
            for _ in 0..ACCEPTS_PER_TURN {
                let Some(stream) = inbox.take() else { break };
                reactor.adopt(Conversation::new(stream, place.session()));
            }
        }
    }
}

fn mailbox() -> io::Result<(Outbox, Inbox)> {
    let flags = EventfdFlags::SEMAPHORE | EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
    let bell = Arc::new(eventfd(0, flags)?);
    let (sender, receiver) = sync_channel(POOL_QUEUE_MAX);
    Ok((Outbox { bell: Arc::clone(&bell), queue: sender }, Inbox { bell, queue: receiver }))
}

impl Outbox {
    /// Gives a connection away. False, and it is closed: this thread is so far behind that its queue is full.
    fn give(&self, stream: TcpStream) -> bool {
        match self.queue.try_send(stream) {
            Ok(()) => write(&self.bell, &1_u64.to_ne_bytes()).is_ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

impl Inbox {
    /// The next connection. Each stroke of the bell is one, so it goes on ringing while there are more.
    fn take(&self) -> Option<TcpStream> {
        read(&self.bell, &mut [0; 8]).ok()?;
        self.queue.try_recv().ok()
    }
}
