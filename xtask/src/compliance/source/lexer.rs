//! Comments and literals told apart from code.

use std::ops::Range;

use super::{Comment, Documents};

/// The code with blanks for comments and literals, as long as the text, and where the comments were.
pub(super) fn split(text: &str) -> (String, Vec<Range<usize>>) {
    let (mut code, mut comments) = (String::with_capacity(text.len()), Vec::new());
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let inside_word = code.chars().next_back().is_some_and(is_word);
        let (length, is_comment) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), true),
            '/' if rest.starts_with("/*") => (block_comment(rest), true),
            '"' => (string(rest), false),
            '\'' => (character(rest), false),
            _ => match raw_string(rest).filter(|_| !inside_word) {
                Some(length) => (length, false),
                None => {
                    code.push(first);
                    at += first.len_utf8();
                    continue;
                }
            },
        };
        debug_assert!(length > 0, "a token takes at least one byte, or the pass never ends");
        if is_comment {
            comments.push(at..at + length);
        }
        code.extend(rest[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        at += length;
    }
    (code, comments)
}

/// Joins line comments of one kind that follow each other.
pub(super) fn join(text: &str, code: &str, pieces: &[Range<usize>]) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for piece in pieces {
        line += text[counted..piece.start].matches('\n').count();
        counted = piece.start;
        let (documents, said) = strip(&text[piece.clone()]);
        if let Some(last) = comments.last_mut().filter(|last| last.documents == documents) {
            let between = &text[last.at.end..piece.start];
            let follows = between.trim().is_empty() && between.matches('\n').count() == 1;
            // A comment behind code speaks about that line only.
            let line_start = code[..last.at.start].rfind('\n').map_or(0, |end| end + 1);
            if follows && code[line_start..last.at.start].trim().is_empty() && text[piece.start..].starts_with("//") {
                last.text.push(' ');
                last.text.push_str(&said);
                last.at.end = piece.end;
                continue;
            }
        }
        comments.push(Comment { at: piece.clone(), line, text: said, documents });
    }
    comments
}

/// What a comment says and what it documents.
fn strip(comment: &str) -> (Documents, String) {
    let kinds = [
        ("//!", Documents::Inside),
        ("/*!", Documents::Inside),
        ("////", Documents::Nothing),
        ("///", Documents::Next),
        ("/***", Documents::Nothing),
        ("/**/", Documents::Nothing),
        ("/**", Documents::Next),
    ];
    let known = kinds.into_iter().find(|(prefix, _)| comment.starts_with(prefix));
    let documents = known.map_or(Documents::Nothing, |(_, documents)| documents);
    let lines =
        comment.lines().map(|line| line.trim().trim_start_matches(['/', '*', '!']).trim_end_matches("*/").trim());
    (documents, lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

pub(super) fn is_word(c: char) -> bool {
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
        Some((_, '\\')) => match inside.nth(1) {
            // Behind the escaped character, which may itself be a quote.
            Some((after, _)) => rest[1 + after..].find('\'').map_or(rest.len(), |end| after + end + 2),
            None => rest.len(),
        },
        Some((_, c)) if rest[1 + c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
        _ => 1,
    }
}
