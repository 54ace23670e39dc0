//! `crore plan`: flags into a plan, the plan into text or JSON.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use crore_base::time::Duration;
use crore_base::units::{parse_bytes, parse_count, parse_duration};
use crore_load::{Bandwidth, Machine, Percent, PlanOptions, Rate};

use super::{BAD_USAGE, FAILED};

/// Say what so many connections take, and how many machines, from measured figures by arithmetic.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Nothing is measured here: the figures, where they come from, and what is only assumed stand below the plan.
Exit code: 0 a plan was made, also when it does not fit; 1 it could not be printed; 2 bad usage.

Examples:
  crore plan --connections 10M
  crore plan --connections 10M --active 20% --payload 1KB --rate 1/s --link 25Gbit/s
  crore plan --connections 100M --ping 2m --json")]
pub(crate) struct Args {
    /// Connections, all at one time, like 100k or 10M
    #[arg(long, short = 'n', value_name = "N", value_parser = parse_count)]
    connections: u64,

    /// How many of them get pushes, like 20%
    #[arg(long, value_name = "P", default_value = "100%")]
    active: Percent,

    /// Bytes of a publication's data, like 512 or 1KB
    #[arg(long, value_name = "BYTES", default_value = "512", value_parser = parse_bytes)]
    payload: u64,

    /// Pushes to each active connection, like 1/s, 5/m or 1/h
    #[arg(long, value_name = "RATE", default_value = "1/m")]
    rate: Rate,

    /// Time between pings to each connection; 0 sends none
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = parse_duration)]
    ping: Duration,

    /// The most connections that one machine shall hold, however many it could: all of them are lost with it
    #[arg(long, value_name = "N", default_value = "10M", value_parser = parse_count)]
    per_machine: u64,

    /// Processors of a machine
    #[arg(long, value_name = "N", default_value_t = Machine::default().cores)]
    cores: u32,

    /// Its memory, like 64GB or 256GiB
    #[arg(long, value_name = "BYTES", default_value = "64GB", value_parser = parse_bytes)]
    memory: u64,

    /// What its network carries each way, like 10Gbit/s
    #[arg(long, value_name = "RATE", default_value_t = Machine::default().link)]
    link: Bandwidth,

    /// How fast one of its cores is, of the one that the figures were measured on
    #[arg(long, value_name = "P", default_value_t = Machine::default().speed)]
    core_speed: Percent,

    /// What is kept free of everything
    #[arg(long, value_name = "P", default_value_t = Machine::default().headroom)]
    headroom: Percent,

    /// Print the plan as one JSON object on one line
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(&self) -> PlanOptions {
        let machine = Machine {
            cores: self.cores,
            memory: self.memory,
            link: self.link,
            speed: self.core_speed,
            headroom: self.headroom,
        };
        PlanOptions {
            connections: self.connections,
            active: self.active,
            payload: self.payload,
            rate: self.rate,
            ping: self.ping,
            per_machine: self.per_machine,
            machine,
        }
    }
}

/// Runs the subcommand to its end.
pub(crate) fn run(args: Args) -> ExitCode {
    let text = match crore_load::plan(&args.options()) {
        Ok(plan) if args.json => plan.to_json() + "\n",
        Ok(plan) => plan.to_text(),
        Err(error) => {
            eprintln!("crore plan: {error}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("crore plan: cannot write to standard output: {error}");
            ExitCode::from(FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn flags_that_are_left_out_are_the_defaults_of_the_library() {
        let cli = Cli::try_parse_from(["plan", "--connections", "10M"]).unwrap();
        assert_eq!(cli.args.options(), PlanOptions::default());
    }

    #[test]
    fn the_number_of_connections_must_be_said() {
        assert!(Cli::try_parse_from(["plan"]).is_err());
    }
}
