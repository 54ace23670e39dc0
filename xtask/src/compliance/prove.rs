//! `--prove`: a row whose tests pass while its rule is disabled claims what nobody checks.
//!
//! First all tests of the rows must pass in an unchanged copy; then one mutation at a time is applied, the tests of
//! its rows run, and at least one of each row's must fail. A mutation that does not compile proves nothing. A test that hangs
//! is ended after a limit, and is an outcome of its own: the loss is noticed, but by whoever loses patience.

mod outcome;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Books;
use super::ledger::{Row, State, idle};
use super::mutation::Mutation;
use super::scan::{Evidence, Target, Test};
use super::scratch::{Claim, Scratch};

use outcome::{Outcome, Outcomes};
use report::{Report, Trial, Verdict};

/// A build of the protocol crates that takes longer has hung: the first one builds their dependencies.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How long tests may take unchanged.
const TEST_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long tests may take with their rule disabled, beside [`SLOWER`] times what they took unchanged; beyond that one hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many times as long tests may take with their rule disabled: the machine may be busier than it was.
const SLOWER: u32 = 10;

/// What the unchanged tests did, and how long it took.
type Baseline = BTreeMap<Group, (Outcomes, Duration)>;

/// Tests that one run of cargo can bring: those of one build target.
type Group = (String, Target);

/// Runs the task; true if every row that was asked for and has a mutation is proven.
pub(super) fn run(root: &Path, ids: &[String], json: bool) -> Result<bool, String> {
    // First the claim: while another run is waited for, the sources may change.
    let claim = Claim::take(root, |words| eprintln!("{words}"))?;
    let report = prove(root, claim, &Books::read(root)?, ids, PATIENCE)?;
    print!("{}", if json { report.json() } else { report.table() });
    Ok(report.is_good())
}

fn prove(root: &Path, claim: Claim, books: &Books, ids: &[String], patience: Duration) -> Result<Report, String> {
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
        let prover = Prover { scratch: Scratch::prepare(root, claim)?, held, evidence: &books.evidence, patience };
        prover.try_all(&mutations, &mut report)?;
    }
    Ok(report)
}

struct Prover<'a> {
    scratch: Scratch,
    /// The rows to prove, by id.
    held: BTreeMap<&'a str, &'a Row<'a>>,
    evidence: &'a Evidence,
    patience: Duration,
}

impl Prover<'_> {
    fn try_all(&self, mutations: &[&Mutation], report: &mut Report) -> Result<(), String> {
        let all: Vec<&Test> = mutations.iter().flat_map(|mutation| self.tests_of(mutation)).collect();
        eprintln!(
            "{} mutations; first {} tests without any ...",
            mutations.len(),
            all.iter().collect::<BTreeSet<_>>().len()
        );
        let mut baseline = Baseline::new();
        for (group, tests) in groups(&all) {
            match self.run_group(&group, &tests, TEST_LIMIT)? {
                Ok(ran) => baseline.insert(group, ran),
                Err(reason) => return Err(format!("without any mutation, crore-{} does not build: {reason}", group.0)),
            };
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
    fn try_one(&self, mutation: &Mutation, baseline: &Baseline) -> Result<Vec<(String, Verdict)>, String> {
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
        let verdicts = self.try_mutated(mutation, &tests, baseline);
        self.scratch.write(&mutation.file, &original)?;
        Ok(verdicts?.unwrap_or_else(|reason| for_all(Verdict::Broken(format!("it does not compile: {reason}")))))
    }

    /// What each row's tests say while the rule is disabled; the inner error is why a group does not build.
    fn try_mutated(
        &self,
        mutation: &Mutation,
        tests: &[&Test],
        baseline: &Baseline,
    ) -> Result<Result<Vec<(String, Verdict)>, String>, String> {
        let mut all = BTreeMap::new();
        for (group, tests) in groups(tests) {
            match self.run_group(&group, &tests, self.limit(&group, baseline))? {
                Ok((outcomes, _)) => all.insert(group, outcomes),
                Err(reason) => return Ok(Err(reason)),
            };
        }
        let mut verdicts = Vec::new();
        for (id, row) in self.rows_of(mutation) {
            let tests = row.tests.iter().copied().filter(|test| may_catch(mutation, test));
            verdicts.push((id.to_owned(), self.judge(&tests.collect::<Vec<_>>(), &mut all, baseline)?));
        }
        Ok(Ok(verdicts))
    }

    /// What a row's tests say. Of a run that hung or died, those that said nothing are run once more, alone, until one is
    /// found that is to blame: each of them may take as long as all did together.
    fn judge(
        &self,
        tests: &[&Test],
        all: &mut BTreeMap<Group, Outcomes>,
        baseline: &Baseline,
    ) -> Result<Verdict, String> {
        let failed: Vec<String> = tests
            .iter()
            .filter(|test| all.get(&group_of(test)).is_some_and(|ran| ran.of(&test.path) == Outcome::Failed))
            .map(|test| test.display())
            .collect();
        if !failed.is_empty() {
            return Ok(Verdict::Caught(failed));
        }
        for test in tests {
            let group = group_of(test);
            let Some(outcomes) = all.get_mut(&group) else { continue };
            if outcomes.of(&test.path) == Outcome::Silent {
                let ended = self.scratch.test(&group.0, &group.1, &[&test.path], self.limit(&group, baseline))?;
                outcomes.settle(&test.path, &ended);
            }
            match outcomes.of(&test.path) {
                Outcome::Failed => return Ok(Verdict::Caught(vec![test.display()])),
                Outcome::Hung => return Ok(Verdict::Hung(test.display())),
                Outcome::Passed | Outcome::Silent => {}
            }
        }
        Ok(Verdict::Survived)
    }

    /// Builds and runs tests of one target: what became of them, and how long they took. The inner error is what the compiler
    /// said.
    fn run_group(
        &self,
        group: &Group,
        tests: &[&Test],
        limit: Duration,
    ) -> Result<Result<(Outcomes, Duration), String>, String> {
        let (krate, target) = group;
        let built = self.scratch.build(krate, target, BUILD_LIMIT)?;
        if !built.good() {
            let error = built.output.lines().find(|line| line.starts_with("error"));
            return Ok(Err(error.map_or_else(|| built.how(), str::to_owned)));
        }
        let paths: Vec<&str> = tests.iter().map(|test| test.path.as_str()).collect();
        let started = Instant::now();
        let ended = self.scratch.test(krate, target, &paths, limit)?;
        Ok(Ok((Outcomes::read(&ended.output), started.elapsed())))
    }

    /// How long tests of a group may take with a rule disabled.
    fn limit(&self, group: &Group, baseline: &Baseline) -> Duration {
        baseline.get(group).map_or(TEST_LIMIT, |(_, took)| *took) * SLOWER + self.patience
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

fn group_of(test: &Test) -> Group {
    (test.krate.clone(), test.target.clone())
}

fn groups<'a>(tests: &[&'a Test]) -> BTreeMap<Group, Vec<&'a Test>> {
    let mut groups: BTreeMap<Group, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        let group = groups.entry(group_of(test)).or_default();
        if !group.contains(test) {
            group.push(test);
        }
    }
    groups
}

fn passed(test: &Test, baseline: &Baseline) -> bool {
    baseline.get(&group_of(test)).is_some_and(|(outcomes, _)| outcomes.of(&test.path) == Outcome::Passed)
}

#[cfg(test)]
mod tests;
