//! Requirements and evidence side by side: what state each row is in, and everything that is wrong with the whole.

use std::collections::BTreeSet;

use super::mutation::Mutation;
use super::requirements::{Mark, Requirement};
use super::scan::{Evidence, Place, Test};

/// One requirement with all that is known about it.
pub(super) struct Row<'a> {
    pub(super) requirement: &'a Requirement,
    pub(super) code: Vec<&'a Place>,
    pub(super) tests: Vec<&'a Test>,
    /// How many mutations disable it.
    pub(super) mutations: usize,
}

/// What a row says about its requirement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State<'a> {
    /// Code implements it and tests check it.
    Held,
    /// Not done yet; why.
    Open(&'a str),
    /// Will not be done; why.
    Declined(&'a str),
    /// Nobody marked it, yet it lacks this.
    Missing(&'static str),
}

impl Row<'_> {
    pub(super) fn state(&self) -> State<'_> {
        match &self.requirement.mark {
            Mark::Open(reason) => State::Open(reason),
            Mark::Declined(reason) => State::Declined(reason),
            Mark::None => match (self.code.is_empty(), self.tests.is_empty()) {
                (false, false) => State::Held,
                (false, true) => State::Missing("no test names it"),
                (true, false) => State::Missing("no code names it"),
                (true, true) => State::Missing("neither code nor test names it"),
            },
        }
    }

    /// What is wrong with the row, for the reader.
    fn problem(&self) -> Option<String> {
        let Requirement { id, .. } = self.requirement;
        match self.state() {
            State::Missing(what) => Some(format!("{id}: {what} (`{}`)", self.requirement.spelled())),
            State::Open(_) if !self.tests.is_empty() => {
                let test = self.tests[0].display();
                Some(format!("{id}: marked open, but {test} checks it: take the mark out of requirements.toml"))
            }
            State::Held | State::Open(_) | State::Declined(_) => None,
        }
    }
}

/// Rows in the order of the requirements.
pub(super) fn rows<'a>(all: &'a [Requirement], evidence: &'a Evidence, mutations: &[Mutation]) -> Vec<Row<'a>> {
    let row = |requirement: &'a Requirement| Row {
        requirement,
        code: evidence.code.get(&requirement.id).into_iter().flatten().collect(),
        tests: evidence.tests.get(&requirement.id).into_iter().flatten().collect(),
        mutations: mutations.iter().filter(|mutation| mutation.ids.contains(&requirement.id)).count(),
    };
    all.iter().map(row).collect()
}

/// Everything that is wrong: comments, rows, and mutations of rows that nothing could catch.
pub(super) fn problems(rows: &[Row<'_>], evidence: &Evidence, mutations: &[Mutation]) -> Vec<String> {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.requirement.id.as_str()).collect();
    let mut problems = evidence.wrong.clone();
    problems.extend(rows.iter().filter_map(Row::problem));
    for mutation in mutations {
        let unknown = mutation.ids.iter().filter(|id| !known.contains(id.as_str()));
        problems.extend(unknown.map(|id| format!("{}: {id} is no requirement", mutation.place())));
        problems.extend(idle(mutation, evidence));
        let tests = mutation.ids.iter().filter_map(|id| evidence.tests.get(id)).flatten();
        if mutation.test.as_ref().is_some_and(|name| !tests.clone().any(|test| test.answers_to(name))) {
            let name = mutation.test.as_deref().unwrap_or_default();
            problems.push(format!("{}: no test {name} names {}", mutation.place(), mutation.ids.join(" or ")));
        }
    }
    problems
}

/// That a mutation changes a file which is not compiled, so that no test could notice.
pub(super) fn idle(mutation: &Mutation, evidence: &Evidence) -> Option<String> {
    let is_idle = evidence.idle.contains(&mutation.file);
    is_idle.then(|| format!("{}: no `mod` brings {} in, so nothing could notice", mutation.place(), mutation.file))
}

#[cfg(test)]
mod tests;
