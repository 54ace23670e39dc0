//! Several load processes. This program starts itself again as a load process, so it has a `main` of its own.

mod server;

use std::process::ExitCode;

use crore_base::time::Duration;
use crore_load::{ChildCommand, LoadError, Options, run, run_child};
use server::{Mischief, start};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("--worker") => return run_child().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        // What the test harness would answer to tools that list tests.
        Some("--list") => return ExitCode::SUCCESS,
        _ => {}
    }
    three_processes_check_like_one();
    a_program_that_is_no_load_process_breaks_the_run();
    println!("processes: 2 passed");
    ExitCode::SUCCESS
}

fn options(mischief: Mischief) -> Options {
    Options {
        connections: 30,
        rate: Some(1_000),
        hold: Duration::from_millis(500),
        publish_rate: Some(20),
        processes: Some(3),
        ..Options::new(&format!("ws://{}", start(mischief)))
    }
}

fn three_processes_check_like_one() {
    let program = std::env::current_exe().unwrap().into();
    let command = ChildCommand { program, arguments: vec!["--worker".into()] };
    let clean = run(&options(Mischief::None), &command).unwrap();
    assert!(clean.is_clean(), "{clean:?}");
    assert_eq!((clean.connections, clean.delivered), (30, 300));
    assert!(clean.latency_ms.p50.is_some());
    for (mischief, expected) in
        [(Mischief::Lose, (1, 0, 0)), (Mischief::Repeat, (0, 1, 0)), (Mischief::Swap, (0, 0, 1))]
    {
        let outcome = run(&options(mischief), &command).unwrap();
        assert_eq!((outcome.lost, outcome.duplicated, outcome.reordered), expected, "{mischief:?}");
    }
}

fn a_program_that_is_no_load_process_breaks_the_run() {
    for (program, part) in [("true", "ended"), ("cat", "no event"), ("/nowhere/at/all", "could not be started")] {
        let command = ChildCommand { program: program.into(), arguments: Vec::new() };
        match run(&options(Mischief::None), &command) {
            Err(LoadError::Broken(problem)) => {
                // A process that is gone may be noticed when it is written to, or when it is read from.
                assert!(problem.contains(part) || problem.contains("Broken pipe"), "{program}: {problem}");
            }
            other => panic!("{program}: {other:?}"),
        }
    }
}
