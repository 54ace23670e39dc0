//! What a run found: a row for each model and load, as JSON and as a table.

use std::fmt::Write as _;

use serde::Serialize;

use crate::full::figures::{Full, Pass};
use crate::options::Load;

#[cfg(test)]
mod tests;

/// All rows, in the order of loads and models.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The rows.
    pub rows: Vec<Row>,
}

/// One model under one load: medians of the repetitions. What is not known is none, and a note says why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// The model's name.
    pub model: String,
    /// The load's name.
    pub load: String,
    /// In a closed loop with one request in flight on each connection.
    pub requests_per_second: Option<f64>,
    /// Processor time of the model and all its children for a million requests of the same pass.
    pub cpu_seconds_per_million: Option<f64>,
    /// In an open loop at the same rate for all models, from the moment at which a request was due.
    pub latency_ms: Latencies,
    /// Of all threads of the model and its children, in the pass of the closed loop.
    pub context_switches_per_request: Option<f64>,
    /// In a pass of its own, under `strace -f -c`.
    pub syscalls_per_request: Option<f64>,
    /// Proportional set size of the model and its children: the slope between a tenth of the connections and all.
    pub user_bytes_per_connection: Option<f64>,
    /// Sockets, epoll entries, waiting operations of io_uring, threads and page tables of the model's side, from below: the slope, too.
    pub kernel_bytes_per_connection: Option<f64>,
    /// Connections that were open at the same time, each with an answer.
    pub max_connections: Option<u64>,
    /// Requests without a right answer, and other faults of the model, in all repetitions.
    pub errors: u64,
    /// Why there are no figures: hardware, privilege or a library that is missing. Nothing else.
    pub reason: Option<String>,
    /// What kept the model from holding more connections.
    pub stopped_by: Option<String>,
    /// Of one processor, while all connections rest; with the load `idle` only.
    pub idle_cpu_percent: Option<f64>,
    /// Of the first repetition; with the load `connect` only.
    pub ms_of_each_thousand: Vec<f64>,
    /// How often it was measured.
    pub repetitions: u64,
    /// Between what the repetitions lie.
    pub spread: Spread,
    /// What else is to be said.
    pub notes: Vec<String>,
    /// With the load `full` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<Full>,
}

/// Quantiles of latency, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// The median.
    pub p50: Option<f64>,
    /// 99 of 100 are not above.
    pub p99: Option<f64>,
    /// 999 of 1,000 are not above.
    pub p999: Option<f64>,
}

/// The least and the most of all repetitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Of [`Row::requests_per_second`].
    pub requests_per_second: Option<[f64; 2]>,
    /// Of [`Row::cpu_seconds_per_million`].
    pub cpu_seconds_per_million: Option<[f64; 2]>,
    /// Of the 99th percentile of latency.
    pub p99_ms: Option<[f64; 2]>,
}

/// What [`Row::stopped_by`] begins with where the model held all that it was asked to hold.
pub(crate) const NOTHING: &str = "nothing:";

/// A column of the table: heading, and how a row is shown in it.
pub(crate) type Column = (&'static str, fn(&Row) -> String);

/// The figures of a row under a load.
pub(crate) const fn columns(load: Load) -> &'static [Column] {
    match load {
        Load::Full => &FULL_COLUMNS,
        _ => &COLUMNS,
    }
}

const COLUMNS: [Column; 12] = [
    ("requests/s", |row| count(row.requests_per_second)),
    ("±%", |row| spread_percent(row).map_or(String::new(), |percent| format!("{percent:.0}"))),
    ("p50 ms", |row| digits(row.latency_ms.p50)),
    ("p99 ms", |row| digits(row.latency_ms.p99)),
    ("p99.9 ms", |row| digits(row.latency_ms.p999)),
    ("CPU s/M", |row| digits(row.cpu_seconds_per_million)),
    ("switches", |row| digits(row.context_switches_per_request)),
    ("syscalls", |row| digits(row.syscalls_per_request)),
    ("user B", |row| count(row.user_bytes_per_connection)),
    ("kernel B", |row| count(row.kernel_bytes_per_connection)),
    ("held", |row| row.max_connections.map_or("-".to_owned(), grouped)),
    ("errors", |row| grouped(row.errors)),
];

