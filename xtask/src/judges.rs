//! The judges: black-box programs under `tests/judges`, most of them other people's clients, run against the built `crore`.
//!
//! Each judge starts servers of its own and prints `ok NAME`, `not ok NAME: reason` or `skip NAME: reason`; those lines are
//! counted here. `rounds.rs` says over what, and with how many workers, each of them runs; those that judge
//! an example, our own TCP/IP by `host` and WebSockets by `ws_echo`, have rounds of their own there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Options;
use crate::exec::{self, Ended};
use crate::report::{Outcome, Report, Tally};

mod rounds;

use rounds::{ECHO_ROUNDS, ENGINE_ROUNDS, ROUNDS, Round};

/// The names under which Chromium is found.
pub(crate) const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Something a judge cannot do without.
#[derive(Clone, Copy)]
enum Need {
    Program(&'static [&'static str]),
    Npm(&'static str),
    Python(&'static str),
    /// The library, without which the command is built without it.
    Dpdk,
}

impl Need {
    /// What is missing, or `None` when it is there.
    fn missing(self, root: &Path) -> Option<String> {
        match self {
            Self::Program(names) => exec::find(names).is_none().then(|| format!("{} is missing", names[0])),
            Self::Npm(name) => {
                let there = root.join("judges/node_modules").join(name).is_dir();
                (!there).then(|| format!("the npm package {name} is missing"))
            }
            Self::Python(name) => {
                (!has_python_package(root, name)).then(|| format!("the Python package {name} is missing"))
            }
            Self::Dpdk => (!has_dpdk()).then(|| "libdpdk-dev is missing".to_owned()),
        }
    }
}

const NODE: Need = Need::Program(&["node"]);
const PYTHON: Need = Need::Program(&["python3"]);

/// What is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The command `crore`, with several numbers of workers.
    Server,
    /// The engine, by the example `host`.
    Engine,
    /// WebSockets, by the examples `ws_echo` and, beside it, `ws_cases`.
    Echo,
}

/// In the order in which they are judged.
const SUBJECTS: [Subject; 3] = [Subject::Engine, Subject::Echo, Subject::Server];

impl Subject {
    /// Its binary: the given one, or the one that the release build makes.
    pub(crate) fn binary(self, root: &Path) -> PathBuf {
        let built = match self {
            Self::Server => "target/release/crore",
            Self::Engine => "target/release/examples/host",
            Self::Echo => "target/release/examples/ws_echo",
        };
        self.given_binary().unwrap_or_else(|| root.join(built))
    }

    /// A binary to judge instead of the one that the release build makes.
    fn given_binary(self) -> Option<PathBuf> {
        std::env::var_os(self.variable()).map(PathBuf::from)
    }

    /// What tells a judge which binary it judges.
    fn variable(self) -> &'static str {
        match self {
            Self::Server => "CRORE_BINARY",
            Self::Engine => "CRORE_HOST",
            Self::Echo => "CRORE_WS_ECHO",
        }
    }

    /// Whether it has to be built: a judge of it is to run, and no binary is given.
    pub(crate) fn is_to_be_built(self, options: &Options) -> bool {
        cells(options, self).next().is_some() && self.given_binary().is_none()
    }
}

struct Judge {
    name: &'static str,
    file: &'static str,
    needs: &'static [Need],
    limit: Duration,
    subject: Subject,
    /// Whether it mostly waits for what must happen, or must not, in some seconds: such judges are heard beside each other.
    waits: bool,
}

/// How many judges that mostly wait are heard at the same time.
const AT_ONCE: usize = 4;

const fn judge(name: &'static str, file: &'static str, seconds: u64, needs: &'static [Need]) -> Judge {
    Judge { name, file, needs, limit: Duration::from_secs(seconds), subject: Subject::Server, waits: false }
}

const fn patient(name: &'static str, file: &'static str, seconds: u64, needs: &'static [Need]) -> Judge {
    Judge { waits: true, ..judge(name, file, seconds, needs) }
}

/// In the order in which a reader wants to know: does it speak, does it hold, does it bear abuse. A limit is several times
/// what the judge takes here, so that only one that hangs reaches it.
const JUDGES: &[Judge] = &[
    Judge {
        name: "tcp",
        file: "tcp/judge.py",
        needs: &[PYTHON, Need::Program(&["curl"]), Need::Program(&["ping"]), Need::Program(&["ip"])],
        limit: Duration::from_secs(600),
        subject: Subject::Engine,
        waits: false,
    },
    Judge {
        name: "conformance",
        file: "conformance.py",
        needs: &[PYTHON, Need::Python("kosoku")],
        limit: Duration::from_secs(600),
        subject: Subject::Echo,
        waits: false,
    },
    judge("api", "api.py", 180, &[PYTHON]),
    patient(
        "http",
        "http_peers.py",
        180,
        &[PYTHON, Need::Python("httpx"), Need::Program(&["curl"]), Need::Program(&["h2load"])],
    ),
    judge("node", "peers.mjs", 180, &[NODE, Need::Npm("ws")]),
    patient("websockets", "websockets_judge.py", 240, &[PYTHON, Need::Python("websockets")]),
    judge("centrifuge", "centrifuge.mjs", 300, &[NODE, Need::Npm("centrifuge"), Need::Npm("ws")]),
    patient("eventsource", "eventsource.mjs", 300, &[NODE, Need::Npm("eventsource"), Need::Npm("ws")]),
    patient("poll", "poll.py", 180, &[PYTHON, Need::Program(&["curl"])]),
    judge("tokens", "tokens.py", 120, &[PYTHON]),
    patient(
        "tls",
        "tls.py",
        240,
        &[PYTHON, NODE, Need::Npm("ws"), Need::Program(&["curl"]), Need::Program(&["openssl"])],
    ),
    judge(
        "console",
        "console.mjs",
        300,
        &[NODE, Need::Npm("playwright-core"), Need::Npm("ws"), Need::Program(CHROMIUM)],
    ),
    patient("lifecycle", "lifecycle.py", 300, &[PYTHON]),
    judge("neighbour", "neighbour.py", 240, &[PYTHON, Need::Program(&["ping"]), Need::Program(&["ip"])]),
    judge("trouble", "trouble.py", 240, &[PYTHON, Need::Program(&["ip"])]),
    judge("flood", "flood.py", 240, &[PYTHON]),
    judge("storm", "storm.py", 420, &[PYTHON]),
    patient("hostile", "hostile.py", 420, &[PYTHON]),
];

