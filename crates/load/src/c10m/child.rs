//! Child processes that cannot outlive us, each on a processor of its own.
//!
//! A child is started through a launcher, which is this program: it ties itself to a processor, asks the kernel to be killed
//! when its parent dies, and becomes the child (`execve` keeps both). Children have a process group of their own, so that
//! Ctrl-C reaches the orchestrator alone, which then ends them in order.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Instant;

use crore_base::time::Duration;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getppid, kill_process, set_parent_process_death_signal, waitid,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::crew::ChildCommand;
use crate::error::LoadError;
use crate::limits::{LOG_LINES_QUOTED, SWARM_STEP};

/// The programs that a run consists of: usually all are this one.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Comes to [`launch`] with what is appended to its arguments.
    pub launch: ChildCommand,
    /// `crore serve`; its flags are appended.
    pub serve: ChildCommand,
    /// Comes to [`run_swarm`](crate::run_swarm).
    pub swarm: ChildCommand,
}

/// A child that runs.
pub(super) struct Process {
    name: &'static str,
    pub(super) child: Child,
    log: PathBuf,
    is_over: bool,
}

/// What stands for no processor in a launcher's arguments.
const ANYWHERE: &str = "anywhere";

/// The processors for gateway and swarm: the first two that we may use, if there are two.
pub(super) fn processors() -> [Option<usize>; 2] {
    let allowed = sched_getaffinity(None).unwrap_or_default();
    let mut found = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => [Some(first), Some(second)],
        _ => [None, None],
    }
}

impl Process {
    /// Starts a child on a processor, with pipes to its standard input and output and its log in `folder`.
    ///
    /// # Errors
    /// It could not be started.
    pub(super) fn start(
        name: &'static str,
        programs: &Programs,
        (command, flags): (&ChildCommand, &[OsString]),
        processor: Option<usize>,
        folder: &Path,
    ) -> Result<Process, LoadError> {
        let fail = |error: io::Error| LoadError::Broken(format!("the {name} could not be started: {error}"));
        let log = folder.join(format!("{name}.log"));
        let mut launcher = Command::new(&programs.launch.program);
        let processor = processor.map_or(ANYWHERE.to_owned(), |processor| processor.to_string());
        launcher.args(&programs.launch.arguments).arg(processor).arg(std::process::id().to_string());
        launcher.arg(&command.program).args(&command.arguments).args(flags);
        launcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).map_err(fail)?);
        let child = launcher.process_group(0).spawn().map_err(fail)?;
        Ok(Process { name, child, log, is_over: false })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, without collecting it: its processor time can still be read then.
    pub(super) fn has_ended(&mut self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.is_over || matches!(waitid(WaitId::Pid(self.number()), options), Ok(Some(_)) | Err(_))
    }

    fn number(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) {
        // Of one that has ended already `has_ended` tells.
        let _ = kill_process(self.number(), Signal::TERM);
    }

    /// Waits until it has ended, at most so long; whether it has.
    pub(super) fn wait_for(&mut self, most: Duration) -> bool {
        let begun = Instant::now();
        while !self.has_ended() {
            if begun.elapsed() > most.into() {
                return false;
            }
            sleep(SWARM_STEP.into());
        }
        true
    }

    /// Collects it; it has ended, or is killed.
    pub(super) fn collect(&mut self) -> Option<ExitStatus> {
        if !self.has_ended() {
            let _ = self.child.kill();
        }
        self.is_over = true;
        self.child.wait().ok()
    }

    /// Why it is not there any more, with the last lines of its log.
    pub(super) fn obituary(&self, what: &str) -> LoadError {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES_QUOTED)..];
        let said = if last.is_empty() { String::new() } else { format!("; it said:\n  {}", last.join("\n  ")) };
        LoadError::Broken(format!("the {} {what}{said}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.is_over {
            self.collect();
        }
    }
}

/// Becomes the program that the arguments name: PROCESSOR PARENT PROGRAM ARGUMENT… . Returns only if that fails.
pub fn launch(arguments: &[OsString]) -> LoadError {
    let [processor, parent, program, rest @ ..] = arguments else {
        return LoadError::usage("a launcher is started by crore c10m, not by hand");
    };
    let text = |argument: &OsString| argument.to_str().unwrap_or_default().to_owned();
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return LoadError::Broken(format!("a child cannot be tied to its parent's life: {error}"));
    }
    if getppid().map(Pid::as_raw_nonzero).map(|pid| pid.to_string()) != Some(text(parent)) {
        return LoadError::Broken("whoever started this child is gone".to_owned());
    }
    if let Ok(processor) = text(processor).parse::<usize>() {
        let mut set = CpuSet::new();
        set.set(processor);
        // Pinning helps but is not needed: a system that refuses it is served unpinned.
        let _ = sched_setaffinity(None, &set);
    }
    let error = Command::new(program).args(rest).exec();
    LoadError::Broken(format!("{} could not be started: {error}", program.display()))
}
