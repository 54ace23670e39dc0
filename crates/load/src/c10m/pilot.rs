//! The orchestrator's hand on the swarm: orders in, reports out, and an eye on everything that may end a phase early.

use std::io::{BufRead, BufReader, Write};
use std::process::ChildStdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::child::{Process, Programs};
use super::gateway::Folder;
use crate::error::LoadError;
use crate::limits::PROGRESS_STEP;
use crate::swarm::message::{Event, Order, PhaseReport, Plan};
use crate::wire::Progress;

/// The swarm.
pub(super) struct Pilot {
    pub(super) process: Process,
    orders: ChildStdin,
    events: Receiver<Event>,
}

/// Whether somebody wants the run to end. While it lives, signals do not end this process, so that it can clean up.
pub(super) struct Interrupts {
    flag: Arc<AtomicBool>,
    registered: Vec<SigId>,
}

impl Interrupts {
    /// # Errors
    /// The system does not let us hear of signals.
    pub(super) fn new() -> Result<Interrupts, LoadError> {
        let mut interrupts = Interrupts { flag: Arc::default(), registered: Vec::new() };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let id = signal_hook::flag::register(signal, Arc::clone(&interrupts.flag));
            interrupts.registered.push(id.map_err(|error| LoadError::Broken(format!("signals: {error}")))?);
        }
        Ok(interrupts)
    }

    /// # Errors
    /// Somebody has interrupted the run.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        match self.flag.load(SeqCst) {
            false => Ok(()),
            true => Err(LoadError::Broken("interrupted; everything that was started is removed".to_owned())),
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.registered.drain(..).for_each(|id| {
            signal_hook::low_level::unregister(id);
        });
    }
}

impl Pilot {
    /// Starts the swarm and gives it its plan.
    ///
    /// # Errors
    /// It could not be started.
    pub(super) fn start(
        programs: &Programs,
        plan: &Plan,
        processor: Option<usize>,
        folder: &Folder,
    ) -> Result<Pilot, LoadError> {
        let mut process = Process::start("swarm", programs, (&programs.swarm, &[]), processor, folder.path())?;
        let orders = process.child.stdin.take().expect("its input is a pipe");
        let output = BufReader::new(process.child.stdout.take().expect("its output is a pipe"));
        let (sender, events) = channel();
        let read = move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line);
                let event = event.unwrap_or_else(|error| Event::Broken(format!("no event ({error}): {line:?}")));
                if sender.send(event).is_err() {
                    return; // the run is over
                }
            }
        };
        let reader = thread::Builder::new().name("crore-swarm".to_owned()).spawn(read);
        reader.map_err(|error| LoadError::Broken(format!("no thread for the swarm's output: {error}")))?;
        let mut pilot = Pilot { process, orders, events };
        pilot.write(plan)?;
        Ok(pilot)
    }

    fn write(&mut self, value: &impl serde::Serialize) -> Result<(), LoadError> {
        let mut line = serde_json::to_vec(value).expect("plans and orders always have a JSON form");
        line.push(b'\n');
        let written = self.orders.write_all(&line).and_then(|()| self.orders.flush());
        written.map_err(|_| self.process.obituary("has ended before its time"))
    }

    /// Gives an order, whose report comes later.
    ///
    /// # Errors
    /// The swarm is gone.
    pub(super) fn order(&mut self, order: &Order) -> Result<(), LoadError> {
        self.write(order)
    }

    /// The next event that is no progress, which goes to `on_progress`; none if nothing came for a moment.
    ///
    /// # Errors
    /// The swarm is gone or cannot go on.
    pub(super) fn next(&mut self, mut on_progress: impl FnMut(Progress)) -> Result<Option<Event>, LoadError> {
        match self.events.recv_timeout(PROGRESS_STEP.into()) {
            Ok(Event::Progress(progress)) => {
                on_progress(progress);
                Ok(None)
            }
            Ok(Event::Broken(problem)) => Err(self.process.obituary(&format!("cannot go on: {problem}"))),
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.process.obituary("has ended before its time")),
        }
    }
}

/// The report in an event that answers an order.
pub(super) fn report(event: Event) -> Option<PhaseReport> {
    match event {
        Event::Done(report) => Some(*report),
        Event::Ready | Event::Progress(_) | Event::Broken(_) => None,
    }
}
