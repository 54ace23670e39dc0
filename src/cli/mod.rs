//! What the user types: subcommands, flags, exit codes (0 ok, 1 the run failed, 2 bad usage).

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod c10m;
mod doctor;
mod lab;
mod load;
mod plan;
mod serve;

/// The run failed.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
const BAD_USAGE: u8 = 2;

/// The release, and the commit as the build script found it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("CRORE_COMMIT"), ")");

/// Holds ten million live connections on one machine, and pushes to all of them.
#[derive(Debug, Parser)]
#[command(version = VERSION, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the push gateway: WebSocket, server-sent events and long polling, with a live console.
    Serve(serve::Args),
    /// Drive a gateway with many connections, and check everything that they are sent.
    Load(load::Args),
    /// Prove ten million connections on this machine: connect, hold, broadcast, steady traffic, reconnects, drain.
    C10m(c10m::Args),
    /// Say whether this machine can hold so many connections, what stands in the way, and how to change it.
    Doctor(doctor::Args),
    /// Run every I/O model on the same work, and compare what it costs.
    Lab(lab::Args),
    /// Say what so many connections take, and how many machines, from measured figures by arithmetic.
    Plan(plan::Args),
}

pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Load(args) => load::run(args),
        Command::C10m(args) => c10m::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Lab(args) => lab::run(args),
        Command::Plan(args) => plan::run(args),
    }
}
