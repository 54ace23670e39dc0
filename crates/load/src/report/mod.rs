//! The page of `crore load`, and the plots that it has in common with that of `crore c10m`.

use std::fmt::Write as _;

use crate::options::Options;
use crate::outcome::Outcome;
use crate::page::{begin, end, escaped, figures, list};

pub(crate) mod plots;
#[cfg(test)]
mod tests;

/// The page.
pub(crate) fn page(outcome: &Outcome, options: &Options) -> String {
    let mut page = begin(&format!("crore load {}", outcome.target), verdict(outcome));
    let rows = outcome.rows();
    list(&mut page, rows.iter().map(|(name, value)| (*name, value.as_str())));
    figures(&mut page, plots::all(outcome));
    // Writing to a String cannot fail.
    let _ = write!(page, "<h2>Asked for</h2>\n<p>{}</p>\n", escaped(&asked(options)));
    end(page, &outcome.to_json())
}

fn verdict(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome.is_clean() {
        true => ("Everything that should have arrived arrived once and in order.", "good"),
        false => ("Something was lost, duplicated, reordered or failed; see below.", "bad"),
    }
}

fn asked(options: &Options) -> String {
    let each = |rate: Option<u64>| rate.map_or("none".to_owned(), |rate| format!("{rate}/s"));
    format!(
        "{} connections, rate {}, hold {}, channel {:?}, publish rate {}, payload {} bytes, I/O model {}.",
        options.connections,
        each(options.rate),
        options.hold,
        options.channel,
        each(options.publish_rate),
        options.payload_bytes,
        options.io,
    )
}
