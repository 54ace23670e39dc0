//! `cargo xtask bench`: the figures of `docs/benchmarks.md`, each made again by one command.
//!
//! Nothing is judged here: figures are printed, not compared with a bound. Each section starts fresh servers on loopback,
//! or on a veth, measures three times, and ends what it started. The machine is watched meanwhile: what other programs took stands
//! beside the figures, and a run that was disturbed is made again.

mod accept;
mod connect;
mod drivers;
mod fanout;
mod figures;
mod health;
mod hello;
mod http;
mod idle;
mod kernel;
mod load;
mod machine;
mod memory;
mod plaintext;
mod server;
mod subject;
mod usage;
mod veth;
mod wrk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use figures::Table;

const USAGE: &str = "\
usage: cargo xtask bench [memory|idle|fanout|health|connect|accept|http|plaintext|drivers|veth]... [--json] [--out FILE]

Without a section all of them run, one after the other: half an hour on a quiet machine. `plaintext` needs
wrk and nginx, `veth` root and ethtool besides; without, they are skipped. `drivers` compares with nginx if there is one.

  --json      print one JSON object instead of tables
  --out FILE  write what is printed to FILE as well";

/// How often everything is measured; the figure is the median.
const RUNS: usize = 3;

/// What a section needs to know.
struct Bench {
    root: PathBuf,
    /// The release build of crore.
    crore: PathBuf,
    /// The bare loop and the client of the fan-out.
    floor: PathBuf,
}

/// A section: its name on the command line, and what makes its tables.
type Section = (&'static str, fn(&Bench) -> Result<Vec<Table>, String>);

/// In the order in which they run.
const SECTIONS: &[Section] = &[
    ("memory", memory::run),
    ("idle", idle::run),
    ("fanout", fanout::run),
    ("health", health::run),
    ("connect", connect::run),
    ("accept", accept::run),
    ("http", http::run),
    ("plaintext", plaintext::run),
    // Parts of one section: when one fails, the others have been made.
    ("drivers", drivers::requests),
    ("drivers", drivers::deliveries),
    ("drivers", drivers::costs),
    ("drivers", drivers::footprint),
    ("drivers", drivers::beyond),
    ("veth", veth::run),
];

/// What the command line asked for.
#[derive(Default, Debug)]
struct Options {
    sections: Vec<String>,
    json: bool,
    out: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments behind `bench`; an error is what to tell the user.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.json = true,
                "--out" => options.out = Some(arguments.next().ok_or("--out needs a file")?.into()),
                name if SECTIONS.iter().any(|(known, _)| *known == name) => options.sections.push(argument),
                other => return Err(format!("unknown argument {other:?}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|wanted| wanted == section)
    }
}

/// Runs the task: exit code 0 when all figures were made, 1 when one could not be, 2 for a wrong command line.
pub(crate) fn run(root: &Path, arguments: impl Iterator<Item = String>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("xtask: {reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match measure(root, &options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Builds, measures and prints; false if a section failed.
fn measure(root: &Path, options: &Options) -> Result<bool, String> {
    let bench = build(root)?;
    let (mut tables, mut all_good) = (Vec::new(), true);
    for (name, section) in SECTIONS.iter().filter(|(name, _)| options.wants(name)) {
        eprintln!("{name} ...");
        match section(&bench) {
            Ok(made) => tables.extend(made),
            Err(reason) => {
                all_good = false;
                eprintln!("  {name} FAILED: {reason}");
            }
        }
    }
    let machine = machine::describe();
    let text = if options.json { figures::json(&machine, &tables) } else { figures::markdown(&machine, &tables) };
    println!("{text}");
    if let Some(file) = &options.out {
        fs::write(file, text + "\n").map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(all_good)
}

/// The release builds of crore and of the yardstick, which is a workspace of its own.
fn build(root: &Path) -> Result<Bench, String> {
    let target = root.join("target");
    let floor = root.join("bench").join("floor").join("Cargo.toml");
    for (what, manifest) in [("crore", root.join("Cargo.toml")), ("floor", floor)] {
        eprintln!("building {what} ...");
        let mut command = cargo(root);
        command.args(["build", "--release", "--quiet", "--manifest-path"]).arg(manifest);
        let status = command.arg("--target-dir").arg(&target).status();
        if !status.map_err(|error| format!("cannot start cargo: {error}"))?.success() {
            return Err(format!("{what} does not build"));
        }
    }
    // Copies, because another build may replace the originals while we measure.
    let folder = target.join("bench");
    let copy = |name: &str| {
        let (from, to) = (target.join("release").join(name), folder.join(name));
        let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(&from, &to));
        copied.map(|_| to).map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), folder.display()))
    };
    Ok(Bench { root: root.to_path_buf(), crore: copy("crore")?, floor: copy("floor")? })
}

/// The cargo that runs us.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

#[cfg(test)]
mod tests;
