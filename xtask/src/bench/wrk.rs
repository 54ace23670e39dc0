//! Runs `wrk` and reads what it prints.

use std::path::Path;
use std::process::Command;

use super::load::finish;

/// How long a run lasts that counts.
pub(super) const MEASURED_S: u32 = 5;

/// Connections that ask, each again as soon as it has its answer.
const CONNECTIONS: u32 = 64;

/// What a run did.
#[derive(PartialEq, Debug)]
pub(super) struct Requests {
    pub(super) answered: f64,
    pub(super) seconds: f64,
}

/// What a reader types where wrk runs.
pub(super) fn command_line(script: Option<&str>, address: &str) -> String {
    let script = script.map(|script| format!(" --script {script}")).unwrap_or_default();
    format!("wrk --threads 1 --connections {CONNECTIONS} --duration {MEASURED_S}s{script} http://{address}/")
}

/// Runs wrk, as `command` starts it, against `address`.
///
/// # Errors
/// Nobody listens, or not every request was answered as it should be.
pub(super) fn run(
    mut command: Command,
    address: &str,
    script: Option<&Path>,
    seconds: u32,
) -> Result<Requests, String> {
    command.args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--duration", &format!("{seconds}s")]);
    if let Some(script) = script {
        command.arg("--script").arg(script);
    }
    command.arg(format!("http://{address}/"));
    requests(&finish(command)?)
}

/// # Errors
/// Not every request was answered as it should be.
pub(super) fn requests(output: &str) -> Result<Requests, String> {
    // wrk says these only if there were any.
    if let Some(line) = output.lines().find(|line| line.contains("Socket errors") || line.contains("Non-2xx")) {
        return Err(format!("wrk: {}", line.trim()));
    }
    let found = output.lines().find_map(|line| {
        let (answered, rest) = line.trim().split_once(" requests in ")?;
        let (seconds, _) = rest.split_once("s,")?;
        Some(Requests { answered: answered.parse().ok()?, seconds: seconds.parse().ok()? })
    });
    match found {
        Some(requests) if requests.answered > 0.0 && requests.seconds > 0.0 => Ok(requests),
        _ => Err(format!("wrk does not say how many requests were answered, or none was: {output:?}")),
    }
}
