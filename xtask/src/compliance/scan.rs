//! Which code and which tests name a requirement: every comment of the protocol crates, read.
//!
//! Code is what is compiled without `cfg(test)`; tests are `#[test]` functions, whose documentation names what they
//! check. Comments of helpers in test files claim nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::annotation;
use super::source::{Item, Kind, Source};

/// The crates that hold the engine's rules, by their folders in `crates`.
pub(super) const CRATES: &[&str] = &["wire", "tcp"];

/// What was found about each id, and what is wrong with comments.
#[derive(Default, Debug)]
pub(super) struct Evidence {
    pub(super) code: BTreeMap<String, BTreeSet<Place>>,
    pub(super) tests: BTreeMap<String, BTreeSet<Test>>,
    /// `file:line: what`.
    pub(super) wrong: Vec<String>,
    /// Files that no `mod` brings in, relative to the workspace's root.
    pub(super) idle: BTreeSet<String>,
}

/// A place in the code that implements a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Relative to the workspace's root.
    pub(super) file: String,
    /// The function, type or constant; none for a comment about the whole file.
    pub(super) item: Option<String>,
}

/// A test function, as cargo knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// The crate's folder in `crates`.
    pub(super) krate: String,
    pub(super) target: Target,
    /// Modules and name, as the test harness prints them.
    pub(super) path: String,
}

/// The build target that a test is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Library,
    /// `tests/NAME.rs` or `tests/NAME/main.rs`.
    Integration(String),
}

impl Test {
    /// For readers: the crate, the target if it is not the library, the path.
    pub(super) fn display(&self) -> String {
        match &self.target {
            Target::Library => format!("{}::{}", self.krate, self.path),
            Target::Integration(name) => format!("{}::{name}::{}", self.krate, self.path),
        }
    }

    /// Whether somebody who writes `name` may mean this test: its whole path, or the end of it.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        self.path == name || self.path.strip_suffix(name).is_some_and(|modules| modules.ends_with("::"))
    }
}

/// Reads all protocol crates under `root`. Errors are files that cannot be read.
pub(super) fn scan(root: &Path, known: &BTreeSet<&str>) -> Result<Evidence, String> {
    let mut evidence = Evidence::default();
    for krate in CRATES {
        let folder = root.join("crates").join(krate);
        let mut paths = Vec::new();
        for part in ["src", "tests"] {
            collect(&folder.join(part), &mut paths)?;
        }
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let inside = path.strip_prefix(&folder).unwrap_or(&path).to_path_buf();
            files.push((inside, Source::of(&text)));
        }
        evidence.package(krate, &files, known);
    }
    Ok(evidence)
}

/// The modules that some file declares with `mod name;` or writes out.
fn modules(files: &[(PathBuf, Source)]) -> BTreeSet<(Target, Vec<String>)> {
    let mut modules = BTreeSet::new();
    for (inside, source) in files {
        let (target, path) = location(inside);
        for module in source.items.iter().filter(|item| item.kind == Kind::Module) {
            modules.insert((target.clone(), [path.clone(), source.path(module)].concat()));
        }
    }
    modules
}

impl Evidence {
    /// Adds what the files of one crate say; their paths are inside its folder. A file that no `mod` brings in is not
    /// compiled, so it claims nothing.
    fn package(&mut self, krate: &str, files: &[(PathBuf, Source)], known: &BTreeSet<&str>) {
        let modules = modules(files);
        for (inside, source) in files {
            let (target, path) = location(inside);
            let is_compiled = (1..=path.len()).all(|end| modules.contains(&(target.clone(), path[..end].to_vec())));
            let mut said = Self::default();
            said.file(krate, inside, source, known);
            if is_compiled {
                self.merge(said);
                continue;
            }
            let file = format!("crates/{krate}/{}", inside.display());
            if !(said.code.is_empty() && said.tests.is_empty()) {
                let name = path.last().map_or("", String::as_str);
                self.wrong.push(format!("{file}: claims, but no `mod {name};` brings it in"));
            }
            self.idle.insert(file);
        }
    }

    fn merge(&mut self, other: Self) {
        for (id, places) in other.code {
            self.code.entry(id).or_default().extend(places);
        }
        for (id, tests) in other.tests {
            self.tests.entry(id).or_default().extend(tests);
        }
        self.wrong.extend(other.wrong);
    }

    fn file(&mut self, krate: &str, inside: &Path, source: &Source, known: &BTreeSet<&str>) {
        let name = format!("crates/{krate}/{}", inside.display());
        for test in source.items.iter().filter(|item| source.is_test(item)) {
            self.test(krate, inside, &name, source, test, known);
        }
        if is_test_file(inside) {
            return;
        }
        for comment in &source.comments {
            let subject = source.subject(comment);
            if subject.is_some_and(|item| source.is_for_tests(item)) {
                continue;
            }
            let claims = annotation::read(&comment.text, known);
            self.wrong.extend(claims.wrong.iter().map(|wrong| format!("{name}:{}: {wrong}", comment.line)));
            let place = Place { file: name.clone(), item: subject.map(|item| source.display_name(item)) };
            for id in claims.ids {
                self.code.entry(id).or_default().insert(place.clone());
            }
        }
    }

    fn test(&mut self, krate: &str, inside: &Path, name: &str, source: &Source, item: &Item, known: &BTreeSet<&str>) {
        debug_assert!(item.kind == Kind::Function, "only functions are tests");
        let (target, mut path) = location(inside);
        path.extend(source.path(item));
        let test = Test { krate: krate.to_owned(), target, path: path.join("::") };
        for comment in source.documentation(item) {
            let claims = annotation::read(&comment.text, known);
            self.wrong.extend(claims.wrong.iter().map(|wrong| format!("{name}:{}: {wrong}", comment.line)));
            if !claims.ids.is_empty() && source.has_attribute(item, "#[ignore") {
                self.wrong.push(format!("{name}:{}: {} is ignored, so it holds nothing", comment.line, item.name));
                continue;
            }
            for id in claims.ids {
                self.tests.entry(id).or_default().insert(test.clone());
            }
        }
    }
}

/// Whether a file holds tests and their helpers only: `tests.rs`, or in a folder `tests`.
fn is_test_file(inside: &Path) -> bool {
    inside.file_name().is_some_and(|name| name == "tests.rs")
        || inside.components().any(|part| part.as_os_str() == "tests")
}

/// The target that a file belongs to, and its modules there.
fn location(inside: &Path) -> (Target, Vec<String>) {
    let without_kind = inside.with_extension("");
    let mut parts: Vec<String> =
        without_kind.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "main" | "lib")) {
        parts.pop();
    }
    let mut parts = parts.into_iter();
    match (parts.next().as_deref(), parts.next()) {
        (Some("tests"), Some(target)) => (Target::Integration(target), parts.collect()),
        (_, first) => (Target::Library, first.into_iter().chain(parts).collect()),
    }
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else {
        // A crate without integration tests has no such folder.
        return Ok(());
    };
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
