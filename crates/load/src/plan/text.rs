//! A plan as people read it: traffic, a table of stacks, the verdict, and every figure with its source.

use std::fmt::Write as _;

use crore_base::units::Count;

use super::demand::{Demand, Sweep, Traffic};
use super::figures::{Figure, HELD, Origin};
use super::machine::{Limit, Use};
use super::wire::Flow;
use super::{CapacityPlan, StackPlan};
use crate::limits::{CONNECTIONS_PER_OWN_SOURCE, CONNECTIONS_PER_SOURCE};
use crate::outcome::grouped;

/// Characters of a row's name, and of a column.
const NAME: usize = 34;
const COLUMN: usize = 24;

impl CapacityPlan {
    /// The plan for people: tables, then what they rest on.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_head(&mut text);
        self.write_traffic(&mut text);
        self.write_stacks(&mut text);
        self.write_verdicts(&mut text);
        self.write_around(&mut text);
        self.write_figures(&mut text);
        text
    }

    fn write_head(&self, text: &mut String) {
        let options = &self.options;
        let (machine, asked) = (&options.machine, &self.asked);
        let connections = grouped(self.connections);
        let pings = if options.ping.is_zero() { "no pings".into() } else { format!("a ping every {}", asked.ping) };
        line(
            text,
            format_args!(
                "{connections} connections; {} of them get {} bytes each, {}; {pings}.",
                asked.active, options.payload, asked.rate
            ),
        );
        line(
            text,
            format_args!(
                "A machine: {} cores at {} of the speed measured, {}, {} each way; {} of everything is kept free.",
                machine.cores,
                asked.core_speed,
                bytes(machine.memory as f64),
                machine.link,
                asked.headroom
            ),
        );
        let each = machine.memory as f64 / self.connections as f64;
        line(text, format_args!("All its memory divided by the connections: {} each.", bytes(each)));
    }

    fn write_traffic(&self, text: &mut String) {
        let Traffic { pushes_per_second, payload_bits_per_second, pings_per_second, to_clients, from_clients } =
            self.traffic;
        line(text, format_args!("\nTraffic, the same on every stack"));
        row(text, "pushes", [format!("{}/s", number(pushes_per_second))]);
        row(text, "their payload alone", [bits(payload_bits_per_second)]);
        row(text, "pings", [format!("{}/s", number(pings_per_second))]);
        let flow = |flow: Flow| format!("{}, {} frames/s", bits(flow.bits_per_second), number(flow.frames_per_second));
        row(text, "on the wire to clients", [flow(to_clients)]);
        row(text, "on the wire from clients", [flow(from_clients)]);
    }

    fn write_stacks(&self, text: &mut String) {
        line(text, format_args!("\n{:NAME$}{}", "On one machine", columns(self.stacks.iter().map(|stack| stack.name))));
        let rows = |text: &mut String, name: &str, cell: &dyn Fn(&Demand) -> Option<String>| {
            let cells = self.stacks.iter().map(|stack| cell(&stack.demand).unwrap_or_else(|| "-".to_owned()));
            row(text, name, cells);
        };
        rows(text, "memory: connections", &|demand| Some(bytes(demand.memory.connections)));
        rows(text, "  sockets in the kernel", &|demand| some_bytes(demand.memory.sockets));
        rows(text, "  not acknowledged, at its most", &|demand| some_bytes(demand.memory.in_flight));
        rows(text, "  program and cores", &|demand| Some(bytes(demand.memory.fixed)));
        rows(text, "  kept for the system", &|demand| Some(bytes(demand.memory.reserve)));
        rows(text, "  all", &|demand| Some(bytes(demand.memory.total)));
        rows(text, "cores: pushes", &|demand| demand.cores.map(|cores| number(cores.pushes)));
        rows(text, "  pings", &|demand| demand.cores.map(|cores| number(cores.pings)));
        rows(text, "broadcast to all: processors", &|demand| demand.broadcast.map(|sweep| time(sweep.cpu_seconds)));
        rows(text, "  the link", &|demand| demand.broadcast.map(|sweep| time(sweep.link_seconds)));
        rows(text, "  so", &|demand| demand.broadcast.map(bound));
        rows(text, "all come back: processors", &|demand| demand.reconnect.map(|sweep| time(sweep.cpu_seconds)));
        rows(text, "  the link", &|demand| demand.reconnect.map(|sweep| time(sweep.link_seconds)));
        rows(text, "  so", &|demand| demand.reconnect.map(bound));
        rows(text, "descriptors", &|demand| Some(grouped(demand.descriptors)));
    }

    fn write_verdicts(&self, text: &mut String) {
        line(text, format_args!("\nOf what may be taken"));
        for limit in [Limit::Memory, Limit::Cores, Limit::LinkOut, Limit::LinkIn, Limit::Slots] {
            let share = |stack: &StackPlan| {
                let used: Option<&Use> = stack.uses.iter().find(|used| used.of == limit);
                used.map_or("-".to_owned(), |used| format!("{:.1} %", used.share() * 100.0))
            };
            row(text, limit.name(), self.stacks.iter().map(share));
        }
        let each = |cell: fn(&StackPlan) -> String| self.stacks.iter().map(cell).collect::<Vec<_>>();
        row(text, "one machine is enough", each(|stack| if stack.fits { "yes" } else { "no" }.to_owned()));
        row(text, "one machine could hold", each(|stack| grouped(stack.connections_max)));
        row(text, "what binds first", each(|stack| stack.binds.name().to_owned()));
        let name = format!("machines of {} and a spare", Count(self.options.per_machine));
        let machines = |stack: &StackPlan| stack.machines.map_or("none suffice".to_owned(), grouped);
        row(text, &name, each(machines));
    }

    fn write_around(&self, text: &mut String) {
        let generator = self.load_generator;
        line(text, format_args!("\nAround it"));
        line(
            text,
            format_args!(
                "  Source addresses of a load generator for one port of the server: {}, {} connections each, on our own\n  \
                 TCP/IP; {}, {} each, on the kernel's.",
                grouped(generator.own_stack_sources),
                grouped(CONNECTIONS_PER_OWN_SOURCE),
                grouped(generator.kernel_sources),
                grouped(CONNECTIONS_PER_SOURCE)
            ),
        );
        line(
            text,
            format_args!(
                "  A firewall that tracks connections needs {} entries, {}; what AF_XDP takes never comes to it.\n  At \
                 most {} connections of one gateway were measured; beyond it every figure is stretched.\n  Not in it: \
                 the driver of a NIC, TLS, history, publications on their way in. There is no cluster in crore: whoever\n  \
                 publishes sends to each machine.",
                grouped(self.firewall.entries),
                bytes(self.firewall.bytes),
                grouped(HELD.value as u64)
            ),
        );
    }

    fn write_figures(&self, text: &mut String) {
        for (origin, title) in [
            (Origin::Measured, "Measured"),
            (Origin::Assumed, "Assumed, not measured"),
            (Origin::Specified, "Specified"),
        ] {
            line(text, format_args!("\n{title}"));
            for figure in self.figures.iter().filter(|figure| figure.origin == origin) {
                let Figure { name, value, unit, source, .. } = figure;
                let value = format!("{} {unit}", exact(*value));
                line(text, format_args!("  {:>17}  {name}\n{:>21}{source}", value.trim_end(), ""));
            }
        }
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{words}");
}

