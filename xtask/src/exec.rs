//! Running other programs: output into a log file, a time limit, and everything a program started ended with it.
//!
//! Children stay in our process group, so that Ctrl-C on a terminal ends them all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running program is looked at. Short against every step, long against its cost.
const LOOK: Duration = Duration::from_millis(20);

/// How many lines of a failed program's output are shown; the log has the rest.
const SHOWN_LINES: usize = 60;

/// What a program did.
pub(crate) struct Ended {
    /// The exit code; `None` when a signal or our time limit ended it.
    pub(crate) code: Option<i32>,
    pub(crate) timed_out: bool,
    /// Standard output and standard error, as they came.
    pub(crate) output: String,
    pub(crate) log: PathBuf,
}

impl Ended {
    pub(crate) fn good(&self) -> bool {
        self.code == Some(0)
    }

    /// How it ended, in words.
    pub(crate) fn how(&self) -> String {
        match (self.timed_out, self.code) {
            (true, _) => "ended by its time limit".to_owned(),
            (false, Some(code)) => format!("exit code {code}"),
            (false, None) => "ended by a signal".to_owned(),
        }
    }

    /// The end of the output, for a reader who has only this run's text.
    pub(crate) fn tail(&self) -> Vec<String> {
        let lines: Vec<&str> = self.output.lines().collect();
        let from = lines.len().saturating_sub(SHOWN_LINES);
        let mut shown: Vec<String> = lines[from..].iter().map(|line| (*line).to_owned()).collect();
        shown.push(format!("(all of it: {})", self.log.display()));
        shown
    }
}

/// Runs `command` to its end or to `limit`. Output goes to `log`, whose folder is made. Errors name the program.
pub(crate) fn run(mut command: Command, log: &Path, limit: Duration) -> Result<Ended, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let file = open_log(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    let second = file.try_clone().map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file).stderr(second);
    let mut child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    let started = Instant::now();
    let mut timed_out = false;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => return Err(format!("cannot wait for {name}: {error}")),
        }
        if started.elapsed() > limit && !timed_out {
            timed_out = true;
            end_family(&mut child);
        }
        thread::sleep(LOOK);
    };
    let bytes = fs::read(log).map_err(|error| format!("cannot read {}: {error}", log.display()))?;
    Ok(Ended {
        code: status.code(),
        timed_out,
        output: String::from_utf8_lossy(&bytes).into_owned(),
        log: log.to_path_buf(),
    })
}

fn open_log(log: &Path) -> std::io::Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(log)
}

/// Ends a child and all that it started: a judge that hangs has servers running. The standard library can signal only
/// the child itself, so `kill` ends the rest.
fn end_family(child: &mut Child) {
    let mut family = descendants(child.id());
    family.push(child.id());
    let ended = Command::new("kill")
        .arg("-KILL")
        .args(family.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if ended.is_err() {
        // Without `kill` in PATH at least the child itself; that it may be gone already is fine.
        let _ = child.kill();
    }
}

/// Every process that `root` started, directly or not, as /proc knows them at this moment.
fn descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, parent(pid)?)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child));
        next += 1;
    }
    found.remove(0);
    found
}

/// The parent of a process, from `/proc/PID/stat`; its name may hold spaces and brackets, so the fields are counted from its end.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The full path of a program in PATH, the first of `names` that is there.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests;
