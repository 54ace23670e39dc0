//! Why a load could not be run, or not to its end.

use std::fmt;

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// What was asked for cannot be done. The text names the value, the limit and the way out.
    Usage(String),
    /// The run broke off.
    Broken(String),
}

impl LoadError {
    pub(crate) fn usage(problem: impl fmt::Display) -> LoadError {
        LoadError::Usage(problem.to_string())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Usage(problem) | LoadError::Broken(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for LoadError {}
