//! Whole runs of `c10m` through the kernel: a real gateway, a swarm and an orchestrator, each in a process. This program is all
//! of them, as its first argument says, so it has a `main` of its own.

#[path = "c10m/gateway.rs"]
mod gateway;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration as Span;

use crore_base::time::Duration;
use crore_load::{C10mOptions, C10mOutcome, ChildCommand, LoadError, Programs, Wire, launch, run_c10m, run_swarm};
use rustix::process::{Pid, Signal, kill_process};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some("--launch") => {
            eprintln!("{}", launch(&arguments[1..]));
            return ExitCode::FAILURE;
        }
        Some("--swarm") => return run_swarm().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Some("--serve") => return gateway::serve(&arguments[1..]),
        Some("--hold") => return hold(),
        // What the test harness would answer to tools that list tests.
        Some("--list") => return ExitCode::SUCCESS,
        _ => {}
    }
    a_good_gateway_comes_out_clean_and_measured();
    a_gateway_that_loses_a_delivery_is_found_out();
    a_gateway_that_cannot_start_is_quoted();
    a_run_that_is_interrupted_leaves_nothing();
    a_run_that_is_killed_leaves_no_process();
    println!("c10m: 5 passed");
    ExitCode::SUCCESS
}

fn programs(serve: &[&str]) -> Programs {
    let program = std::env::current_exe().unwrap();
    let command = |arguments: &[&str]| ChildCommand {
        program: program.clone().into(),
        arguments: arguments.iter().map(OsString::from).collect(),
    };
    Programs { launch: command(&["--launch"]), serve: command(serve), swarm: command(&["--swarm"]) }
}

fn options(connections: u64) -> C10mOptions {
    C10mOptions {
        connections,
        wire: Wire::Kernel,
        steady_rate: Some(connections * 10),
        steady_for: Duration::from_secs(1),
        hold: Duration::from_millis(200),
        ..C10mOptions::default()
    }
}

fn outcome(options: &C10mOptions, serve: &[&str]) -> C10mOutcome {
    run_c10m(options, &programs(serve)).unwrap()
}

fn a_good_gateway_comes_out_clean_and_measured() {
    let report = std::env::temp_dir().join(format!("crore-c10m-test-{}.html", std::process::id()));
    let options = C10mOptions { report: Some(report.clone()), ..options(200) };
    let outcome = outcome(&options, &["--serve"]);
    assert!(outcome.is_clean(), "{}", outcome.summary());
    assert_eq!((outcome.connections, outcome.failed, outcome.verified), (200, 0, 2));
    assert_eq!((outcome.broadcast_deliveries, outcome.reconnected, outcome.recovered), (200, 20, 3 * 20 + 20));
    assert_eq!((outcome.lost, outcome.duplicated, outcome.reordered), (0, 0, 0));
    assert!(outcome.server_bytes_per_connection > 1_000.0 && outcome.client_bytes_per_connection > 1_000.0);
    assert!(outcome.steady_pushes_per_second > 0.0 && outcome.requests_per_second > 0.0);
    let phases: Vec<_> = outcome.cpu_seconds.keys().copied().collect();
    assert_eq!(phases, ["broadcast", "connect", "drain", "hold", "reconnect", "steady", "verify"]);
    let page = fs::read_to_string(&report).unwrap();
    fs::remove_file(&report).unwrap();
    assert!(page.contains("<svg") && page.contains("Everybody got everything, once."));
}

fn a_gateway_that_loses_a_delivery_is_found_out() {
    let outcome = outcome(&options(40), &["--serve", "lossy"]);
    let expected = ["broadcast: 1 publications did not arrive", "broadcast: 39 of 40 copies arrived"];
    for text in expected {
        assert!(outcome.broken.iter().any(|broken| broken == text), "{text} in {:?}", outcome.broken);
    }
}

fn a_gateway_that_cannot_start_is_quoted() {
    match run_c10m(&options(10), &programs(&["--serve", "mute"])) {
        Err(LoadError::Broken(problem)) => assert!(problem.contains("no voice"), "{problem}"),
        other => panic!("{other:?}"),
    }
}

/// The orchestrator of a run that nobody would wait for.
fn hold() -> ExitCode {
    let options = C10mOptions { hold: Duration::from_secs(3_600), ..options(20) };
    match run_c10m(&options, &programs(&["--serve"])) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A run that holds, with a folder for temporary files of its own; its children are both there.
fn held(name: &str) -> (Child, PathBuf, Vec<u32>) {
    let folder = std::env::temp_dir().join(format!("crore-c10m-test-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--hold").env("TMPDIR", &folder).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut children = Vec::new();
    while children.len() < 2 {
        std::thread::sleep(Span::from_millis(5));
        children = children_of(child.id());
    }
    (child, folder, children)
}

fn children_of(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn is_gone(pid: u32) -> bool {
    // A dead child of a dead parent is collected by whoever inherits it; until then it is a zombie.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

fn wait_for_the_end_of(children: &[u32]) {
    while !children.iter().all(|child| is_gone(*child)) {
        std::thread::sleep(Span::from_millis(5));
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn a_run_that_is_interrupted_leaves_nothing() {
    let (child, folder, children) = held("interrupted");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("interrupted"), "{said}");
    assert!(children.iter().all(|child| is_gone(*child)), "it waits for its children");
    assert!(is_empty(&folder), "no settings and no logs are left");
    fs::remove_dir(&folder).unwrap();
}

fn a_run_that_is_killed_leaves_no_process() {
    let (mut child, folder, children) = held("killed");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for_the_end_of(&children);
    fs::remove_dir_all(&folder).unwrap();
}
