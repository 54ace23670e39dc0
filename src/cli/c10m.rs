//! `crore c10m`: flags into a run, its outcome into text, JSON and an exit code.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crore_base::time::Duration;
use crore_base::units::{parse_count, parse_duration, parse_rate};
use crore_load::{C10mOptions, ChildCommand, LoadError, Programs, Wire};

use super::{BAD_USAGE, FAILED};

/// Hold ten million connections on this machine, push to all of them, and check what each one got.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit code: 0 all well, 1 something was lost, duplicated or failed (it says what), 2 bad usage.

Examples:
  crore c10m                                     ten million, in shared memory: needs no privilege
  crore c10m --connections 1M --report c10m.html
  sudo crore c10m --wire xdp --admin 127.0.0.1:9000
  crore c10m --wire kernel --connections 5k      through the kernel's TCP/IP
  crore c10m --wire dpdk:net_memif               both ends of DPDK's shared memory (built with --features dpdk)
  crore c10m --wire dpdk:net_af_packet0,iface=va+net_af_packet0,iface=vb
                                                 the gateway on one end of a veth, the clients on the other")]
pub(crate) struct Args {
    /// Clients, like 100k or 10M
    #[arg(long, short = 'n', value_name = "N", default_value = "10M", value_parser = parse_count)]
    connections: u64,

    /// What carries them: memory, xdp (root), kernel (by io_uring where descriptors do not suffice), dpdk:net_memif, or
    /// dpdk:DEVICE+DEVICE: two devices of DPDK that are connected, the gateway's first
    #[arg(long, value_name = "WIRE", default_value = "memory")]
    wire: Wire,

    /// Pushes a second in the steady phase, all clients together [default: one a minute for each, on xdp a third]
    #[arg(long, value_name = "N/s", value_parser = parse_rate)]
    steady_rate: Option<u64>,

    /// How long the steady phase lasts
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    steady_for: Duration,

    /// Requests a second in the steady phase, on a thousand connections of their own [default: 50000 for ten million, on
    /// xdp 10000, fewer in proportion]
    #[arg(long, value_name = "N/s", value_parser = parse_rate)]
    requests: Option<u64>,

    /// How long to hold all clients before anything is sent
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    hold: Duration,

    /// Time between the gateway's pings; 0 sends none
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = parse_duration)]
    ping: Duration,

    /// Where the gateway shows console, API and metrics meanwhile [default: a port of 127.0.0.1 that the system chooses]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// Print the outcome as one JSON object on one line of standard output
    #[arg(long)]
    json: bool,

    /// Write an HTML report with plots
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Be the clients: started by the first process only
    #[arg(long, hide = true, exclusive = true)]
    swarm: bool,

    /// Become another program, tied to a processor and to the life of the parent: started by the first process only
    #[arg(long, hide = true, exclusive = true, num_args = 1.., allow_hyphen_values = true, value_name = "ARGUMENT")]
    launch: Vec<OsString>,
}

/// Runs the subcommand to its end.
pub(crate) fn run(args: Args) -> ExitCode {
    let result = match (args.swarm, args.launch.is_empty()) {
        (true, _) => crore_load::run_swarm().map(|()| ExitCode::SUCCESS),
        (false, false) => Err(crore_load::launch(&args.launch)),
        (false, true) => prove(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("crore c10m: {error}");
        ExitCode::from(match error {
            LoadError::Usage(_) => BAD_USAGE,
            LoadError::Broken(_) => FAILED,
        })
    })
}

fn prove(args: Args) -> Result<ExitCode, LoadError> {
    let program = std::env::current_exe().map_err(|error| {
        LoadError::Broken(format!("this program does not know where it lies, so it cannot start itself: {error}"))
    })?;
    let command = |arguments: &[&str]| ChildCommand {
        program: program.clone().into(),
        arguments: arguments.iter().map(OsString::from).collect(),
    };
    let programs = Programs {
        launch: command(&["c10m", "--launch"]),
        serve: command(&["serve"]),
        swarm: command(&["c10m", "--swarm"]),
    };
    let options = C10mOptions {
        connections: args.connections,
        wire: args.wire,
        steady_rate: args.steady_rate,
        steady_for: args.steady_for,
        requests: args.requests,
        hold: args.hold,
        ping: args.ping,
        admin: args.admin,
        report: args.report,
        commit: env!("CRORE_COMMIT").to_owned(),
    };
    let outcome = crore_load::run_c10m(&options, &programs)?;
    eprint!("{}", outcome.summary());
    if args.json {
        println!("{}", outcome.to_json());
    }
    if let Some(path) = &options.report {
        eprintln!("{:>16}  {}", "report", path.display());
    }
    Ok(if outcome.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}
