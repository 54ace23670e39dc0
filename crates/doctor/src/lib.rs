//! `crore doctor`: whether this machine can hold so many connections, what stands in the way, and how to change it.
//!
//! [`examine`] looks at a [`Machine`] for a [`Question`] and gives a [`Report`]; [`repair`] changes what can be changed by writing a
//! file of the kernel's. What is looked at, and what it takes, depends on the I/O model: sockets of the kernel need descriptors and
//! kernel memory, our own TCP/IP needs rights, queues and locked memory; what does not matter for the model is left out.
//!
//! ```text
//! machine: /proc, /sys, drivers ──▶ checks: is, needs, verdict, remedies ──▶ report: text, JSON
//!                       ▲                                    │
//!                       └───────────── repair ◀──────────────┘
//! ```
//!
//! Nothing is attached, opened or allocated to find out, and no traffic is made; it takes some milliseconds. A verdict is
//! arithmetic on figures that were measured for idle subscribers, all in [`limits`]; what a load takes in processors and on the link
//! says `crore plan`.
//!
//! A machine is a folder with `proc` and `sys` in it, so a test judges one that it has made.
//!
//! ```
//! use crore_doctor::{Machine, Question, examine};
//!
//! let question = Question::new(10_000, "epoll".parse()?)?;
//! let report = examine(&Machine::here(), &question);
//! println!("{}", report.to_text());
//! assert_eq!(report.holds, report.to_json().starts_with(r#"{"holds":true,"#));
//! # Ok::<(), String>(())
//! ```

mod check;
mod checks;
pub mod limits;
mod machine;
mod model;
mod repair;
mod report;
mod show;

pub use check::{Check, Remedy, Verdict};
pub use crore_nic::{Offloads, XdpSupport};
pub use machine::{Driver, Machine};
pub use model::{MODELS, Model};
pub use repair::Repair;
pub use report::Report;

use checks::Case;
use limits::{
    CONNECTIONS_DEFAULT, CONNECTIONS_MAX, DESCRIPTORS_PER_WORKER, DESCRIPTORS_RESERVED, KERNEL_CORE_BYTES,
    KERNEL_SOCKET_BYTES, KERNEL_USER_BYTES, PROGRAM_BYTES,
};
use machine::{Groups, Process};

/// What a machine is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    connections: u64,
    model: Model,
}

impl Question {
    /// Can so many `connections` be held, all at one time, by one process with this model?
    ///
    /// # Errors
    /// None at all, or more than [`CONNECTIONS_MAX`].
    pub fn new(connections: u64, model: Model) -> Result<Question, String> {
        match connections {
            0 => Err("0 connections need nothing: ask about 1 or more".to_owned()),
            1..=CONNECTIONS_MAX => Ok(Question { connections, model }),
            _ => Err(format!("{connections} connections are too many: at most {CONNECTIONS_MAX}")),
        }
    }

    /// How many connections it is about.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// What a server asks that has been told no number: can it hold as many as its descriptors and the memory allow, up to a million?
    /// With a device, which needs no descriptors: does the model work here at all?
    pub fn of_server(machine: &Machine, model: Model) -> Question {
        let connections = if model.is_kernel() { allowed(machine) } else { 1 };
        Question { connections, model }
    }
}

/// Connections on the kernel's sockets that descriptors and memory allow, those of our control group among them.
fn allowed(machine: &Machine) -> u64 {
    let process = Process::of(machine);
    let own = DESCRIPTORS_RESERVED + process.processors * DESCRIPTORS_PER_WORKER;
    let descriptors = process.descriptors.map(|range| range.hard.saturating_sub(own));
    let available = machine.line("/proc/meminfo", "MemAvailable");
    let left = Groups::of(machine).memory.map(|bound| bound.left());
    let fixed = process.processors * KERNEL_CORE_BYTES + PROGRAM_BYTES;
    let fitting = |bytes: u64| bytes.saturating_sub(fixed) / (KERNEL_SOCKET_BYTES + KERNEL_USER_BYTES);
    let bounds = [descriptors, available.map(fitting), left.map(fitting)];
    bounds.into_iter().flatten().fold(CONNECTIONS_DEFAULT, u64::min).max(1)
}

/// Looks at a machine. Reads some fifty small files, and asks the drivers of the interfaces that matter.
pub fn examine(machine: &Machine, question: &Question) -> Report {
    let Question { connections, model } = question;
    let checks = checks::all(&Case::new(machine, model, *connections));
    Report::new(model.described(), *connections, checks)
}

/// Changes what stands in the way or could be better, as far as that is done by writing a file of the kernel's; the changes last until the
/// machine starts again. Needs root for most. Examine again to see what it has come to.
pub fn repair(machine: &Machine, question: &Question) -> Vec<Repair> {
    let Question { connections, model } = question;
    repair::repair(machine, &checks::all(&Case::new(machine, model, *connections)))
}
