//! Call-backs on descriptors, timers and signals, in the manner of libevent: what lies beneath a runtime, for programs that want no
//! tasks, and for code that has call-backs already.
//!
//! A [`Reactor`] belongs to one thread and needs no [`Runtime`](crate::Runtime). It waits on the same selector as the `epoll`
//! driver, so it too notices wake-ups without progress and builds its selector anew.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::os::unix::net::UnixStream;
//!
//! use crore_base::time::Duration;
//! use crore_rt::reactor::{Interest, Reactor};
//!
//! let (server, mut client) = UnixStream::pair()?;
//! server.set_nonblocking(true)?;
//! let mut reactor = Reactor::new()?;
//!
//! // An echo: called whenever there is something to read, until it removes itself.
//! reactor.register(server, Interest::READ, |handle, mut stream, _ready| {
//!     let mut bytes = [0; 1024];
//!     match stream.read(&mut bytes) {
//!         Ok(count) if count > 0 => stream.write_all(&bytes[..count]).unwrap(),
//!         _ => assert!(handle.remove(handle.current())),
//!     }
//! })?;
//! // A timer: it says when it wants to be called again.
//! reactor.timer(Duration::from_millis(5), |handle| {
//!     handle.stop();
//!     None
//! })?;
//!
//! client.write_all(b"hello")?;
//! reactor.run()?;
//! let mut answer = [0; 5];
//! client.read_exact(&mut answer)?;
//! assert_eq!(&answer, b"hello");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::VecDeque;
use std::io;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crore_base::time::Duration;
use rustix::event::epoll::Event;

use crate::limits::{EVENTS_PER_TURN, TIMERS_PER_TURN};
pub use handle::Handle;
pub use interest::{Interest, Ready};
use table::Handler;
pub use table::Registration;

mod handle;
mod interest;
mod table;
#[cfg(test)]
mod tests;

/// A loop that calls back. Everything but running it is done through its [`Handle`], which it derefs to.
///
/// A batch: [`run_once`](Reactor::run_once) waits, then calls the handlers of at most 1,024 events, then those of at most 4,096 due
/// timers in the order of their times (those of one millisecond in none). A handler may register, modify and remove, itself too; what
/// is removed is not called any more, though its event was in the same batch.
///
/// A handler that panics is removed, and the panic passes through `run_once`. The reactor stays usable: whoever catches the
/// panic and runs it again goes on with the rest of the batch.
pub struct Reactor {
    handle: Handle,
    /// Events of the last wait that were not delivered yet.
    events: VecDeque<Event>,
    /// Room for those of the next.
    harvest: Vec<Event>,
    /// Timers that were due and not called yet.
    due: VecDeque<Registration>,
    tokens: Vec<u64>,
}

impl Reactor {
    /// A reactor with nothing registered.
    ///
    /// # Errors
    /// No descriptor is free.
    pub fn new() -> io::Result<Reactor> {
        Ok(Reactor {
            handle: Handle::new()?,
            events: VecDeque::with_capacity(EVENTS_PER_TURN),
            harvest: Vec::with_capacity(EVENTS_PER_TURN),
            due: VecDeque::new(),
            tokens: Vec::new(),
        })
    }

    /// One batch: sleeps until something happens, at most `timeout` (none: as long as it takes), and calls who is concerned. How many
    /// were called.
    ///
    /// With nothing registered and no timeout it does not sleep, which would be for ever.
    ///
    /// # Errors
    /// The selector had to be built anew, and could not: no descriptor or no memory is free.
    pub fn run_once(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        if self.events.is_empty() && self.due.is_empty() {
            self.harvest(timeout)?;
        }
        let mut called = 0;
        while let Some(event) = self.events.pop_front() {
            let ready = Ready::from_flags(event.flags);
            let whose = Registration::from_bits(event.data.u64());
            called += usize::from(self.call(whose, ready));
        }
        let now = self.handle.now();
        if self.due.is_empty() {
            // What is beyond the bound stays due, so the next batch does not sleep.
            let _more = self.handle.timers().expire(now, TIMERS_PER_TURN, &mut self.tokens);
            self.due.extend(self.tokens.drain(..).map(Registration::from_bits));
        }
        while let Some(whose) = self.due.pop_front() {
            called += usize::from(self.call(whose, Ready::default()));
        }
        Ok(called)
    }

    /// Runs batches until a handler [stops](Handle::stop) it or nothing is registered any more.
    ///
    /// # Errors
    /// As [`run_once`](Reactor::run_once).
    pub fn run(&mut self) -> io::Result<()> {
        while !self.handle.take_stop() && !self.handle.is_empty() {
            self.run_once(None)?;
        }
        Ok(())
    }

    fn harvest(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = match self.handle.next_timeout() {
            None if self.handle.is_empty() && timeout.is_none() => Some(Duration::ZERO),
            until_timer => [timeout, until_timer].into_iter().flatten().min(),
        };
        self.handle.wait(timeout, &mut self.harvest)?;
        self.events.extend(self.harvest.drain(..));
        assert!(self.events.len() <= EVENTS_PER_TURN, "the selector fills what room there is");
        Ok(())
    }

    /// Calls a handler; false if it is gone. It is in our hands meanwhile, so that it may do anything to the table, its own place
    /// included.
    fn call(&mut self, whose: Registration, ready: Ready) -> bool {
        let Some(mut handler) = self.handle.begin_call(whose) else { return false };
        let handle = &mut self.handle;
        let called = catch_unwind(AssertUnwindSafe(|| match &mut handler {
            Handler::Descriptor(handler) => {
                handler(handle, ready);
                None
            }
            Handler::Timer(handler) => handler(handle),
        }));
        match called {
            Ok(again) => self.handle.end_call(whose, handler, again),
            Err(panic) => {
                self.handle.abandon_call(whose);
                resume_unwind(panic);
            }
        }
        true
    }
}

impl Deref for Reactor {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl DerefMut for Reactor {
    fn deref_mut(&mut self) -> &mut Handle {
        &mut self.handle
    }
}
