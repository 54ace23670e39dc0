//! The header lines of a message that was read: one box of bytes, and ranges into it.
//!
//! One allocation a message, two where it has more than a dozen lines. Names keep their case and compare without it; values
//! have lost the white space around them. Made by the head parsers only, from bytes that the scan has checked.

use smallvec::SmallVec;

use crate::HttpError;

/// A part of a head, as offsets from its start. Heads have at most 65,535 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

/// A header line: its name and its value.
pub(crate) type Line = (Span, Span);

impl Span {
    /// From `start` up to `end`.
    pub(crate) fn new(start: usize, end: usize) -> Span {
        assert!(start <= end && end <= usize::from(u16::MAX), "a head's length has 16 bits");
        Span { start: start as u16, end: end as u16 }
    }

    /// Where `part` stands in `whole`, of which it is a slice.
    pub(crate) fn of(whole: &[u8], part: &[u8]) -> Span {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        let end = start.wrapping_add(part.len());
        assert!(start <= end && end <= whole.len(), "the parser returns slices of what it was given");
        Span::new(start, end)
    }

    pub(crate) fn slice(self, whole: &[u8]) -> &[u8] {
        &whole[usize::from(self.start)..usize::from(self.end)]
    }

    pub(crate) fn len(self) -> usize {
        usize::from(self.end - self.start)
    }

    /// The two parts before and after the byte at `offset` of this one; `skip` is 1 to leave that byte out.
    pub(crate) fn split(self, offset: usize, skip: usize) -> (Span, Span) {
        assert!(offset + skip <= self.len(), "a span is split inside itself");
        let middle = self.start + offset as u16;
        (Span { start: self.start, end: middle }, Span { start: middle + skip as u16, end: self.end })
    }
}

/// The header lines of a request or response, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Headers {
    bytes: Box<[u8]>,
    lines: SmallVec<[Line; Lines::INLINE]>,
}

impl Headers {
    /// The value of the first header of this name (any case). `None` as well if it is not UTF-8, which no registered
    /// header needs; [`Headers::bytes`] has it then. Looks at all headers.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.bytes(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// The value of the first header of this name (any case), whatever its bytes are.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let line = self.lines.iter().find(|line| self.is_named(line, name))?;
        Some(line.1.slice(&self.bytes))
    }

    /// The values of all headers of this name (any case).
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.lines.iter().filter(move |line| self.is_named(line, name));
        lines.map(|(_, value)| value.slice(&self.bytes))
    }

    /// The comma-separated items of all headers of this name, without the white space around them.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
    }

    /// Whether a comma-separated list header of this name holds `token` (any case).
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.items(name).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// All headers, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|(name, value)| (ascii(name.slice(&self.bytes)), value.slice(&self.bytes)))
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn is_named(&self, line: &Line, name: &str) -> bool {
        line.0.slice(&self.bytes).eq_ignore_ascii_case(name.as_bytes())
    }

    /// A part of the head these headers came with.
    pub(crate) fn part(&self, span: Span) -> &str {
        ascii(self.slice(span))
    }

    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        span.slice(&self.bytes)
    }

    /// The value of line `at`, counted from 0.
    pub(crate) fn value_at(&self, at: usize) -> &[u8] {
        self.slice(self.lines[at].1)
    }
}

/// Ranges of the header lines of a head whose bytes still belong to somebody else.
pub(crate) struct Lines(SmallVec<[Line; Lines::INLINE]>);

impl From<SmallVec<[Line; Lines::INLINE]>> for Lines {
    fn from(lines: SmallVec<[Line; Lines::INLINE]>) -> Lines {
        Lines(lines)
    }
}

impl Lines {
    /// Lines that need no allocation of their own: a browser sends about as many.
    pub(crate) const INLINE: usize = 12;

    pub(crate) fn of(whole: &[u8], parsed: &[httparse::Header<'_>]) -> Lines {
        Lines(parsed.iter().map(|line| (Span::of(whole, line.name.as_bytes()), Span::of(whole, line.value))).collect())
    }

    pub(crate) fn with(self, bytes: Box<[u8]>) -> Headers {
        Headers { bytes, lines: self.0 }
    }
}

/// What the scan has found to be ASCII, as text.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("the scan lets only ASCII through in first lines and names")
}

/// What the parser says of a head that the scan has let through.
pub(crate) fn parse_error(error: httparse::Error) -> HttpError {
    match error {
        httparse::Error::Version => HttpError::Version,
        httparse::Error::Status => HttpError::ResponseStatus,
        _ => HttpError::FirstLine,
    }
}
