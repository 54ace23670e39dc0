//! `--prove`: a row whose tests pass while its rule is disabled claims what nobody checks.
//!
//! First all tests of the rows must pass in an unchanged copy; then one mutation at a time is applied, the tests of
//! its rows run, and at least one of each row's must fail. A mutation that does not compile proves nothing.

mod outcome;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Books;
use super::ledger::{Row, State, idle};
use super::mutation::Mutation;
use super::scan::{Evidence, Target, Test};
use super::scratch::Scratch;

use outcome::Outcomes;
use report::{Report, Trial, Verdict};

/// A build of the protocol crates that takes longer has hung: the first one builds their dependencies.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How long tests may take unchanged.
const TEST_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long a test may take with its rule disabled, beside ten times what it took unchanged; beyond that it hangs,
/// which counts as a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tests that one run of cargo can bring: those of one build target.
type Group = (String, Target);

/// Runs the task; true if every row that was asked for and has a mutation is proven.
pub(super) fn run(root: &Path, ids: &[String], json: bool) -> Result<bool, String> {
    let books = Books::read(root)?;
    let report = prove(root, &books, ids)?;
    print!("{}", if json { report.json() } else { report.table() });
    Ok(report.is_good())
}

fn prove(root: &Path, books: &Books, ids: &[String]) -> Result<Report, String> {
    let rows = books.rows();
    let known: BTreeSet<&str> = rows.iter().map(|row| row.requirement.id.as_str()).collect();
    if let Some(id) = ids.iter().find(|id| !known.contains(id.as_str())) {
        return Err(format!("{id:?} is no requirement: their ids are in xtask/compliance/requirements.toml"));
    }
    let is_wanted = |id: &str| ids.is_empty() || ids.iter().any(|wanted| wanted == id);
    let held: BTreeMap<&str, &Row<'_>> = rows
        .iter()
        .filter(|row| row.state() == State::Held && is_wanted(&row.requirement.id))
        .map(|row| (row.requirement.id.as_str(), row))
        .collect();
    let mut report = Report::default();
    for row in rows.iter().filter(|row| is_wanted(&row.requirement.id)) {
        let id = &row.requirement.id;
        if !held.contains_key(id.as_str()) {
            report.not_held.push(id.clone());
        } else if row.mutations == 0 {
            report.unproven.push(id.clone());
        }
    }
    let mutations: Vec<&Mutation> = books
        .mutations
        .iter()
        .filter(|mutation| mutation.ids.iter().any(|id| held.contains_key(id.as_str())))
        .collect();
    if !mutations.is_empty() {
        let prover = Prover { scratch: Scratch::prepare(root)?, held, evidence: &books.evidence };
        prover.try_all(&mutations, &mut report)?;
    }
    Ok(report)
}

struct Prover<'a> {
    scratch: Scratch,
    /// The rows to prove, by id.
    held: BTreeMap<&'a str, &'a Row<'a>>,
    evidence: &'a Evidence,
}

