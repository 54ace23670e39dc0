//! What the test harness printed.

use std::collections::BTreeSet;

/// The tests of one run that passed; all others that were to run failed, hung, or never came.
#[derive(Debug)]
pub(super) struct Outcomes {
    passed: BTreeSet<String>,
}

impl Outcomes {
    /// Reads `test NAME ... ok`. Of a run that hung or died, the tests that had passed before count.
    pub(super) fn read(output: &str) -> Self {
        Self { passed: output.lines().filter_map(passed).map(str::to_owned).collect() }
    }

    pub(super) fn passed(&self, path: &str) -> bool {
        self.passed.contains(path)
    }
}

/// The name in a line that says that a test passed.
fn passed(line: &str) -> Option<&str> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    (outcome.trim() == "ok").then(|| name.strip_suffix(" - should panic").unwrap_or(name))
}

#[cfg(test)]
mod tests;
