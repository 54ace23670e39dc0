//! What the engine must do: `xtask/compliance/requirements.toml` as values.

use std::collections::BTreeSet;

use super::toml;

/// One sentence that an RFC demands.
#[derive(Debug)]
pub(super) struct Requirement {
    pub(super) id: String,
    /// The RFC that demands it.
    pub(super) rfc: String,
    pub(super) section: String,
    /// What the engine does, in our own words.
    pub(super) rule: String,
    pub(super) mark: Mark,
}

/// Whether somebody said that a requirement is not to be held.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is to be held by code and tests.
    None,
    /// It is not done yet, for this reason.
    Open(String),
    /// It will not be done, for this reason.
    Declined(String),
}

/// The RFC whose Appendix B gives its requirements numbers.
pub(super) const NUMBERED: &str = "9293";

/// How those numbers start.
pub(super) const LEVELS: &[&str] = &["MUST-", "SHLD-", "MAY-"];

impl Requirement {
    /// How comments name it: `RFC 9293 MUST-5`, `RFC 5961 RST-EXACT`.
    pub(super) fn spelled(&self) -> String {
        let own =
            self.id.strip_prefix("RFC").and_then(|id| id.split_once('-')).map_or(self.id.as_str(), |(_, own)| own);
        format!("RFC {} {own}", self.rfc)
    }
}

/// The id of what a comment calls `RFC rfc own`.
pub(super) fn id_of(rfc: &str, own: &str) -> String {
    if rfc == NUMBERED { own.to_owned() } else { format!("RFC{rfc}-{own}") }
}

/// Reads the file's text; an error names the line.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut requirements = Vec::new();
    let mut known = BTreeSet::new();
    for mut table in toml::parse(text)? {
        let line = table.line;
        if table.name != "requirement" {
            return Err(format!("line {line}: [[{}]], but only [[requirement]] is read", table.name));
        }
        let id = table.required("id")?;
        let rfc = rfc_of(&id).ok_or(format!("line {line}: {id:?} is neither MUST-n, SHLD-n, MAY-n nor RFCn-NAME"))?;
        if !known.insert(id.clone()) {
            return Err(format!("line {line}: {id} is there twice"));
        }
        let (section, rule) = (table.required("section")?, table.required("rule")?);
        if rule.trim().is_empty() || rule.contains('\n') {
            return Err(format!("line {line}: the rule of {id} is not one sentence"));
        }
        let mark = match (table.text("open")?, table.text("declined")?) {
            (None, None) => Mark::None,
            (Some(reason), None) => Mark::Open(reason),
            (None, Some(reason)) => Mark::Declined(reason),
            (Some(_), Some(_)) => return Err(format!("line {line}: {id} is open and declined")),
        };
        if let Mark::Open(reason) | Mark::Declined(reason) = &mark
            && reason.trim().is_empty()
        {
            return Err(format!("line {line}: {id} is marked without a reason"));
        }
        table.finish()?;
        requirements.push(Requirement { id, rfc, section, rule, mark });
    }
    Ok(requirements)
}

/// The number of the RFC that an id belongs to; `None` if it is not an id.
fn rfc_of(id: &str) -> Option<String> {
    if let Some((rfc, own)) = id.strip_prefix("RFC").and_then(|id| id.split_once('-')) {
        let is_number = !rfc.is_empty() && rfc.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = !own.is_empty() && own.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
        return (is_number && is_name && rfc != NUMBERED).then(|| rfc.to_owned());
    }
    let number = LEVELS.iter().find_map(|level| id.strip_prefix(level))?;
    number.parse::<u8>().ok().map(|_| NUMBERED.to_owned())
}

#[cfg(test)]
mod tests;
