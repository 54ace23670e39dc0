//! What is said on standard input, a line each, and SIGTERM.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::Outcome;
use crate::faults::Both;

/// Bytes of a line at most.
const LINE_BYTES_MAX: usize = 4096;

/// What to do.
pub(crate) enum Command {
    Stats,
    Faults(Both),
    Abort,
    Quit,
}

/// Where commands come from.
pub(crate) struct Commands {
    input: io::Stdin,
    terminated: UnixStream,
    text: Vec<u8>,
}

impl Commands {
    pub(crate) fn listen() -> Outcome<Self> {
        let (terminated, sender) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, sender)?;
        Ok(Self { input: io::stdin(), terminated, text: Vec::new() })
    }

    pub(crate) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.input.as_fd(), self.terminated.as_fd()]
    }

    /// The next command, if one has come.
    pub(crate) fn next(&mut self) -> Outcome<Option<Command>> {
        if let Some(command) = self.take_line()? {
            return Ok(Some(command));
        }
        let mut waited = self.descriptors().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut waited, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(0) | Err(Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let [input, terminated] = waited.map(|waited| !waited.revents().is_empty());
        if terminated {
            return Ok(Some(Command::Quit));
        }
        if input {
            let mut bytes = [0; 1024];
            let count = rustix::io::read(self.input.as_fd(), &mut bytes)?;
            if count == 0 {
                return Ok(Some(Command::Quit));
            }
            self.text.extend_from_slice(&bytes[..count]);
        }
        self.take_line()
    }

    fn take_line(&mut self) -> Outcome<Option<Command>> {
        let Some(end) = self.text.iter().position(|byte| *byte == b'\n') else {
            return if self.text.len() < LINE_BYTES_MAX { Ok(None) } else { Err("a command is too long".into()) };
        };
        let line: Vec<u8> = self.text.drain(..=end).collect();
        let line = String::from_utf8(line)?;
        let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        Ok(Some(match verb {
            "stats" => Command::Stats,
            "faults" => Command::Faults(rest.parse()?),
            "abort" => Command::Abort,
            "quit" => Command::Quit,
            _ => return Err(format!("{verb:?} is no command; there are stats, faults SPEC, abort and quit").into()),
        }))
    }
}
