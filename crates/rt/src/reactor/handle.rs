//! What may be done to a reactor, from within its handlers and from outside.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use crore_base::time::{Duration, Instant};
use crore_base::wheel::Wheel;
use rustix::event::epoll::{Event, EventData};
use signal_hook::SigId;

use super::table::{Cause, Handler, Table};
use super::{Interest, Ready, Registration};
use crate::clock::Clock;
use crate::limits::{REGISTRATIONS_MAX, TIMER_TICK};
use crate::selector::Selector;

/// The verbs of a [`Reactor`](super::Reactor) but for running it: handlers get it, and the reactor derefs to it.
pub struct Handle {
    selector: Selector,
    table: Table,
    timers: Wheel,
    clock: Clock,
    current: Option<Registration>,
    stopped: bool,
    rebuilds: u64,
}

impl Handle {
    pub(super) fn new() -> io::Result<Handle> {
        let clock = Clock::Real(std::time::Instant::now());
        Ok(Handle {
            selector: Selector::new()?,
            table: Table::default(),
            timers: Wheel::new(clock.now(), TIMER_TICK, REGISTRATIONS_MAX),
            clock,
            current: None,
            stopped: false,
            rebuilds: 0,
        })
    }

    /// Calls `handler` when `source` is ready for what `interest` says. The source should not block; it is the registration's, lent to
    /// the handler at each call, and dropped when it is removed. What others use too is given as an `Rc`.
    ///
    /// Costs one system call, two small allocations, and a look at a table for each event.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): the descriptor is registered already, or is a file that cannot be waited on. 1,048,576 registrations,
    /// the most there can be.
    pub fn register<S, F>(&mut self, source: S, interest: Interest, mut handler: F) -> io::Result<Registration>
    where
        S: AsFd + 'static,
        F: FnMut(&mut Handle, &S, Ready) + 'static,
    {
        self.refuse_when_full()?;
        let source = Rc::new(source);
        let name = self.table.next_name();
        self.selector.add(&*source, EventData::new_u64(name.to_bits()), interest.to_flags())?;
        let lent = Rc::clone(&source);
        let handler: super::table::OnReady = Box::new(move |handle, ready| handler(handle, &lent, ready));
        let given = self.table.insert(Cause::Descriptor { source, interest }, Handler::Descriptor(handler));
        assert_eq!(given, name, "the entry has the name that was announced");
        Ok(name)
    }

