//! `docs/tcp-compliance.md`: the rows as a page for readers. File and function names but no line numbers, so that the
//! page changes when the claims do and not with every edit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ledger::{Row, State};
use super::scan::{Place, Test};

const OPENING: &str = "\
# What the TCP/IP engine must do, and who checks it

Every MUST of RFC 9293 (by the numbers of its Appendix B) and what other RFCs add to it: the rule in our own words, the
code that keeps it, and the tests that fail without it. `cargo xtask compliance` writes this page from the comments of
`crates/wire` and `crates/tcp` and from `xtask/compliance`; do not edit it. Paths are relative to `crates/`, so
`tcp/engine.rs` is `crates/tcp/src/engine.rs`.

*Held*: code and tests name the rule. *Open*: not done yet. *Declined*: will not be done. *Missing*: none of these, and
`cargo xtask compliance --check` fails. `cargo xtask compliance --prove` disables rules one by one and demands that
their tests fail.
";

/// How many rows are in each state.
#[derive(Default)]
struct Counts {
    held: usize,
    open: usize,
    declined: usize,
    missing: usize,
    /// Held rows that a mutation disables.
    provable: usize,
}

impl Counts {
    fn add(&mut self, row: &Row<'_>) {
        match row.state() {
            State::Held => self.held += 1,
            State::Open(_) => self.open += 1,
            State::Declined(_) => self.declined += 1,
            State::Missing(_) => self.missing += 1,
        }
        self.provable += usize::from(row.state() == State::Held && row.mutations > 0);
    }

    fn cells(&self) -> String {
        let Self { held, open, declined, missing, provable } = self;
        format!("| {held} | {open} | {declined} | {missing} | {provable} |")
    }
}

/// The whole page.
pub(super) fn render(rows: &[Row<'_>]) -> String {
    let mut page = format!(
        "{OPENING}\n| | held | open | declined | missing | held and with a mutation |\n|---|---|---|---|---|---|\n"
    );
    let mut total = Counts::default();
    for rfc in rfcs(rows) {
        let mut counts = Counts::default();
        rows.iter().filter(|row| row.requirement.rfc == rfc).for_each(|row| counts.add(row));
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(page, "| RFC {rfc} {}", counts.cells());
    }
    rows.iter().for_each(|row| total.add(row));
    let _ = writeln!(page, "| **all {}** {}", rows.len(), total.cells());
    for rfc in rfcs(rows) {
        let _ = write!(
            page,
            "\n## RFC {rfc}\n\n<https://www.rfc-editor.org/rfc/rfc{rfc}>\n\n| id | § | rule | code | tests | state |\n|---|---|---|---|---|---|\n"
        );
        for row in rows.iter().filter(|row| row.requirement.rfc == rfc) {
            let requirement = row.requirement;
            let id = requirement.id.strip_prefix(&format!("RFC{rfc}-")).unwrap_or(&requirement.id);
            let (section, rule) = (&requirement.section, cell(&requirement.rule));
            let (code, tests) = (code(&row.code), tests(&row.tests));
            let _ = writeln!(page, "| {id} | {section} | {rule} | {code} | {tests} | {} |", state(&row.state()));
        }
    }
    page
}

/// The RFCs in the order of their first rows.
fn rfcs<'a>(rows: &'a [Row<'_>]) -> Vec<&'a str> {
    let mut rfcs = Vec::new();
    for row in rows {
        let rfc = row.requirement.rfc.as_str();
        if !rfcs.contains(&rfc) {
            rfcs.push(rfc);
        }
    }
    rfcs
}

/// The places, by file.
fn code(places: &[&Place]) -> String {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for place in places {
        let inside = place.file.strip_prefix("crates/").unwrap_or(&place.file).replacen("/src/", "/", 1);
        let items = files.entry(inside).or_default();
        items.extend(place.item.as_ref().map(|item| format!("`{item}`")));
    }
    let line = |(file, items): (String, Vec<String>)| match items.is_empty() {
        true => format!("`{file}`"),
        false => format!("`{file}` {}", items.join(" ")),
    };
    files.into_iter().map(line).collect::<Vec<_>>().join("<br>")
}

/// The tests, without the modules that are called `tests`.
fn tests(tests: &[&Test]) -> String {
    let line = |test: &&Test| format!("`{}`", test.display().replace("::tests::", "::"));
    tests.iter().map(line).collect::<Vec<_>>().join("<br>")
}

fn state(state: &State<'_>) -> String {
    match state {
        State::Held => "held".to_owned(),
        State::Open(reason) => format!("open: {}", cell(reason)),
        State::Declined(reason) => format!("declined: {}", cell(reason)),
        State::Missing(what) => format!("**missing**: {what}"),
    }
}

/// Text as it may stand in a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests;
