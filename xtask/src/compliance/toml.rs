//! The part of TOML that our data files use, so that this crate needs no other: tables in an array (`[[name]]`) whose
//! values are strings (`"…"`, `'…'`, `'''…'''`) or lists of such on one line.
//!
//! Not a TOML parser: whatever else TOML allows is an error with its line number, never silently skipped.

/// One `[[name]]` with its keys, in the order in which they stand.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// Where it starts, counted from 1.
    pub(super) line: usize,
    values: Vec<(String, Value)>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    List(Vec<String>),
}

impl Table {
    /// Takes the string of that key out; `None` when there is no such key.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::List(_)) => Err(format!("line {}: {key} is a list, not a string", self.line)),
        }
    }

    /// Takes the string of that key out; its absence is an error.
    pub(super) fn required(&mut self, key: &str) -> Result<String, String> {
        let missing = format!("line {}: [[{}]] has no {key}", self.line, self.name);
        self.text(key)?.ok_or(missing)
    }

    /// Takes the strings of that key out: one string is a list of one.
    pub(super) fn list(&mut self, key: &str) -> Result<Vec<String>, String> {
        match self.take(key) {
            None => Err(format!("line {}: [[{}]] has no {key}", self.line, self.name)),
            Some(Value::Text(text)) => Ok(vec![text]),
            Some(Value::List(list)) => Ok(list),
        }
    }

    /// An error if a key is left that nobody took: most likely a slip of the pen.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.values.first() {
            None => Ok(()),
            Some((key, _)) => Err(format!("line {}: [[{}]] has no use for the key {key}", self.line, self.name)),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let at = self.values.iter().position(|(known, _)| known == key)?;
        Some(self.values.remove(at).1)
    }
}

/// Reads a whole file; an error says in which line.
pub(super) fn parse(text: &str) -> Result<Vec<Table>, String> {
    let mut tables: Vec<Table> = Vec::new();
    let mut reader = Reader { rest: text, line: 1 };
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return Ok(tables);
        }
        let line = reader.line;
        if let Some(rest) = reader.rest.strip_prefix("[[") {
            let (name, after) = rest.split_once("]]").ok_or(format!("line {line}: [[ without ]]"))?;
            if !is_key(name) {
                return Err(format!("line {line}: [[{}]] is not the name of a table", name.escape_debug()));
            }
            tables.push(Table { name: name.to_owned(), line, values: Vec::new() });
            reader.rest = after;
        } else {
            let (key, value) = reader.pair()?;
            let table = tables.last_mut().ok_or(format!("line {line}: {key} stands in no [[table]]"))?;
            if table.values.iter().any(|(known, _)| *known == key) {
                return Err(format!("line {line}: {key} is there twice"));
            }
            table.values.push((key, value));
        }
        reader.end_of_line()?;
    }
}

/// What has not been read yet.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// Skips spaces, empty lines and comments.
    fn skip_blank(&mut self) {
        loop {
            let start = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
            self.advance(start);
            if !self.rest.starts_with('#') {
                return;
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn pair(&mut self) -> Result<(String, Value), String> {
        let end = self.rest.find(|c: char| !is_key_character(c)).unwrap_or(self.rest.len());
        let key = self.rest[..end].to_owned();
        self.advance(end);
        self.spaces();
        let after = self.rest.strip_prefix('=').filter(|_| is_key(&key));
        self.rest = after.ok_or_else(|| self.wrong("`key = value` or [[table]]"))?;
        self.spaces();
        let value = if self.rest.starts_with('[') { Value::List(self.strings()?) } else { Value::Text(self.string()?) };
        Ok((key, value))
    }

    fn strings(&mut self) -> Result<Vec<String>, String> {
        self.advance(1);
        let mut list = Vec::new();
        loop {
            self.spaces();
            if self.rest.starts_with(']') {
                self.advance(1);
                return Ok(list);
            }
            list.push(self.string()?);
            self.spaces();
            if self.rest.starts_with(',') {
                self.advance(1);
            } else if !self.rest.starts_with(']') {
                return Err(self.wrong("`,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        if self.rest.starts_with("\"\"\"") {
            return Err(self.wrong("a string in ''' instead of \"\"\""));
        }
        if self.rest.starts_with("'''") {
            let body = self.rest[3..].strip_prefix('\n').unwrap_or(&self.rest[3..]);
            let length = body.find("'''").ok_or_else(|| self.wrong("a closing '''"))?;
            let text = body[..length].to_owned();
            self.advance(self.rest.len() - body.len() + length + 3);
            return Ok(text);
        }
        if let Some(body) = self.rest.strip_prefix('\'') {
            let length = body.find(['\'', '\n']).filter(|end| body[*end..].starts_with('\''));
            let length = length.ok_or_else(|| self.wrong("a closing '"))?;
            let text = body[..length].to_owned();
            self.advance(length + 2);
            return Ok(text);
        }
        self.escaped_string()
    }

    fn escaped_string(&mut self) -> Result<String, String> {
        let body = self.rest.strip_prefix('"').ok_or_else(|| self.wrong("a string"))?;
        let (mut text, mut characters) = (String::new(), body.char_indices());
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.advance(at + 2);
                    return Ok(text);
                }
                '\n' => break,
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    _ => return Err(self.wrong("one of the escapes \\\" \\\\ \\n \\t")),
                },
                c => text.push(c),
            }
        }
        Err(self.wrong("a closing \""))
    }

    /// Nothing but spaces and a comment may follow on the line.
    fn end_of_line(&mut self) -> Result<(), String> {
        self.spaces();
        if self.rest.is_empty() || self.rest.starts_with(['\n', '\r', '#']) {
            return Ok(());
        }
        Err(self.wrong("the end of the line"))
    }

    fn advance(&mut self, bytes: usize) {
        self.line += self.rest[..bytes].matches('\n').count();
        self.rest = &self.rest[bytes..];
    }

    fn wrong(&self, expected: &str) -> String {
        let found = self.rest.lines().next().unwrap_or("");
        format!("line {}: expected {expected}, found {found:?}", self.line)
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_key_character)
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests;
