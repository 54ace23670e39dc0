//! A copy of the protocol crates that may be broken: `target/compliance/tree` is a workspace of its own with its own
//! build folder, so that disabling a rule there disturbs neither the sources nor anybody's build.
//!
//! Only what differs is copied, so that a second run builds little. It is one run's at a time: whoever comes second waits.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::exec::{self, Ended};

use super::scan::{CRATES, Target};

/// Folders that are no sources.
const NOT_SOURCES: &[&str] = &["target", "corpus", "artifacts"];

/// What tests of the crates may include from outside of `crates`.
const BESIDE: &[&str] = &["fuzz"];

/// The folder of copy and build, as long as this lives ours alone: the kernel gives the lock back however we end.
pub(super) struct Claim {
    folder: PathBuf,
    _lock: File,
}

impl Claim {
    /// Claims `target/compliance` of the workspace at `root`. Another run is waited for until it ends, after `tell` was told
    /// which it is.
    pub(super) fn take(root: &Path, tell: impl FnOnce(&str)) -> Result<Self, String> {
        let folder = root.join("target").join("compliance");
        let path = folder.join("lock");
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut lock =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                tell(&format!("{} belongs to another run, process {holder}: waiting until it ends", folder.display()));
                lock.lock().map_err(failed)?;
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only words for whoever comes next; what counts is the lock.
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { folder, _lock: lock })
    }
}

/// The copy and its build.
pub(super) struct Scratch {
    tree: PathBuf,
    build: PathBuf,
    logs: PathBuf,
    _claim: Claim,
}

impl Scratch {
    /// Brings the copy in `target/compliance` up to date with the workspace at `root`; what was broken in it is undone.
    pub(super) fn prepare(root: &Path, claim: Claim) -> Result<Self, String> {
        let folder = &claim.folder;
        assert!(folder.starts_with(root), "the claim is one of this workspace");
        let (tree, build, logs) = (folder.join("tree"), folder.join("build"), folder.join("logs"));
        let scratch = Self { tree, build, logs, _claim: claim };
        let crates = needed(root)?;
        for name in &crates {
            mirror(&root.join("crates").join(name), &scratch.tree.join("crates").join(name))?;
        }
        for name in BESIDE {
            mirror(&root.join(name), &scratch.tree.join(name))?;
        }
        write(&scratch.tree.join("Cargo.toml"), &manifest(&read(&root.join("Cargo.toml"))?, &crates))?;
        let lock = root.join("Cargo.lock");
        if lock.is_file() {
            write(&scratch.tree.join("Cargo.lock"), &read(&lock)?)?;
        }
        Ok(scratch)
    }

    pub(super) fn read(&self, file: &str) -> Result<String, String> {
        read(&self.tree.join(file))
    }

    pub(super) fn write(&self, file: &str, text: &str) -> Result<(), String> {
        write(&self.tree.join(file), text)
    }

    /// Builds the tests of one target; the log's name tells runs apart.
    pub(super) fn build(&self, krate: &str, target: &Target, limit: Duration) -> Result<Ended, String> {
        let mut command = self.cargo(krate, target);
        command.arg("--no-run");
        exec::run(command, &self.logs.join(format!("{krate}-build.log")), limit)
    }

    /// Runs some tests of one target by their full paths.
    pub(super) fn test(&self, krate: &str, target: &Target, paths: &[&str], limit: Duration) -> Result<Ended, String> {
        let mut command = self.cargo(krate, target);
        command.args(["--", "--exact"]).args(paths);
        exec::run(command, &self.logs.join(format!("{krate}-test.log")), limit)
    }

    fn cargo(&self, krate: &str, target: &Target) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--color", "never", "--package"]).arg(format!("crore-{krate}"));
        command.arg("--target-dir").arg(&self.build).current_dir(&self.tree);
        match target {
            Target::Library => command.arg("--lib"),
            Target::Integration(name) => command.args(["--test", name]),
        };
        // A mutated test that fails must neither leave a seed behind nor look long for a smaller one.
        command.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1").env("PROPTEST_MAX_SHRINK_ITERS", "0");
        command.env("RUST_BACKTRACE", "0");
        command
    }
}

/// The protocol crates and all of ours that they depend on, tests included.
fn needed(root: &Path) -> Result<BTreeSet<String>, String> {
    let mut waiting: Vec<String> = CRATES.iter().map(|name| (*name).to_owned()).collect();
    let mut crates = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let manifest = read(&root.join("crates").join(&name).join("Cargo.toml"))?;
        let ours = manifest.lines().filter_map(|line| line.trim().strip_prefix("crore-"));
        waiting.extend(ours.filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned));
        crates.insert(name);
        waiting.retain(|name| !crates.contains(name));
    }
    Ok(crates)
}

/// The workspace's manifest without its root package, and with these members only.
fn manifest(text: &str, crates: &BTreeSet<String>) -> String {
    let members: Vec<String> = crates.iter().map(|name| format!("\"crates/{name}\"")).collect();
    let exclude: Vec<String> = BESIDE.iter().map(|name| format!("\"{name}\"")).collect();
    let mut made = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    made.push_str(&format!("exclude = [{}]\n", exclude.join(", ")));
    let mut is_kept = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            is_kept = name.starts_with("workspace.") || name.starts_with("profile.");
        }
        let other = line.split_once("path = \"crates/").and_then(|(_, path)| path.split('"').next());
        if is_kept && other.is_none_or(|name| crates.contains(name)) {
            made.push_str(line);
            made.push('\n');
        }
    }
    made
}

/// Makes `to` a copy of `from`; a file that is the same already is not touched, so that cargo sees no change.
fn mirror(from: &Path, to: &Path) -> Result<(), String> {
    let wanted = names(from)?;
    for name in names(to)?.difference(&wanted) {
        let stale = to.join(name);
        let removed = if stale.is_dir() { fs::remove_dir_all(&stale) } else { fs::remove_file(&stale) };
        removed.map_err(|error| format!("{}: {error}", stale.display()))?;
    }
    for name in &wanted {
        let (source, copy) = (from.join(name), to.join(name));
        if source.is_dir() {
            mirror(&source, &copy)?;
        } else {
            let bytes = fs::read(&source).map_err(|error| format!("{}: {error}", source.display()))?;
            if fs::read(&copy).ok().is_none_or(|old| old != bytes) {
                write_bytes(&copy, &bytes)?;
            }
        }
    }
    Ok(())
}

/// The names in a folder, sources only; none if there is no such folder.
fn names(folder: &Path) -> Result<BTreeSet<String>, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(BTreeSet::new());
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !NOT_SOURCES.contains(&name.as_str()) {
            names.insert(name);
        }
    }
    Ok(names)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
