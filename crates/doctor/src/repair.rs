//! `--fix`: writes what can be written, and says what was before and is after.
//!
//! It changes settings of the kernel until the machine starts again, and nothing else: no file below `/etc`, no network
//! configuration, no limit of a process, which would end with it. The lines that keep a change stand in the report.

use std::fmt;

use crate::check::{Check, Remedy, Verdict};
use crate::machine::Machine;

/// What became of a remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repair {
    /// It was written; the kernel may have made something else of it.
    Set {
        /// The setting, or the path of the file.
        what: String,
        /// What it was.
        before: String,
        /// What it is.
        after: String,
    },
    /// The kernel, or the rights of this process, did not permit it.
    Refused {
        /// The setting, or the path of the file.
        what: String,
        /// What it is, still.
        before: String,
        /// What it should be.
        wanted: String,
        /// The system's own words.
        error: String,
    },
    /// Nobody but the operator can do it, or should.
    Left {
        /// The check that stays as it was.
        check: String,
        /// What is to be done.
        how: String,
    },
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Repair::Set { what, before, after } => write!(f, "{what}: {before} -> {after}"),
            Repair::Refused { what, before, wanted, error } => {
                write!(f, "{what}: stays {before}, {wanted} was refused: {error}")
            }
            Repair::Left { check, how } => write!(f, "{check}: left to you: {how}"),
        }
    }
}

/// Applies what can be written of the remedies of every check that does not hold, in their order.
pub(crate) fn repair(machine: &Machine, checks: &[Check]) -> Vec<Repair> {
    let mut repairs = Vec::new();
    for check in checks.iter().filter(|check| check.verdict != Verdict::Holds) {
        let before = repairs.len();
        repairs.extend(check.remedies.iter().filter_map(|remedy| apply(machine, remedy)));
        if repairs.len() == before {
            repairs.push(Repair::Left { check: check.name.clone(), how: check.how() });
        }
    }
    repairs
}

/// None: there is nothing to write.
fn apply(machine: &Machine, remedy: &Remedy) -> Option<Repair> {
    let (path, wanted) = remedy.writes()?;
    let what = match remedy {
        Remedy::Setting { key, .. } => (*key).to_owned(),
        _ => path.clone(),
    };
    let read = || machine.text(&path).unwrap_or_else(|| "not readable".to_owned());
    let before = read();
    Some(match machine.write(&path, wanted) {
        Ok(()) => Repair::Set { what, before, after: read() },
        Err(error) => Repair::Refused { what, before, wanted: wanted.to_owned(), error: error.to_string() },
    })
}
