//! System calls, counted by `strace -f -c` (strace(1)), which follows every thread and child.
//!
//! A tracer slows calls down and so changes how many requests share a call. So the pass is one of its own, with few connections, and
//! two such passes that differ in the number of requests only are subtracted: starting, connecting and ending fall out.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// What stands before a command to have its calls counted into `file`.
pub(crate) fn prefix(file: &Path) -> Vec<OsString> {
    ["strace", "-f", "-c", "-o"].into_iter().map(OsString::from).chain([file.into(), "--".into()]).collect()
}

/// Whether there is a tracer that may trace.
///
/// # Errors
/// Why not.
pub(crate) fn check() -> Result<(), String> {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-o", "/dev/null", "--", "true"]).stdin(Stdio::null()).stdout(Stdio::null());
    match command.stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("system calls are not counted: strace may not trace here".to_owned()),
        Err(error) => Err(format!("system calls are not counted: strace: {error}")),
    }
}

/// All calls of a summary: the line `total` of its table.
pub(crate) fn total(summary: &str) -> Option<u64> {
    let line = summary.lines().rfind(|line| line.split_ascii_whitespace().next_back() == Some("total"))?;
    // % time, seconds, usecs/call, calls, errors if any, "total"
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_with_errors_and_without() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n \
            60.00    0.000300           1       200        10 read\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.000500           0       216        29 total\n";
        assert_eq!(total(table), Some(216));
        assert_eq!(total("100.00    0.000500           0       216           total\n"), Some(216));
        assert_eq!(total("% time seconds\n"), None);
    }

    #[test]
    fn a_tracer_that_is_here_counts_the_calls_of_a_command() {
        if let Err(reason) = check() {
            return println!("skipped: {reason}");
        }
        let file = std::env::temp_dir().join(format!("crore-lab-test-{}", std::process::id()));
        let prefix = prefix(&file);
        let mut command = Command::new(&prefix[0]);
        assert!(command.args(&prefix[1..]).arg("true").status().unwrap().success());
        let calls = total(&std::fs::read_to_string(&file).unwrap()).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(calls > 5, "even true makes {calls} calls");
    }
}
