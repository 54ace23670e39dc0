//! Ids in the text of a comment: `RFC 9293 MUST-5, MUST-6: why`, `RFC 5961 RST-EXACT and RFC 7323 PAWS`.
//!
//! Each id must be written in full behind its RFC, so that a search for it finds every place; a range or an id without
//! its RFC is told instead of being guessed at.

use std::collections::BTreeSet;

use super::requirements::{LEVELS, NUMBERED, id_of};

/// What a comment claims, and what is wrong in it.
#[derive(Default, Debug)]
pub(super) struct Claims {
    pub(super) ids: BTreeSet<String>,
    /// Sentences for the reader, without file and line.
    pub(super) wrong: Vec<String>,
}

/// Words of TCP that have the form of an id and mean states and segments.
const WORDS_OF_TCP: &[&str] = &[
    "CLOSE-WAIT",
    "FIN-ACK",
    "FIN-WAIT",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "LAST-ACK",
    "RST-ACK",
    "SYN-ACK",
    "SYN-RCVD",
    "SYN-RECEIVED",
    "SYN-SENT",
    "TIME-WAIT",
];

/// Reads one comment. A word in capitals behind an RFC's number is a claim if `known` has it. If it has the looks of a
/// claim, which are a hyphen in it or a colon or nothing behind it, it must be known, for else it is a slip of the pen.
pub(super) fn read(comment: &str, known: &BTreeSet<&str>) -> Claims {
    let mut claims = Claims::default();
    let mut rest = comment;
    while let Some(found) = rest.find("RFC") {
        bare(&rest[..found], &mut claims.wrong);
        rest = &rest[found + 3..];
        if let Some((rfc, after)) = number(rest) {
            rest = list(rfc, after, known, &mut claims);
        }
    }
    bare(rest, &mut claims.wrong);
    claims
}

/// The number behind `RFC`, and what follows it.
fn number(rest: &str) -> Option<(&str, &str)> {
    let digits = rest.trim_start();
    let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (length > 0).then(|| digits.split_at(length))
}

/// Reads ids of one RFC, and returns what follows the last.
fn list<'a>(rfc: &str, mut rest: &'a str, known: &BTreeSet<&str>, claims: &mut Claims) -> &'a str {
    loop {
        let (name, after) = word(rest.trim_start_matches([' ', '-']));
        let id = id_of(rfc, name);
        let is_known = known.contains(id.as_str());
        if !is_known && (!looks_like_claim(rfc, name, after) || WORDS_OF_TCP.contains(&name)) {
            return rest;
        }
        if !is_known {
            claims.wrong.push(format!("names {id}, which is no requirement"));
        }
        if is_range(after) {
            claims.wrong.push(format!("names a range from {id} on: write every id in full"));
        }
        claims.ids.extend(is_known.then_some(id));
        let separators = [", and ", ", ", " and "];
        match separators.into_iter().find_map(|separator| after.strip_prefix(separator)) {
            Some(next) if !word(next).0.is_empty() && !next.starts_with("RFC") => rest = next,
            _ => return after,
        }
    }
}

/// The longest start of `rest` that could be an id, and what follows it.
fn word(rest: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let name = rest[..length].trim_end_matches('-');
    let continues = rest[name.len()..].starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase()) && !continues;
    if is_name { rest.split_at(name.len()) } else { ("", rest) }
}

/// Whether a word behind an RFC's number is meant as an id and not as prose.
fn looks_like_claim(rfc: &str, name: &str, after: &str) -> bool {
    let stands_alone = after.starts_with(':') || after.is_empty() || after.starts_with(" RFC");
    name.contains('-') || !name.is_empty() && rfc != NUMBERED && stands_alone
}

/// Whether an id goes on as `..7`, `…7`, `/7`, `-7` or ` to 7`.
fn is_range(after: &str) -> bool {
    let marks = ["...", "..", "…", "/", "–", "-", " to "];
    let end = marks.into_iter().find_map(|mark| after.strip_prefix(mark));
    end.is_some_and(|end| end.trim_start_matches("MUST-").starts_with(|c: char| c.is_ascii_digit()))
}

/// Ids of RFC 9293 that stand without it.
fn bare(text: &str, wrong: &mut Vec<String>) {
    for part in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let number = LEVELS.iter().find_map(|level| part.strip_prefix(level));
        if number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit())) {
            wrong.push(format!("names {part} without its RFC: write `RFC 9293 {part}`"));
        }
    }
}

#[cfg(test)]
mod tests;