pub(crate) fn has_python_package(root: &Path, name: &str) -> bool {
    root.join("judges/python").join(name).is_dir()
}

/// Whether crore can be built with DPDK here.
pub(crate) fn has_dpdk() -> bool {
    let mut command = Command::new("pkg-config");
    command.args(["--exists", "libdpdk"]).status().is_ok_and(|status| status.success())
}

/// Whether any judge is to run.
pub(crate) fn wanted(options: &Options) -> bool {
    SUBJECTS.into_iter().any(|subject| cells(options, subject).next().is_some())
}

/// The wanted judges of a subject with the round that each is heard in, in order. A quick run has the first round only.
fn cells(options: &Options, subject: Subject) -> impl Iterator<Item = (&'static Judge, &'static Round)> {
    let rounds = match subject {
        Subject::Server => ROUNDS,
        Subject::Engine => ENGINE_ROUNDS,
        Subject::Echo => ECHO_ROUNDS,
    };
    let rounds = if options.quick { &rounds[..1] } else { rounds };
    let cells = rounds.iter().flat_map(|round| JUDGES.iter().map(move |judge| (judge, round)));
    cells.filter(move |(judge, round)| {
        judge.subject == subject && round.hears(judge.name) && options.wants(&round.title(judge.name))
    })
}

/// Runs the wanted judges, each in every round that hears it: first those that need the machine for themselves, then the others.
pub(crate) fn run(root: &Path, options: &Options, report: &mut Report) {
    let wanted = SUBJECTS.into_iter().flat_map(|subject| cells(options, subject));
    let (patient, busy): (Vec<_>, Vec<_>) = wanted.partition(|(judge, _)| judge.waits);
    for (judge, round) in busy {
        report.step(&round.title(judge.name), || hear(root, judge, round, options));
    }
    let steps = patient.into_iter().map(|(judge, round)| {
        let hear = move || hear(root, judge, round, options);
        (round.title(judge.name), hear)
    });
    report.steps(steps.collect(), AT_ONCE);
}

/// Runs one judge and counts what it says.
fn hear(root: &Path, judge: &Judge, round: &Round, options: &Options) -> Outcome {
    let binary = judge.subject.binary(root);
    if !binary.is_file() {
        return Outcome::failed(format!("{} is not there", binary.display()), Vec::new());
    }
    let needs = judge.needs.iter().chain(round.io.needs());
    let mut missing: Vec<String> = needs.filter_map(|need| need.missing(root)).collect();
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        return Outcome::skipped(missing.join(", "));
    }
    let folder = root.join("tests/judges");
    let program = if judge.file.ends_with(".py") { "python3" } else { "node" };
    let mut command = Command::new(program);
    command.arg(folder.join(judge.file)).current_dir(&folder);
    command.env(judge.subject.variable(), binary).env("CRORE_WORKERS", round.workers.to_string());
    command.env_remove("CRORE_IO").env_remove("CRORE_MODEL");
    let (variable, value) = round.io.variable();
    command.env(variable, value);
    command.env_remove("CRORE_PLACE");
    command.env("CRORE_JUDGES", root.join("judges")).env("CRORE_OUT", root.join("target/judges"));
    command.env("CRORE_QUICK", if options.quick { "1" } else { "0" });
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    let log = root.join("target/judges").join(round.log_name(judge.name));
    match exec::run(command, &log, judge.limit) {
        Ok(ended) => verdict(&ended),
        Err(reason) => Outcome::failed(reason, Vec::new()),
    }
}

/// Counts a judge's lines. A judge that ends badly without having said what failed counts as one failure more.
fn verdict(ended: &Ended) -> Outcome {
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for line in ended.output.lines() {
        if line.starts_with("ok ") {
            tally.passed += 1;
        } else if line.starts_with("not ok ") {
            tally.failed += 1;
            lines.push(line.to_owned());
        } else if line.starts_with("skip ") {
            tally.skipped += 1;
            lines.push(line.to_owned());
        } else if line.starts_with("# ") {
            lines.push(line.to_owned());
        }
    }
    let said_nothing = tally == Tally::default();
    if said_nothing || (!ended.good() && (tally.failed == 0 || ended.timed_out)) {
        tally.failed += 1;
        lines.extend(ended.tail());
    } else if tally.failed > 0 {
        lines.push(format!("(all of it: {})", ended.log.display()));
    }
    let detail = match (tally.failed, tally.skipped) {
        (0, 0) => format!("{} passed", tally.passed),
        _ => format!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped),
    };
    let detail = if ended.timed_out { format!("{detail}; {}", ended.how()) } else { detail };
    Outcome { tally, detail, lines }
}

#[cfg(test)]
mod tests;
