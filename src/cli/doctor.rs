//! `crore doctor`: flags into a question, the answer into text or JSON; and what of it `crore serve` says when it starts.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use crore_base::units::parse_count;
use crore_doctor::limits::CONNECTIONS_DEFAULT;
use crore_doctor::{Machine, Model, Question, Repair, Verdict, examine, repair};

use super::{BAD_USAGE, FAILED};

/// Say whether this machine can hold so many connections, what stands in the way, and how to change it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Only what matters for the model is looked at, and nothing is attached or opened to find out.
Exit code: 0 they can be held, also when something could be better; 1 they cannot; 2 bad usage.

Examples:
  crore doctor
  crore doctor --connections 10M --io xdp:eth0
  sudo crore doctor --connections 500k --fix")]
pub(crate) struct Args {
    /// Connections of one server, all at one time, like 100k or 10M
    #[arg(long, short = 'n', value_name = "N", default_value_t = CONNECTIONS_DEFAULT, value_parser = parse_count)]
    connections: u64,

    /// The I/O model that is to hold them: auto, select, poll, epoll-lt, epoll, uring, portable, wire:NAME, tap:NAME, xdp:IFACE or
    /// dpdk:DEVICE
    #[arg(long, value_name = "MODEL", default_value = "auto", value_parser = read_model)]
    io: Model,

    /// Change what can be changed until the machine starts again, and show it
    #[arg(long)]
    fix: bool,

    /// Print the answer as one JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand to its end.
pub(crate) fn run(args: Args) -> ExitCode {
    let question = match Question::new(args.connections, args.io) {
        Ok(question) => question,
        Err(error) => {
            eprintln!("crore doctor: {error}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    let machine = Machine::here();
    let repairs = if args.fix { repair(&machine, &question) } else { Vec::new() };
    let report = examine(&machine, &question);
    let text = match args.json {
        true => {
            eprint!("{}", lines(&repairs));
            report.to_json() + "\n"
        }
        false => lines(&repairs) + &report.to_text(),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("crore doctor: cannot write to standard output: {error}");
            ExitCode::from(FAILED)
        }
        _ if report.holds => ExitCode::SUCCESS,
        _ => ExitCode::from(FAILED),
    }
}

/// The model by name; for `auto` the one that it stands for here.
fn read_model(name: &str) -> Result<Model, String> {
    match name {
        "auto" => crore_rt::automatic().name.parse().map(Model::automatic),
        name => name.parse(),
    }
}

/// What was changed, a line each, and an empty one.
fn lines(repairs: &[Repair]) -> String {
    if repairs.is_empty() {
        return String::new();
    }
    repairs.iter().map(|repair| format!("{repair}\n")).collect::<String>() + "\n"
}

/// Warns of what refuses or loses connections before descriptors or memory run out, or does not let the model work at all. A model
/// that is not known here is the runtime's to refuse.
pub(crate) fn warn(io: &str) {
    let Ok(model) = read_model(io) else { return };
    let machine = Machine::here();
    let question = Question::of_server(&machine, model);
    let report = examine(&machine, &question);
    let connections = question.connections();
    for check in report.of(Verdict::Breaks) {
        let (is, needs, how) = (&check.is, &check.needs, check.how());
        tracing::warn!(connections, is, needs, how, "{}: {}", check.name, check.why);
    }
    let better = report.of(Verdict::Weakens).count();
    tracing::debug!(better, "`crore doctor --io {io}` says what could be better");
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
    fn nothing_need_be_said_and_what_is_wrong_is_refused() {
        let cli = Cli::try_parse_from(["doctor"]).unwrap();
        assert_eq!((cli.args.connections, cli.args.io.to_string().as_str()), (1_000_000, "auto"));
        for wrong in
            [["doctor", "--io", "kqueue"], ["doctor", "--connections", "-1"], ["doctor", "--connections", "1.5"]]
        {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_model_of_the_runtime_is_one_that_can_be_asked_about() {
        for name in crore_rt::DRIVERS {
            assert_eq!(read_model(name).map(|model| model.to_string()).as_deref(), Ok(*name));
        }
    }

    #[test]
    fn what_a_connection_takes_is_what_the_plan_says() {
        use crore_doctor::limits::*;
        let plan = crore_load::plan(&crore_load::PlanOptions::default()).unwrap().to_json();
        for (name, value) in [
            ("epoll: a socket in the kernel", KERNEL_SOCKET_BYTES),
            ("uring: a socket in the kernel", URING_SOCKET_BYTES),
            ("uring: a core's buffers and tables", URING_CORE_BYTES),
            ("epoll: a subscriber of two channels, in user memory", KERNEL_USER_BYTES),
            ("epoll: a core's buffers and tables", KERNEL_CORE_BYTES),
            ("own stack: a subscriber of two channels, at the peak of all phases", OWN_USER_BYTES),
            ("own stack: frames of a core", OWN_CORE_BYTES),
            ("the program with nobody connected", PROGRAM_BYTES),
            ("a tracked connection of the kernel's firewall", CONNTRACK_ENTRY_BYTES),
        ] {
            let figure = format!(r#""name":"{name}","value":{value}.0"#);
            assert!(plan.contains(&figure), "{figure} is not in the plan");
        }
    }
}
