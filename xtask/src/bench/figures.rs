//! Tables of figures: the median of the runs and their spread, as Markdown for people and JSON for programs.

use std::fmt::Write as _;

/// Figures that were made together, by one command.
pub(super) struct Table {
    title: String,
    /// What a reader types to make the same thing happen.
    command: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

struct Row {
    name: String,
    unit: &'static str,
    /// One a run, in their order.
    values: Vec<f64>,
}

impl Table {
    pub(super) fn new(title: impl Into<String>, command: impl Into<String>) -> Self {
        Self { title: title.into(), command: command.into(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds one run's value to the row of that name.
    pub(super) fn add(&mut self, name: &str, unit: &'static str, value: f64) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.values.push(value),
            None => self.rows.push(Row { name: name.to_owned(), unit, values: vec![value] }),
        }
    }

    /// Adds the quotient of two rows, run by run; runs that stand beside each other were made one after the other, so
    /// what slows the machine for minutes slows both.
    pub(super) fn add_ratio(&mut self, name: &str, of: &str, to: &str) {
        let values = |name: &str| self.rows.iter().find(|row| row.name == name).map(|row| row.values.clone());
        let (Some(of), Some(to)) = (values(of), values(to)) else {
            return;
        };
        for (of, to) in of.into_iter().zip(to) {
            self.add(name, "", of / to);
        }
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Row {
    /// Least, median and greatest value; of an even number of runs the lower of both in the middle.
    fn spread(&self) -> (f64, f64, f64) {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        (sorted[0], sorted[(sorted.len() - 1) / 2], sorted[sorted.len() - 1])
    }
}

pub(super) fn markdown(machine: &str, tables: &[Table]) -> String {
    let mut text = format!("{machine}\n");
    for table in tables {
        // Writing to a String cannot fail, here and below.
        let _ =
            write!(text, "\n### {}\n\n`{}`\n\n| | median | of all runs |\n|---|---|---|\n", table.title, table.command);
        for row in &table.rows {
            let (least, median, most) = row.spread();
            let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
            let spread = match row.values.len() {
                1 => String::new(),
                _ => format!("{} to {} ", readable(least), readable(most)),
            };
            let _ = writeln!(text, "| {} | {}{unit} | {spread}|", row.name, readable(median));
        }
        for note in &table.notes {
            let _ = write!(text, "\n{note}\n");
        }
    }
    text.trim_end().to_owned()
}

/// Three digits that count, or whole numbers, and thousands apart.
fn readable(value: f64) -> String {
    match value.abs() {
        small if small < 100.0 && small.fract() == 0.0 => format!("{value:.0}"),
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => {
            let digits = format!("{:.0}", value.abs());
            let groups: Vec<&str> =
                digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
            format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(","))
        }
    }
}

/// One object on one line.
pub(super) fn json(machine: &str, tables: &[Table]) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    let tables = tables.iter().map(|table| {
        let rows = table.rows.iter().map(|row| {
            let (least, median, most) = row.spread();
            let values = list(row.values.iter().map(f64::to_string).collect());
            let (name, unit) = (quoted(&row.name), quoted(row.unit));
            format!(
                "{{\"name\":{name},\"unit\":{unit},\"median\":{median},\"min\":{least},\"max\":{most},\"values\":{values}}}"
            )
        });
        let (title, command) = (quoted(&table.title), quoted(&table.command));
        let (rows, notes) = (list(rows.collect()), list(table.notes.iter().map(|note| quoted(note)).collect()));
        format!("{{\"title\":{title},\"command\":{command},\"rows\":{rows},\"notes\":{notes}}}")
    });
    format!("{{\"machine\":{},\"tables\":{}}}", quoted(machine), list(tables.collect()))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
