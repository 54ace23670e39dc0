//! What the test harness printed.

use std::collections::BTreeSet;

use crate::exec::Ended;

/// What became of the tests of one run.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
    /// Those that did not end in the time they were given, alone.
    hung: BTreeSet<String>,
}

/// What became of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    Hung,
    /// It never said: the run was ended, or died, while this test ran or before it began.
    Silent,
}

impl Outcomes {
    /// Reads `test NAME ... ok` and `test NAME ... FAILED`.
    pub(super) fn read(output: &str) -> Self {
        let mut outcomes = Self::default();
        for (name, has_passed) in output.lines().filter_map(said) {
            let told = if has_passed { &mut outcomes.passed } else { &mut outcomes.failed };
            told.insert(name.to_owned());
        }
        outcomes
    }

    pub(super) fn of(&self, path: &str) -> Outcome {
        // A name that says both, as a test may print anything, has failed.
        let told = [(&self.hung, Outcome::Hung), (&self.failed, Outcome::Failed), (&self.passed, Outcome::Passed)];
        told.into_iter().find(|(names, _)| names.contains(path)).map_or(Outcome::Silent, |(_, outcome)| outcome)
    }

    /// Takes what became of a silent test that was run once more, alone: now it alone can be to blame. A run that was good
    /// without a word of the test says nothing about it.
    pub(super) fn settle(&mut self, path: &str, alone: &Ended) {
        assert_eq!(self.of(path), Outcome::Silent, "{path} has said what became of it");
        let told = match Self::read(&alone.output).of(path) {
            Outcome::Passed => &mut self.passed,
            Outcome::Silent if alone.timed_out => &mut self.hung,
            Outcome::Silent if alone.good() => return,
            _ => &mut self.failed,
        };
        told.insert(path.to_owned());
    }
}

/// The name in a line that says what became of a test, and whether it passed.
fn said(line: &str) -> Option<(&str, bool)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let has_passed = match outcome.trim() {
        "ok" => true,
        "FAILED" => false,
        _ => return None,
    };
    Some((name.strip_suffix(" - should panic").unwrap_or(name), has_passed))
}

#[cfg(test)]
mod tests;