const FULL_COLUMNS: [Column; 14] = [
    ("requests/s", |row| count(row.requests_per_second)),
    ("highest", |row| full(row).and_then(|full| full.highest_rate).map_or("-".to_owned(), grouped)),
    ("plain p99 ms", |row| digits(pass(row).and_then(|pass| pass.plain_ms.p99))),
    ("database", |row| digits(pass(row).and_then(|pass| pass.database_ms.p99))),
    ("disk", |row| digits(pass(row).and_then(|pass| pass.disk_ms.p99))),
    ("server %", |row| digits(pass(row).map(|pass| pass.cpu_percent.server))),
    ("database %", |row| digits(pass(row).and_then(|pass| pass.cpu_percent.database))),
    ("machine %", |row| digits(pass(row).map(|pass| pass.cpu_percent.machine))),
    ("memory %", |row| digits(pass(row).map(|pass| pass.memory_percent))),
    ("subscribers", |row| row.max_connections.map_or("-".to_owned(), grouped)),
    ("server B", |row| count(full(row).map(|full| full.server_bytes_per_subscriber))),
    ("all B", |row| count(full(row).map(|full| full.machine_bytes_per_subscriber))),
    ("lost", |row| full(row).map_or("-".to_owned(), |full| grouped(full.lost))),
    ("errors", |row| grouped(row.errors)),
];

fn full(row: &Row) -> Option<&Full> {
    row.full.as_ref()
}

fn pass(row: &Row) -> Option<&Pass> {
    full(row)?.chosen()
}

impl Row {
    /// A model that cannot be run here.
    pub(crate) fn refused(model: &str, load: Load, reason: &str) -> Row {
        Row { model: model.to_owned(), load: load.name().to_owned(), reason: Some(reason.to_owned()), ..Row::default() }
    }
}

impl Outcome {
    /// Whether every answer was right, and every model that was not refused has figures.
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.reason.is_some() || row.errors == 0 && row.requests_per_second.is_some())
    }

    /// The outcome as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers, options and text always have a JSON form")
    }

    /// Loads, in order, with their rows.
    pub(crate) fn loads(&self) -> Vec<(Load, Vec<&Row>)> {
        let rows_of = |load: Load| self.rows.iter().filter(|row| row.load == load.name()).collect::<Vec<_>>();
        Load::ALL.into_iter().map(|load| (load, rows_of(load))).filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// The outcome for people: a table for each load.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (load, rows) in self.loads() {
            table_of(&mut text, load, &rows);
        }
        text
    }
}

fn table_of(text: &mut String, load: Load, rows: &[&Row]) {
    let first = std::iter::once(load.name().to_owned());
    let columns = columns(load);
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned());
    let mut lines = vec![first.chain(headings).collect::<Vec<_>>()];
    for row in rows {
        let name = std::iter::once(row.model.clone());
        lines.push(match &row.reason {
            Some(reason) => vec![row.model.clone(), format!("- {reason}")],
            None => name.chain(columns.iter().map(|(_, show)| show(row))).collect(),
        });
    }
    let is_whole = |line: &&Vec<String>| line.len() > 2;
    let width = |column: usize| lines.iter().filter(is_whole).map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..=columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    let name_width = lines.iter().map(|line| line[0].chars().count()).max().unwrap_or(0);
    for line in &lines {
        // Writing to a String cannot fail, here and below.
        let _ = write!(text, "{:<name_width$}", line[0]);
        if line.len() == 2 {
            let _ = write!(text, "  {}", line[1]);
        } else {
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                let _ = write!(text, "  {cell:>width$}");
            }
        }
        text.push('\n');
    }
    let _ = writeln!(text, "  {}", load.meaning());
    for row in rows {
        let stopped = row.stopped_by.iter().filter(|by| !by.starts_with(NOTHING)).map(|by| format!("held: {by}"));
        let idle = row.idle_cpu_percent.map(|percent| format!("idle: {percent:.1} % of a processor"));
        for note in stopped.chain(idle).chain(row.notes.iter().cloned()) {
            let _ = writeln!(text, "  {}: {note}", row.model);
        }
    }
    text.push('\n');
}

/// Half of what lies between the least and the most requests a second, in percent of the median.
fn spread_percent(row: &Row) -> Option<f64> {
    let ([least, most], median) = (row.spread.requests_per_second?, row.requests_per_second?);
    (median > 0.0).then(|| (most - least) / 2.0 / median * 100.0)
}

/// A whole number with commas between its thousands.
fn count(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| grouped(value.round() as u64))
}

/// A number with three digits that mean something.
pub(crate) fn digits(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if value >= 1_000.0 => grouped(value.round() as u64),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) if value >= 1.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.3}"),
    }
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
