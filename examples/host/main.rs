//! The engine as a host of its own, on a TAP interface or through AF_XDP on one of the kernel's: services for the kernel's
//! clients, and a client of the kernel's servers.
//!
//! ```text
//! host serve --io tap:t0 --address 10.77.0.2/24 --address fd77::2/64      # and in another shell, as root:
//! ip addr add 10.77.0.1/24 dev t0; curl http://10.77.0.2/bytes/1000000
//!
//! host connect --io tap:t0 --address 10.77.0.2/24 --to 10.77.0.1:7 --connections 1000
//! ```
//!
//! It obeys lines on its standard input: `stats` prints a JSON object, `faults SPEC` changes the bad network, `abort`
//! resets every connection, `quit` (or the end of input, or SIGTERM) ends it. At the end it waits for connections to finish, says a
//! last JSON object, and fails if a connection or a frame is left over or the counters do not balance.

mod arguments;
mod checksum;
mod client;
mod command;
mod device;
mod entry;
mod faults;
mod host;
mod http;
mod network;
mod pattern;
mod report;
mod services;
mod sessions;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Role};
use command::{Command, Commands};
use host::Host;
use sessions::Sessions;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            problems.iter().for_each(|problem| eprintln!("host: {problem}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("host: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until it is told to end, or has done what it was told; what is wrong then.
fn run(arguments: &Arguments) -> Outcome<Vec<String>> {
    let mut commands = Commands::listen()?;
    let mut host = Host::new(&arguments.io, &arguments.network)?;
    let options = arguments.network.options();
    let mut sessions = Sessions::default();
    match &arguments.role {
        Role::Serve(serve) => sessions.listen(&mut host.engine, serve, &options)?,
        Role::Connect(connect) => sessions.open(client::Opener::new(connect, options)),
    }
    report::say_ready(&host)?;
    while !sessions.is_over() {
        host.turn(&mut sessions, Some(&commands))?;
        match commands.next()? {
            None => {}
            Some(Command::Stats) => report::say(&host, &sessions, &[])?,
            Some(Command::Faults(both)) => host.network.disturb(both),
            Some(Command::Abort) => sessions.abort_all(&mut host.engine),
            Some(Command::Quit) => break,
        }
    }
    let problems = host.end(&mut sessions, arguments.network.linger)?;
    report::say(&host, &sessions, &problems)?;
    Ok(problems)
}
