//! What a segment costs the engine, in instructions: `bench/segment` under callgrind, held against the figures of
//! `bench/segment/instructions.txt`.
//!
//! Instructions do not wobble with the machine's load. Two runs of different length are subtracted, so that the setting-up of
//! connections does not count. A figure may grow by [`GROWTH_PERCENT_MAX`]; beyond it the step fails until somebody has looked and
//! written the new figure down with `cargo xtask instructions --update`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::exec;
use crate::report::Outcome;

/// What may be due to another compiler or another neighbourhood of the code.
const GROWTH_PERCENT_MAX: f64 = 5.0;

/// What `bench/segment` can run, in the order of the file.
const KINDS: [&str; 2] = ["exchange", "bulk"];

/// Rounds of the shorter and the longer run.
const ROUNDS: [u64; 2] = [50, 150];

const LIMIT: Duration = Duration::from_secs(20 * 60);

/// `cargo xtask instructions [--update]`.
pub(crate) fn run(root: &Path, mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let update = match arguments.next().as_deref() {
        None => false,
        Some("--update") => true,
        Some(other) => {
            eprintln!("xtask: unknown argument {other:?}; `cargo xtask instructions [--update]`");
            return ExitCode::from(2);
        }
    };
    let outcome = measure(root).and_then(|figures| {
        for (kind, figure) in KINDS.iter().zip(figures) {
            println!("{kind} {figure:.0}");
        }
        if !update {
            return Ok(());
        }
        let lines = KINDS.iter().zip(figures).map(|(kind, figure)| format!("{kind} {figure:.0}\n"));
        fs::write(baseline_path(root), HEADER.to_owned() + &lines.collect::<String>())
            .map_err(|error| format!("cannot write the figures: {error}"))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

const HEADER: &str = "# Instructions of the engine for one segment; see bench/segment/src/main.rs. Written by `cargo xtask instructions --update`.\n";

/// The step of `cargo xtask test`.
pub(crate) fn check(root: &Path) -> Outcome {
    if exec::find(&["valgrind"]).is_none() {
        return Outcome::skipped("needs valgrind");
    }
    let (figures, known) = match measure(root).and_then(|figures| Ok((figures, baseline(root)?))) {
        Ok(both) => both,
        Err(reason) => return Outcome::failed(reason, Vec::new()),
    };
    let mut lines = Vec::new();
    for ((kind, figure), known) in KINDS.iter().zip(figures).zip(known) {
        let growth = (figure / known - 1.0) * 100.0;
        if growth > GROWTH_PERCENT_MAX {
            lines.push(format!(
                "{kind}: {figure:.0} instructions a segment, {growth:.1} % more than the {known:.0} written down; the limit is \
                 {GROWTH_PERCENT_MAX} %"
            ));
        }
    }
    let told: Vec<String> = KINDS.iter().zip(figures).map(|(kind, figure)| format!("{kind} {figure:.0}")).collect();
    match lines.is_empty() {
        true => Outcome::passed(told.join(", ")),
        false => Outcome::failed(told.join(", "), lines),
    }
}

fn baseline_path(root: &Path) -> PathBuf {
    root.join("bench").join("segment").join("instructions.txt")
}

/// The figures that are written down.
fn baseline(root: &Path) -> Result<[f64; 2], String> {
    let path = baseline_path(root);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let figure = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        let figure = line.and_then(|number| number.trim().parse().ok());
        figure.ok_or_else(|| format!("{} has no line `{kind} NUMBER`", path.display()))
    };
    Ok([figure(KINDS[0])?, figure(KINDS[1])?])
}

fn measure(root: &Path) -> Result<[f64; 2], String> {
    let manifest = root.join("bench").join("segment").join("Cargo.toml");
    let target = root.join("target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
    output(root, cargo, "segment-build")?;
    let program = target.join("release").join("segment");
    Ok([per_segment(root, &program, KINDS[0])?, per_segment(root, &program, KINDS[1])?])
}

/// Instructions for one segment of this kind.
fn per_segment(root: &Path, program: &Path, kind: &str) -> Result<f64, String> {
    let mut runs = Vec::new();
    for rounds in ROUNDS {
        let mut command = Command::new("valgrind");
        let file = root.join("target").join("xtask").join(format!("callgrind.{kind}.{rounds}"));
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", file.display()));
        command.arg("--toggle-collect=segment::measured*").arg(program).args([kind, &rounds.to_string()]);
        let text = output(root, command, &format!("segment-{kind}-{rounds}"))?;
        let collected = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, number)| number);
        let segments = text.lines().find(|line| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()));
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
        match (number(collected), number(segments)) {
            (Some(instructions), Some(segments)) => runs.push((instructions, segments)),
            _ => return Err(format!("callgrind's output for {kind} has no count")),
        }
    }
    let (short, long) = (runs[0], runs[1]);
    let segments = long.1 - short.1;
    if segments <= 0.0 {
        return Err(format!("the longer run of {kind} took no more segments than the shorter"));
    }
    Ok((long.0 - short.0) / segments)
}

fn output(root: &Path, command: Command, name: &str) -> Result<String, String> {
    let log = root.join("target").join("xtask").join(format!("{name}.log"));
    let ended = exec::run(command, &log, LIMIT)?;
    if ended.good() { Ok(ended.output) } else { Err(format!("{name}: {}; see {}", ended.how(), ended.log.display())) }
}