impl Prover<'_> {
    fn try_all(&self, mutations: &[&Mutation], report: &mut Report) -> Result<(), String> {
        let all: Vec<&Test> = mutations.iter().flat_map(|mutation| self.tests_of(mutation)).collect();
        eprintln!(
            "{} mutations; first {} tests without any ...",
            mutations.len(),
            all.iter().collect::<BTreeSet<_>>().len()
        );
        let mut baseline = BTreeMap::new();
        for (group, tests) in groups(&all) {
            let started = Instant::now();
            let outcomes = match self.run_group(&group, &tests, TEST_LIMIT)? {
                Ok(outcomes) => outcomes,
                Err(reason) => return Err(format!("without any mutation, crore-{} does not build: {reason}", group.0)),
            };
            baseline.insert(group, (outcomes, started.elapsed()));
        }
        for (index, mutation) in mutations.iter().enumerate() {
            let started = Instant::now();
            let verdicts = self.try_one(mutation, &baseline)?;
            let trial = Trial { place: mutation.place(), verdicts, took: started.elapsed() };
            eprintln!("{:>4}/{} {}", index + 1, mutations.len(), trial.line());
            report.trials.push(trial);
        }
        Ok(())
    }

    /// Disables a rule, runs the tests of its rows, and enables it again.
    fn try_one(
        &self,
        mutation: &Mutation,
        baseline: &BTreeMap<Group, (Outcomes, Duration)>,
    ) -> Result<Vec<(String, Verdict)>, String> {
        let for_all =
            |verdict: Verdict| self.rows_of(mutation).map(|(id, _)| (id.to_owned(), verdict.clone())).collect();
        if let Some(reason) = idle(mutation, self.evidence) {
            return Ok(for_all(Verdict::Broken(reason)));
        }
        let original = match self.scratch.read(&mutation.file) {
            Ok(original) => original,
            Err(reason) => return Ok(for_all(Verdict::Broken(reason))),
        };
        let mutated = match mutation.apply(&original) {
            Ok(mutated) => mutated,
            Err(reason) => return Ok(for_all(Verdict::Broken(reason))),
        };
        let tests = self.tests_of(mutation);
        let unfit = tests.iter().find(|test| !passed(test, baseline));
        if let Some(test) = unfit {
            return Ok(for_all(Verdict::Broken(format!("{} does not pass without it", test.display()))));
        }
        self.scratch.write(&mutation.file, &mutated)?;
        let outcomes = self.run_mutated(&tests, baseline);
        self.scratch.write(&mutation.file, &original)?;
        match outcomes? {
            Ok(outcomes) => {
                Ok(self.rows_of(mutation).map(|(id, row)| (id.to_owned(), judge(mutation, row, &outcomes))).collect())
            }
            Err(reason) => Ok(for_all(Verdict::Broken(format!("it does not compile: {reason}")))),
        }
    }

    /// The outcomes of all tests, by group; the inner error is why a group does not build.
    fn run_mutated(
        &self,
        tests: &[&Test],
        baseline: &BTreeMap<Group, (Outcomes, Duration)>,
    ) -> Result<Result<BTreeMap<Group, Outcomes>, String>, String> {
        let mut all = BTreeMap::new();
        for (group, tests) in groups(tests) {
            let usual = baseline.get(&group).map_or(TEST_LIMIT, |(_, took)| *took);
            match self.run_group(&group, &tests, usual * 10 + PATIENCE)? {
                Ok(outcomes) => all.insert(group, outcomes),
                Err(reason) => return Ok(Err(reason)),
            };
        }
        Ok(Ok(all))
    }

    /// Builds and runs tests of one target; the inner error is what the compiler said.
    fn run_group(&self, group: &Group, tests: &[&Test], limit: Duration) -> Result<Result<Outcomes, String>, String> {
        let (krate, target) = group;
        let built = self.scratch.build(krate, target, BUILD_LIMIT)?;
        if !built.good() {
            let error = built.output.lines().find(|line| line.starts_with("error"));
            return Ok(Err(error.map_or_else(|| built.how(), str::to_owned)));
        }
        let paths: Vec<&str> = tests.iter().map(|test| test.path.as_str()).collect();
        let ended = self.scratch.test(krate, target, &paths, limit)?;
        Ok(Ok(Outcomes::read(&ended.output)))
    }

    fn rows_of(&self, mutation: &Mutation) -> impl Iterator<Item = (&str, &Row<'_>)> {
        mutation.ids.iter().filter_map(|id| self.held.get(id.as_str()).map(|row| (row.requirement.id.as_str(), *row)))
    }

    fn tests_of(&self, mutation: &Mutation) -> Vec<&Test> {
        let tests: BTreeSet<&Test> = self.rows_of(mutation).flat_map(|(_, row)| row.tests.iter().copied()).collect();
        tests.into_iter().filter(|test| may_catch(mutation, test)).collect()
    }
}

/// Whether a failure of this test is what the mutation asks for.
fn may_catch(mutation: &Mutation, test: &Test) -> bool {
    mutation.test.as_ref().is_none_or(|name| test.answers_to(name))
}

fn groups<'a>(tests: &[&'a Test]) -> BTreeMap<Group, Vec<&'a Test>> {
    let mut groups: BTreeMap<Group, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        let group = groups.entry((test.krate.clone(), test.target.clone())).or_default();
        if !group.contains(test) {
            group.push(test);
        }
    }
    groups
}

fn passed(test: &Test, baseline: &BTreeMap<Group, (Outcomes, Duration)>) -> bool {
    let outcomes = baseline.get(&(test.krate.clone(), test.target.clone()));
    outcomes.is_some_and(|(outcomes, _)| outcomes.passed(&test.path))
}

/// What a mutation's outcomes say about one of its rows.
fn judge(mutation: &Mutation, row: &Row<'_>, outcomes: &BTreeMap<Group, Outcomes>) -> Verdict {
    let has_failed = |test: &&&Test| {
        let group = outcomes.get(&(test.krate.clone(), test.target.clone()));
        may_catch(mutation, test) && group.is_some_and(|outcomes| !outcomes.passed(&test.path))
    };
    let caught: Vec<String> = row.tests.iter().filter(has_failed).map(|test| test.display()).collect();
    if caught.is_empty() { Verdict::Survived } else { Verdict::Caught(caught) }
}

#[cfg(test)]
mod tests;
