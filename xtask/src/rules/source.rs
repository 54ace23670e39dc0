//! Rust source told apart into code and comments, so that a word in a string or a comment is not taken for code.
//!
//! Not a parser: it knows comments (nested), strings (raw ones too), characters and lifetimes, which is all that
//! finding a keyword needs.

/// One file, split. In `code` every comment and every literal is a space; `comments` is what the comments said.
pub(super) struct Source {
    code: String,
    comments: String,
}

impl Source {
    /// Splits `text` in one pass; the cost is linear in its length.
    pub(super) fn of(text: &str) -> Self {
        let mut source = Self { code: String::with_capacity(text.len()), comments: String::new() };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let taken = source.token(rest, first);
            debug_assert!(taken > 0, "a token takes at least one byte, or the pass never ends");
            rest = &rest[taken..];
        }
        source
    }

    /// Takes one comment, literal or character from the start of `rest`; how many bytes that was.
    fn token(&mut self, rest: &str, first: char) -> usize {
        let (length, is_comment) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), true)
        } else if rest.starts_with("/*") {
            (block_comment(rest), true)
        } else if first == '"' {
            (string(rest), false)
        } else if first == '\'' {
            (character(rest), false)
        } else if let Some(length) = raw_string(rest).filter(|_| !self.inside_word()) {
            (length, false)
        } else {
            self.code.push(first);
            return first.len_utf8();
        };
        if is_comment {
            self.comments.push_str(&rest[..length]);
            self.comments.push('\n');
        }
        self.code.push(' ');
        length
    }

    /// Whether the last character of the code so far continues a name, so that an `r` after it starts no raw string.
    fn inside_word(&self) -> bool {
        self.code.chars().next_back().is_some_and(is_word)
    }

    /// Whether the keyword stands in the code.
    pub(super) fn has_unsafe(&self) -> bool {
        self.code.split(|c| !is_word(c)).any(|word| word == "unsafe")
    }

    /// What is not finished in this file, as words for the reader.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let squeezed: String = self.code.split_whitespace().collect();
        let mut found = Vec::new();
        for name in ["todo", "unimplemented"] {
            if squeezed.contains(&format!("{name}!(")) || squeezed.contains(&format!("{name}!{{")) {
                found.push(format!("`{name}!` is a stub: finish it"));
            }
        }
        if squeezed.contains("allow(dead_code") {
            found.push("`allow(dead_code)`: remove what is not used".to_owned());
        }
        if self.comments.contains(concat!("FIX", "ME")) {
            found.push(concat!("a comment says FIX", "ME: do so").to_owned());
        }
        found
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a block comment, with those nested in it.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (at, depth) = (at + 2, depth + 1),
            Some(b"*/") => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a string with escapes, quotes included.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` and the like; `None` when none starts here.
fn raw_string(rest: &str) -> Option<usize> {
    let marks = ["r", "br", "cr"].into_iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = marks.bytes().take_while(|byte| *byte == b'#').count();
    let body = marks[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = rest.len() - body.len();
    Some(body.find(&end).map_or(rest.len(), |at| before + at + end.len()))
}

/// The length of a character literal, or of the quote alone when it starts a lifetime.
fn character(rest: &str) -> usize {
    let mut inside = rest[1..].char_indices();
    match inside.next() {
        Some((_, '\\')) => rest[3.min(rest.len())..].find('\'').map_or(rest.len(), |at| at + 4),
        Some((_, c)) if rest[1 + c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
        _ => 1,
    }
}