fn columns<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let cells = cells.into_iter().map(|cell| format!("{:COLUMN$}", cell.as_ref()));
    cells.collect::<String>().trim_end().to_owned()
}

fn row<S: AsRef<str>>(text: &mut String, name: &str, cells: impl IntoIterator<Item = S>) {
    line(text, format_args!("  {name:width$}{}", columns(cells), width = NAME - 2));
}

fn bound(sweep: Sweep) -> String {
    format!("{}, {}", time(sweep.seconds), sweep.bound_by.name())
}

fn some_bytes(value: f64) -> Option<String> {
    (value > 0.0).then(|| bytes(value))
}

/// With as many decimals as tell something: three digits.
fn number(value: f64) -> String {
    match value {
        ..0.0005 => "0".to_owned(),
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        // Beyond 2^64 the conversion saturates; the limits of a plan stay far below.
        _ => grouped(value.round() as u64),
    }
}

fn exact(value: f64) -> String {
    if value >= 10_000.0 { grouped(value as u64) } else { value.to_string() }
}

/// In the largest of `units` that leaves at least one, each a thousand of the one before.
fn scaled(value: f64, units: &[&str]) -> String {
    let (mut value, mut at) = (value, 0);
    while value >= 1_000.0 && at + 1 < units.len() {
        (value, at) = (value / 1_000.0, at + 1);
    }
    format!("{} {}", number(value), units[at])
}

fn bytes(value: f64) -> String {
    scaled(value, &["B", "kB", "MB", "GB", "TB", "PB"])
}

fn bits(value: f64) -> String {
    scaled(value, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

fn time(seconds: f64) -> String {
    match seconds {
        ..1e-3 => format!("{} us", number(seconds * 1e6)),
        ..1.0 => format!("{} ms", number(seconds * 1e3)),
        ..600.0 => format!("{} s", number(seconds)),
        _ => format!("{} min", number(seconds / 60.0)),
    }
}
