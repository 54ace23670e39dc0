//! The database servers that a run starts for itself: PostgreSQL and Redis as Debian packs them, with the settings they come with.
//!
//! A server listens on a socket in the run's folder and nowhere else. It is told by the kernel when this program dies (setpriv(1)), and
//! ended by its number when its [`Engine`] is dropped.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::harness::limits::{STOP_DEADLINE, STOP_STEP};
use crate::measure::tree::Tree;
use crate::options::Database;

#[cfg(test)]
mod tests;

/// Why there is neither PostgreSQL nor Redis.
const WITHOUT_COMPAT: &str =
    "crore was built without the feature compat, which has the clients of PostgreSQL and Redis";
/// PostgreSQL's superuser in its own books.
pub(super) const DATABASE_USER: &str = "crore";
/// Where PostgreSQL's files and its socket lie in the run's folder.
pub(super) const POSTGRESQL_FOLDER: &str = "postgresql";
/// Redis's socket in the run's folder.
pub(super) const REDIS_SOCKET: &str = "redis.socket";

/// Where Debian keeps PostgreSQL's programs: a folder for each version.
const POSTGRESQL_VERSIONS: &str = "/usr/lib/postgresql";

/// A database server that runs.
pub(super) struct Engine {
    child: Child,
    /// What ends it in good order.
    ending: Signal,
}

impl Engine {
    /// Starts what the database needs, in `folder`; none: nothing. It may not be ready yet.
    ///
    /// # Errors
    /// Why it cannot be had: the package that is missing, or what the server said.
    pub(super) fn start(database: Database, folder: &Path) -> Result<Option<Engine>, String> {
        match database {
            Database::Embedded => Ok(None),
            _ if !cfg!(feature = "compat") => Err(WITHOUT_COMPAT.to_owned()),
            Database::Postgresql => Engine::postgresql(folder).map(Some),
            Database::Redis => Engine::redis(folder).map(Some),
        }
    }

    fn postgresql(folder: &Path) -> Result<Engine, String> {
        let missing = || "the package postgresql is missing: apt-get install postgresql".to_owned();
        let [initdb, postgres] = ["initdb", "postgres"].map(|name| find(name, &postgresql_folders()));
        let (initdb, postgres) = (initdb.ok_or_else(missing)?, postgres.ok_or_else(missing)?);
        let home = folder.join(POSTGRESQL_FOLDER);
        fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        // It refuses to be root.
        let user = if geteuid().is_root() { Some(unprivileged()?) } else { None };
        if let Some((uid, gid)) = user {
            chown(&home, Some(uid), Some(gid)).map_err(|error| format!("{}: {error}", home.display()))?;
        }
        let data = home.join("data");
        let mut making = tied(Signal::KILL, user, &initdb);
        making.args(["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--username", DATABASE_USER, "-D"]);
        let made = making.arg(&data).current_dir(&home).output().map_err(|error| format!("initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", words(&made.stderr)));
        }
        let mut serving = tied(Signal::INT, user, &postgres);
        serving.arg("-D").arg(&data).arg("-k").arg(&home).args(["-c", "listen_addresses="]).current_dir(&home);
        // Smart shutdown waits for clients, fast shutdown (SIGINT) sends them away.
        Engine::spawn(serving, Signal::INT, &home.join("log"))
    }

    fn redis(folder: &Path) -> Result<Engine, String> {
        let missing = || "the package redis-server is missing: apt-get install redis-server".to_owned();
        let redis = find("redis-server", &[]).ok_or_else(missing)?;
        let mut serving = tied(Signal::TERM, None, &redis);
        // What is answered is in the log of writes, which goes to the disk each second, as is usual.
        serving.args(["--port", "0", "--appendonly", "yes", "--unixsocketperm", "700", "--dir"]).arg(folder);
        serving.arg("--unixsocket").arg(folder.join(REDIS_SOCKET));
        Engine::spawn(serving, Signal::TERM, &folder.join("redis.log"))
    }

    fn spawn(mut command: Command, ending: Signal, log: &Path) -> Result<Engine, String> {
        let output = fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let child = command.spawn().map_err(|error| format!("the database could not be started: {error}"))?;
        Ok(Engine { child, ending })
    }

    /// It and everything below it: PostgreSQL's children leave its process group.
    pub(super) fn tree(&self) -> Tree {
        Tree::family(self.child.id())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let begun = Instant::now();
        // One that has ended already is collected below.
        let _ = kill_process(Pid::from_child(&self.child), self.ending);
        while let Ok(None) = self.child.try_wait() {
            if begun.elapsed() > STOP_DEADLINE.into() {
                let _ = self.child.kill();
            }
            thread::sleep(STOP_STEP.into());
        }
    }
}

/// A command that gets `signal` when this program dies, as another user if one is given.
fn tied(signal: Signal, user: Option<(u32, u32)>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg(name_of(signal));
    if let Some((uid, gid)) = user {
        command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// As setpriv(1) takes it: numbers it does not know.
fn name_of(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "INT",
        Signal::TERM => "TERM",
        _ => "KILL",
    }
}

/// The user that PostgreSQL's package has made, or else nobody: numbers of user and group.
fn unprivileged() -> Result<(u32, u32), String> {
    let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    let found = ["postgres", "nobody"].into_iter().find_map(|name| numbers_of(&users, name));
    found.ok_or_else(|| "PostgreSQL refuses to be root, and there is neither a user postgres nor nobody".to_owned())
}

/// Of `/etc/passwd` (passwd(5)).
fn numbers_of(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_wanted = fields.len() > 3 && fields[0] == name;
        is_wanted.then(|| Some((fields[2].parse().ok()?, fields[3].parse().ok()?)))?
    })
}

/// A program in these folders, or where the shell would look.
fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = std::env::split_paths(&path).collect::<Vec<_>>();
    folders.iter().chain(&usual).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The newest version first.
fn postgresql_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(POSTGRESQL_VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.iter().map(|version| Path::new(POSTGRESQL_VERSIONS).join(version.to_string()).join("bin")).collect()
}

/// What a program said, on one line.
fn words(said: &[u8]) -> String {
    String::from_utf8_lossy(said).split_whitespace().collect::<Vec<_>>().join(" ")
}
