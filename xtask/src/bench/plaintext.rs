//! Plain text by `wrk`: the example `hello`, the bare loop and nginx, each with one worker on one processor, wrk on another.
//!
//! Once with a request at a time on each connection, once with 16 pipelined, where the kernel's part is small and the server's own shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::figures::Table;
use super::machine::Quiet;
use super::server::{Running, Server};
use super::{Bench, RUNS, hello, usage, wrk};

/// Where nginx and the example listen.
const ADDRESS: &str = "127.0.0.1:8765";

/// How long a server may take until it listens.
const LISTENS: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
enum Subject {
    Crore,
    Floor,
    Nginx,
}

const SUBJECTS: [Subject; 3] = [Subject::Crore, Subject::Floor, Subject::Nginx];

const PER_MILLION: &str = "server processor time";

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Subject::Crore => "crore",
            Subject::Floor => "bare loop",
            Subject::Nginx => "nginx",
        }
    }
}

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    for program in ["wrk", "nginx", "taskset"] {
        if crate::exec::find(&[program]).is_none() {
            eprintln!("  plaintext skipped: {program} is missing");
            return Ok(Vec::new());
        }
    }
    hello::build(bench)?;
    let pipeline = bench.root.join("bench").join("veth").join("pipeline.lua");
    let loads = [("one request at a time", None), ("16 pipelined", Some(&*pipeline))];
    loads.into_iter().map(|(title, script)| measure_all(bench, title, script)).collect()
}

fn measure_all(bench: &Bench, title: &str, script: Option<&Path>) -> Result<Table, String> {
    let command = wrk::command_line(script.map(|_| "bench/veth/pipeline.lua"), ADDRESS);
    let mut table = Table::new(format!("Plain text on loopback, 64 connections, {title}, 1 worker"), command);
    let mut quiet = Quiet::default();
    for round in 1..=RUNS {
        eprintln!("  {title}: run {round} of {RUNS}");
        for subject in SUBJECTS {
            let (rate, cpu) = quiet.run(|| measure(bench, subject, script))?;
            table.add(&format!("{}: requests", subject.name()), "a second", rate);
            table.add(&format!("{}: {PER_MILLION}", subject.name()), "s a million", cpu);
        }
    }
    for (other, one) in [("bare loop", "crore"), ("crore", "nginx")] {
        let row = |who: &str| format!("{who}: {PER_MILLION}");
        table.add_ratio(&format!("processor time a request, {one} to {other}"), &row(one), &row(other));
    }
    quiet.note(&mut table);
    Ok(table)
}

/// Requests a second, and the server's processor seconds a million.
fn measure(bench: &Bench, subject: Subject, script: Option<&Path>) -> Result<(f64, f64), String> {
    let mut command = match subject {
        Subject::Floor => {
            let server = Server::floor(bench)?;
            return drive(&server.address.to_string(), server.pid(), script);
        }
        Subject::Crore => Command::new(hello::path(bench)),
        Subject::Nginx => Command::new("taskset"),
    };
    match subject {
        Subject::Nginx => {
            command.args(["-c", "0", "nginx", "-e", "stderr", "-p"]).arg(folder(bench)).arg("-c").arg(config(bench)?)
        }
        _ => command.args(["--listen", ADDRESS, "--workers", "1", "--io", "epoll"]),
    };
    let server = start(command)?;
    drive(ADDRESS, server.pid(), script)
}

fn drive(address: &str, pid: u32, script: Option<&Path>) -> Result<(f64, f64), String> {
    let run = |seconds| {
        let mut command = Command::new("taskset");
        command.args(["-c", &last_processor(), "wrk"]);
        wrk::run(command, address, script, seconds)
    };
    run(1)?; // until everything is warm
    let before = usage::cpu_seconds(pid)?;
    let requests = run(wrk::MEASURED_S)?;
    let cpu = usage::cpu_seconds(pid)? - before;
    Ok((requests.answered / requests.seconds, cpu / requests.answered * 1e6))
}

/// Starts a server and waits until it listens.
fn start(mut command: Command) -> Result<Running, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Running::start(command)?;
    usage::until("the server to listen", LISTENS, || {
        server.is_alive()?;
        Ok(std::net::TcpStream::connect(ADDRESS).ok())
    })?;
    Ok(server)
}

/// nginx as on the veth, at another address.
fn config(bench: &Bench) -> Result<PathBuf, String> {
    let from = bench.root.join("bench/veth/nginx.conf");
    let to = folder(bench).join("nginx.conf");
    let problem = |error: std::io::Error| format!("{}: {error}", to.display());
    let text = fs::read_to_string(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    fs::create_dir_all(folder(bench)).map_err(problem)?;
    fs::write(&to, text.replace("10.78.0.2:8080", ADDRESS)).map_err(problem)?;
    Ok(to)
}

fn folder(bench: &Bench) -> PathBuf {
    bench.root.join("target").join("bench").join("plaintext")
}

fn last_processor() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors - 1).to_string()
}
