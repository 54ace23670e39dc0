//! The smallest server: every request to `/` is answered with a line of text.
//!
//! ```text
//! cargo run --release -p crore-web --example hello -- --listen 127.0.0.1:8000
//! ```
//!
//! `--io MODEL` says who carries the bytes: `auto`, `epoll`, `uring`, or a device for our own TCP/IP, such as `xdp:eth0`; there
//! the address of `--listen` may be one that the kernel has too. `--workers N` serves on so many cores, 1 if nothing is said, 0: on all.

use std::net::SocketAddr;
use std::process::ExitCode;

use crore_rt::Runtime;
use crore_rt::net::{ListenOptions, Network, TcpListener};
use crore_web::{Application, Response, Server, ServerOptions};

const USAGE: &str = "usage: hello [--listen ADDRESS:PORT] [--io MODEL] [--workers N]";

/// What the command line asked for.
struct Options {
    listen: SocketAddr,
    io: String,
    workers: usize,
}

impl Options {
    /// Reads the arguments after the program's name; an error is what to tell the user.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options =
            Options { listen: SocketAddr::from(([127, 0, 0, 1], 8000)), io: "auto".to_owned(), workers: 1 };
        while let Some(flag) = arguments.next() {
            if !["--listen", "--io", "--workers"].contains(&flag.as_str()) {
                return Err(format!("unknown argument {flag:?}\n{USAGE}"));
            }
            let value = arguments.next().ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))?;
            let wrong = |what: &str| format!("{flag} {value:?}: {what}");
            match flag.as_str() {
                "--listen" => {
                    options.listen = value.parse().map_err(|_| wrong("no address and port like 127.0.0.1:8000"))?
                }
                "--workers" => options.workers = value.parse().map_err(|_| wrong("no number of cores"))?,
                _ => options.io = value,
            }
        }
        // Each core binds it for itself: with port 0 each would be given another.
        match options.listen.port() {
            0 => Err("--listen needs a port from 1 to 65535".to_owned()),
            _ => Ok(options),
        }
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("hello: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let listen = options.listen;
    let network = Network::for_server(&options.io, &[listen], &[], &[])?;
    let builder = Runtime::builder().workers(options.workers).driver(&options.io).network(network);
    let runtime = builder.build().map_err(|error| error.to_string())?;
    runtime.block_on(async move {
        for core in 1..crore_rt::cores() {
            let share = move || async move {
                if let Err(reason) = serve(listen).await {
                    eprintln!("hello: core {core}: {reason}");
                }
            };
            crore_rt::spawn_on(core, share).detach();
        }
        serve(listen).await
    })
}

/// One core's share: its own listener on the same address, its own application.
async fn serve(listen: SocketAddr) -> Result<(), String> {
    let listener =
        TcpListener::bind(listen, &ListenOptions::default()).map_err(|error| format!("{listen}: {error}"))?;
    if crore_rt::core() == 0 {
        println!("listening on http://{listen}");
    }
    let application = Application::new(()).get("/", async |_| Response::text("Hello, world!"));
    Server::new(application, ServerOptions::default()).serve(listener).await.map_err(|error| error.to_string())
}
