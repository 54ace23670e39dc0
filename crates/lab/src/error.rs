//! Why there are no figures at all.

use std::fmt;

/// Why a run did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabError {
    /// What was asked for cannot be done. The text names the value, the limit and the way out.
    Usage(String),
    /// The run broke off.
    Broken(String),
}

impl LabError {
    pub(crate) fn usage(problem: impl fmt::Display) -> LabError {
        LabError::Usage(problem.to_string())
    }

    pub(crate) fn broken(problem: impl fmt::Display) -> LabError {
        LabError::Broken(problem.to_string())
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabError::Usage(problem) | LabError::Broken(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for LabError {}
