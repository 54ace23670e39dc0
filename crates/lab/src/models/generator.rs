//! Values yielded out, values sent in: a generator for each connection, resumed by hand.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rustix::event::epoll::EventFlags;

use super::conversation::{Client, Need};
use super::door::{Door, leave_with_input};
use super::{Model, Place, never, single_reactor};
use crate::limits::{LINGER_BYTES_MAX, ROUNDS_PER_TURN};
use crate::service::{Answer, Job, Protocol, Session, Verdict};

#[cfg(test)]
mod tests;

pub(super) const MODEL: Model = Model {
    name: "generator",
    title: "values yielded out and sent in, resumed by hand",
    story: "CLU had iterators that yield in 1975, Python made them two-way in 2005 (PEP 342), and on that stood Tornado's gen, \
            Twisted's inlineCallbacks and at last asyncio; async functions are the same thing with better manners. The code of a \
            connection does no I/O: it yields what it wants (bytes, to send this, to have this done), and is sent what it \
            asked for by a loop that does the I/O. A stackful coroutine may wait in any function it calls and pays with a stack; a \
            generator may wait only where it is written down, and pays with exactly the variables that live across that place, \
            which the compiler counts: some two hundred bytes here. This one is made of an async block, which is Rust's generator under \
            another name, and is resumed by hand: no executor, no waker. Its limit is colour: a function that is to wait must be a \
            generator too, and so must all its callers.",
    serves: Protocol::ALL,
    serve,
    refusal: never,
};

fn serve(place: &Place) -> io::Result<()> {
    let disk = place.disk()?;
    let door = Door::non_blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    single_reactor::run(door, EventFlags::empty(), &disk, |stream| Ok(Resumed::new(stream, place.session())))
}

/// What a generator yields: what it wants.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// More of what the client says.
    Bytes,
    /// That this is sent, all of it.
    Sent(Vec<u8>),
    /// That this is done.
    Done(Job),
}

/// What it is sent when it is resumed.
enum Given {
    /// That is how it goes on after [`Wanted::Sent`], and how it begins.
    Nothing,
    /// Never empty.
    Bytes(Vec<u8>),
    Answer(Answer),
}

/// One client's side, without I/O. It returns when the connection is to end.
async fn talk(port: Port, mut session: Session) {
    while let Given::Bytes(input) = port.yields(Wanted::Bytes).await {
        let mut out = Vec::new();
        let mut verdict = session.on_input(&input, &mut out);
        drop(input);
        loop {
            port.yields(Wanted::Sent(std::mem::take(&mut out))).await;
            match verdict {
                Verdict::Open => break,
                Verdict::Work(job) => {
                    let Given::Answer(answer) = port.yields(Wanted::Done(job)).await else { return };
                    verdict = session.on_done(answer, &mut out);
                }
                Verdict::Close => return,
            }
        }
    }
}

/// The place where both sides leave their values: at most one lies there.
#[derive(Clone)]
struct Port(Rc<RefCell<Option<Passed>>>);

enum Passed {
    Out(Wanted),
    In(Given),
}

impl Port {
    /// Yields `wanted`, and goes on with what it is sent.
    async fn yields(&self, wanted: Wanted) -> Given {
        *self.0.borrow_mut() = Some(Passed::Out(wanted));
        poll_fn(|_| match self.0.take() {
            Some(Passed::In(given)) => Poll::Ready(given),
            out => {
                *self.0.borrow_mut() = out;
                Poll::Pending
            }
        })
        .await
    }
}

/// One client's code, stopped where it has yielded.
struct Generator {
    code: Pin<Box<dyn Future<Output = ()>>>,
    port: Port,
}

impl Generator {
    fn new(session: Session) -> Generator {
        let port = Port(Rc::default());
        Generator { code: Box::pin(talk(port.clone(), session)), port }
    }

    /// Resumes it by hand, up to its next yield. None: it has returned.
    fn resume(&mut self, given: Given) -> Option<Wanted> {
        // The first value is sent to nobody, and is overwritten by the first that is yielded, as in Python.
        *self.port.0.borrow_mut() = Some(Passed::In(given));
        let mut context = Context::from_waker(Waker::noop());
        match self.code.as_mut().poll(&mut context) {
            Poll::Ready(()) => None,
            Poll::Pending => match self.port.0.take() {
                Some(Passed::Out(wanted)) => Some(wanted),
                _ => unreachable!("a generator waits for nothing but what it has yielded for"),
            },
        }
    }
}

/// The connection of a generator, with what is under way for it: here the I/O is done.
struct Resumed {
    stream: TcpStream,
    generator: Generator,
    doing: Doing,
}

enum Doing {
    /// It is to be resumed with this.
    Resume(Given),
    Receive,
    Send {
        bytes: Vec<u8>,
        sent: usize,
    },
    /// It has returned; so many bytes of the client's may still come, and are thrown away.
    Linger {
        left: usize,
    },
}

impl Resumed {
    fn new(stream: TcpStream, session: Session) -> Resumed {
        Resumed { stream, generator: Generator::new(session), doing: Doing::Resume(Given::Nothing) }
    }

    /// Does what the generator wants, and resumes it with the outcome, until that has to wait.
    fn go_on(&mut self, room: &mut [u8]) -> io::Result<Need> {
        // A round is three steps: receive, do, send.
        for _ in 0..3 * ROUNDS_PER_TURN {
            let given = match &mut self.doing {
                Doing::Resume(given) => std::mem::replace(given, Given::Nothing),
                Doing::Receive => match self.stream.read(room) {
                    Ok(0) => return Ok(Need::Nothing),
                    Ok(count) => Given::Bytes(room[..count].to_vec()),
                    Err(error) => return would_block(error, Need::Read),
                },
                Doing::Send { bytes, sent } if *sent == bytes.len() => Given::Nothing,
                Doing::Send { bytes, sent } => match self.stream.write(&bytes[*sent..]) {
                    Ok(count) => {
                        *sent += count;
                        continue;
                    }
                    Err(error) => return would_block(error, Need::Write),
                },
                Doing::Linger { left } => match self.stream.read(room) {
                    Ok(count) if count > 0 && count <= *left => {
                        *left -= count;
                        continue;
                    }
                    Ok(_) => return Ok(Need::Nothing),
                    Err(error) => return would_block(error, Need::Read),
                },
            };
            self.doing = match self.generator.resume(given) {
                Some(Wanted::Bytes) => Doing::Receive,
                Some(Wanted::Sent(bytes)) => Doing::Send { bytes, sent: 0 },
                Some(Wanted::Done(job)) => return Ok(Need::Work(job)),
                None => {
                    self.stream.shutdown(Shutdown::Write)?;
                    Doing::Linger { left: LINGER_BYTES_MAX }
                }
            };
        }
        Ok(Need::Turn)
    }
}

impl Client for Resumed {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn advance(&mut self, room: &mut [u8]) -> Need {
        self.go_on(room).unwrap_or(Need::Nothing)
    }

    fn on_done(&mut self, answer: Answer) {
        self.doing = Doing::Resume(Given::Answer(answer));
    }
}

fn would_block(error: io::Error, need: Need) -> io::Result<Need> {
    match error.kind() {
        ErrorKind::WouldBlock => Ok(need),
        ErrorKind::Interrupted => Ok(Need::Turn),
        _ => Err(error),
    }
}
