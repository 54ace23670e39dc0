//! The page: for each load plots and a table, and for each model its story beside its figures. It needs nothing else.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crore_load::page::{begin, end, escaped, figures, list};

use crate::catalogue;
use crate::error::LabError;
use crate::options::{Load, Options};
use crate::outcome::{NOTHING, Outcome, Row, columns, digits, grouped};

mod plots;
#[cfg(test)]
mod tests;

/// Writes the page and `lab.json` into a folder, which is made if it is not there.
///
/// # Errors
/// The system's, with the path.
pub(crate) fn write(folder: &Path, outcome: &Outcome, options: &Options) -> Result<(), LabError> {
    let broken = |path: &Path, error| LabError::broken(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| broken(folder, error))?;
    let files = [("lab.html", page(outcome, options)), ("lab.json", outcome.to_json() + "\n")];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| broken(&path, error))?;
    }
    Ok(())
}

/// The page.
fn page(outcome: &Outcome, options: &Options) -> String {
    let mut page = begin("crore lab: every I/O model on the same work", verdict(outcome));
    list(&mut page, setting(options).iter().map(|(name, value)| (*name, value.as_str())));
    for (load, rows) in outcome.loads() {
        // Writing to a String cannot fail, here and below.
        let _ = write!(page, "<h2>{}</h2>\n<p>{}</p>\n", load.name(), escaped(load.meaning()));
        figures(&mut page, plots::of_load(load, &rows));
        table(&mut page, load, &rows);
    }
    stories(&mut page, outcome);
    page.push_str(HOW);
    end(page, &outcome.to_json())
}

fn verdict(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome.is_clean() {
        true => ("Every answer was right, and every model has figures or a reason.", "good"),
        false => ("Some answers failed; the notes below the tables say which.", "bad"),
    }
}

fn setting(options: &Options) -> Vec<(&'static str, String)> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpuinfo = text("/proc/cpuinfo");
    let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    vec![
        ("processors", format!("{count}, {}", processor.map_or("unknown", |(_, name)| name))),
        ("kernel", text("/proc/sys/kernel/osrelease")),
        ("client and model", "on the same machine, so they share its processors".to_owned()),
        ("each pass", format!("{}, {} times, interleaved; medians", options.time_of(Load::Echo), options.repeat)),
        ("each pass of the full load", format!("{}, once", options.time_of(Load::Full))),
        ("workers", options.workers().to_string()),
    ]
}

fn table(page: &mut String, load: Load, rows: &[&Row]) {
    let columns = columns(load);
    page.push_str("<div class=\"wide\"><table>\n<tr><th>model</th>");
    page.extend(columns.iter().map(|(heading, _)| format!("<th>{heading}</th>")));
    page.push_str("</tr>\n");
    for row in rows {
        let cells = match &row.reason {
            Some(reason) => format!("<td class=\"words\" colspan=\"{}\">{}</td>", columns.len(), escaped(reason)),
            None => columns.iter().map(|(_, show)| format!("<td>{}</td>", escaped(&show(row)))).collect(),
        };
        let _ = writeln!(page, "<tr><td>{}</td>{cells}</tr>", escaped(&row.model));
    }
    page.push_str("</table></div>\n");
    for (model, note) in rows.iter().flat_map(|row| row.notes.iter().map(|note| (&row.model, note))) {
        let _ = writeln!(page, "<p class=\"note\">{}: {}</p>", escaped(model), escaped(note));
    }
}

/// A paragraph a model, with what was measured of it below.
fn stories(page: &mut String, outcome: &Outcome) {
    page.push_str("<h2>The models</h2>\n");
    for model in catalogue::all() {
        let rows: Vec<&Row> = outcome.rows.iter().filter(|row| row.model == model.name).collect();
        if rows.is_empty() {
            continue;
        }
        let (name, title, story) = (escaped(model.name), escaped(model.title), escaped(model.story));
        let _ = write!(page, "<article id=\"{name}\">\n<h3>{name}<small>{title}</small></h3>\n<p>{story}</p>\n");
        let measured: Vec<(&str, String)> = rows.iter().map(|row| (row.load.as_str(), sentence(row))).collect();
        list(page, measured.iter().map(|(load, text)| (*load, text.as_str())));
        page.push_str("</article>\n");
    }
}

/// What was measured, in a sentence.
fn sentence(row: &Row) -> String {
    if let Some(reason) = &row.reason {
        return format!("not run: {reason}");
    }
    let held = match (row.max_connections, &row.stopped_by) {
        (Some(count), Some(by)) if by.starts_with(NOTHING) => Some(format!("held all {} connections", grouped(count))),
        (Some(count), Some(by)) => Some(format!("held {} connections: {by}", grouped(count))),
        _ => None,
    };
    let memory = match (row.user_bytes_per_connection, row.kernel_bytes_per_connection) {
        (None, None) => None,
        (user, kernel) => Some(format!("{} + {} bytes a connection, user + kernel", digits(user), digits(kernel))),
    };
    let rate = row.requests_per_second.map(|_| format!("{} requests/s", digits(row.requests_per_second)));
    let of = |value: Option<f64>, before: &str, after: &str| value.map(|_| format!("{before}{}{after}", digits(value)));
    let parts = [
        rate,
        of(row.latency_ms.p99, "p99 ", " ms"),
        of(row.cpu_seconds_per_million, "", " CPU seconds a million"),
        of(row.syscalls_per_request, "", " system calls"),
        of(row.context_switches_per_request, "", " switches a request"),
        of(row.idle_cpu_percent, "", " % of a processor while idle"),
        memory,
        held,
        row.full.as_ref().and_then(|full| full.highest_rate).map(|rate| format!("up to {} requests/s", grouped(rate))),
        (row.errors > 0).then(|| format!("{} errors", grouped(row.errors))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How each figure was made.
const HOW: &str = "<h2>How it is measured</h2>\n<dl>\n\
<div><dt>requests/s, CPU, switches</dt><dd>A closed loop with one request in flight on each connection. Processor time is that of the \
model's process group, children that have ended included. Context switches are those that the kernel counted for \
all its threads until its end, less those before the load.</dd></div>\n\
<div><dt>latency</dt><dd>An open loop at the same rate for all: each request has its moment, and latency counts from it.</dd></div>\n\
<div><dt>system calls</dt><dd><code>strace -f -c</code>, in passes of their own with at most 20 connections; two passes that differ in their \
requests only are subtracted.</dd></div>\n\
<div><dt>user memory</dt><dd>PSS of the process group: the slope between a tenth of the connections and all. Memory is taken by pages and \
slabs, so below some hundred connections it is coarse.</dd></div>\n\
<div><dt>kernel memory</dt><dd>What the model holds, times the size of this kernel's objects: sockets with their files, entries of \
epoll, operations that wait in io_uring, threads with 16 KiB of stack, and tables of pages. The slope, too, and an estimate from below: queues are not in it.</dd></div>\n\
<div><dt>the full load</dt><dd>Rates are tried for one pass each, in the order of the notes. Shares of processors are of all processors \
together, the database's of its own processes. Bytes a subscriber: growth of the server's PSS, and of all memory in use on the machine \
with the client and the kernel.</dd></div>\n\
<div><dt>held</dt><dd>Connections open at the same time, each of which got a right answer.</dd></div>\n</dl>\n";
