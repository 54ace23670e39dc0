//! `crore lab`: flags into a run of the laboratory, its outcome into a table, JSON and an exit code. The models are this program once
//! more, with flags that are hidden.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crore_base::time::Duration;
use crore_base::units::{parse_count, parse_duration, parse_rate};
use crore_lab::{Database, LabError, Load, ModelCommand, Options, Place, Protocol};

use super::{BAD_USAGE, FAILED};

/// Run every I/O model on the same work, and compare what it costs.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit code: 0 every answer was right, 1 something failed, 2 bad usage.

Examples:
  crore lab --load echo --models thread,single-reactor,epoll
  crore lab --load idle --connections 10k
  crore lab --load full --models wire,epoll --database postgresql
  crore lab --out lab        every load; a page with plots in lab/lab.html")]
pub(crate) struct Args {
    /// Models, like thread,epoll; those that are meant for each load unless given
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    models: Vec<String>,

    /// Loads: echo, http, idle, connect, cpu, disk, full; all of them unless given
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    load: Vec<Load>,

    /// Connections, like 100 or 10k; with full: subscribers. Each load has its own number unless given
    #[arg(long, short = 'n', value_name = "N", value_parser = parse_count)]
    connections: Option<u64>,

    /// Requests a second at which latency is measured, the same for all models; 1000, or 200 with cpu and disk, unless
    /// given. With full: the only rate that is tried; unless given 50000, and below it the highest that is borne
    #[arg(long, value_name = "N/s", value_parser = parse_rate)]
    rate: Option<u64>,

    /// How long each pass lasts; 1s, or 10s with full, unless given
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,

    /// How often each model is measured, but with full; the table shows medians
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = parse_count)]
    repeat: u64,

    /// Threads or processes of a model that has a number of them; 0: one for each processor, with full one less
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_count)]
    workers: u64,

    /// The database of full: embedded, or postgresql or redis (of Debian's packages, started for the run; they need a build with
    /// --features compat)
    #[arg(long, value_name = "NAME", default_value = "embedded")]
    database: Database,

    /// Write a page with plots and lab.json into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print the outcome as one JSON object on one line of standard output
    #[arg(long)]
    json: bool,

    /// Be a model: started by the laboratory only
    #[arg(long, hide = true, value_name = "NAME", requires_all = ["protocol", "listen", "data"])]
    serve: Option<String>,

    /// Be the program of a CGI model: started by that model only
    #[arg(long, hide = true, conflicts_with = "serve")]
    answer: bool,

    #[arg(long, hide = true)]
    protocol: Option<Protocol>,

    #[arg(long, hide = true)]
    listen: Option<SocketAddr>,

    #[arg(long, hide = true)]
    io: Option<String>,

    #[arg(long, hide = true)]
    data: Option<PathBuf>,
}

/// Runs the subcommand to its end.
pub(crate) fn run(mut args: Args) -> ExitCode {
    if let Some(name) = args.serve.take() {
        return serve(&name, args);
    }
    if args.answer {
        return ended("answer", crore_lab::answer());
    }
    let json = args.json;
    measure(args, json).unwrap_or_else(|error| {
        eprintln!("crore lab: {error}");
        ExitCode::from(match error {
            LabError::Usage(_) => BAD_USAGE,
            LabError::Broken(_) => FAILED,
        })
    })
}

fn measure(args: Args, json: bool) -> Result<ExitCode, LabError> {
    let program = std::env::current_exe().map_err(|error| {
        LabError::Broken(format!("this program does not know where it lies, so it cannot start itself: {error}"))
    })?;
    let options = Options {
        models: args.models,
        loads: if args.load.is_empty() { Load::ALL.to_vec() } else { args.load },
        connections: args.connections,
        rate: args.rate,
        time: args.time,
        repeat: args.repeat,
        workers: args.workers,
        database: args.database,
        out: args.out,
    };
    let outcome = crore_lab::run(&options, &ModelCommand { program: program.into(), arguments: vec!["lab".into()] })?;
    eprint!("{}", outcome.table());
    if json {
        println!("{}", outcome.to_json());
    }
    if let Some(folder) = &options.out {
        eprintln!("the page: {}", folder.join("lab.html").display());
    }
    Ok(if outcome.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn serve(name: &str, args: Args) -> ExitCode {
    let (Some(protocol), Some(address), Some(data)) = (args.protocol, args.listen, args.data) else {
        unreachable!("the flags are required beside --serve")
    };
    let workers = usize::try_from(args.workers).unwrap_or(usize::MAX);
    let place = Place { protocol, address, workers, io: args.io, data };
    ended(name, crore_lab::serve_by_name(name, &place))
}

fn ended(name: &str, result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::from(FAILED)
        }
    }
}
