//! All checks together: the verdict, as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::check::{Check, Verdict};
use crate::show::{counted, grouped};

/// What came out. Serializes to the object of `--json`, which is an interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Nothing stands in the way.
    pub holds: bool,
    /// Everything that matters, the worst first.
    pub checks: Vec<Check>,
    #[serde(skip)]
    model: String,
    #[serde(skip)]
    connections: u64,
}

impl Report {
    pub(crate) fn new(model: String, connections: u64, mut checks: Vec<Check>) -> Report {
        checks.sort_by_key(|check| check.verdict);
        let holds = checks.iter().all(|check| check.verdict != Verdict::Breaks);
        Report { holds, checks, model, connections }
    }

    /// The checks of a verdict.
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.verdict == verdict)
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and truth values always have a JSON form")
    }

    /// For people: the verdict, a line a check, and why and how below those that fail.
    pub fn to_text(&self) -> String {
        let count = |verdict| self.of(verdict).count() as u64;
        let answer = if self.holds { "yes" } else { "no" };
        let mut text = format!(
            "{} connections with {}: {answer}. {} in the way, {} could be better, {} as it should be.\n",
            grouped(self.connections),
            self.model,
            counted(count(Verdict::Breaks), "thing is", "things are"),
            grouped(count(Verdict::Weakens)),
            grouped(count(Verdict::Holds)),
        );
        let width =
            |of: fn(&Check) -> &str| self.checks.iter().map(|check| of(check).chars().count()).max().unwrap_or(0);
        let (name_width, is_width) = (width(|check| &check.name), width(|check| &check.is));
        let mut last = None;
        for check in &self.checks {
            // Some air between the bad, the middling and the good.
            if last.replace(check.verdict) != Some(check.verdict) {
                text.push('\n');
            }
            let mark = match check.verdict {
                Verdict::Breaks => "NO",
                Verdict::Weakens => "low",
                Verdict::Holds => "ok",
            };
            let Check { name, is, needs, why, .. } = check;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{mark:<4} {name:<name_width$}  {is:<is_width$}  needs {needs}");
            if check.verdict != Verdict::Holds {
                let _ = writeln!(text, "       {why}");
                for remedy in &check.remedies {
                    let _ = writeln!(text, "       > {remedy}");
                }
            }
        }
        text
    }
}
