//! The steps around the judges: format, lints, house rules, tests, the canary, the release build; and at last the whole.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::exec::{self, Ended};
use crate::judges::{self, Subject};
use crate::report::{Outcome, Report};
use crate::{Options, compliance, instructions, rules};

/// A step that takes longer has hung: a cold release build on two cores takes a few minutes.
const STEP_LIMIT: Duration = Duration::from_secs(45 * 60);

/// Seeds of each kind of world that a run looks at.
const SEEDS: u64 = 8_000;

/// The same, in a quick run.
const SEEDS_QUICK: u64 = 300;

/// Runs every step that is wanted, in order; a failed one does not keep the others from running.
pub(crate) fn run(root: &Path, options: &Options, report: &mut Report) {
    let step = |report: &mut Report, name: &str, arguments: &[&str], read: fn(&Ended) -> Outcome| {
        if options.wants(name) {
            report.step(name, || cargo(root, name, arguments, read));
        }
    };
    // What the machine can build is judged, and nothing is built twice for want of a feature.
    let (features, canary_features, release): (_, _, &[&str]) = match judges::has_dpdk() {
        true => ("compat,dpdk", "canary,crore-rt/dpdk", &["build", "--release", "--features", "dpdk"]),
        false => ("compat", "canary", &["build", "--release"]),
    };
    step(report, "fmt", &["fmt", "--all", "--check"], plain);
    step(
        report,
        "clippy",
        &["clippy", "--workspace", "--all-targets", "--features", features, "--", "-D", "warnings"],
        plain,
    );
    if options.wants("house-rules") {
        report.step("house-rules", || house_rules(root));
    }
    step(report, "tests", &["test", "--workspace", "--features", features], tests);
    if options.wants("models") {
        report.step("models", || models(root));
    }
    if !options.quick {
        step(report, "canary", &["test", "-p", "crore-gateway", "--features", canary_features], canary);
        step(report, "tcp-canary", &["test", "-p", "crore-sim", "--features", "canary", "--test", "canary"], canary);
    }
    if options.wants("simulation") {
        report.step("simulation", || simulation(root, options));
    }
    if options.wants("compliance") {
        report.step("compliance", || compliance(root));
    }
    let targets = targets(options);
    if !targets.is_empty() {
        let arguments = [release, &targets[..]].concat();
        report.step("build", || cargo(root, "build", &arguments, plain));
    }
    if options.wants("instructions") {
        report.step("instructions", || instructions::check(root));
    }
}

/// What of the release build is judged, as cargo's arguments.
fn targets(options: &Options) -> Vec<&'static str> {
    let whole = ["c10m-memory", "c10m-xdp", "c10m-kernel"].iter().any(|name| options.wants(name));
    let mut targets = Vec::new();
    if options.wants("build") || Subject::Server.is_to_be_built(options) || whole {
        targets.extend(["--bin", "crore"]);
    }
    if Subject::Engine.is_to_be_built(options) {
        targets.extend(["--example", "host"]);
    }
    if Subject::Echo.is_to_be_built(options) {
        targets.extend(["--example", "ws_echo", "--example", "ws_cases"]);
    }
    targets
}

/// The ten-million run on every wire, at sizes that fit the time of a test.
pub(crate) fn run_whole(root: &Path, options: &Options, report: &mut Report) {
    for (wire, connections) in [("memory", "100k"), ("xdp", "50k"), ("kernel", "5k")] {
        let name = format!("c10m-{wire}");
        if options.wants(&name) {
            report.step(&name, || c10m(root, &name, wire, connections));
        }
    }
}

fn c10m(root: &Path, name: &str, wire: &str, connections: &str) -> Outcome {
    let mut command = Command::new(Subject::Server.binary(root));
    command.args(["c10m", "--wire", wire, "--connections", connections, "--steady-for", "5s", "--hold", "1s"]);
    judge(root, name, command, |ended| match ended.code {
        // Bad usage: the command line is ours, so it is the rights that are missing.
        Some(2) => Outcome::skipped(ended.output.lines().next().unwrap_or("it may not")),
        _ if ended.good() => {
            let line = |what: &str| ended.output.lines().find(|line| line.contains(what)).unwrap_or_default().trim();
            Outcome::passed(format!("{}; {}", line("connections "), line("broadcast  ")))
        }
        _ => Outcome::failed(ended.how(), ended.tail()),
    })
}

