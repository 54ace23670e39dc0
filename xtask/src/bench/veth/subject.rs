//! The servers that are compared, each with one process that serves, on the same address.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::super::server::Running;
use super::super::usage;
use super::super::{Bench, hello};
use super::place::{ADDRESS, DEVICE, Place, Side};

/// How long a server may take until it answers.
const ANSWERS: Duration = Duration::from_secs(20);

/// Who serves.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    CroreXdp,
    CroreEpoll,
    Nginx,
}

pub(super) const ALL: [Subject; 3] = [Subject::CroreXdp, Subject::CroreEpoll, Subject::Nginx];

impl Subject {
    pub(super) fn name(self) -> &'static str {
        match self {
            Subject::CroreXdp => "crore on xdp",
            Subject::CroreEpoll => "crore on epoll",
            Subject::Nginx => "nginx",
        }
    }

    /// Whether the peer may leave checksums to the veth: not to who reads the frames.
    pub(super) fn may_offload(self) -> bool {
        self != Subject::CroreXdp
    }

    pub(super) fn start(self, bench: &Bench, place: &Place) -> Result<Running, String> {
        let folder = folder(bench);
        let log = fs::create_dir_all(&folder).and_then(|()| File::create(folder.join("server.log")));
        let log = log.map_err(|error| format!("{}: {error}", folder.display()))?;
        let crore = |io: &str| {
            let mut command = place.command(Side::Server, hello::path(bench));
            command.args(["--listen", ADDRESS, "--workers", "1", "--io", io]);
            command
        };
        let mut command = match self {
            Subject::CroreXdp => crore(DEVICE),
            Subject::CroreEpoll => crore("epoll"),
            Subject::Nginx => {
                let mut command = place.command(Side::Server, "nginx");
                command.arg("-p").arg(&folder).arg("-e").arg("stderr");
                command.arg("-c").arg(bench.root.join("bench/veth/nginx.conf"));
                command
            }
        };
        command.stdout(Stdio::null()).stderr(log);
        Running::start(command)
    }
}

/// Asks until the server answers.
///
/// # Errors
/// It has ended, or has not answered for [`ANSWERS`]; then the text is that of the last attempt.
pub(super) fn until_it_answers<T>(
    server: &mut Running,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<(), String> {
    let mut last = String::new();
    let answered = usage::until("an answer", ANSWERS, || {
        server.is_alive()?;
        match ask() {
            Ok(_) => Ok(Some(())),
            Err(reason) => {
                last = reason;
                Ok(None)
            }
        }
    });
    answered.map_err(|error| if last.is_empty() { error } else { format!("{error}: {last}") })
}

/// Where servers write what they must.
fn folder(bench: &Bench) -> PathBuf {
    bench.root.join("target").join("bench").join("veth")
}
