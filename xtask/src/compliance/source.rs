//! Rust source as comments and items, with their places: enough to say which function a comment speaks about.
//!
//! Not a parser: it knows comments, literals and brackets, and finds items by their keywords. Macros are read as if
//! their bodies were plain code, so tests inside `proptest! { … }` are found.

mod items;
mod lexer;

use std::ops::Range;

pub(super) use items::{Item, Kind};

/// One file, taken apart.
#[derive(Debug)]
pub(super) struct Source {
    /// As long as the text, byte for byte: comments and literals are blanks, line ends stay.
    code: String,
    pub(super) comments: Vec<Comment>,
    /// In the order of their keywords.
    pub(super) items: Vec<Item>,
}

/// Line comments that follow each other without an empty line between them, or one block comment.
#[derive(Debug)]
pub(super) struct Comment {
    pub(super) at: Range<usize>,
    /// Its first line, counted from 1.
    pub(super) line: usize,
    /// What it says, without slashes and stars, its lines joined by spaces.
    pub(super) text: String,
    /// Whether it documents what follows (`///`), what it stands in (`//!`), or nothing.
    pub(super) documents: Documents,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Documents {
    Nothing,
    Next,
    Inside,
}

impl Source {
    /// Takes `text` apart; the cost is linear in its length, but for very deep nesting.
    pub(super) fn of(text: &str) -> Self {
        let (code, pieces) = lexer::split(text);
        debug_assert_eq!(code.len(), text.len(), "offsets into the code are offsets into the text");
        let comments = lexer::join(text, &code, &pieces);
        let items = items::find(&code);
        Self { code, comments, items }
    }

    /// The item that a comment speaks about: the one on its own line before it, the function it stands in, the item
    /// that follows it, or the innermost one around it.
    pub(super) fn subject(&self, comment: &Comment) -> Option<&Item> {
        let line_start = self.code[..comment.at.start].rfind('\n').map_or(0, |end| end + 1);
        let before = self.code[line_start..comment.at.start].trim_end();
        if !before.trim_start().is_empty() {
            return self.innermost(line_start + before.len() - 1);
        }
        let next =
            self.items.iter().find(|item| item.head.start <= comment.at.start && comment.at.start < item.head.end);
        let next = next.filter(|_| comment.documents != Documents::Inside);
        match next {
            Some(item) if item.kind == Kind::Function => Some(item),
            _ => self.function_at(comment.at.start).or(next).or_else(|| self.innermost(comment.at.start)),
        }
    }

    /// The documentation of an item: the comments between what stands before it and its keyword.
    pub(super) fn documentation(&self, item: &Item) -> impl Iterator<Item = &Comment> {
        let head = item.head.clone();
        self.comments
            .iter()
            .filter(move |comment| comment.documents == Documents::Next && head.contains(&comment.at.start))
    }

    /// Whether one of the item's attributes contains `text`, spaces aside.
    pub(super) fn has_attribute(&self, item: &Item, text: &str) -> bool {
        let head: String = self.code[item.head.clone()].split_whitespace().collect();
        head.contains(text)
    }

    /// Whether this is a test function, by whatever macro: `#[test]`, `#[crore::test(…)]`.
    pub(super) fn is_test(&self, item: &Item) -> bool {
        item.kind == Kind::Function
            && ["#[test]", "::test]", "::test("].iter().any(|attribute| self.has_attribute(item, attribute))
    }

    /// Whether the item, or one around it, is compiled for tests only.
    pub(super) fn is_for_tests(&self, item: &Item) -> bool {
        self.outside(item).chain([item]).any(|outer| self.is_test(outer) || self.has_attribute(outer, "#[cfg(test)]"))
    }

    /// The item's name as a reader would look for it: a method with its type.
    pub(super) fn display_name(&self, item: &Item) -> String {
        let owner = self.outside(item).filter(|outer| outer.kind == Kind::Methods).last();
        match owner {
            Some(owner) if item.kind == Kind::Function => format!("{}::{}", owner.name, item.name),
            _ => item.name.clone(),
        }
    }

    /// The item's name with the modules of this file that it stands in.
    pub(super) fn path(&self, item: &Item) -> Vec<String> {
        let modules = self.outside(item).filter(|outer| outer.kind == Kind::Module);
        modules.chain([item]).map(|part| part.name.clone()).collect()
    }

    fn function_at(&self, at: usize) -> Option<&Item> {
        self.around(at).filter(|item| item.kind == Kind::Function).last()
    }

    fn innermost(&self, at: usize) -> Option<&Item> {
        self.around(at).last()
    }

    /// The items around another, outermost first.
    fn outside(&self, item: &Item) -> impl Iterator<Item = &Item> {
        let start = item.body.start;
        self.around(start).filter(move |outer| outer.body.start < start)
    }

    /// The items around a place, outermost first.
    fn around(&self, at: usize) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.body.contains(&at))
    }
}

#[cfg(test)]
mod tests;
