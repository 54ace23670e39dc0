//! Running programs that end well, end badly and do not end.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Ended, run};

const LONG: Duration = Duration::from_secs(60);

fn shell(name: &str, script: &str, limit: Duration) -> Ended {
    let log: PathBuf = std::env::temp_dir().join(format!("xtask-{}-{name}.log", std::process::id()));
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let ended = run(command, &log, limit).expect("sh starts");
    std::fs::remove_file(&log).expect("the log was written");
    ended
}

#[test]
fn both_streams_of_a_program_are_kept() {
    let ended = shell("streams", "echo out; echo err >&2; exit 3", LONG);
    assert_eq!((ended.code, ended.timed_out), (Some(3), false));
    assert_eq!(ended.output, "out\nerr\n");
}

#[test]
fn a_program_beyond_its_limit_is_ended_with_all_that_it_started() {
    let ended = shell("limit", "sleep 1000 & echo $!; wait", Duration::from_secs(1));
    assert!(ended.timed_out);
    let grandchild: u32 = ended.output.trim().parse().expect("the shell printed a process id");
    let gone = || {
        // An ended process whose parent has not looked yet is a zombie.
        let stat = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    let seen_gone = (0..1000).any(|_| {
        std::thread::sleep(super::LOOK);
        gone()
    });
    assert!(seen_gone, "process {grandchild} is still there");
}

#[test]
fn a_program_that_does_not_exist_is_an_error_that_names_it() {
    let log = std::env::temp_dir().join(format!("xtask-{}-none.log", std::process::id()));
    let error = run(Command::new("no-such-program"), &log, LONG).err().expect("it cannot start");
    assert!(error.contains("no-such-program"), "{error}");
    std::fs::remove_file(&log).expect("the log was made");
}
