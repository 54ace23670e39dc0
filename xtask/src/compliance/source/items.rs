//! Items found by their keywords in code that holds neither comments nor literals.

use std::ops::Range;

use super::lexer::is_word;

/// A function, type, constant, module, or block of methods.
#[derive(Debug)]
pub(in crate::compliance) struct Item {
    pub(in crate::compliance) kind: Kind,
    pub(in crate::compliance) name: String,
    /// From the end of what stands before it to its keyword: its comments and attributes.
    pub(super) head: Range<usize>,
    /// From its keyword to its end.
    pub(super) body: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compliance) enum Kind {
    Function,
    Module,
    /// `impl` and `trait`.
    Methods,
    /// Types, constants, macros.
    Other,
}

/// Every item, nested ones too, in the order of their keywords.
pub(super) fn find(code: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        let word_length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if word_length == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        items.extend(item(code, at, &rest[..word_length]));
        at += word_length;
    }
    items
}

/// The item whose keyword is the word at `at`, if it is one.
fn item(code: &str, at: usize, word: &str) -> Option<Item> {
    let kind = match word {
        "fn" => Kind::Function,
        "mod" => Kind::Module,
        "impl" | "trait" => Kind::Methods,
        "struct" | "enum" | "union" | "const" | "static" | "type" | "macro_rules" => Kind::Other,
        _ => return None,
    };
    let head_start = code[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    if kind != Kind::Function && !starts_an_item(&code[head_start..at]) {
        return None;
    }
    let after = code[at + word.len()..].trim_start().trim_start_matches('!').trim_start();
    let name = if word == "impl" { type_name(after)? } else { name(after)? };
    let end = match word {
        "const" | "static" | "type" => end_of(code, at, false),
        _ => end_of(code, at, true),
    };
    Some(Item { kind, name, head: head_start..at, body: at..end })
}

/// Whether what stands between the item before and a keyword is only attributes, visibility and qualifiers: `impl` in a
/// parameter's type and `const` in a pointer's are no items.
fn starts_an_item(head: &str) -> bool {
    let mut depth = 0_u32;
    let outside: String = head
        .chars()
        .filter(|c| {
            match c {
                '[' | '(' => depth += 1,
                ']' | ')' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect();
    let is_qualifier = |word: &str| matches!(word, "pub" | "unsafe" | "default");
    outside.split_whitespace().all(|word| is_qualifier(word) || word.chars().all(|c| matches!(c, '#' | '!')))
}

/// The name that follows a keyword; `None` for `const fn`, `fn(u8)` and a macro's `fn $name`.
fn name(after: &str) -> Option<String> {
    let length = after.find(|c| !is_word(c)).unwrap_or(after.len());
    let name = &after[..length];
    let is_qualifier = matches!(name, "fn" | "unsafe" | "async" | "extern" | "mut");
    (!name.is_empty() && !is_qualifier).then(|| name.to_owned())
}

/// The type that an `impl` is for, without its path and parameters.
fn type_name(after: &str) -> Option<String> {
    let header = &after[..after.find('{')?];
    let header = header.split(" where").next().unwrap_or(header);
    let plain = without_parameters(header);
    let target = plain.rsplit(" for ").next().unwrap_or(&plain);
    let last = target.trim().rsplit("::").next()?.trim_start_matches(['&', '*', '!', '(', '[', ' ']);
    let last = last.split_whitespace().next_back().unwrap_or(last);
    name(last)
}

/// The header without anything in angle brackets.
fn without_parameters(header: &str) -> String {
    let (mut depth, mut plain, mut before) = (0_u32, String::new(), ' ');
    for c in header.chars() {
        match c {
            '<' => depth += 1,
            // The arrow of `Fn() -> T` closes nothing.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    plain
}

/// Where an item ends: behind its block if it may have one, or behind the `;` that is in no bracket.
fn end_of(code: &str, from: usize, by_block: bool) -> usize {
    let mut depth = 0_i32;
    for (offset, byte) in code[from..].bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' => depth -= 1,
            b'}' => {
                depth -= 1;
                if depth < 0 {
                    return from + offset;
                }
                if by_block && depth == 0 {
                    return from + offset + 1;
                }
            }
            b';' if depth == 0 => return from + offset + 1,
            _ => {}
        }
    }
    code.len()
}
