//! The form of `Sec-WebSocket-Extensions` (RFC 6455, section 9.1): names, each with parameters.
//!
//! Nothing here knows what they mean. A quoted value must be a token, too; one with a backslash, which no token needs, counts
//! as malformed.

use crate::token::token_bytes;

/// One extension that is offered or used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a [u8],
    /// Names, and values where there are some, in their order.
    pub(super) parameters: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

/// The extensions of one header line, in their order; none if it is malformed anywhere. Allocates by what the head holds,
/// which has a limit.
pub(super) fn parse(value: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut cursor = Cursor { rest: value };
    let mut all = Vec::new();
    loop {
        let mut extension = Extension { name: cursor.token()?, parameters: Vec::new() };
        while cursor.take(b';') {
            let name = cursor.token()?;
            let value = if cursor.take(b'=') { Some(cursor.value()?) } else { None };
            extension.parameters.push((name, value));
        }
        all.push(extension);
        if !cursor.take(b',') {
            return cursor.rest.is_empty().then_some(all);
        }
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Skips white space, and then this byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        self.rest = self.rest.trim_ascii_start();
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        self.rest = self.rest.trim_ascii_start();
        let (token, rest) = self.rest.split_at(token_bytes(self.rest));
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    fn value(&mut self) -> Option<&'a [u8]> {
        if !self.take(b'"') {
            return self.token();
        }
        let (token, rest) = self.rest.split_at(token_bytes(self.rest));
        self.rest = rest.strip_prefix(b"\"")?;
        (!token.is_empty()).then_some(token)
    }
}
