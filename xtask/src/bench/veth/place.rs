//! Where it happens: two network namespaces, a veth between them, and a processor for each.
//!
//! A namespace has no name outside: it is that of a process of ours that does nothing, and lives as long as that. The process
//! reads what we write to it and ends with us, however we end; so nothing is left behind. What runs in a namespace is killed
//! with us too (prctl(2), `PR_SET_PDEATHSIG`).

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::super::load::finish;

/// The client's interface and address, and the server's: nobody else is in these namespaces, so any would do.
const CLIENT: (&str, &str) = ("client0", "10.78.0.1/24");
const SERVER: (&str, &str) = ("server0", "10.78.0.2/24");

/// Where the server listens, and wrk asks.
pub(super) const ADDRESS: &str = "10.78.0.2:8080";

/// The server's device, for crore's own TCP/IP.
pub(super) const DEVICE: &str = "xdp:server0";

/// What has to be installed, and in which package of Debian.
const TOOLS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
    ("wrk", "wrk"),
    ("nginx", "nginx-light"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("setpriv", "util-linux"),
    ("taskset", "util-linux"),
];

/// Programs run with this priority, and so does their session where sessions have one (sched(7), autogroup): what else runs on
/// the machine shall not decide who wins.
const NICE: &str = "-20";

/// This machine or user cannot have such a place; the text says why.
#[derive(Debug)]
pub(super) struct Unable(pub(super) String);

/// Who runs where.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Server,
    Client,
}

/// Both namespaces, while it lives.
pub(super) struct Place {
    server: Namespace,
    client: Namespace,
    /// The server's processor, and wrk's.
    pub(super) processors: [usize; 2],
}

impl Place {
    pub(super) fn new() -> Result<Self, Unable> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let missing: Vec<String> = TOOLS
            .iter()
            .filter(|(tool, _)| !std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
            .map(|(tool, package)| format!("{tool} (package {package})"))
            .collect();
        if !missing.is_empty() {
            return Err(Unable(format!("not installed: {}", missing.join(", "))));
        }
        let allowed = allowed_processors(&fs::read_to_string("/proc/self/status").unwrap_or_default());
        let (Some(&first), Some(&last)) = (allowed.first(), allowed.last()) else {
            return Err(Unable("which processors may be used is not known".to_owned()));
        };
        if first == last {
            return Err(Unable("server and wrk need a processor each, and there is one".to_owned()));
        }
        let place = Self { server: Namespace::new()?, client: Namespace::new()?, processors: [first, last] };
        place.connect().map_err(Unable)?;
        Ok(place)
    }

    /// The veth, with one queue at each end, and an address of the kernel's at each.
    fn connect(&self) -> Result<(), String> {
        let queues = ["numtxqueues", "1", "numrxqueues", "1"];
        let (server_namespace, server) = (self.server.process.id().to_string(), SERVER.0);
        let mut link = vec!["link", "add", CLIENT.0];
        link.extend(queues);
        link.extend(["type", "veth", "peer", "name", server, "netns", &server_namespace]);
        link.extend(queues);
        self.tool(Side::Client, "ip", &link)?;
        for (side, (interface, address)) in [(Side::Client, CLIENT), (Side::Server, SERVER)] {
            self.tool(side, "ip", &["address", "add", address, "dev", interface])?;
            self.tool(side, "ip", &["link", "set", interface, "up"])?;
        }
        Ok(())
    }

    /// Whether the client's kernel leaves TCP's checksums to its interface. Between two kernels nobody computes them then, but
    /// who reads frames gets them unfinished, as no network card would hand them over.
    pub(super) fn offload_checksums(&self, on: bool) -> Result<(), String> {
        self.tool(Side::Client, "ethtool", &["-K", CLIENT.0, "tx", if on { "on" } else { "off" }])
    }

    /// A program in its namespace, on its processor, ahead of others; it has the number of the process that is started.
    pub(super) fn command(&self, side: Side, program: impl AsRef<OsStr>) -> Command {
        let (namespace, processor) = match side {
            Side::Server => (&self.server, self.processors[0]),
            Side::Client => (&self.client, self.processors[1]),
        };
        // Each word of this starts the next in its own place.
        let mut command = Command::new("setsid");
        command.arg("nsenter").arg(namespace.flag()).args(["setpriv", "--pdeathsig", "KILL"]);
        command.args(["taskset", "-c", &processor.to_string(), "nice", "-n", NICE, "sh", "-c"]);
        command.arg(format!("echo {NICE} 2>/dev/null >/proc/self/autogroup; exec \"$0\" \"$@\"")).arg(program);
        command
    }

    /// Frames that went from the client to the server and back, since the veth was made.
    pub(super) fn frames(&self) -> Result<[u64; 2], String> {
        let file = format!("/proc/{}/net/dev", self.client.process.id());
        let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        frames_of(&text, CLIENT.0).ok_or_else(|| format!("{file} has no {}", CLIENT.0))
    }

    fn tool(&self, side: Side, program: &str, arguments: &[&str]) -> Result<(), String> {
        let namespace = if side == Side::Server { &self.server } else { &self.client };
        let mut command = Command::new("nsenter");
        command.arg(namespace.flag()).arg(program).args(arguments);
        finish(command).map(drop).map_err(|error| format!("{program} {}: {error}", arguments.join(" ")))
    }
}

/// A process that keeps a network namespace.
struct Namespace {
    process: Child,
}

impl Namespace {
    fn new() -> Result<Self, Unable> {
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| Unable(format!("cannot start unshare: {error}")))?;
        let mut this = Self { process };
        // Once it echoes, it is where it should be; before, its namespace is ours.
        this.echo().map_err(|error| Unable(format!("a network namespace needs root (CAP_SYS_ADMIN): {error}")))?;
        Ok(this)
    }

    fn echo(&mut self) -> std::io::Result<()> {
        let (Some(input), Some(output)) = (&mut self.process.stdin, &mut self.process.stdout) else {
            return Err(std::io::Error::other("its input and output are no pipes"));
        };
        input.write_all(b"there\n")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        match line.as_str() {
            "there\n" => Ok(()),
            _ => Err(std::io::Error::other("it has ended")),
        }
    }

    /// For nsenter(1).
    fn flag(&self) -> String {
        format!("--net={}", Path::new("/proc").join(self.process.id().to_string()).join("ns/net").display())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The processors that a process may use, from its `/proc/PID/status`, in order.
pub(super) fn allowed_processors(status: &str) -> Vec<usize> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
    };
    list.trim().split(',').filter_map(range).flatten().collect()
}

/// Frames sent and received by an interface, from `/proc/net/dev`.
pub(super) fn frames_of(text: &str, interface: &str) -> Option<[u64; 2]> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    let fields: Vec<u64> = line.split_whitespace().flat_map(str::parse).collect();
    // Eight columns of what was received, bytes and frames first, then what was sent.
    Some([*fields.get(9)?, *fields.get(1)?])
}
