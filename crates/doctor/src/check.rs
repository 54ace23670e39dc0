//! One thing that was looked at: what it is, what is needed, and how to change it.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::machine::setting_path;

/// How a check came out, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// So many connections cannot be held.
    Breaks,
    /// They can be held; something else is worse than it could be.
    Weakens,
    /// It is as it should be.
    Holds,
}

impl Verdict {
    /// `Holds` if it `is` so, otherwise `or`.
    pub(crate) fn holds_if(is: bool, or: Verdict) -> Verdict {
        if is { Verdict::Holds } else { or }
    }
}

/// One thing that was looked at. Serializes to an object of `--json`, which is an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What, the same on every machine but for the names of its interfaces.
    pub name: String,
    /// What it is now.
    pub is: String,
    /// What the connections need.
    pub needs: String,
    /// How both compare.
    pub verdict: Verdict,
    /// Why it is needed, a sentence.
    pub why: &'static str,
    /// What changes it; all of it together.
    pub remedies: Vec<Remedy>,
}

impl Check {
    /// How to change it, in words and commands.
    pub fn how(&self) -> String {
        let lines: Vec<String> = self.remedies.iter().map(Remedy::to_string).collect();
        lines.join("; ")
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Check", 6)?;
        object.serialize_field("name", &self.name)?;
        object.serialize_field("is", &self.is)?;
        object.serialize_field("needs", &self.needs)?;
        object.serialize_field("ok", &(self.verdict == Verdict::Holds))?;
        object.serialize_field("why", self.why)?;
        object.serialize_field("how", &self.how())?;
        object.end()
    }
}

/// Something that changes the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// A setting of the kernel's, as sysctl(8) takes it.
    Setting {
        /// Like `net.core.somaxconn`.
        key: &'static str,
        /// What to set it to.
        value: String,
    },
    /// A file of the kernel's that is no setting.
    File {
        /// Its path.
        path: String,
        /// What to write into it.
        value: String,
    },
    /// What nobody but the operator can or should do.
    Words(String),
}

impl Remedy {
    pub(crate) fn setting(key: &'static str, value: impl ToString) -> Remedy {
        Remedy::Setting { key, value: value.to_string() }
    }

    pub(crate) fn words(text: impl Into<String>) -> Remedy {
        Remedy::Words(text.into())
    }

    /// The file that it writes, and what; none for words.
    pub(crate) fn writes(&self) -> Option<(String, &str)> {
        match self {
            Remedy::Setting { key, value } => Some((setting_path(key), value)),
            Remedy::File { path, value } => Some((path.clone(), value)),
            Remedy::Words(_) => None,
        }
    }
}

/// The command now, and the line that keeps it over a restart of the machine.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::Setting { key, value } => {
                write!(f, "sysctl -w {key}='{value}' (to keep it: `{key} = {value}` in {SETTINGS_FILE})")
            }
            Remedy::File { path, value } => {
                write!(f, "echo {value} > {path} (to keep it: `w {path} - - - - {value}` in {FILES_FILE})")
            }
            Remedy::Words(text) => f.write_str(text),
        }
    }
}

/// Read at each start of the machine (sysctl.d(5)).
const SETTINGS_FILE: &str = "/etc/sysctl.d/90-crore.conf";
/// As well (tmpfiles.d(5)).
const FILES_FILE: &str = "/etc/tmpfiles.d/crore.conf";
