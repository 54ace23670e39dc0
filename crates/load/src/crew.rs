//! The lanes of a run: one in a thread of this process, or each in a process of its own.
//!
//! A child process reads its plan and its orders as JSON lines from standard input and writes its events as JSON lines
//! to standard output. When its input ends, it ends at once, so nothing outlives the coordinator.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};

use crore_base::time::Duration;
use crore_rt::Runtime;

use crate::error::LoadError;
use crate::lane;
use crate::mailbox::Mailbox;
use crate::stamp::Clock;
use crate::wire::{Event, Order, Plan};

/// How to start this program again as a load process: it must come to [`run_child`](crate::run_child).
#[derive(Clone, Debug)]
pub struct ChildCommand {
    /// The program, usually [`std::env::current_exe`].
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// All lanes, and what they say.
pub(crate) struct Crew {
    lanes: Vec<Lane>,
    events: Receiver<(usize, Event)>,
}

enum Lane {
    Thread { orders: Mailbox<Order>, thread: Option<JoinHandle<()>> },
    Process { child: Child, orders: Option<ChildStdin>, reader: Option<JoinHandle<()>> },
}

impl Crew {
    /// Starts a lane for each plan.
    ///
    /// # Errors
    /// A process or thread could not be started.
    pub(crate) fn start(plans: Vec<Plan>, command: &ChildCommand) -> Result<Crew, LoadError> {
        assert!(!plans.is_empty(), "a run has at least one lane");
        let (sender, events) = channel();
        let alone = plans.len() == 1;
        let mut lanes = Vec::with_capacity(plans.len());
        for (number, plan) in plans.into_iter().enumerate() {
            let sender = sender.clone();
            let lane = if alone { start_thread(plan, sender) } else { start_process(number, &plan, command, sender) };
            lanes.push(
                lane.map_err(|error| {
                    LoadError::Broken(format!("load process {number} could not be started: {error}"))
                })?,
            );
        }
        Ok(Crew { lanes, events })
    }

    /// How many lanes there are.
    pub(crate) fn size(&self) -> usize {
        self.lanes.len()
    }

    /// The next event and whose it is; none if none came for so long.
    ///
    /// # Errors
    /// A lane cannot go on.
    pub(crate) fn next(&self, within: Duration) -> Result<Option<(usize, Event)>, LoadError> {
        match self.events.recv_timeout(within.into()) {
            Ok((lane, Event::Broken(problem))) => {
                Err(LoadError::Broken(format!("load process {lane} cannot go on: {problem}")))
            }
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(LoadError::Broken("all load processes have ended".into())),
        }
    }

    /// Tells all lanes.
    ///
    /// # Errors
    /// A process is gone.
    pub(crate) fn order(&mut self, order: &Order) -> Result<(), LoadError> {
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let told = match lane {
                Lane::Thread { orders, .. } => {
                    orders.send(order.clone());
                    Ok(())
                }
                Lane::Process { orders, .. } => match orders {
                    Some(pipe) => write_line(pipe, order),
                    None => Err(io::ErrorKind::BrokenPipe.into()),
                },
            };
            told.map_err(|error| LoadError::Broken(format!("load process {number} is gone: {error}")))?;
        }
        Ok(())
    }

    /// Waits for the lanes to end after [`Order::Close`].
    pub(crate) fn join(mut self) {
        for lane in &mut self.lanes {
            match lane {
                Lane::Thread { thread, .. } => drop(thread.take().map(JoinHandle::join)),
                Lane::Process { child, reader, .. } => {
                    drop(reader.take().map(JoinHandle::join));
                    // It has closed its output, so it is ending or has ended; how is of no interest after its report.
                    let _ = child.wait();
                }
            }
        }
    }
}

