//! The reports: HTML pages that need nothing else, light or dark as their readers like. The page of `crore load`, and the parts
//! that it has in common with that of `crore c10m`.

use std::fmt::{Display, Write as _};

use crate::options::Options;
use crate::outcome::Outcome;

pub(crate) mod plots;
#[cfg(test)]
mod tests;

const STYLE: &str = include_str!("style.css");

/// The page.
pub(crate) fn page(outcome: &Outcome, options: &Options) -> String {
    let mut page = begin(&format!("crore load {}", outcome.target), verdict(outcome));
    let rows = outcome.rows();
    list(&mut page, rows.iter().map(|(name, value)| (*name, value.as_str())));
    figures(&mut page, plots::all(outcome));
    // Writing to a String cannot fail, here and below.
    let _ = write!(page, "<h2>Asked for</h2>\n<p>{}</p>\n", escaped(&asked(options)));
    end(page, &outcome.to_json())
}

/// A page up to its verdict: words, and the class `good` or `bad`.
pub(crate) fn begin(title: &str, (verdict, class): (&str, &str)) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"{class}\">{verdict}</p>\n"
    )
}

/// Names and values.
pub(crate) fn list<'a>(page: &mut String, rows: impl IntoIterator<Item = (&'a str, &'a str)>) {
    page.push_str("<dl>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
    }
    page.push_str("</dl>\n");
}

/// Plots with their captions.
pub(crate) fn figures(page: &mut String, plots: impl IntoIterator<Item = (impl Display, String)>) {
    for (caption, plot) in plots {
        let _ = writeln!(page, "<figure><figcaption>{caption}</figcaption>\n{plot}</figure>");
    }
}

/// The rest of a page: everything once more, for programs.
pub(crate) fn end(mut page: String, json: &str) -> String {
    let _ = write!(page, "<h2>As JSON</h2>\n<pre>{}</pre>\n</body>\n</html>\n", escaped(json));
    page
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

/// Text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
