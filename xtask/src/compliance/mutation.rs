//! Ways to disable a rule, from `xtask/compliance/mutations.toml`: exact text of a source file and what takes its place.

use std::fs;
use std::path::Path;

use super::toml;

/// One change of one file after which some test of each of its rows must fail.
#[derive(Debug)]
pub(super) struct Mutation {
    /// The requirements that it disables.
    pub(super) ids: Vec<String>,
    /// Relative to the workspace's root.
    pub(super) file: String,
    find: String,
    replace: String,
    /// The test that must fail, if not any test of the row will do: its path or the end of it.
    pub(super) test: Option<String>,
    /// Where it stands in mutations.toml.
    line: usize,
}

impl Mutation {
    /// Where a reader finds it.
    pub(super) fn place(&self) -> String {
        format!("mutations.toml:{}", self.line)
    }

    /// The file's text with the rule disabled. The text to find must stand there exactly once.
    pub(super) fn apply(&self, text: &str) -> Result<String, String> {
        match text.matches(self.find.as_str()).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            count => Err(format!("{}: its `find` stands {count} times in {}, not once", self.place(), self.file)),
        }
    }
}

/// Reads the file's text; an error names the line.
pub(super) fn parse(text: &str) -> Result<Vec<Mutation>, String> {
    let mut mutations = Vec::new();
    for mut table in toml::parse(text)? {
        let line = table.line;
        if table.name != "mutation" {
            return Err(format!("line {line}: [[{}]], but only [[mutation]] is read", table.name));
        }
        let mutation = Mutation {
            ids: table.list("id")?,
            file: table.required("file")?,
            find: table.required("find")?,
            replace: table.required("replace")?,
            test: table.text("test")?,
            line,
        };
        table.finish()?;
        let is_inside = !mutation.file.split('/').any(|part| part == ".." || part.is_empty());
        if mutation.ids.is_empty() || !is_inside || mutation.find.is_empty() || mutation.find == mutation.replace {
            return Err(format!("line {line}: a mutation needs an id, a file of this workspace and a change"));
        }
        mutations.push(mutation);
    }
    Ok(mutations)
}

/// The mutations that no longer fit the code, as lines for the reader.
pub(super) fn stale(root: &Path, mutations: &[Mutation]) -> Vec<String> {
    let problem = |mutation: &Mutation| {
        let text = fs::read_to_string(root.join(&mutation.file));
        let text = text.map_err(|error| format!("{}: {}: {error}", mutation.place(), mutation.file));
        text.and_then(|text| mutation.apply(&text)).err()
    };
    mutations.iter().filter_map(problem).collect()
}

#[cfg(test)]
mod tests;
