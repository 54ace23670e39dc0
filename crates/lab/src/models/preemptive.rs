//! Long calculations on threads of low priority, which the kernel interrupts whenever the event loop has something to do.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::event::epoll::EventFlags;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use rustix::io::{read, write};
use rustix::process::setpriority_process;

use super::conversation::Conversation;
use super::door::{Door, leave_with_input};
use super::reactor::{Reactor, Token};
use super::{Model, Place, never};
use crate::limits::ACCEPTS_PER_TURN;
use crate::service::{Answer, Disk, Job, Protocol};

pub(super) const MODEL: Model = Model {
    name: "preemptive",
    title: "calculations that are interrupted for the others",
    story: "Erlang (1986) counts what each process does, some 4,000 reductions, and then it is the next one's turn, in the \
            middle of whatever it was doing: no request can hold up the others, on one core and without a thread. That takes a compiler that \
            puts a counter into every function. Compiled Rust has none, and no library can interrupt a function that does not ask \
            to be; a signal handler may not leave one half done. What can is the operating system. So here every calculation runs on a \
            thread with the lowest priority (nice 19): the kernel takes the processor from it when a small request comes, \
            and gives it back after. That is an honest likeness and not the same: it costs two switches and a queue for each heavy \
            request, a slice is the kernel's (a millisecond or so) and not four thousand function calls, and fairness among the \
            heavy ones ends with the number of threads: those beyond wait in line.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

const DOOR: Token = Token::MAX;
const BELL: Token = Token::MAX - 1;

/// The kernel's lowest priority for ordinary threads (setpriority(2)).
const NICENESS: i32 = 19;

fn serve(place: &Place) -> io::Result<()> {
    let disk = Arc::new(place.disk()?);
    let door = Door::non_blocking(place)?;
    // Neither queue needs a bound of its own: a connection has at most one job out.
    let (jobs, waiting) = channel();
    let (done, answers) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    for _ in 0..place.workers {
        let (disk, waiting, done, bell) = (Arc::clone(&disk), Arc::clone(&waiting), done.clone(), Arc::clone(&bell));
        thread::Builder::new().spawn(move || calculate(&disk, &waiting, &done, &bell))?;
    }
    leave_with_input()?;
    door.announce()?;
    let mut reactor = Reactor::new()?;
    reactor.watch(&door, DOOR, EventFlags::empty())?;
    reactor.watch(&bell, BELL, EventFlags::empty())?;
    loop {
        for token in reactor.wait()? {
            match token {
                DOOR => {
                    for _ in 0..ACCEPTS_PER_TURN {
                        let Some(stream) = door.accept()? else { break };
                        reactor.adopt(Conversation::new(stream, place.session()));
                    }
                }
                BELL => {
                    let _ = read(&bell, &mut [0; 8]);
                    answers.try_iter().for_each(|(whose, answer)| reactor.settle(whose, answer));
                }
                client => {
                    if let Some(job) = reactor.advance(client) {
                        jobs.send((client, job))
                            .map_err(|_| io::Error::other("every thread that calculates is gone"))?;
                    }
                }
            }
        }
    }
}

/// A thread that the kernel interrupts for every other.
fn calculate(disk: &Disk, waiting: &Mutex<Receiver<(Token, Job)>>, done: &Sender<(Token, Answer)>, bell: &OwnedFd) {
    // In Linux a priority is a thread's own, and 0 is the thread that asks.
    let _ = setpriority_process(None, NICENESS);
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((whose, job)) = next else { return };
        if done.send((whose, job.run(disk))).is_err() {
            return;
        }
        // A bell that cannot be rung has rung 2^64 times already.
        let _ = write(bell, &1_u64.to_ne_bytes());
    }
}
