//! A coroutine with a stack of its own for each connection, on one event loop.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use rustix::event::epoll::EventFlags;

use super::conversation::{Client, Need};
use super::door::{Door, leave_with_input};
use super::{Model, Place, never, single_reactor};
use crate::limits::{LINGER_BYTES_MAX, ROUNDS_PER_TURN, STACK_BYTES, STACK_ROOM_BYTES};
use crate::service::{Answer, Job, Protocol, Session, Verdict};

pub(super) const MODEL: Model = Model {
    name: "stackful",
    title: "coroutines with stacks of their own",
    story: "What Conway described in 1963 and what Go, Lua, Java's virtual threads and many game servers in C (libco, State Threads) run \
            on: each connection has a stack, and a call that would block switches to another one, in some ten nanoseconds and \
            without the kernel. The code is the iterative server's, top to bottom, and any function in it may wait, however deep. \
            The price is the stack: here 128 KiB of addresses and what was touched of them, some 12 KiB, for each connection, \
            resting or not. A guard page behind each makes two mappings of it, and the kernel lets a process have 65,530 \
            (vm.max_map_count), so some 32,000 connections fit until that is raised. Go avoids both by copying stacks \
            as they grow, which needs a compiler that knows every pointer.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::non_blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    single_reactor::run(door, EventFlags::empty(), &disk, |stream| Fiber::new(stream, place.session()))
}

/// Everything below is written as if it could block. This is what it calls: where it would block, another stack goes on.
struct Line<'a> {
    stream: &'a TcpStream,
    others: &'a Yielder<Option<Answer>, Need>,
}

fn talk(line: &Line<'_>, mut session: Session) -> io::Result<()> {
    let mut room = [0; STACK_ROOM_BYTES];
    for round in 1_u64.. {
        let count = line.read(&mut room)?;
        if count == 0 {
            break;
        }
        let mut out = Vec::new();
        let mut verdict = session.on_input(&room[..count], &mut out);
        loop {
            line.write_all(&out)?;
            out.clear();
            match verdict {
                Verdict::Open => break,
                Verdict::Work(job) => verdict = session.on_done(line.work(job), &mut out),
                Verdict::Close => return line.linger(&mut room),
            }
        }
        if round.is_multiple_of(ROUNDS_PER_TURN.into()) {
            line.others.suspend(Need::Turn);
        }
    }
    Ok(())
}

impl Line<'_> {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        self.patiently(|| Need::Read, |mut stream| stream.read(room))
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.patiently(|| Need::Write, |mut stream| stream.write(bytes))?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    fn work(&self, job: Job) -> Answer {
        self.others.suspend(Need::Work(job)).expect("who takes a job resumes with its answer")
    }

    /// Lets the client read the last answer before the connection is gone.
    fn linger(&self, room: &mut [u8]) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let mut left = LINGER_BYTES_MAX;
        loop {
            match self.read(room)? {
                0 => return Ok(()),
                count if count > left => return Ok(()),
                count => left -= count,
            }
        }
    }

    fn patiently(
        &self,
        need: fn() -> Need,
        mut call: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match call(self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.others.suspend(need());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// A connection's stack, as the event loop sees it.
struct Fiber {
    stream: Rc<TcpStream>,
    coroutine: Coroutine<Option<Answer>, Need, ()>,
    /// What it is resumed with next.
    answer: Option<Answer>,
}

impl Fiber {
    fn new(stream: TcpStream, session: Session) -> io::Result<Fiber> {
        let stream = Rc::new(stream);
        let own = Rc::clone(&stream);
        let stack = DefaultStack::new(STACK_BYTES)?;
        let coroutine = Coroutine::with_stack(stack, move |others: &Yielder<_, _>, _| {
            // A connection that fails is over: whoever it was is gone.
            let _ = talk(&Line { stream: &own, others }, session);
        });
        Ok(Fiber { stream, coroutine, answer: None })
    }
}

impl Client for Fiber {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn advance(&mut self, _: &mut [u8]) -> Need {
        match self.coroutine.resume(self.answer.take()) {
            CoroutineResult::Yield(need) => need,
            CoroutineResult::Return(()) => Need::Nothing,
        }
    }

    fn on_done(&mut self, answer: Answer) {
        assert!(self.answer.is_none(), "one job is out at a time");
        self.answer = Some(answer);
    }
}