/// What several threads share, in every order of their steps. In a target folder of its own: the flag changes every crate.
fn models(root: &Path) -> Outcome {
    let arguments = ["test", "-p", "crore-rt", "--lib", "--target-dir", "target/models", "models"];
    let mut command = cargo_command(root, &arguments);
    command.env("RUSTFLAGS", "--cfg loom");
    judge(root, "models", command, tests)
}

/// Thousands of worlds of every kind, more than the quick tests look at: in the release build, each from its own seed.
fn simulation(root: &Path, options: &Options) -> Outcome {
    let seeds = if options.quick { SEEDS_QUICK } else { SEEDS };
    let mut command = cargo_command(root, &["test", "-p", "crore-sim", "--release", "--test", "farm"]);
    // Not the seeds of the quick tests again.
    command.env("SIM_FIRST", "1000").env("SIM_SEEDS", seeds.to_string());
    let outcome = judge(root, "simulation", command, tests);
    Outcome { detail: format!("{seeds} seeds a kind; {}", outcome.detail), ..outcome }
}

/// Runs cargo (the one that runs us) and lets `read` judge what it printed.
fn cargo(root: &Path, name: &str, arguments: &[&str], read: fn(&Ended) -> Outcome) -> Outcome {
    judge(root, name, cargo_command(root, arguments), read)
}

fn cargo_command(root: &Path, arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root);
    command
}

fn judge(root: &Path, name: &str, command: Command, read: fn(&Ended) -> Outcome) -> Outcome {
    let log = root.join("target").join("xtask").join(format!("{name}.log"));
    match exec::run(command, &log, STEP_LIMIT) {
        Ok(ended) => read(&ended),
        Err(reason) => Outcome::failed(reason, Vec::new()),
    }
}

fn plain(ended: &Ended) -> Outcome {
    if ended.good() { Outcome::passed("") } else { Outcome::failed(ended.how(), ended.tail()) }
}

fn tests(ended: &Ended) -> Outcome {
    let (passed, failed, ignored) = counts(&ended.output);
    let detail = format!("{passed} passed, {failed} failed, {ignored} ignored");
    if !ended.good() {
        return Outcome::failed(format!("{}; {detail}", ended.how()), failures(ended));
    }
    if passed == 0 {
        return Outcome::failed("no test ran", ended.tail());
    }
    Outcome::passed(detail)
}

/// The canary loses a publication on purpose; the gateway's tests expect to find that. No such test is a failure: a
/// farm that has never found anything proves nothing.
fn canary(ended: &Ended) -> Outcome {
    let outcome = tests(ended);
    let found = ended
        .output
        .lines()
        .filter(|line| line.starts_with("test ") && line.contains("canary") && line.ends_with("... ok"))
        .count();
    if outcome.tally.failed == 0 && found == 0 {
        return Outcome::failed("no test with `canary` in its name ran and passed", ended.tail());
    }
    outcome
}

/// Sums cargo's `test result:` lines: passed, failed, ignored.
fn counts(output: &str) -> (u64, u64, u64) {
    let mut sums = (0, 0, 0);
    for line in output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        for part in line.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => sums.0 += number,
                "failed" => sums.1 += number,
                "ignored" => sums.2 += number,
                _ => {}
            }
        }
    }
    sums
}

/// The names of failed tests, then the end of the output.
fn failures(ended: &Ended) -> Vec<String> {
    let failed = ended.output.lines().filter(|line| line.starts_with("test ") && line.ends_with("FAILED"));
    failed.map(str::to_owned).chain(ended.tail()).collect()
}

fn house_rules(root: &Path) -> Outcome {
    match rules::check(root) {
        Ok((files, broken)) if broken.is_empty() => Outcome::passed(format!("{files} files")),
        Ok((_, broken)) => Outcome::failed(format!("{} broken", broken.len()), broken),
        Err(reason) => Outcome::failed(reason, Vec::new()),
    }
}

fn compliance(root: &Path) -> Outcome {
    match compliance::check(root) {
        Ok((requirements, problems)) if problems.is_empty() => Outcome::passed(format!("{requirements} requirements")),
        Ok((_, problems)) => Outcome::failed(format!("{} problems", problems.len()), problems),
        Err(reason) => Outcome::failed(reason, Vec::new()),
    }
}

#[cfg(test)]
mod tests;
