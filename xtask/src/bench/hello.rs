//! The smallest server, the example `hello`: built, and copied, because another build may replace the original while we measure.

use std::path::PathBuf;

use super::load::finish;
use super::{Bench, cargo};

pub(super) fn build(bench: &Bench) -> Result<(), String> {
    let mut command = cargo(&bench.root);
    command.args(["build", "--release", "--quiet", "--example", "hello"]);
    command.arg("--target-dir").arg(bench.root.join("target"));
    finish(command)?;
    let (from, to) = (bench.root.join("target/release/examples/hello"), path(bench));
    std::fs::copy(&from, &to)
        .map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
    Ok(())
}

/// Our copy of it.
pub(super) fn path(bench: &Bench) -> PathBuf {
    bench.root.join("target").join("bench").join("hello")
}
