//! What `--prove` found: a line a mutation while it runs, a table or one JSON object at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Everything that was found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) trials: Vec<Trial>,
    /// Rows that are held but that no mutation disables.
    pub(super) unproven: Vec<String>,
    /// Rows that are open, declined or missing: there is nothing to prove.
    pub(super) not_held: Vec<String>,
}

/// One mutation and what became of its rows.
pub(super) struct Trial {
    /// Where the mutation stands.
    pub(super) place: String,
    pub(super) verdicts: Vec<(String, Verdict)>,
    pub(super) took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// These tests failed, as they should.
    Caught(Vec<String>),
    /// None failed, but this test did not end, and was ended.
    Hung(String),
    /// Every test passed with the rule disabled.
    Survived,
    /// Nothing was proven, and why.
    Broken(String),
}

impl Verdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Caught(_) => "proven",
            Self::Hung(_) => "hung",
            Self::Survived => "SURVIVED",
            Self::Broken(_) => "BROKEN",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Caught(tests) if tests.len() == 1 => format!("by {}", tests[0]),
            Self::Caught(tests) => format!("by {} and {} more", tests[0], tests.len() - 1),
            Self::Hung(test) => format!("{test} does not end"),
            Self::Survived => "every test passes with the rule disabled".to_owned(),
            Self::Broken(reason) => reason.clone(),
        }
    }

    /// The worse of two: a row is as good as its worst mutation.
    fn rank(&self) -> u8 {
        match self {
            Self::Caught(_) => 0,
            Self::Hung(_) => 1,
            Self::Broken(_) => 2,
            Self::Survived => 3,
        }
    }
}

impl Trial {
    /// The line that is shown when it is over.
    pub(super) fn line(&self) -> String {
        let rows: Vec<String> =
            self.verdicts.iter().map(|(id, verdict)| format!("{id} {} {}", verdict.name(), verdict.detail())).collect();
        format!("{} ({:.1} s): {}", self.place, self.took.as_secs_f64(), rows.join("; "))
    }
}

impl Report {
    /// Whether every mutation was noticed: a test that no longer ends is noticed as well as one that fails, only later.
    pub(super) fn is_good(&self) -> bool {
        let mut verdicts = self.trials.iter().flat_map(|trial| &trial.verdicts);
        verdicts.all(|(_, verdict)| matches!(verdict, Verdict::Caught(_) | Verdict::Hung(_)))
    }

    /// Each row with its worst verdict, in the order of the mutations.
    fn rows(&self) -> Vec<(&str, &Trial, &Verdict)> {
        let mut order: Vec<&str> = Vec::new();
        let mut worst: BTreeMap<&str, (&Trial, &Verdict)> = BTreeMap::new();
        for trial in &self.trials {
            for (id, verdict) in &trial.verdicts {
                if !order.contains(&id.as_str()) {
                    order.push(id);
                }
                let found = worst.entry(id).or_insert((trial, verdict));
                if verdict.rank() > found.1.rank() {
                    *found = (trial, verdict);
                }
            }
        }
        order.into_iter().map(|id| (id, worst[id].0, worst[id].1)).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.rows().iter().filter(|(_, _, verdict)| verdict.name() == name).count()
    }

    pub(super) fn table(&self) -> String {
        let rows = self.rows();
        let unproven = self.unproven.iter().map(String::as_str);
        let width = rows.iter().map(|(id, ..)| *id).chain(unproven.clone()).map(str::len).max().unwrap_or(0);
        let mut text = String::new();
        for (id, trial, verdict) in &rows {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "{:>8}  {id:<width$}  {} ({})", verdict.name(), verdict.detail(), trial.place);
        }
        for id in unproven {
            let _ = writeln!(text, "unproven  {id:<width$}  no mutation disables it");
        }
        let [proven, hung, survived, broken] = ["proven", "hung", "SURVIVED", "BROKEN"].map(|name| self.count(name));
        let (unproven, not_held) = (self.unproven.len(), self.not_held.len());
        let _ = writeln!(
            text,
            "\n{proven} proven, {hung} hung, {survived} survived, {broken} broken, {unproven} unproven, {not_held} not held"
        );
        text
    }

    /// One object on one line.
    pub(super) fn json(&self) -> String {
        let trials = self.trials.iter().flat_map(|trial| {
            trial.verdicts.iter().map(move |(id, verdict)| {
                let tests = match verdict {
                    Verdict::Caught(tests) => tests.as_slice(),
                    Verdict::Hung(test) => std::slice::from_ref(test),
                    Verdict::Survived | Verdict::Broken(_) => &[],
                };
                let reason = if let Verdict::Broken(reason) = verdict { quoted(reason) } else { "null".to_owned() };
                format!(
                    "{{\"id\":{},\"mutation\":{},\"verdict\":{},\"tests\":{},\"reason\":{reason},\"seconds\":{:.1}}}",
                    quoted(id),
                    quoted(&trial.place),
                    quoted(&verdict.name().to_lowercase()),
                    list(tests.iter().map(|test| quoted(test))),
                    trial.took.as_secs_f64()
                )
            })
        });
        let names = |ids: &[String]| list(ids.iter().map(|id| quoted(id)));
        format!(
            "{{\"proven\":{},\"hung\":{},\"survived\":{},\"broken\":{},\"unproven\":{},\"not_held\":{},\"trials\":{}}}\n",
            self.count("proven"),
            self.count("hung"),
            self.count("SURVIVED"),
            self.count("BROKEN"),
            names(&self.unproven),
            names(&self.not_held),
            list(trials)
        )
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests;
