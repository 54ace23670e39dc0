//! A signal for each event: the kernel queues them, one call takes the next.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use super::conversation::{Client, Conversation, Need, room};
use super::door::{Door, leave_with_input};
use super::{Model, Place, never};
use crate::limits::ACCEPTS_PER_TURN;
use crate::service::{Disk, Protocol};
use queue::{SignalQueue, Told};

mod queue;
#[cfg(test)]
mod tests;

pub(super) const MODEL: Model = Model {
    name: "sigio",
    title: "real-time signals that are waited for",
    story: "Linux 2.4's answer to ten thousand connections, in the two years before epoll: each descriptor is told to send a \
            real-time signal when something happens (O_ASYNC, F_SETSIG), which carries the descriptor's number and waits in a queue; \
            sigtimedwait takes the next, and nothing is ever searched. X15 and phhttpd were built on it. One call brings one event, where \
            epoll brings hundreds, and the queue is as long as the user's pending signals (RLIMIT_SIGPENDING): when it is \
            full the kernel drops them and sends one plain SIGIO. Then this server throws the queue away and asks every descriptor, \
            and so it is slowest when there is most to do. An event that is told is an edge: who stops half-way must \
            remember it.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    // Before there is another thread: all of them inherit that the signals are blocked.
    let signals = SignalQueue::open()?;
    let door = Door::non_blocking(place)?;
    signals.watch(&door)?;
    leave_with_input()?;
    door.announce()?;
    let house =
        House { place: place.clone(), disk: place.disk()?, door, signals, clients: Vec::new(), again: VecDeque::new() };
    house.run()
}

struct House {
    place: Place,
    disk: Disk,
    door: Door,
    signals: SignalQueue,
    /// By the number of the descriptor, which is what a signal names.
    clients: Vec<Option<Conversation>>,
    /// Who has stopped half-way: no signal will come for them.
    again: VecDeque<RawFd>,
}

impl House {
    fn run(mut self) -> io::Result<()> {
        let mut room = room();
        self.admit(&mut room)?; // whoever came before the door was watched
        loop {
            let may_sleep = self.again.is_empty();
            match self.signals.next(may_sleep)? {
                Told::About(descriptor) => self.go_on(descriptor, &mut room)?,
                Told::Overflow => {
                    self.signals.discard()?;
                    self.again.clear();
                    self.admit(&mut room)?;
                    for descriptor in 0..self.clients.len() {
                        self.go_on(descriptor as RawFd, &mut room)?;
                    }
                }
                Told::Nothing => {}
            }
            // One for each signal, so that neither waits for the end of the other.
            if let Some(descriptor) = self.again.pop_front() {
                self.go_on(descriptor, &mut room)?;
            }
        }
    }

    /// Lets whoever has this descriptor go on. A signal that was queued for one that is gone finds the next, who is called in vain.
    fn go_on(&mut self, descriptor: RawFd, room: &mut [u8]) -> io::Result<()> {
        if descriptor == self.door.number() {
            return self.admit(room);
        }
        let Some(client) = self.clients.get_mut(descriptor as usize).and_then(Option::as_mut) else { return Ok(()) };
        match client.advance_inline(room, &self.disk) {
            Need::Read | Need::Write => {}
            Need::Turn => self.again.push_back(descriptor),
            Need::Nothing | Need::Work(_) => self.clients[descriptor as usize] = None,
        }
        Ok(())
    }

    fn admit(&mut self, room: &mut [u8]) -> io::Result<()> {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(stream) = self.door.accept()? else { return Ok(()) };
            let descriptor = stream.as_raw_fd();
            if self.signals.watch(&stream).is_err() {
                continue; // closed, because nobody would ever hear of it
            }
            let index = descriptor as usize;
            if self.clients.len() <= index {
                self.clients.resize_with(index + 1, || None);
            }
            assert!(self.clients[index].is_none(), "a new descriptor is nobody's");
            self.clients[index] = Some(Conversation::new(stream, self.place.session()).at_edge());
            // What came before it was watched has sent no signal.
            self.go_on(descriptor, room)?;
        }
        // More may wait, and nobody will tell.
        self.again.push_back(self.door.number());
        Ok(())
    }
}
