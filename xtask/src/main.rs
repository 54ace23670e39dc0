//! `cargo xtask test`: one command that checks everything and says what it could not check; `cargo xtask bench`, which
//! measures; and `cargo xtask compliance`, which ties each rule of TCP to the code that keeps it and its tests.
//!
//! Not a build system: each step is a program that anybody can also run by hand. Steps run in order, each prints one line, and
//! the run ends with a table and the line `N passed, N failed, N skipped`. Only the standard library is used, so that
//! the first thing a fresh machine builds takes a moment.

mod bench;
mod compliance;
mod exec;
mod install;
mod instructions;
mod judges;
mod report;
mod rules;
mod steps;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask test [--quick] [--only NAME] [--no-install]
       cargo xtask bench [SECTION]... [--json] [--out FILE]
       cargo xtask instructions [--update]
       cargo xtask compliance [--check | --prove [ID]... [--json]]

  --quick       one worker instead of one and four, smaller storms, no canary
  --only NAME   only steps and judges whose name contains NAME (a judge brings the release build with it)
  --no-install  install nothing; judges whose tools are missing are skipped

CRORE_BINARY=FILE judges that binary instead of building target/release/crore, CRORE_HOST=FILE that host of our own TCP/IP
instead of building target/release/examples/host";

/// What the command line asked for.
#[derive(Default)]
struct Options {
    quick: bool,
    only: Option<String>,
    no_install: bool,
}

impl Options {
    /// Reads the arguments after the program's name; an error is what to tell the user.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        match arguments.next().as_deref() {
            Some("test") => {}
            Some(other) => {
                return Err(format!(
                    "unknown task {other:?}; the tasks are `test`, `bench`, `instructions` and `compliance`"
                ));
            }
            None => return Err("no task given".to_owned()),
        }
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--no-install" => options.no_install = true,
                "--only" => {
                    options.only = Some(arguments.next().ok_or("--only needs a name")?);
                }
                other => return Err(format!("unknown argument {other:?}")),
            }
        }
        Ok(options)
    }

    /// Whether `--only` lets this step or judge run.
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}

/// The workspace's root: this crate's parent folder, wherever the command was started.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|task| task == "bench").is_some() {
        return bench::run(&root(), arguments);
    }
    if arguments.next_if(|task| task == "instructions").is_some() {
        return instructions::run(&root(), arguments);
    }
    if arguments.next_if(|task| task == "compliance").is_some() {
        return compliance::run(&root(), arguments);
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("xtask: {reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let root = root();
    let mut report = report::Report::default();
    if options.wants("tests") || judges::wanted(&options) {
        install::run(&root, &options, &mut report);
    }
    steps::run(&root, &options, &mut report);
    if judges::wanted(&options) {
        judges::run(&root, &options, &mut report);
    }
    steps::run_whole(&root, &options, &mut report);
    report.close()
}