impl Drop for Crew {
    /// After an error nobody is left behind: processes see the end of their orders, and are then collected.
    fn drop(&mut self) {
        for lane in &mut self.lanes {
            if let Lane::Process { child, orders, .. } = lane {
                drop(orders.take());
                if !matches!(child.try_wait(), Ok(Some(_))) {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        }
    }
}

fn start_thread(plan: Plan, events: Sender<(usize, Event)>) -> io::Result<Lane> {
    let orders = Mailbox::default();
    let inbox = orders.clone();
    let run = move || {
        // Nobody listens any more when the coordinator has given up.
        let emit = move |event| drop(events.send((0, event)));
        run_lane(plan, inbox, emit);
    };
    let thread = thread::Builder::new().name("crore-load".to_owned()).spawn(run)?;
    Ok(Lane::Thread { orders, thread: Some(thread) })
}

fn start_process(
    number: usize,
    plan: &Plan,
    command: &ChildCommand,
    events: Sender<(usize, Event)>,
) -> io::Result<Lane> {
    let mut process = Command::new(&command.program);
    process.args(&command.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = process.spawn()?;
    let mut orders = child.stdin.take().expect("its input is a pipe");
    let output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
    write_line(&mut orders, plan)?;
    let read = move || {
        for line in output.lines() {
            let event = line.map_err(|error| error.to_string()).and_then(|line| {
                serde_json::from_str(&line).map_err(|error| format!("it wrote what is no event ({error}): {line:?}"))
            });
            let event = event.unwrap_or_else(Event::Broken);
            if events.send((number, event)).is_err() {
                return; // the coordinator has given up
            }
        }
        let _ = events.send((number, Event::Broken("it has ended".to_owned())));
    };
    let reader = thread::Builder::new().name(format!("crore-load-{number}")).spawn(read)?;
    Ok(Lane::Process { child, orders: Some(orders), reader: Some(reader) })
}

fn write_line(output: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

/// Runs a lane on a runtime of its own, to its end.
fn run_lane(plan: Plan, orders: Mailbox<Order>, emit: impl Fn(Event) + Clone + 'static) {
    // Lanes beside each other must not be pinned to the same processor, and the server may be on this machine, too.
    let build = |network| Runtime::builder().workers(1).pin(false).driver(&plan.io).network(network).build();
    let runtime = match plan.network.network().and_then(|network| build(network).map_err(|error| error.to_string())) {
        Ok(runtime) => runtime,
        Err(error) => return emit(Event::Broken(format!("no runtime: {error}"))),
    };
    let last_words = emit.clone();
    let main = async move { lane::run(plan, Clock::of_machine(), orders, emit).await };
    if catch_unwind(AssertUnwindSafe(|| runtime.block_on(main))).is_err() {
        last_words(Event::Broken("it panicked; what it said stands above".to_owned()));
    }
}

/// The whole life of a load process: plan and orders from standard input, events to standard output.
///
/// # Errors
/// The input holds no plan, because somebody other than the coordinator started it.
pub fn run_child() -> Result<(), LoadError> {
    let mut input = io::stdin().lock();
    let mut line = String::new();
    let plan = match input.read_line(&mut line) {
        Ok(_) => serde_json::from_str::<Plan>(&line).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    drop(input);
    let plan = plan.map_err(|error| {
        LoadError::Usage(format!("a load process is started by crore load, not by hand: no plan came ({error})"))
    })?;
    let orders = Mailbox::default();
    let inbox = orders.clone();
    let read = move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            // The other side is this very program, so a line that is no order is the end like no line.
            let Ok(order) = serde_json::from_str(&line) else {
                break;
            };
            inbox.send(order);
        }
        // Only a coordinator that is gone leaves without having said Close and waited for us.
        std::process::exit(1);
    };
    // It blocks in reading until the coordinator ends, so it is never joined.
    drop(thread::Builder::new().name("crore-orders".to_owned()).spawn(read));
    run_lane(plan, orders, |event| {
        // Without a coordinator there is nobody to tell; the end of the input ends the lane.
        let _ = write_line(&mut io::stdout().lock(), &event);
    });
    Ok(())
}
