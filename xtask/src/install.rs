//! What the judges need and a fresh machine lacks: Debian packages when we are root, npm and PyPI packages into `judges/`.
//!
//! Nothing here fails the run: what cannot be had is said, and the judges that need it are counted as skipped. Versions
//! are pinned in `tests/judges/package.json` and `tests/judges/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::exec;
use crate::report::{Outcome, Report, Tally};
use crate::{Options, judges};

/// A package manager that takes longer than this has no network.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Programs by the names under which they may be found, and the Debian package that brings them.
const PROGRAMS: &[(&[&str], &str)] = &[
    (&["curl"], "curl"),
    (&["h2load"], "nghttp2-client"),
    (&["node"], "nodejs"),
    (&["npm"], "npm"),
    (&["python3"], "python3"),
    (&["ping"], "iputils-ping"),
    (&["ip"], "iproute2"),
    (&["nsenter"], "util-linux"),
    (&["redis-server"], "redis-server"),
    (&["valgrind"], "valgrind"),
    (judges::CHROMIUM, "chromium"),
];

/// Installs what is missing, or says why not.
pub(crate) fn run(root: &Path, options: &Options, report: &mut Report) {
    if options.no_install {
        report.step("install", || Outcome::skipped("--no-install was given"));
        return;
    }
    report.step("install", || install(root));
}

fn install(root: &Path) -> Outcome {
    let (mut done, mut missed) = (Vec::new(), Vec::new());
    for result in [debian(root), npm(root), pypi(root)] {
        match result {
            Ok(Some(what)) => done.push(what),
            Ok(None) => {}
            Err(reason) => missed.push(reason),
        }
    }
    let detail = if done.is_empty() { "everything was there".to_owned() } else { done.join("; ") };
    if missed.is_empty() {
        return Outcome::passed(detail);
    }
    Outcome { tally: Tally::SKIPPED, detail: missed.join("; "), lines: done }
}

/// Debian packages for programs that are missing. `Ok(None)` when none is.
fn debian(root: &Path) -> Result<Option<String>, String> {
    let mut packages: Vec<&str> =
        PROGRAMS.iter().filter(|(names, _)| exec::find(names).is_none()).map(|(_, package)| *package).collect();
    if !judges::has_python_package(root, "websockets") && !has_pip() {
        packages.push("python3-pip");
    }
    if !judges::has_dpdk() {
        packages.extend(["libdpdk-dev", "pkg-config"]);
    }
    if packages.is_empty() {
        return Ok(None);
    }
    let wanted = packages.join(" ");
    if !is_root() || exec::find(&["apt-get"]).is_none() {
        return Err(format!("missing and not installed (needs root on Debian): {wanted}"));
    }
    let mut update = Command::new("apt-get");
    update.args(["update", "-q"]);
    must(root, "apt-update", update)?;
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "-q", "--no-install-recommends"]).args(&packages);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    must(root, "apt-install", command)?;
    Ok(Some(format!("Debian packages {wanted}")))
}

/// The JavaScript clients, when the pinned versions are not the installed ones.
fn npm(root: &Path) -> Result<Option<String>, String> {
    let pins = root.join("tests/judges/package.json");
    let Some(stamp) = outdated(root, &pins, "npm")? else {
        return Ok(None);
    };
    if exec::find(&["npm"]).is_none() {
        return Err("npm packages not installed: npm is missing".to_owned());
    }
    let folder = root.join("judges");
    fs::copy(&pins, folder.join("package.json")).map_err(|error| format!("{}: {error}", pins.display()))?;
    let mut command = Command::new("npm");
    command.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]);
    command.current_dir(&folder);
    must(root, "npm", command)?;
    mark(&pins, &stamp)?;
    Ok(Some("npm packages".to_owned()))
}

/// The Python clients, into a folder of their own: no environment of the user's is touched.
fn pypi(root: &Path) -> Result<Option<String>, String> {
    let pins = root.join("tests/judges/requirements.txt");
    let Some(stamp) = outdated(root, &pins, "pypi")? else {
        return Ok(None);
    };
    if !has_pip() {
        return Err("PyPI packages not installed: `python3 -m pip` is missing".to_owned());
    }
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check", "--target"]);
    command.arg(root.join("judges/python")).arg("-r").arg(&pins);
    must(root, "pypi", command)?;
    mark(&pins, &stamp)?;
    Ok(Some("PyPI packages".to_owned()))
}

/// The stamp to write after an installation when `pins` differ from what was last installed; `None` when they do not.
fn outdated(root: &Path, pins: &Path, name: &str) -> Result<Option<PathBuf>, String> {
    let folder = root.join("judges");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let stamp = folder.join(format!(".installed-{name}"));
    let due = fs::read(pins).map_err(|error| format!("{}: {error}", pins.display()))?;
    let same = fs::read(&stamp).is_ok_and(|have| have == due);
    Ok((!same).then_some(stamp))
}

fn mark(pins: &Path, stamp: &Path) -> Result<(), String> {
    fs::copy(pins, stamp).map(drop).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn must(root: &Path, name: &str, command: Command) -> Result<(), String> {
    let log = root.join("target").join("xtask").join(format!("install-{name}.log"));
    let ended = exec::run(command, &log, INSTALL_LIMIT)?;
    if ended.good() {
        return Ok(());
    }
    let last = ended.output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
    Err(format!("{name}: {} ({last})", ended.how()))
}

fn has_pip() -> bool {
    Command::new("python3").args(["-m", "pip", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
