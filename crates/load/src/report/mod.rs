//! The report: one HTML page that needs nothing else, light or dark as its reader likes.

use std::fmt::Write as _;

use crate::options::Options;
use crate::outcome::Outcome;

pub(crate) mod plots;
#[cfg(test)]
mod tests;

pub(crate) const STYLE: &str = include_str!("style.css");

/// The page.
pub(crate) fn page(outcome: &Outcome, options: &Options) -> String {
    let title = format!("crore load {}", escaped(&outcome.target));
    let (verdict, class) = verdict(outcome);
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"{class}\">{verdict}</p>\n<dl>\n"
    );
    for (name, value) in outcome.rows() {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    let _ = writeln!(page, "</dl>");
    for (caption, plot) in plots::all(outcome) {
        let _ = writeln!(page, "<figure><figcaption>{caption}</figcaption>\n{plot}</figure>");
    }
    let _ = write!(page, "<h2>Asked for</h2>\n<p>{}</p>\n", escaped(&asked(options)));
    let _ = write!(page, "<h2>As JSON</h2>\n<pre>{}</pre>\n</body>\n</html>\n", escaped(&outcome.to_json()));
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
