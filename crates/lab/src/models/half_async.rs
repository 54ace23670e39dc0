//! One thread waits for all connections, a pool of threads serves those that are ready.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::conversation::{Client, Conversation, Need, room};
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::limits::{ACCEPTS_PER_TURN, CONNECTIONS_MAX, EVENTS_PER_TURN};
use crate::service::{Disk, Protocol};

pub(super) const MODEL: Model = Model {
    name: "half-async",
    title: "a reactor with a pool of workers",
    story: "Schmidt and Cranor's half-synchronous, half-asynchronous pattern (1995), and what most Java servers became with NIO: one \
            thread waits for everybody, as a reactor does; what is ready goes through a queue to a pool, whose threads may \
            compute or wait for a disk without stopping the others. A resting client costs no thread, a heavy request costs one of \
            several. The price is the queue between the halves: two switches of thread and a lock for each message, which is most of the \
            work when messages are small. The queue needs no bound of its own, because epoll is told to report a \
            connection once (EPOLLONESHOT), and so each is in it at most once.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

const DOOR: u64 = u64::MAX;

/// What both halves see.
struct Shared {
    epoll: OwnedFd,
    halves: Mutex<Halves>,
    some_ready: Condvar,
}

/// Where a connection is: here at rest, or in the queue, or in the hands of a worker.
#[derive(Default)]
struct Halves {
    resting: Vec<Option<Conversation>>,
    free: Vec<usize>,
    ready: VecDeque<(usize, Conversation)>,
}

fn serve(place: &Place) -> io::Result<()> {
    let disk = Arc::new(place.disk()?);
    let door = Door::non_blocking(place)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &door, EventData::new_u64(DOOR), EventFlags::IN)?;
    let shared = Arc::new(Shared { epoll, halves: Mutex::default(), some_ready: Condvar::new() });
    for _ in 0..place.workers {
        let (shared, disk) = (Arc::clone(&shared), Arc::clone(&disk));
        thread::Builder::new().spawn(move || shared.work(&disk))?;
    }
    leave_with_input()?;
    door.announce()?;
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_TURN);
    loop {
        events.clear();
        match epoll::wait(&shared.epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                DOOR => shared.admit(place, &door)?,
                index => shared.hand_over(index as usize),
            }
        }
    }
}

impl Shared {
    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The asynchronous half: new connections rest until the kernel says that they are ready.
    fn admit(&self, place: &Place, door: &Door) -> io::Result<()> {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(stream) = door.accept()? else { break };
            let conversation = Conversation::new(stream, place.session());
            let mut halves = self.halves();
            let index = halves.free.pop().unwrap_or(halves.resting.len());
            if index == halves.resting.len() {
                halves.resting.push(None);
            }
            let data = EventData::new_u64(index as u64);
            let once = EventFlags::IN | EventFlags::ONESHOT;
            if index < CONNECTIONS_MAX && epoll::add(&self.epoll, conversation.stream(), data, once).is_ok() {
                halves.resting[index] = Some(conversation);
            } else {
                halves.free.push(index);
            }
        }
        Ok(())
    }

    /// One that is ready goes to the other half.
    fn hand_over(&self, index: usize) {
        let mut halves = self.halves();
        if let Some(conversation) = halves.resting[index].take() {
            halves.ready.push_back((index, conversation));
            self.some_ready.notify_one();
        }
    }

    /// The synchronous half: a worker, who takes one after the other and may take its time.
    fn work(&self, disk: &Disk) {
        let mut room = room();
        loop {
            let halves = self.halves();
            let mut halves = self
                .some_ready
                .wait_while(halves, |halves| halves.ready.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            let (index, mut conversation) = halves.ready.pop_front().expect("it was waited for");
            drop(halves);
            let need = conversation.advance_inline(&mut room, disk);
            self.put_back(index, conversation, need);
        }
    }

    fn put_back(&self, index: usize, conversation: Conversation, need: Need) {
        let mut halves = self.halves();
        let interest = match need {
            Need::Read => EventFlags::IN,
            Need::Write => EventFlags::OUT,
            Need::Turn => {
                halves.ready.push_back((index, conversation));
                self.some_ready.notify_one();
                return;
            }
            Need::Nothing | Need::Work(_) => {
                drop(conversation);
                halves.free.push(index);
                return;
            }
        };
        let data = EventData::new_u64(index as u64);
        // Under the lock: the reactor may hear of it at once, and must find it at rest.
        if epoll::modify(&self.epoll, conversation.stream(), data, interest | EventFlags::ONESHOT).is_ok() {
            halves.resting[index] = Some(conversation);
        } else {
            halves.free.push(index);
        }
    }
}
