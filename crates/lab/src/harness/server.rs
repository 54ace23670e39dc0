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
pub(super) struct Start<'a> {
    pub(super) name: &'a str,
    pub(super) protocol: Protocol,
    pub(super) listen: SocketAddr,
    pub(super) io: Option<&'a str>,
    pub(super) workers: usize,
    pub(super) data: &'a Path,
}

/// A model that listens.
pub(super) struct Server {
    child: Child,
    /// Its end ends the model.
    input: Option<ChildStdin>,
    errors: Option<JoinHandle<String>>,
    address: SocketAddr,
}

/// How a model ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// What is to be noted: it would not end, or not well.
    pub(super) note: Option<String>,
}

impl Server {
    /// Starts a model and waits until it says where it listens. `before` stands before the command, for a tracer.
    ///
    /// # Errors
    /// It could not be started, ended, or did not listen in time; with what it said on standard error.
    pub(super) fn start(command: &ModelCommand, start: &Start<'_>, before: &[OsString]) -> Result<Server, String> {
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
        let mut server = Server { child, input, errors, address: nowhere };
        match lines.recv_timeout(START_DEADLINE.into()) {
            Ok(line) => match line.strip_prefix("listening on ").and_then(|address| address.trim().parse().ok()) {
                Some(address) => {
                    server.address = address;
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
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that belongs to it.
    pub(super) fn tree(&self) -> Tree {
        Tree::new(self.child.id())
    }

    /// Ends it by closing its input, and waits; by force if it will not end.
    pub(super) fn stop(mut self) -> Ending {
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
