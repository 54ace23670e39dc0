//! Header lines to send, which cannot hold a line end.
//!
//! [`Fields`] is the only way to put a name or a value into a head, and checks both; so what an application took from
//! one peer cannot become a header, or a response, for another. The headers that say where a message ends and whether
//! the connection goes on are not for the application to set: they come from [`Framing`](crate::Framing) and
//! [`ConnectionField`](crate::ConnectionField), so they cannot disagree with the body.

use core::fmt;

use crate::token::{is_field_text, is_whole_token};

/// Checked header lines, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    lines: Vec<u8>,
}

/// Why a header, or a part of a request's first line, cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The name is not a token.
    Name(String),
    /// The value holds a line end or another control character.
    Value(String),
    /// The codec sets this header itself.
    Reserved(String),
    /// The method is not a token.
    Method(String),
    /// The target is empty, or holds white space, a control character or a byte beyond ASCII.
    Target(String),
    /// The host is not a host with an optional port.
    Host(String),
}

impl Fields {
    /// None yet.
    pub const fn new() -> Self {
        Fields { lines: Vec::new() }
    }

    /// Adds a header line.
    ///
    /// # Errors
    /// A name that is not a token, a value with control characters, or one of `Content-Length`, `Transfer-Encoding`
    /// and `Connection`. Nothing is added then.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), FieldError> {
        const RESERVED: [&str; 3] = ["content-length", "transfer-encoding", "connection"];
        if !is_whole_token(name.as_bytes()) {
            return Err(FieldError::Name(name.into()));
        }
        if RESERVED.into_iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(FieldError::Reserved(name.into()));
        }
        if !is_field_text(value.as_bytes()) {
            return Err(FieldError::Value(name.into()));
        }
        self.lines.reserve(name.len() + value.len() + 4);
        self.lines.extend_from_slice(name.as_bytes());
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value.as_bytes());
        self.lines.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Adds all lines of another.
    pub fn append(&mut self, other: &Fields) {
        self.lines.extend_from_slice(&other.lines);
    }

    /// The lines, each with its CR LF.
    pub fn as_bytes(&self) -> &[u8] {
        &self.lines
    }
}

/// Whether `value` may stand in a header: it holds no line end and no other control character but the tab.
pub fn is_field_value(value: &str) -> bool {
    is_field_text(value.as_bytes())
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Name(name) => write!(f, "{name:?} is not a header name: use letters, digits and -"),
            FieldError::Value(name) => {
                write!(f, "the value of {name:?} holds a line end or control character: remove it")
            }
            FieldError::Reserved(name) => write!(f, "{name:?} is set by the codec: leave it out"),
            FieldError::Method(method) => write!(f, "{method:?} is not a method: use letters"),
            FieldError::Target(target) => {
                write!(f, "{target:?} is not a request target: percent-encode it")
            }
            FieldError::Host(host) => write!(f, "{host:?} is not a host: use host or host:port"),
        }
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_cannot_get_into_a_header() {
        let mut fields = Fields::new();
        for value in ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b"] {
            assert_eq!(fields.push("X-Name", value), Err(FieldError::Value("X-Name".into())));
        }
        for name in ["", "a b", "a:", "a\r\nb", "ä"] {
            assert_eq!(fields.push(name, "value"), Err(FieldError::Name(name.into())));
        }
        assert_eq!(fields, Fields::new());
    }

    #[test]
    fn framing_is_not_the_applications() {
        for name in ["Content-Length", "TRANSFER-ENCODING", "connection"] {
            assert_eq!(Fields::new().push(name, "1"), Err(FieldError::Reserved(name.into())));
        }
    }

    #[test]
    fn lines_are_ready_to_be_sent() {
        let mut fields = Fields::new();
        fields.push("Content-Type", "text/plain").unwrap();
        fields.push("X", "ä\tb").unwrap();
        assert_eq!(fields.as_bytes(), "Content-Type: text/plain\r\nX: ä\tb\r\n".as_bytes());
    }
}
