//! House rules that a reader can check and a compiler does not: where `unsafe` may stand, how long a file may be, words
//! that mean "not finished", a reason beside every dependency, and which crate may depend on which.
//!
//! The checks read text, so they are cheap and do not need the code to compile.

mod manifest;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of ours that hold source; what other people wrote (`target`, `judges`) is not ours to judge.
const FOLDERS: &[&str] = &["crates", "src", "xtask", "tests", "examples", "bench", "fuzz"];

/// Kinds of files that people read from top to bottom.
const KINDS: &[&str] = &["rs", "mjs", "js", "py", "css", "html"];

/// No file is longer than this many lines.
const FILE_LINES_MAX: usize = 500;

/// Reads the tree: how many files were looked at, and every broken rule as a line for the reader.
pub(crate) fn check(root: &Path) -> Result<(usize, Vec<String>), String> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let mut broken = Vec::new();
    let mut with_unsafe = BTreeSet::new();
    for path in &paths {
        let text = read(path)?;
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        if path.extension().is_some_and(|kind| kind == "rs") {
            let source = source::Source::of(&text);
            broken.extend(source.unfinished().into_iter().map(|what| format!("{name}: {what}")));
            if source.has_unsafe() {
                with_unsafe.insert(name.clone());
            }
        }
        broken.extend(length(&name, &text));
    }
    let architecture = root.join("ARCHITECTURE.md");
    broken.extend(match read(&architecture) {
        Ok(text) => unsafe_list(&text, &with_unsafe),
        Err(reason) => vec![reason],
    });
    broken.extend(manifest::reasons(&read(&root.join("Cargo.toml"))?));
    broken.extend(layers(root)?);
    Ok((paths.len(), broken))
}

/// A file that is too long, as a line for the reader.
fn length(name: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > FILE_LINES_MAX).then(|| format!("{name}: {lines} lines, at most {FILE_LINES_MAX}: split it"))
}

/// Compares the files that hold `unsafe` with the list in ARCHITECTURE.md, both ways.
fn unsafe_list(architecture: &str, found: &BTreeSet<String>) -> Vec<String> {
    let Some(listed) = listed(architecture) else {
        return vec!["ARCHITECTURE.md: no heading \"Files with unsafe\" with a list below it".to_owned()];
    };
    let strays = found
        .difference(&listed)
        .map(|name| format!("{name}: holds `unsafe` but is not listed in ARCHITECTURE.md under \"Files with unsafe\""));
    let stale = listed
        .difference(found)
        .map(|name| format!("ARCHITECTURE.md: lists {name} under \"Files with unsafe\", which holds none"));
    strays.chain(stale).collect()
}

/// The paths in backticks under the heading "Files with unsafe", up to the next heading. `None` without the heading.
fn listed(architecture: &str) -> Option<BTreeSet<String>> {
    let is_heading = |line: &&str| line.starts_with('#');
    let mut lines = architecture
        .lines()
        .skip_while(|line| !(is_heading(line) && line.replace('`', "").to_lowercase().contains("files with unsafe")));
    lines.next()?;
    let section = lines.take_while(|line| !is_heading(line));
    Some(
        section
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .filter(|quoted| quoted.ends_with(".rs"))
            .map(str::to_owned)
            .collect(),
    )
}

/// Each crate may depend only on those above it.
fn layers(root: &Path) -> Result<Vec<String>, String> {
    let mut broken = Vec::new();
    let folder = root.join("crates");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
        let path = entry.path().join("Cargo.toml");
        if path.is_file() {
            broken.extend(manifest::layer(&entry.file_name().to_string_lossy(), &read(&path)?));
        }
    }
    broken.sort();
    Ok(broken)
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            // Build output and fuzzers' corpora inside a crate's own folder.
            if !matches!(name.as_str(), "target" | "node_modules" | "__pycache__" | "corpus" | "artifacts") {
                collect(&path, into)?;
            }
        } else if path.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known)) {
            into.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
