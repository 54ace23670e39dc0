//! A model in a process of its own, and what /proc says about it and its children.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use crore_lab::Protocol;
use rustix::process::{Pid, Signal, kill_process};

pub(crate) const WORKERS: usize = 2;
pub(crate) const DATA_BYTES: usize = 3_000_000;

/// The program that runs one model.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_lab-model");

pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn start(name: &str, protocol: Protocol) -> Process {
        Process::start_under(&[], name, protocol)
    }

    /// Starts a model beneath another program, such as `strace`, and waits until it accepts.
    pub(crate) fn start_under(wrapper: &[&str], name: &str, protocol: Protocol) -> Process {
        let workers = WORKERS.to_string();
        Process::start_with(wrapper, name, &["--protocol", protocol.name(), "--workers", &workers])
    }

    /// The same, with whatever flags it is to have.
    pub(crate) fn start_with(wrapper: &[&str], name: &str, flags: &[&str]) -> Process {
        let words = [&[PROGRAM, "lab", "--serve", name, "--data", data_file().to_str().unwrap()], flags].concat();
        let mut line = wrapper.iter().chain(&words);
        let mut child =
            Command::new(line.next().unwrap()).args(line).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        let address = first.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("{name} said {first:?}"));
        Process { address: address.parse().unwrap(), child }
    }

    /// It and all that come from it, by number and the time at which they began, so that a number that is used again is not mistaken.
    pub(crate) fn tree(&self) -> Vec<(u32, u64)> {
        let processes = all_processes();
        let mut tree = vec![self.child.id()];
        let mut at = 0;
        while at < tree.len() {
            let whose = tree[at];
            tree.extend(processes.iter().filter(|(_, (parent, _))| *parent == whose).map(|(number, _)| *number));
            at += 1;
        }
        tree.into_iter().filter_map(|number| Some((number, processes.get(&number)?.1))).collect()
    }

    /// Waits until each of its threads sleeps: it has done what there was to do, and waits. Never of who asks all the time.
    pub(crate) fn wait_until_asleep(&self) {
        while !self.tree().iter().all(|(number, _)| is_asleep(*number)) {
            sleep(Duration::from_millis(1));
        }
    }

    /// The most memory that any process of the tree has had, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let peak = |number| {
            let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<usize>().ok()
        };
        self.tree().iter().filter_map(|(number, _)| peak(*number)).max().unwrap() * 1024
    }

    /// Closes its standard input, and waits until it and all its children are gone.
    pub(crate) fn end(mut self) {
        let tree = self.tree();
        drop(self.child.stdin.take());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "it ended with {ended}");
        wait_until_gone(&tree);
    }

    /// Sends it a signal that ends it, and waits until it and all its children are gone.
    pub(crate) fn end_by(mut self, signal: Signal) {
        let tree = self.tree();
        kill_process(Pid::from_raw(self.child.id() as i32).unwrap(), signal).unwrap();
        self.child.wait().unwrap();
        wait_until_gone(&tree);
    }
}

impl Drop for Process {
    /// After a test that failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether every thread of a process sleeps, or there is no such process any more. One that is traced stops at each call, which is
/// not sleep; who traces it is not asked.
fn is_asleep(number: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{number}/task")) else { return true };
    threads.flatten().all(|thread| match fs::read_to_string(thread.path().join("stat")) {
        Ok(stat) => {
            stat.contains(" (strace) ") || stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
        }
        Err(_) => true,
    })
}

fn wait_until_gone(tree: &[(u32, u64)]) {
    loop {
        let processes = all_processes();
        let is_there = |(number, began): &(u32, u64)| processes.get(number).is_some_and(|(_, known)| known == began);
        if !tree.iter().any(is_there) {
            return;
        }
        sleep(Duration::from_millis(1));
    }
}

/// Every process that lives, with its parent and the time at which it began. One that is dead and not waited for does not live.
fn all_processes() -> HashMap<u32, (u32, u64)> {
    let read = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // Behind the name, which may hold anything: state, parent, and the time of its beginning as the twentieth word (proc(5)).
        let words: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        (!matches!(words[0], "Z" | "X")).then_some((number, (words[1].parse().ok()?, words[19].parse().ok()?)))
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| read(entry.ok()?)).collect()
}

/// What the data file holds.
pub(crate) fn data() -> &'static [u8] {
    static DATA: OnceLock<Vec<u8>> = OnceLock::new();
    DATA.get_or_init(|| (0..DATA_BYTES as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect())
}

fn data_file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lab-data-{}", std::process::id()));
        fs::write(&path, data()).unwrap();
        path
    })
}
