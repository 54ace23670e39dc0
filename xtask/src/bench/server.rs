//! A program under measurement: started on a port of its own, asked for its metrics, and ended by its number.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Bench;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A child that is ended, and waited for, when it is dropped.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn start(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::null());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.spawn().map(Self).map_err(|error| format!("cannot start {name}: {error}"))
    }

    /// Starts it, and waits for the first line that it prints. Its input ends with it, or with us.
    pub(super) fn first_line(mut command: Command) -> Result<(Self, String), String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Self::spawn(command)?;
        let output = process.0.stdout.take().ok_or("its output is no pipe")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| format!("its output: {error}"))?;
        Ok((process, line))
    }

    /// Starts it; [`Running::output`] gives what it prints.
    pub(super) fn with_output(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(command)
    }

    /// Waits for its end, and gives its standard output. It may not say more on standard error than a pipe holds.
    ///
    /// # Errors
    /// Its exit code is not 0.
    pub(super) fn output(&mut self) -> Result<String, String> {
        let (mut output, mut errors) = (String::new(), String::new());
        let read = self.0.stdout.as_mut().map(|pipe| pipe.read_to_string(&mut output));
        let read_errors = self.0.stderr.as_mut().map(|pipe| pipe.read_to_string(&mut errors));
        let ended = read.into_iter().chain(read_errors).find_map(Result::err).map_or_else(|| self.0.wait(), Err);
        match ended {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(format!("process {}: {status}: {output}{errors}", self.pid())),
            Err(error) => Err(format!("process {}: {error}", self.pid())),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// # Errors
    /// It has ended, by itself.
    pub(super) fn is_alive(&mut self) -> Result<(), String> {
        match self.0.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("process {} has ended: {status}", self.0.id())),
            Err(error) => Err(format!("process {}: {error}", self.0.id())),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that has said where it listens.
pub(super) struct Server {
    pub(super) process: Running,
    pub(super) address: SocketAddr,
}

impl Server {
    /// A playground, so without a configuration, by `epoll` unless `settings` name another model; they are environment variables.
    pub(super) fn crore(bench: &Bench, workers: usize, settings: &[(&str, &str)]) -> Result<Self, String> {
        let mut command = crore(bench);
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", &workers.to_string()]);
        // Not what `auto` is on this machine: figures of several machines are to be of the same thing.
        command.env("CRORE_IO", "epoll").envs(settings.iter().copied());
        let folder = bench.root.join("target").join("bench");
        let log = fs::create_dir_all(&folder).and_then(|()| File::create(folder.join("server.log")));
        command.stderr(log.map_err(|error| format!("{}: {error}", folder.display()))?);
        Self::listening(command)
    }

    /// The bare loop.
    pub(super) fn floor(bench: &Bench) -> Result<Self, String> {
        let mut command = Command::new(&bench.floor);
        command.arg("serve");
        Self::listening(command)
    }

    /// What `command` starts, once it has said where it listens.
    pub(super) fn listening(command: Command) -> Result<Self, String> {
        let (process, line) = Running::first_line(command)?;
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| format!("the server said {line:?} and not where it listens"))?;
        Ok(Self { process, address })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The metric of that name, without labels.
    pub(super) fn metric(&self, name: &str) -> Result<f64, String> {
        let text = self.get("/metrics").map_err(|error| format!("/metrics: {error}"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
        value.ok_or_else(|| format!("/metrics has no {name}"))
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}

/// The command, without the settings that the caller's environment may hold.
pub(super) fn crore(bench: &Bench) -> Command {
    let mut command = Command::new(&bench.crore);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CRORE_") {
            command.env_remove(name);
        }
    }
    command
}
