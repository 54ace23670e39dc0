//! A plan as people read it: traffic, a table of stacks, the verdict, and every figure with its source.

use std::fmt::Write as _;

use crore_base::units::Count;

use super::demand::{Demand, Traffic};
use super::figures::{Figure, HELD, Origin};
use super::machine::{Limit, Use};
use super::wire::Flow;
use super::{CapacityPlan, StackPlan};
use crate::limits::{CONNECTIONS_PER_OWN_SOURCE, CONNECTIONS_PER_SOURCE};
use crate::outcome::grouped;

/// Characters of a row's name.
const NAME: usize = 32;

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
        row(text, "pushes", &format!("{}/s", number(pushes_per_second)));
        row(text, "their payload alone", &bits(payload_bits_per_second));
        row(text, "pings", &format!("{}/s", number(pings_per_second)));
        let flow = |flow: Flow| format!("{}, {} frames/s", bits(flow.bits_per_second), number(flow.frames_per_second));
        row(text, "on the wire to clients", &flow(to_clients));
        row(text, "on the wire from clients", &flow(from_clients));
    }

    fn write_stacks(&self, text: &mut String) {
        let memory = |stack: &StackPlan| {
            let memory = &stack.demand.memory;
            let [connections, fixed, reserve, total] =
                [memory.connections, memory.fixed, memory.reserve, memory.total].map(bytes);
            let [sockets, in_flight] = [memory.sockets, memory.in_flight].map(some_bytes);
            vec![connections, sockets, in_flight, fixed, reserve, total, grouped(stack.demand.descriptors)]
        };
        let heads = ["memory of connections", "sockets", "not acked", "program", "system", "all", "descriptors"];
        self.write_table(text, "On one machine", &heads, memory);
        let work = |stack: &StackPlan| {
            let Demand { cores, broadcast, reconnect, .. } = &stack.demand;
            let mut cells = vec![cell(cores, |cores| number(cores.pushes)), cell(cores, |cores| number(cores.pings))];
            for sweep in [broadcast, reconnect] {
                cells.extend([cell(sweep, |of| time(of.cpu_seconds)), cell(sweep, |of| time(of.link_seconds))]);
            }
            cells
        };
        let heads = ["cores for pushes", "pings", "broadcast: processors", "link", "all come back: processors", "link"];
        self.write_table(text, "Processors and link", &heads, work);
    }

    fn write_verdicts(&self, text: &mut String) {
        const LIMITS: [Limit; 6] =
            [Limit::Memory, Limit::Cores, Limit::LinkOut, Limit::LinkIn, Limit::Slots, Limit::Watched];
        let shares = |stack: &StackPlan| {
            let share = |limit: Limit| stack.uses.iter().find(|used| used.of == limit).map(Use::share);
            LIMITS.map(|limit| cell(&share(limit), |share| format!("{} %", number(share * 100.0)))).to_vec()
        };
        self.write_table(text, "Of what may be taken", &LIMITS.map(Limit::name), shares);
        let verdict = |stack: &StackPlan| {
            let fits = if stack.fits { "yes" } else { "no" };
            let machines = stack.machines.map_or("none suffice".to_owned(), grouped);
            vec![fits.to_owned(), grouped(stack.connections_max), stack.binds.name().to_owned(), machines]
        };
        let machines = format!("machines of {} and a spare", Count(self.options.per_machine));
        let heads = ["one machine is enough", "could hold", "binds first", &machines];
        self.write_table(text, "So", &heads, verdict);
    }

    /// A row for each stack, under `heads`; columns are as wide as their widest cell.
    fn write_table(&self, text: &mut String, title: &str, heads: &[&str], cells: impl Fn(&StackPlan) -> Vec<String>) {
        let mut rows = vec![[title].iter().chain(heads).map(|head| (*head).to_owned()).collect::<Vec<_>>()];
        rows.extend(self.stacks.iter().map(|stack| [vec![format!("  {}", stack.name)], cells(stack)].concat()));
        assert!(rows.iter().all(|row| row.len() == heads.len() + 1), "each column has a head and each head a column");
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0) + 2;
        let widths: Vec<usize> = (0..=heads.len()).map(width).collect();
        text.push('\n');
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            line(text, format_args!("{}", cells.collect::<String>().trim_end()));
        }
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

fn row(text: &mut String, name: &str, value: &str) {
    line(text, format_args!("  {name:NAME$}{value}"));
}

/// What is not known is a dash.
fn cell<T>(value: &Option<T>, show: impl Fn(&T) -> String) -> String {
    value.as_ref().map_or("-".to_owned(), show)
}

/// What a stack has nothing of is a dash.
fn some_bytes(value: f64) -> String {
    if value > 0.0 { bytes(value) } else { "-".to_owned() }
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
