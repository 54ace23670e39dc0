//! What the HTML pages of all reports have in common: they need nothing else, and are light or dark as their readers like.
//!
//! What comes from outside is escaped here; plots are taken as they are.

use std::fmt::{Display, Write as _};

const STYLE: &str = include_str!("page/style.css");

/// A page up to its verdict: words, and the class `good` or `bad`.
pub fn begin(title: &str, (verdict, class): (&str, &str)) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"{class}\">{verdict}</p>\n"
    )
}

/// Names and values.
pub fn list<'a>(page: &mut String, rows: impl IntoIterator<Item = (&'a str, &'a str)>) {
    page.push_str("<dl>\n");
    for (name, value) in rows {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
    }
    page.push_str("</dl>\n");
}

/// Plots with their captions.
pub fn figures(page: &mut String, plots: impl IntoIterator<Item = (impl Display, String)>) {
    for (caption, plot) in plots {
        let _ = writeln!(page, "<figure><figcaption>{caption}</figcaption>\n{plot}</figure>");
    }
}

/// The rest of a page: everything once more, for programs.
pub fn end(mut page: String, json: &str) -> String {
    let _ = write!(page, "<h2>As JSON</h2>\n<pre>{}</pre>\n</body>\n</html>\n", escaped(json));
    page
}

/// Text as HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
