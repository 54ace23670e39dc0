//! A model as a process: started, found, ended. It is this program once more, in a process group of its own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;

use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};

use super::limits::{ERROR_TEXT_BYTES, START_DEADLINE, STOP_DEADLINE, STOP_STEP};
use crate::Protocol;
use crate::measure::tree::Tree;

/// How to start this program again as a model: with these, it must come to [`serve_by_name`](crate::serve_by_name).
#[derive(Clone, Debug)]
pub struct ModelCommand {
    /// The program, usually [`std::env::current_exe`].
    pub program: OsString,
    /// Its first arguments; `--serve NAME` and the others follow.
    pub arguments: Vec<OsString>,
}

/// What a model is started with.
#[derive(Clone, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) name: &'a str,
    pub(crate) protocol: Protocol,
    pub(crate) listen: SocketAddr,
    pub(crate) io: Option<&'a str>,
    pub(crate) workers: usize,
    pub(crate) data: &'a Path,
}

/// A model that listens.
pub(crate) struct Server {
    child: Child,
    /// Its end ends the model.
    input: Option<ChildStdin>,
    errors: Option<JoinHandle<String>>,
    address: SocketAddr,
    beside: Option<SocketAddr>,
}

/// How a model ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What is to be noted: it would not end, or not well.
    pub(crate) note: Option<String>,
}

impl Server {
    /// Starts a model and waits until it says where it listens. `before` stands before the command, for a tracer.
    ///
    /// # Errors
    /// It could not be started, ended, or did not listen in time; with what it said on standard error.
    pub(crate) fn start(command: &ModelCommand, start: &Start<'_>, before: &[OsString]) -> Result<Server, String> {
        let mut line: Vec<OsString> = before.to_vec();
        line.push(command.program.clone());
        line.extend(command.arguments.iter().cloned());
        line.extend(start.flags());
        let (program, arguments) = line.split_first().expect("there is at least the program");
        let mut process = Command::new(program);
        process.args(arguments).process_group(0);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|error| format!("it could not be started: {error}"))?;
        let input = child.stdin.take();
        let lines = read_lines(child.stdout.take().expect("its output is a pipe"));
        let stderr = child.stderr.take().expect("its errors are a pipe");
        let errors = Some(thread::spawn(move || read_text(stderr)));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { child, input, errors, address: nowhere, beside: None };
        match lines.recv_timeout(START_DEADLINE.into()) {
            Ok(line) => match addresses(&line) {
                Some((address, beside)) => {
                    (server.address, server.beside) = (address, beside);
                    Ok(server)
                }
                None => Err(format!("it said {line:?} instead of where it listens")),
            },
            Err(RecvTimeoutError::Disconnected) => Err(server.last_words()),
            Err(RecvTimeoutError::Timeout) => {
                let said = server.end_group();
                Err(format!("it did not say within {START_DEADLINE} where it listens: {said}"))
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it also listens, if it said so.
    pub(crate) fn beside(&self) -> Option<SocketAddr> {
        self.beside
    }

    /// Everything that belongs to it.
    pub(crate) fn tree(&self) -> Tree {
        Tree::new(self.child.id())
    }

    /// Ends it by closing its input, and waits; by force if it will not end.
    pub(crate) fn stop(mut self) -> Ending {
        drop(self.input.take());
        let status = self.wait();
        let said = self.end_group();
        let note = match status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("it ended with {status}: {said}")),
            None => Some(format!("it did not end within {STOP_DEADLINE} after its input, so it was killed")),
        };
        Ending { note }
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if begun.elapsed() < STOP_DEADLINE.into() => thread::sleep(STOP_STEP.into()),
                _ => return None,
            }
        }
    }

    /// Why it never said where it listens: it has closed its output.
    fn last_words(&mut self) -> String {
        let status = self.wait();
        let said = self.end_group();
        match status {
            Some(status) => format!("it ended at once, with {status}: {said}"),
            None => format!("it closed its output before it said where it listens: {said}"),
        }
    }

    /// Ends what is left of the group, and gives what it has said on standard error.
    fn end_group(&mut self) -> String {
        let Some(errors) = self.errors.take() else {
            return String::new(); // it has been done, and the number may be somebody else's by now
        };
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Nobody may be left; then there is no such group.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        errors.join().unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end_group();
    }
}

