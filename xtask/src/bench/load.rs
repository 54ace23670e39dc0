//! `crore load` as the client: clients that only stay, and runs whose JSON is read.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::Bench;
use super::server::{Running, Server, crore};
use super::usage::until;

/// How long subscribing may take: ten thousand take a second or two.
const SUBSCRIBED: Duration = Duration::from_secs(60);

/// Starts `more` subscribers that stay until the answer is dropped, and waits until the server has `all`.
pub(super) fn subscribers(bench: &Bench, server: &Server, more: usize, all: usize) -> Result<Running, String> {
    let mut command = crore(bench);
    command.args(["load", &format!("ws://{}", server.address), "--rate", "10k/s", "--hold", "1h"]);
    command.args(["--connections", &more.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut clients = Running::start(command)?;
    until(&format!("{all} subscriptions"), SUBSCRIBED, || {
        clients.is_alive()?;
        Ok((server.metric("crore_subscriptions")? as usize == all).then_some(()))
    })?;
    Ok(clients)
}

/// Runs `crore load` to its end with the words of `line`, and gives its JSON.
///
/// # Errors
/// Its exit code is not 0: something failed, or was lost.
pub(super) fn outcome(bench: &Bench, line: &str) -> Result<String, String> {
    let mut command = crore(bench);
    command.arg("load").args(line.split_whitespace()).arg("--json");
    finish(command)
}

/// Runs a program to its end, and gives its standard output.
///
/// # Errors
/// Its exit code is not 0.
pub(super) fn finish(mut command: Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start {name}: {error}"))?;
    let output = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.status.success() {
        return Ok(output);
    }
    Err(format!("{name}: {}: {output}{}", ended.status, String::from_utf8_lossy(&ended.stderr)))
}

/// The number at `path` in one JSON object. Not a JSON parser: the objects are our own, and a name that is looked for
/// stands nowhere else on its level before it.
///
/// # Errors
/// There is none.
pub(super) fn number(json: &str, path: &[&str]) -> Result<f64, String> {
    let mut rest = json;
    for name in path {
        let found = rest.split_once(&format!("\"{name}\":"));
        rest = found.ok_or_else(|| format!("no {} in {json:?}", path.join(".")))?.1;
    }
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    rest[..end].trim().parse().map_err(|_| format!("{} is no number in {json:?}", path.join(".")))
}
