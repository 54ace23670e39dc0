//! Conditional requests (RFC 9110, section 13): is what the client has still what there is?

use crate::date::parse_http_date;
use crate::headers::Headers;

/// What identifies the present state of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// The entity tag in its quotes, `W/` before it if it is weak.
    pub etag: &'a str,
    /// When it was modified last, in seconds since 1970.
    pub modified: u64,
}

/// What the conditions of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Answer as if there were none.
    Holds,
    /// The client has it already: 304.
    NotModified,
    /// It is not what the client thinks: 412.
    Failed,
}

impl Validators<'_> {
    /// Evaluates the conditions in the order of section 13.2.2; `is_read` for `GET` and `HEAD`. Malformed dates do not count.
    pub fn evaluate(&self, headers: &Headers, is_read: bool) -> Condition {
        if let Some(matches) = self.any_matches(headers, "if-match", is_same_strong) {
            if !matches {
                return Condition::Failed;
            }
        } else if seconds(headers, "if-unmodified-since").is_some_and(|since| self.modified > since) {
            return Condition::Failed;
        }
        match self.any_matches(headers, "if-none-match", is_same_weak) {
            Some(true) if is_read => Condition::NotModified,
            Some(true) => Condition::Failed,
            Some(false) => Condition::Holds,
            None if is_read && seconds(headers, "if-modified-since").is_some_and(|since| self.modified <= since) => {
                Condition::NotModified
            }
            None => Condition::Holds,
        }
    }

    /// Whether `Range` may be answered with a part, as far as `If-Range` is concerned (section 13.1.5): the tag must be the same and
    /// strong, a date exactly the same.
    pub fn allow_range(&self, headers: &Headers) -> bool {
        match headers.bytes("if-range") {
            None => true,
            Some(value) if value.ends_with(b"\"") => is_same_strong(value, self.etag.as_bytes()),
            Some(_) => seconds(headers, "if-range") == Some(self.modified),
        }
    }

    /// Whether one of the tags in a header is ours, or any would do; none if there is no such header.
    fn any_matches(&self, headers: &Headers, name: &str, is_same: fn(&[u8], &[u8]) -> bool) -> Option<bool> {
        let mut tags = headers.items(name).peekable();
        tags.peek()?;
        Some(tags.any(|tag| tag == b"*" || is_same(tag, self.etag.as_bytes())))
    }
}

fn is_same_strong(one: &[u8], other: &[u8]) -> bool {
    one == other && one.starts_with(b"\"")
}

fn is_same_weak(one: &[u8], other: &[u8]) -> bool {
    let opaque = |tag: &'_ [u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    opaque(one) == opaque(other)
}

fn seconds(headers: &Headers, name: &str) -> Option<u64> {
    parse_http_date(headers.value(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeadReader, Limits, Progress, http_date};

    const OURS: Validators<'static> = Validators { etag: "\"a-1\"", modified: 784_111_777 };

    fn with_headers<T>(lines: &str, use_them: impl FnOnce(&Headers) -> T) -> T {
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        match HeadReader::new(&Limits::default()).on_input(head.as_bytes()) {
            Ok(Progress::Complete { head, .. }) => use_them(head.headers()),
            other => panic!("{other:?}"),
        }
    }

    fn read(lines: &str) -> Condition {
        with_headers(lines, |headers| OURS.evaluate(headers, true))
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        let date = |seconds| http_date(seconds);
        for lines in [
            "If-None-Match: \"a-1\"\r\n".to_owned(),
            "If-None-Match: \"x\", W/\"a-1\"\r\n".to_owned(),
            "If-None-Match: *\r\n".to_owned(),
            format!("If-Modified-Since: {}\r\n", date(OURS.modified)),
            format!("If-Modified-Since: {}\r\n", date(OURS.modified + 60)),
            "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n".to_owned(),
        ] {
            assert_eq!(read(&lines), Condition::NotModified, "{lines}");
        }
        for lines in [
            String::new(),
            "If-None-Match: \"b\"\r\n".to_owned(),
            format!("If-Modified-Since: {}\r\n", date(OURS.modified - 1)),
            "If-Modified-Since: yesterday\r\n".to_owned(),
            // A tag that differs is the better witness (section 13.1.3).
            format!("If-None-Match: \"b\"\r\nIf-Modified-Since: {}\r\n", date(OURS.modified)),
        ] {
            assert_eq!(read(&lines), Condition::Holds, "{lines}");
        }
    }

    #[test]
    fn a_change_of_what_is_not_there_any_more_is_refused() {
        let change = |lines: &str| with_headers(lines, |headers| OURS.evaluate(headers, false));
        assert_eq!(change("If-Match: \"a-1\"\r\n"), Condition::Holds);
        assert_eq!(change("If-Match: \"b\"\r\n"), Condition::Failed);
        assert_eq!(change("If-Match: W/\"a-1\"\r\n"), Condition::Failed);
        assert_eq!(change("If-None-Match: *\r\n"), Condition::Failed);
        let before = format!("If-Unmodified-Since: {}\r\n", http_date(OURS.modified - 1));
        assert_eq!(change(&before), Condition::Failed);
    }

    #[test]
    fn a_part_is_given_only_of_what_the_client_has_the_rest_of() {
        let allowed = |lines: &str| with_headers(lines, |headers| OURS.allow_range(headers));
        assert!(allowed(""));
        assert!(allowed("If-Range: \"a-1\"\r\n"));
        assert!(allowed(&format!("If-Range: {}\r\n", http_date(OURS.modified))));
        assert!(!allowed("If-Range: \"b\"\r\n"));
        assert!(!allowed("If-Range: W/\"a-1\"\r\n"));
        assert!(!allowed(&format!("If-Range: {}\r\n", http_date(OURS.modified + 1))));
    }
}