impl Start<'_> {
    fn flags(&self) -> Vec<OsString> {
        let (listen, workers) = (self.listen.to_string(), self.workers.to_string());
        let fixed = ["--serve", self.name, "--protocol", self.protocol.name(), "--listen", &listen];
        let mut flags: Vec<OsString> = fixed.into_iter().map(OsString::from).collect();
        flags.extend(["--workers".into(), workers.into(), "--data".into(), self.data.into()]);
        flags.extend(self.io.into_iter().flat_map(|io| [OsString::from("--io"), io.into()]));
        flags
    }
}

/// What a model says when it listens: one address, or two with `and` between them.
fn addresses(line: &str) -> Option<(SocketAddr, Option<SocketAddr>)> {
    let addresses = line.strip_prefix("listening on ")?.trim();
    match addresses.split_once(" and ") {
        Some((first, second)) => Some((first.parse().ok()?, Some(second.parse().ok()?))),
        None => Some((addresses.parse().ok()?, None)),
    }
}

/// The first line is of interest; what follows is read, so that nobody is held up by a full pipe.
fn read_lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody waits for more than the first.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The beginning of what is written to `errors`, on one line.
fn read_text(mut errors: impl Read) -> String {
    let mut text = Vec::new();
    let _ = errors.by_ref().take(ERROR_TEXT_BYTES).read_to_end(&mut text);
    let _ = std::io::copy(&mut errors, &mut std::io::sink());
    String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Result<Server, String> {
        let command = ModelCommand { program: "sh".into(), arguments: vec!["-c".into(), script.into()] };
        let (listen, data) = ("127.0.0.1:0".parse().unwrap(), Path::new("/data"));
        let start = Start { name: "m", protocol: Protocol::Echo, listen, io: None, workers: 2, data };
        Server::start(&command, &start, &[])
    }

    #[test]
    fn a_model_is_found_by_its_line_and_ends_with_its_input() {
        let server = start("echo listening on 127.0.0.1:77; cat >/dev/null").unwrap();
        assert_eq!(server.address(), "127.0.0.1:77".parse().unwrap());
        assert!(server.tree().usage().threads >= 1);
        assert_eq!(server.stop(), Ending { note: None });
    }

    #[test]
    fn a_model_may_listen_at_two_places() {
        let server = start("echo listening on 127.0.0.1:77 and 127.0.0.1:78; cat >/dev/null").unwrap();
        assert_eq!((server.address().port(), server.beside().map(|address| address.port())), (77, Some(78)));
        assert_eq!(addresses("listening on 127.0.0.1:77 and nowhere"), None);
    }

    #[test]
    fn a_model_that_ends_or_says_something_else_is_told_with_its_words() {
        let error = start("echo no library >&2; exit 3").err().unwrap();
        assert!(error.contains("no library") && error.contains('3'), "{error}");
        let error = start("echo hello; cat >/dev/null").err().unwrap();
        assert!(error.contains("\"hello\""), "{error}");
        let ending = start("echo listening on 127.0.0.1:77; cat >/dev/null; echo worn out >&2; exit 1").unwrap().stop();
        assert!(ending.note.unwrap().contains("worn out"));
    }

    #[test]
    fn children_that_a_model_leaves_behind_are_ended_with_it() {
        let server = start("sleep 1000 & echo listening on 127.0.0.1:77; cat >/dev/null").unwrap();
        let tree = server.tree();
        assert_eq!(server.stop(), Ending { note: None });
        // Whoever was killed is gone when whoever collects orphans has done so.
        while tree.usage().threads > 0 {
            thread::yield_now();
        }
    }
}
