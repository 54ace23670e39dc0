//! Tells the command which commit it was built from: `CRORE_COMMIT`, for `src/cli`.
//!
//! Twelve digits, with `-dirty` behind them if what is compiled differs from that commit; `unknown` where no repository of ours
//! is around, as in a published archive. Whoever builds from an archive may set `CRORE_COMMIT`.
//!
//! It runs again when the commit or something that is compiled may have changed, and otherwise never: every path that it names
//! is there, since cargo takes a missing one for a change each time.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands for no commit.
pub(crate) const UNKNOWN: &str = "unknown";

/// Prints what cargo reads.
pub(crate) fn main() {
    let root = Path::new(".");
    println!("cargo::rerun-if-env-changed=CRORE_COMMIT");
    for path in compiled(root).into_iter().chain(notes(root)) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let told = std::env::var("CRORE_COMMIT").ok().filter(|told| !told.is_empty());
    println!("cargo::rustc-env=CRORE_COMMIT={}", told.or_else(|| commit(root)).as_deref().unwrap_or(UNKNOWN));
}

/// The commit of the repository whose root is `root`, and whether something of it was changed.
pub(crate) fn commit(root: &Path) -> Option<String> {
    // Below the root it is another project's repository, into which we were copied.
    git(root, &["rev-parse", "--show-prefix"]).filter(String::is_empty)?;
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let paths: Vec<PathBuf> =
        compiled(root).iter().filter_map(|path| Some(path.strip_prefix(root).ok()?.into())).collect();
    // Without optional locks it writes nothing, and disturbs nobody who commits at this moment.
    let arguments = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "--"];
    let arguments = arguments.iter().map(Path::new).chain(paths.iter().map(PathBuf::as_path));
    let changes = git(root, &arguments.collect::<Vec<_>>())?;
    Some(if changes.is_empty() { commit } else { commit + "-dirty" })
}

/// What becomes part of the command: files, and folders with all that is in them.
pub(crate) fn compiled(root: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = ["build.rs", "Cargo.toml", "Cargo.lock", "src"].map(|name| root.join(name)).into();
    let crates = std::fs::read_dir(root.join("crates")).into_iter().flatten().flatten();
    paths.extend(crates.flat_map(|entry| ["Cargo.toml", "src"].map(|name| entry.path().join(name))));
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}

/// Where git notes which commit it is at: the branch that `HEAD` names, and that branch's file. A branch that has been packed has
/// none; its next commit makes one, in a folder that is watched until then.
pub(crate) fn notes(root: &Path) -> Vec<PathBuf> {
    let place = |name: &str| git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]).and_then(|name| place(&name));
    let branch = branch.and_then(|path| path.ancestors().find(|path| path.exists()).map(Path::to_path_buf));
    let others = ["HEAD", "packed-refs"].into_iter().filter_map(place).filter(|path| path.exists());
    others.chain(branch).collect()
}

/// What git says to `arguments`; none if it is not there or fails.
fn git<A: AsRef<std::ffi::OsStr>>(root: &Path, arguments: &[A]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
