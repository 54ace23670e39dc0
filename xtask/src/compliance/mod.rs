//! `cargo xtask compliance`: which code keeps each rule of TCP, which tests check it, and whether they would notice.
//!
//! Three verbs: write the page `docs/tcp-compliance.md`, check that it is true and complete, and prove rows by
//! disabling their rules in a copy of the sources. Rules come from `xtask/compliance/requirements.toml`, ways to
//! disable them from `xtask/compliance/mutations.toml`, claims from comments in the protocol crates.

mod annotation;
mod ledger;
mod mutation;
mod page;
mod prove;
mod requirements;
mod scan;
mod scratch;
mod source;
mod toml;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mutation::Mutation;
use requirements::Requirement;
use scan::Evidence;

const USAGE: &str = "\
usage: cargo xtask compliance [--check]
       cargo xtask compliance --prove [ID]... [--json]

Without an argument docs/tcp-compliance.md is written anew.

  --check        write nothing; fail if the page is stale, a requirement has neither code and tests nor a mark, or a
                 comment names what is no requirement
  --prove [ID]   disable the rules of these rows (or of all) one by one in a copy, and demand that their tests fail
  --json         print one JSON object instead of a table";

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
enum Task {
    Write,
    Check,
    /// The ids, none for all, and whether to print JSON.
    Prove(Vec<String>, bool),
}

impl Task {
    /// Reads the arguments behind `compliance`; an error is what to tell the user.
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut check, mut prove, mut json, mut ids) = (false, false, false, Vec::new());
        for argument in arguments {
            match argument.as_str() {
                "--check" => check = true,
                "--prove" => prove = true,
                "--json" => json = true,
                flag if flag.starts_with('-') => return Err(format!("unknown argument {flag:?}")),
                _ => ids.push(argument),
            }
        }
        match (check, prove) {
            (false, true) => Ok(Self::Prove(ids, json)),
            (true, true) => Err("--check and --prove are two tasks: ask for one".to_owned()),
            _ if json => Err("--json goes with --prove".to_owned()),
            _ if !ids.is_empty() => Err(format!("{:?} goes with --prove", ids[0])),
            (true, false) => Ok(Self::Check),
            (false, false) => Ok(Self::Write),
        }
    }
}

/// Everything that the files say.
struct Books {
    requirements: Vec<Requirement>,
    mutations: Vec<Mutation>,
    evidence: Evidence,
}

impl Books {
    fn read(root: &Path) -> Result<Self, String> {
        let folder = root.join("xtask").join("compliance");
        let requirements = load(&folder.join("requirements.toml"), requirements::parse)?;
        let mutations = load(&folder.join("mutations.toml"), mutation::parse)?;
        let known: BTreeSet<&str> = requirements.iter().map(|requirement| requirement.id.as_str()).collect();
        let evidence = scan::scan(root, &known)?;
        Ok(Self { requirements, mutations, evidence })
    }

    fn rows(&self) -> Vec<ledger::Row<'_>> {
        ledger::rows(&self.requirements, &self.evidence, &self.mutations)
    }

    fn problems(&self, root: &Path) -> Vec<String> {
        let mut problems = ledger::problems(&self.rows(), &self.evidence, &self.mutations);
        problems.extend(mutation::stale(root, &self.mutations));
        problems
    }
}

fn load<T>(path: &Path, parse: fn(&str) -> Result<T, String>) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text).map_err(|reason| format!("{}: {reason}", path.display()))
}

/// Runs the task: exit code 0 when all is well, 1 when not, 2 for a wrong command line.
pub(crate) fn run(root: &Path, arguments: impl Iterator<Item = String>) -> ExitCode {
    let task = match Task::parse(arguments) {
        Ok(task) => task,
        Err(reason) => {
            eprintln!("xtask: {reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let done = match &task {
        Task::Write => write(root),
        Task::Check => check(root).map(|(rows, problems)| {
            problems.iter().for_each(|problem| println!("{problem}"));
            println!("{rows} requirements, {} problems", problems.len());
            problems.is_empty()
        }),
        Task::Prove(ids, json) => prove::run(root, ids, *json),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// How many requirements there are, and everything that is wrong, as lines for the reader. Reads text only: cheap.
pub(crate) fn check(root: &Path) -> Result<(usize, Vec<String>), String> {
    let books = Books::read(root)?;
    let mut problems = books.problems(root);
    let page = page_path(root);
    if fs::read_to_string(&page).unwrap_or_default() != page::render(&books.rows()) {
        problems.push("docs/tcp-compliance.md is stale: run `cargo xtask compliance`".to_owned());
    }
    Ok((books.requirements.len(), problems))
}

/// Writes the page. What is wrong otherwise does not keep it from being written, but is told.
fn write(root: &Path) -> Result<bool, String> {
    let books = Books::read(root)?;
    let path = page_path(root);
    let text = page::render(&books.rows());
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    let problems = books.problems(root);
    println!("{}: {} requirements, {} problems", path.display(), books.requirements.len(), problems.len());
    problems.iter().for_each(|problem| println!("  {problem}"));
    Ok(true)
}

fn page_path(root: &Path) -> PathBuf {
    root.join("docs").join("tcp-compliance.md")
}

#[cfg(test)]
mod tests;
