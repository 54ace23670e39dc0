//! The quick way to read a head: one pass over one that is plain.
//!
//! Plain is what nearly every client sends: all of the head in one input, a target that begins with `/`, CR LF at each end of line,
//! nothing unusual. Whatever else stands there, this reader takes nothing and says nothing: the scan and the parser that follow
//! decide, and name the error. So it can only be too strict, never too lenient: what it takes, they would take, and read alike (a
//! property of the tests). It exists for its price, a fifth of theirs.

use smallvec::SmallVec;

use crate::Limits;
use crate::framing::Version;
use crate::headers::{Line, Lines, Span};
use crate::limits::METHOD_BYTES_MAX;
use crate::token::{is_target_byte, text_bytes, token_bytes};

#[cfg(test)]
mod tests;

/// A head that was read, as ranges of the bytes it came in.
pub(super) struct Plain {
    /// Bytes of the head.
    pub(super) length: usize,
    pub(super) method: Span,
    pub(super) target: Span,
    /// Where `?` stands in the target.
    pub(super) query_at: Option<usize>,
    pub(super) version: Version,
    pub(super) lines: Lines,
    pub(super) known: Known,
}

/// Which of the headers that say how to read a message are there.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// `Content-Length` or `Transfer-Encoding`.
    pub(super) framing: bool,
    /// `Connection`.
    pub(super) connection: bool,
    /// Lines of `Host`, and which of the lines the last of them is.
    pub(super) hosts: u8,
    pub(super) host_at: u8,
}

impl Known {
    fn note(&mut self, name: &[u8], at: u8) {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => (self.hosts, self.host_at) = (self.hosts + 1, at),
            10 => self.connection |= name.eq_ignore_ascii_case(b"connection"),
            14 => self.framing |= name.eq_ignore_ascii_case(b"content-length"),
            17 => self.framing |= name.eq_ignore_ascii_case(b"transfer-encoding"),
            _ => {}
        }
    }
}

/// Reads the head at the start of `input`, if it is plain and within the limits.
pub(super) fn read(input: &[u8], limits: &Limits) -> Option<Plain> {
    let window = &input[..input.len().min(usize::from(limits.head_bytes))];
    let method = token_bytes(&window[..window.len().min(usize::from(METHOD_BYTES_MAX) + 1)]);
    if !(1..=usize::from(METHOD_BYTES_MAX)).contains(&method) || *window.get(method)? != b' ' {
        return None;
    }
    if &window[..method] == b"CONNECT" {
        return None; // its target is no path
    }
    let rest = &window[method + 1..];
    let target = rest.iter().position(|&byte| !is_target_byte(byte))?;
    let text = &rest[..target];
    if target > usize::from(limits.target_bytes) || text.first() != Some(&b'/') || rest[target] != b' ' {
        return None;
    }
    let query_at = text.iter().position(|&byte| byte == b'?');
    let version = match rest.get(target + 1..target + 11)? {
        b"HTTP/1.1\r\n" => Version::Http11,
        b"HTTP/1.0\r\n" => Version::Http10,
        _ => return None,
    };
    let first_line = method + target + 12;
    let (length, lines, known) = read_lines(window, first_line, limits.headers)?;
    let (method, target) = (Span::new(0, method), Span::new(method + 1, method + 1 + target));
    Some(Plain { length, method, target, query_at, version, lines, known })
}

/// The header lines from `at` on, to the end of the head.
fn read_lines(window: &[u8], mut at: usize, lines_max: u16) -> Option<(usize, Lines, Known)> {
    let mut lines: SmallVec<[Line; Lines::INLINE]> = SmallVec::new();
    let mut known = Known::default();
    loop {
        let rest = &window[at..];
        if rest.first() == Some(&b'\r') {
            return (rest.get(1) == Some(&b'\n')).then(|| (at + 2, Lines::from(lines), known));
        }
        let name = token_bytes(rest);
        if name == 0 || *rest.get(name)? != b':' || lines.len() == usize::from(lines_max) {
            return None;
        }
        let after = &rest[name + 1..];
        let end = text_bytes(after);
        if after.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        let text = &after[..end];
        known.note(&rest[..name], lines.len() as u8);
        let start = at + name + 1;
        let from = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let behind = text[from..].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        lines.push((Span::new(at, at + name), Span::new(start + from, start + end - behind)));
        at = start + end + 2;
    }
}
