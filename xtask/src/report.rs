//! What has been checked so far: one row a step or judge, the table at the end, the closing line.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How many single checks of a row passed, failed and were skipped.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// The word that stands for the row: the worst of what is in it.
    fn verdict(self) -> &'static str {
        match self {
            Self { failed: 1.., .. } => "FAILED",
            Self { passed: 0, skipped: 1.., .. } => "skipped",
            _ => "ok",
        }
    }
}

/// The result of one step or judge.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// A few words for the table.
    pub(crate) detail: String,
    /// What a reader needs to see at once: the end of a failed command, failed cases, reasons of skips.
    pub(crate) lines: Vec<String>,
}

impl Outcome {
    pub(crate) fn passed(detail: impl Into<String>) -> Self {
        Self { tally: Tally::PASSED, detail: detail.into(), lines: Vec::new() }
    }

    pub(crate) fn failed(detail: impl Into<String>, lines: Vec<String>) -> Self {
        Self { tally: Tally::FAILED, detail: detail.into(), lines }
    }

    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self { tally: Tally::SKIPPED, detail: reason.into(), lines: Vec::new() }
    }
}

struct Row {
    name: String,
    tally: Tally,
    detail: String,
    took: Duration,
}

/// All rows, in the order in which they ended.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Runs one step, showing its name while it runs (on a terminal) and its result when it ends.
    pub(crate) fn step(&mut self, name: &str, body: impl FnOnce() -> Outcome) -> Tally {
        let mut out = std::io::stdout();
        let live = out.is_terminal();
        if live {
            // A terminal that cannot be written to is no reason to stop checking, here and below.
            let _ = write!(out, "  … {name}").and_then(|()| out.flush());
        }
        let started = Instant::now();
        let outcome = body();
        if live {
            let _ = write!(out, "\r\x1b[K");
        }
        self.add(name, outcome, started.elapsed())
    }

    /// Runs several steps, at most `at_once` at the same time; each has its row when it ends.
    pub(crate) fn steps<F: FnOnce() -> Outcome + Send>(&mut self, steps: Vec<(String, F)>, at_once: usize) {
        assert!(at_once > 0, "nothing would ever run");
        let waiting = Mutex::new(steps.into_iter());
        let (ended, rows) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..at_once {
                let (waiting, ended) = (&waiting, ended.clone());
                scope.spawn(move || {
                    let next = || waiting.lock().expect("nothing panics while it takes a step").next();
                    while let Some((name, body)) = next() {
                        let started = Instant::now();
                        let outcome = body();
                        // Who reads them waits for all.
                        let _ = ended.send((name, outcome, started.elapsed()));
                    }
                });
            }
            drop(ended);
            for (name, outcome, took) in rows {
                self.add(&name, outcome, took);
            }
        });
    }

    /// Prints a row and keeps it for the table.
    fn add(&mut self, name: &str, outcome: Outcome, took: Duration) -> Tally {
        println!("{:>8} {name} ({:.1} s): {}", outcome.tally.verdict(), took.as_secs_f64(), outcome.detail);
        for line in &outcome.lines {
            println!("           {line}");
        }
        let tally = outcome.tally;
        self.rows.push(Row { name: name.to_owned(), tally, detail: outcome.detail, took });
        tally
    }

    /// Prints the table and the closing line; the exit code says whether anything failed.
    pub(crate) fn close(self) -> ExitCode {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        println!();
        let mut total = Tally::default();
        for row in &self.rows {
            println!(
                "{:>8}  {:<width$}  {:>7.1} s  {}",
                row.tally.verdict(),
                row.name,
                row.took.as_secs_f64(),
                row.detail
            );
            total.passed += row.tally.passed;
            total.failed += row.tally.failed;
            total.skipped += row.tally.skipped;
        }
        println!("\n{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
        if total.failed > 0 || total.passed == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
