//! Child processes of a model: made by fork(2), counted, and gone when their parent is.
//!
//! A child that ends by itself is replaced only while its family is [kept](Family::keep). A child dies with its parent however that ends, SIGKILL included: the kernel sends it SIGKILL (`PR_SET_PDEATHSIG`).

use std::collections::HashSet;
use std::io;
use std::process::exit;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, getppid, kill_process, pidfd_open, set_parent_process_death_signal,
    waitpid,
};

use super::door::input_has_ended;
use crate::limits::RAISE_PAUSE_MS;

/// What a parent that keeps its children has waited for.
pub(super) enum Watched {
    InputEnded,
    /// Nothing that matters.
    InputRead,
    ChildDied,
}

/// The children of this process, which has one thread.
#[derive(Debug, Default)]
pub(super) struct Family {
    children: HashSet<Pid>,
}

impl Family {
    /// A family without children.
    ///
    /// # Errors
    /// This process has more threads than one: a lock that another thread holds would stay locked in every child.
    pub(super) fn start() -> io::Result<Family> {
        let threads = std::fs::read_dir("/proc/self/task")?.count();
        if threads != 1 {
            let text = format!("this process has {threads} threads: one that forks has one");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(Family::default())
    }

    /// Makes a child that does `work` and ends. What happens in a child stays there: an error is written to standard error.
    ///
    /// # Errors
    /// The system has no process or no memory to give.
    pub(super) fn raise(&mut self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let parent = getpid();
        // SAFETY: `start` has found one thread, and models that have a family start none: so no other thread holds a lock, and the
        // child may do whatever this process may.
        let child = unsafe { libc::fork() };
        match child {
            0 => {
                let done =
                    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from).and_then(|()| {
                        // A parent that died before the line above has sent nothing.
                        if getppid() == Some(parent) { work() } else { Ok(()) }
                    });
                if let Err(error) = &done {
                    eprintln!("a child process: {error}");
                }
                exit(i32::from(done.is_err()))
            }
            child => {
                let child = Pid::from_raw(child).filter(|_| child > 0).ok_or_else(io::Error::last_os_error)?;
                assert!(self.children.insert(child), "a child is new");
                Ok(())
            }
        }
    }

    /// Sees to it that `count` children do `work`, until standard input is closed: one that dies is replaced, after a pause. `begin` is
    /// called when all are there for the first time.
    ///
    /// # Errors
    /// As [`raise`](Family::raise), and what `begin` says.
    pub(super) fn keep(
        &mut self,
        count: usize,
        begin: impl FnOnce() -> io::Result<()>,
        mut work: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut begin = Some(begin);
        loop {
            while self.count() < count {
                self.raise(&mut work)?;
            }
            begin.take().map_or(Ok(()), |begin| begin())?;
            match watch(self.children.iter().copied())? {
                Watched::InputEnded => return Ok(()),
                Watched::ChildDied => rest(),
                Watched::InputRead => {}
            }
        }
    }

    /// Takes note of the children that have ended. How many live?
    pub(super) fn count(&mut self) -> usize {
        while let Ok(Some((child, _))) = waitpid(None, WaitOptions::NOHANG) {
            self.children.remove(&child);
        }
        self.children.len()
    }
}

impl Drop for Family {
    /// Ends the children, and waits until they have ended.
    fn drop(&mut self) {
        for &child in &self.children {
            // It may have ended by itself; until it is waited for, its number is nobody else's.
            let _ = kill_process(child, Signal::KILL);
        }
        for &child in &self.children {
            let _ = waitpid(Some(child), WaitOptions::empty());
        }
    }
}

/// Waits for the end of one of these children, which nobody has waited for yet, or for standard input.
pub(super) fn watch(children: impl Iterator<Item = Pid>) -> io::Result<Watched> {
    let opened = children.map(|child| pidfd_open(child, PidfdFlags::empty())).collect::<Result<Vec<_>, _>>()?;
    let input = io::stdin();
    let mut watched: Vec<PollFd<'_>> = opened.iter().map(|child| PollFd::new(child, PollFlags::IN)).collect();
    watched.push(PollFd::new(&input, PollFlags::IN));
    match poll(&mut watched, None) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let (input, children) = watched.split_last().expect("standard input is watched");
    if !input.revents().is_empty() {
        return Ok(if input_has_ended() { Watched::InputEnded } else { Watched::InputRead });
    }
    let has_died = children.iter().any(|child| !child.revents().is_empty());
    Ok(if has_died { Watched::ChildDied } else { Watched::InputRead })
}

/// The pause before a child that died is replaced.
pub(super) fn rest() {
    thread::sleep(Duration::from_millis(RAISE_PAUSE_MS));
}
