//! The gateway under test: `crore serve` with settings of our own, on a processor of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use crore_base::time::Duration;

use super::child::{Process, Programs};
use super::ground::Ground;
use super::options::C10mOptions;
use crate::error::LoadError;
use crate::limits::{DRAIN_PER_SECOND, HISTORY_PUBLICATIONS, START_DEADLINE};
use crate::stamp::Stamp;

/// What the names of our folders begin with.
const FOLDER_PREFIX: &str = "crore-c10m-";

/// A gateway that serves.
pub(super) struct Gateway {
    pub(super) process: Process,
    /// For clients.
    pub(super) address: SocketAddr,
    /// For console, API and metrics.
    pub(super) admin: SocketAddr,
}

/// A folder that is removed with all that is in it.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// There is no place for it.
    pub(super) fn new() -> Result<Folder, LoadError> {
        remove_leftovers(&std::env::temp_dir());
        let name = format!("{FOLDER_PREFIX}{}-{}", std::process::id(), Stamp::of_machine().0);
        let path = std::env::temp_dir().join(name);
        // Nobody else's folder is used, also if somebody guessed the name.
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Folder(path)),
            Err(error) => {
                let what = format!("no folder for settings and logs at {}: {error}", path.display());
                Err(LoadError::Broken(what))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// Removes folders of runs that were killed: those whose process is not there any more.
fn remove_leftovers(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if pid_of(&name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Somebody else's stays, because it may not be removed.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whose folder it is, if it is one of ours.
fn pid_of(name: &str) -> Option<u32> {
    let (pid, stamp) = name.strip_prefix(FOLDER_PREFIX)?.split_once('-')?;
    stamp.bytes().all(|byte| byte.is_ascii_digit()).then(|| pid.parse().ok())?
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed from a temporary folder is removed with it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Over how long the gateway spreads the disconnects of its drain.
pub(super) fn drain_window(connections: u64) -> Duration {
    Duration::from_secs(connections.div_ceil(DRAIN_PER_SECOND).max(1))
}

/// The settings, as the gateway reads them. `insecure` lets anybody who reaches the admin listener from this machine look
/// around, subscribe and publish while it runs.
pub(super) fn settings(options: &C10mOptions) -> String {
    let admin = options.admin.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "admin = \"{admin}\"\ninsecure = true\nping_interval = \"{}ms\"\npong_timeout = \"0\"\ndrain_window = \"{}s\"\n\n\
         [without_namespace]\nhistory_size = {HISTORY_PUBLICATIONS}\nhistory_ttl = \"24h\"\nforce_recovery = true\n\
         allow_subscribe = true\nallow_publish = true\n",
        options.ping.as_millis(),
        drain_window(options.connections).as_secs()
    );
    text
}

impl Gateway {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// It could not be started, or ended, with what it said.
    pub(super) fn start(
        programs: &Programs,
        ground: &Ground,
        options: &C10mOptions,
        processor: Option<usize>,
        folder: &Folder,
    ) -> Result<Gateway, LoadError> {
        let file = folder.path().join("gateway.toml");
        fs::write(&file, settings(options))
            .map_err(|error| LoadError::Broken(format!("{} could not be written: {error}", file.display())))?;
        let mut flags = vec!["--config".into(), file.into()];
        flags.extend(ground.serve_flags());
        let mut process = Process::start("gateway", programs, (&programs.serve, &flags), processor, folder.path())?;
        let output = process.child.stdout.take().expect("its output is a pipe");
        let (sender, lines) = channel();
        let read = move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Later lines are of no interest, but a pipe that nobody reads would fill.
                let _ = sender.send(line);
            }
        };
        let reader = thread::Builder::new().name("crore-gateway".to_owned()).spawn(read);
        reader.map_err(|error| LoadError::Broken(format!("no thread for the gateway's output: {error}")))?;
        match addresses(&lines) {
            Ok((address, admin)) => Ok(Gateway { process, address, admin }),
            Err(what) => {
                process.collect();
                Err(process.obituary(&what))
            }
        }
    }
}

/// The two addresses that the gateway names.
fn addresses(lines: &Receiver<String>) -> Result<(SocketAddr, SocketAddr), String> {
    let (mut address, begun) = (None, Instant::now());
    loop {
        let left = std::time::Duration::from(START_DEADLINE).saturating_sub(begun.elapsed());
        let line = lines.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("did not listen within {START_DEADLINE}"),
            RecvTimeoutError::Disconnected => "ended before it listened".to_owned(),
        })?;
        let named = |prefix: &str| line.strip_prefix(prefix).and_then(|text| text.parse::<SocketAddr>().ok());
        address = address.or(named("listening on http://"));
        if let (Some(address), Some(admin)) = (address, named("console, API and metrics on http://")) {
            return Ok((address, admin));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_those_that_the_gateway_names() {
        let (sender, lines) = channel();
        for line in ["listening on http://127.0.0.1:81", "console, API and metrics on http://127.0.0.1:82"] {
            sender.send(line.to_owned()).unwrap();
        }
        assert_eq!(addresses(&lines), Ok(("127.0.0.1:81".parse().unwrap(), "127.0.0.1:82".parse().unwrap())));
        drop(sender);
        assert!(addresses(&lines).unwrap_err().contains("ended"));
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let place = Folder::new().unwrap();
        let names = ["crore-c10m-4294967295-7", "crore-c10m-1-7", "crore-c10m-test-7", "crore-c10m-4294967295-x"];
        names.iter().for_each(|name| fs::create_dir(place.path().join(name)).unwrap());
        remove_leftovers(place.path());
        let left = names.map(|name| place.path().join(name).exists());
        assert_eq!(left, [false, true, true, true]);
    }

    #[test]
    fn the_settings_are_toml_and_say_what_was_asked() {
        let text = settings(&C10mOptions { ping: Duration::from_secs(25), ..C10mOptions::default() });
        for line in
            ["admin = \"127.0.0.1:0\"", "ping_interval = \"25000ms\"", "drain_window = \"50s\"", "history_size = 16"]
        {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
