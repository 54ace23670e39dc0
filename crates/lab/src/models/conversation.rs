//! One connection of a model: a socket and its [`Session`], moved on as far as they go.
//!
//! The same code serves sockets that block and sockets that do not: [`advance`](Client::advance) goes on until it would
//! block, and on a socket that blocks it blocks. So the models differ in who calls it, and when.
//!
//! Invariant: it reads and works only when everything is sent. A client that asks and does not read has one answer waiting here, and
//! the rest of its requests in its own kernel. Between two calls a connection at rest owns no buffer.

use std::borrow::Borrow;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::limits::{LINGER_BYTES_MAX, READ_BYTES, ROUNDS_PER_TURN};
use crate::service::{Answer, Disk, Job, Session, Verdict};

/// Why a conversation does not go on by itself.
#[must_use]
#[derive(Debug)]
pub(super) enum Need {
    /// Until there is something to read.
    Read,
    /// Until there is room to write.
    Write,
    /// Others first: it has had its share, and is to be called again soon, whatever the kernel says.
    Turn,
    /// Until this is done, and told by [`Client::on_done`].
    Work(Job),
    /// It is over: drop it.
    Nothing,
}

/// A connection that whoever waits for it moves on. [`Conversation`] is one; models that write the same down in another way have
/// their own.
pub(super) trait Client {
    fn stream(&self) -> &TcpStream;

    /// Sends, works and reads until it would block, it is over, or it has had its share. `room` is to read into.
    fn advance(&mut self, room: &mut [u8]) -> Need;

    /// Takes the answer to the job that was handed out; then it wants to [`advance`](Client::advance).
    fn on_done(&mut self, answer: Answer);

    /// As [`advance`](Client::advance), with jobs done here and now; so never [`Need::Work`].
    fn advance_inline(&mut self, room: &mut [u8], disk: &Disk) -> Need {
        for _ in 0..ROUNDS_PER_TURN {
            match self.advance(room) {
                Need::Work(job) => self.on_done(job.run(disk)),
                need => return need,
            }
        }
        Need::Turn
    }
}

/// A client whose state is written down by hand. See the module's comment.
#[derive(Debug)]
pub(super) struct Conversation<S = TcpStream> {
    stream: S,
    session: Session,
    /// What is to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    job: Option<Job>,
    phase: Phase,
    /// Whether it reads until that would block, and not only until it has less than it asked for.
    at_edge: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// What is in `out` is the last.
    Ending,
    /// The last is sent; so many bytes of the client's may still come, and are thrown away.
    Lingering {
        left: usize,
    },
}

/// Bytes to read into: one for each thread, lent to whichever conversation goes on.
pub(super) fn room() -> Box<[u8]> {
    vec![0; READ_BYTES].into_boxed_slice()
}

/// Serves a connection to its end on the calling thread, which waits for it: `stream` blocks.
pub(super) fn converse(stream: TcpStream, session: Session, mut run: impl FnMut(Job) -> Answer) {
    let mut conversation = Conversation::new(stream, session);
    let mut room = room();
    loop {
        match conversation.advance(&mut room) {
            Need::Work(job) => conversation.on_done(run(job)),
            Need::Nothing => return,
            Need::Read | Need::Write | Need::Turn => {}
        }
    }
}

impl<S: Borrow<TcpStream>> Client for Conversation<S> {
    fn stream(&self) -> &TcpStream {
        self.stream.borrow()
    }

    /// A connection that fails is over: whoever it was is gone.
    fn advance(&mut self, room: &mut [u8]) -> Need {
        self.go_on(room).unwrap_or(Need::Nothing)
    }

    fn on_done(&mut self, answer: Answer) {
        assert!(self.out.is_empty() && self.job.is_none(), "a job is handed out when everything before is sent");
        let verdict = self.session.on_done(answer, &mut self.out);
        self.follow(verdict);
    }
}

impl<S: Borrow<TcpStream>> Conversation<S> {
    pub(super) fn new(stream: S, session: Session) -> Conversation<S> {
        Conversation { stream, session, out: Vec::new(), sent: 0, job: None, phase: Phase::Open, at_edge: false }
    }

    /// The same for who is told of each event once: the end of the stream may have come with the last bytes, and nobody would tell.
    pub(super) fn at_edge(self) -> Conversation<S> {
        Conversation { at_edge: true, ..self }
    }

    fn go_on(&mut self, room: &mut [u8]) -> io::Result<Need> {
        let mut drained = false;
        for round in 0..=ROUNDS_PER_TURN {
            if !self.send()? {
                return Ok(Need::Write);
            }
            if let Some(job) = self.job.take() {
                return Ok(Need::Work(job));
            }
            if drained {
                return Ok(Need::Read);
            }
            if round == ROUNDS_PER_TURN {
                break;
            }
            let count = match self.stream().read(room) {
                Ok(0) => return Ok(Need::Nothing),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Need::Read),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            // A short read has emptied the socket; asking again would cost a call, and who looks at the state of the socket is told of
            // what comes later, and of an end that has come.
            drained = count < room.len() && !self.at_edge;
            match &mut self.phase {
                Phase::Lingering { left } if *left < count => return Ok(Need::Nothing),
                Phase::Lingering { left } => *left -= count,
                Phase::Open | Phase::Ending => {
                    let verdict = self.session.on_input(&room[..count], &mut self.out);
                    self.follow(verdict);
                }
            }
        }
        Ok(Need::Turn)
    }

    fn follow(&mut self, verdict: Verdict) {
        assert_eq!(self.phase, Phase::Open, "nothing follows the last answer");
        match verdict {
            Verdict::Open => {}
            Verdict::Work(job) => self.job = Some(job),
            Verdict::Close => self.phase = Phase::Ending,
        }
    }

    /// Whether everything is sent.
    fn send(&mut self) -> io::Result<bool> {
        assert!(self.sent <= self.out.len(), "no more is sent than there is");
        while self.sent < self.out.len() {
            match self.stream().write(&self.out[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        (self.out, self.sent) = (Vec::new(), 0);
        if self.phase == Phase::Ending {
            self.stream().shutdown(Shutdown::Write)?;
            self.phase = Phase::Lingering { left: LINGER_BYTES_MAX };
        }
        Ok(true)
    }
}