    /// Watches a descriptor for something else from now on. What is so already is told once more, also at the edge.
    ///
    /// # Errors
    /// It was removed, or is no descriptor; those of epoll_ctl(2).
    pub fn modify(&mut self, registration: Registration, interest: Interest) -> io::Result<()> {
        match self.table.cause(registration) {
            Some(Cause::Descriptor { source, interest: known }) => {
                let data = EventData::new_u64(registration.to_bits());
                self.selector.modify(&**source, data, interest.to_flags())?;
                *known = interest;
                Ok(())
            }
            Some(Cause::Timer(_)) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "a timer has no interest to modify"))
            }
            None => Err(io::Error::new(io::ErrorKind::NotFound, "what is to be modified was removed")),
        }
    }

    /// Removes a descriptor, a timer or a signal: its handler is not called any more, not even for what has happened already, and is
    /// dropped, with its source. False if it was gone. A handler may remove itself.
    pub fn remove(&mut self, registration: Registration) -> bool {
        let Some((cause, handler)) = self.table.remove(registration) else { return false };
        match &cause {
            Cause::Descriptor { source, .. } => {
                // It fails if the source has another descriptor by now. Then the kernel may go on naming the old one, which is
                // noticed, and ends with a rebuild.
                let _ = self.selector.remove(&**source);
            }
            Cause::Timer(timer) => {
                timer.and_then(|timer| self.timers.cancel(timer));
            }
        }
        drop((cause, handler)); // anybody's code
        true
    }

    /// Calls `handler` after `after`, at most a millisecond late but for what else there is to do. It says after how long it is to
    /// be called again; none: it is removed.
    ///
    /// # Errors
    /// As for [`register`](Handle::register), the number.
    pub fn timer<F>(&mut self, after: Duration, handler: F) -> io::Result<Registration>
    where
        F: FnMut(&mut Handle) -> Option<Duration> + 'static,
    {
        self.refuse_when_full()?;
        let name = self.table.insert(Cause::Timer(None), Handler::Timer(Box::new(handler)));
        self.arm(name, after);
        Ok(name)
    }

    /// Calls `handler` when the process gets `signal` (a number as in signal(7); [`crore_rt::signal`](crate::signal) has the usual
    /// ones), which then does not end the process. Several that come together count as one.
    ///
    /// # Errors
    /// A signal that cannot be caught, no descriptor is free, and those of [`register`](Handle::register).
    pub fn signal<F>(&mut self, signal: i32, mut handler: F) -> io::Result<Registration>
    where
        F: FnMut(&mut Handle) + 'static,
    {
        if signal_hook::consts::FORBIDDEN.contains(&signal) {
            let text = format!("signal {signal} cannot be caught (signal(7))");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let hook = Hook(signal_hook::low_level::pipe::register(signal, sender)?);
        self.register(receiver, Interest::READ, move |handle, receiver, _| {
            let _held = &hook;
            let mut bytes = [0; 64];
            while let Ok(1..) = rustix::io::read(receiver, &mut bytes) {}
            handler(handle);
        })
    }

    /// Ends [`run`](super::Reactor::run) after the batch that is under way.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whose handler is running.
    ///
    /// # Panics
    /// Outside a handler.
    pub fn current(&self) -> Registration {
        self.current.expect("only a handler asks who it is: nothing is being called")
    }

    /// How many descriptors, timers and signals are registered.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// How often the selector was built anew because it woke again and again without anything to do.
    pub fn selector_rebuilds(&self) -> u64 {
        self.rebuilds
    }

    fn refuse_when_full(&self) -> io::Result<()> {
        if self.table.len() < REGISTRATIONS_MAX as usize {
            return Ok(());
        }
        let text = format!("this reactor has {REGISTRATIONS_MAX} registrations, the most there can be: remove some");
        Err(io::Error::new(io::ErrorKind::OutOfMemory, text))
    }

    fn arm(&mut self, name: Registration, after: Duration) {
        let timer = self.timers.arm(self.clock.now().saturating_add(after), name.to_bits());
        match self.table.cause(name) {
            Some(Cause::Timer(place)) => {
                assert!(place.is_none() && timer.is_some(), "the wheel has room for each registration");
                *place = timer;
            }
            _ => unreachable!("the caller has just found a timer there"),
        }
    }
}

/// For the reactor, between handlers.
impl Handle {
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn timers(&mut self) -> &mut Wheel {
        &mut self.timers
    }

    pub(super) fn take_stop(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        Some(self.timers.next_deadline()?.saturating_since(self.clock.now()))
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let ended = self.selector.wait(timeout, events);
        let owned = events.iter().filter(|event| self.table.has(Registration::from_bits(event.data.u64()))).count();
        if !self.selector.judge(ended, owned) {
            return Ok(());
        }
        let table = &self.table;
        self.selector.rebuild(|new| {
            table.descriptors().try_for_each(|(name, source, interest)| {
                new.add(&**source, EventData::new_u64(name.to_bits()), interest.to_flags())
            })
        })?;
        self.rebuilds += 1;
        Ok(())
    }

    pub(super) fn begin_call(&mut self, whose: Registration) -> Option<Handler> {
        let handler = self.table.take_handler(whose)?;
        if let Some(Cause::Timer(timer)) = self.table.cause(whose) {
            *timer = None; // it has fired
        }
        self.current = Some(whose);
        Some(handler)
    }

    pub(super) fn end_call(&mut self, whose: Registration, handler: Handler, again: Option<Duration>) {
        self.current = None;
        let is_timer = matches!(handler, Handler::Timer(_));
        self.table.put_back(whose, handler);
        if is_timer && self.table.has(whose) {
            match again {
                Some(after) => self.arm(whose, after),
                None => {
                    self.remove(whose);
                }
            }
        }
    }

    pub(super) fn abandon_call(&mut self, whose: Registration) {
        self.current = None;
        self.remove(whose);
    }
}

/// A signal's way to a descriptor, closed when the handler that holds it is dropped.
struct Hook(SigId);

impl Drop for Hook {
    fn drop(&mut self) {
        signal_hook::low_level::unregister(self.0);
    }
}
