//! Servers of plain text on loopback, each with one process and one worker on the first processor: the example `hello`, the bare
//! loop and nginx.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::server::{Running, Server};
use super::{Bench, hello, usage};

/// Where nginx and the example listen.
pub(super) const ADDRESS: &str = "127.0.0.1:8765";

/// How long a server may take until it listens.
const LISTENS: Duration = Duration::from_secs(20);

/// Who serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// The example, by this I/O model.
    Hello(&'static str),
    Floor,
    Nginx,
}

impl Subject {
    /// Starts it, and waits until it listens and nobody else does.
    pub(super) fn start(self, bench: &Bench) -> Result<Server, String> {
        let address: SocketAddr = ADDRESS.parse().map_err(|_| format!("{ADDRESS} is no address"))?;
        // The kernel takes a ring apart after its process has ended, and until then its listener takes connections.
        usage::until("nobody to listen any more", LISTENS, || Ok(TcpStream::connect(address).is_err().then_some(())))?;
        let mut command = match self {
            Subject::Floor => return Server::floor(bench),
            Subject::Hello(io) => {
                let mut command = Command::new(hello::path(bench));
                command.args(["--listen", ADDRESS, "--workers", "1", "--io", io]);
                command
            }
            Subject::Nginx => {
                // Alone among the three it does not raise its limit of descriptors by itself.
                let mut command = Command::new("sh");
                command.args([
                    "-c",
                    "ulimit -S -n \"$(ulimit -H -n)\"; exec \"$0\" \"$@\"",
                    "taskset",
                    "-c",
                    "0",
                    "nginx",
                ]);
                command.args(["-e", "stderr", "-p"]).arg(folder(bench)).arg("-c").arg(config(bench)?);
                command
            }
        };
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Running::start(command)?;
        usage::until("the server to listen", LISTENS, || {
            process.is_alive()?;
            Ok(TcpStream::connect(address).ok())
        })?;
        Ok(Server { process, address })
    }
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
