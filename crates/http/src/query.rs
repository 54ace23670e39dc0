//! Percent-encoding and query strings, read strictly.
//!
//! Nothing is guessed: a `%` without two hexadecimal digits, or bytes that are not UTF-8 when decoded, are errors and
//! not text. Decoding copies only what holds an escape.

use core::fmt;
use std::borrow::Cow;

/// Why encoded text cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// A `%` that two hexadecimal digits do not follow.
    Escape {
        /// Where the `%` stands.
        at: usize,
    },
    /// The decoded bytes are not UTF-8.
    Utf8,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Escape { at } => write!(f, "% at byte {at} without two hexadecimal digits: encode it as %25"),
            QueryError::Utf8 => f.write_str("the decoded bytes are not UTF-8: encode text as UTF-8"),
        }
    }
}

impl std::error::Error for QueryError {}

/// The names and values of `a=1&b=two+words`, decoded, in their order. Empty parts are skipped; a part without `=` is a
/// name with an empty value; `+` is a space (the form encoding of HTML).
pub fn pairs(query: &str) -> impl Iterator<Item = Result<(Cow<'_, str>, Cow<'_, str>), QueryError>> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decode_with(name, b'+')?, decode_with(value, b'+')?))
    })
}

/// The value of the first parameter with this (decoded) name.
///
/// # Errors
/// If an escape in this or an earlier parameter is malformed.
pub fn find<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, QueryError> {
    for pair in pairs(query) {
        let (key, value) = pair?;
        if key == name {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Text without its percent-escapes; `+` stands for itself, as in a path.
///
/// # Errors
/// A malformed escape, or bytes that are not UTF-8.
pub fn decode(text: &str) -> Result<Cow<'_, str>, QueryError> {
    decode_with(text, b'%')
}

/// `space` is a byte that reads as a space; `%` for none.
fn decode_with(text: &str, space: u8) -> Result<Cow<'_, str>, QueryError> {
    let Some(first) = memchr::memchr2(b'%', space, text.as_bytes()) else {
        return Ok(Cow::Borrowed(text));
    };
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut at = first;
    while at < bytes.len() {
        let (byte, taken) = match bytes[at] {
            b'%' => (escape(&bytes[at + 1..]).ok_or(QueryError::Escape { at })?, 3),
            byte if byte == space => (b' ', 1),
            byte => (byte, 1),
        };
        decoded.push(byte);
        at += taken;
    }
    assert!(decoded.len() <= bytes.len(), "decoding never lengthens");
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| QueryError::Utf8)
}

fn escape(after: &[u8]) -> Option<u8> {
    let high = char::from(*after.first()?).to_digit(16)?;
    let low = char::from(*after.get(1)?).to_digit(16)?;
    Some((high << 4 | low) as u8)
}

/// `text` such that it may stand as one segment of a path or as a name or value of a query: everything but letters,
/// digits and `-._~` is escaped.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(query: &str) -> Vec<(String, String)> {
        pairs(query).map(|pair| pair.map(|(name, value)| (name.into_owned(), value.into_owned())).unwrap()).collect()
    }

    #[test]
    fn pairs_are_split_and_decoded() {
        let expected = [("a", "1"), ("b c", "d e"), ("f", ""), ("", "g"), ("h", "=i")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(all("a=1&&b+c=d%20e&f&=g&h==i"), expected);
        assert_eq!(find("a=1&a=2", "a"), Ok(Some(Cow::Borrowed("1"))));
        assert_eq!(find("a=1", "b"), Ok(None));
    }

    #[test]
    fn malformed_escapes_are_errors() {
        assert_eq!(decode("ab%2"), Err(QueryError::Escape { at: 2 }));
        assert_eq!(decode("%"), Err(QueryError::Escape { at: 0 }));
        assert_eq!(decode("%+1"), Err(QueryError::Escape { at: 0 }));
        assert_eq!(decode("%ff"), Err(QueryError::Utf8));
        assert_eq!(find("a=%zz&b=1", "b"), Err(QueryError::Escape { at: 0 }));
    }

    #[test]
    fn a_plus_is_itself_in_a_path() {
        assert_eq!(decode("a+b%2Fc").unwrap(), "a+b/c");
    }

    proptest::proptest! {
        #[test]
        fn decoding_undoes_encoding(text in ".*") {
            let encoded = encode(&text);
            proptest::prop_assert_eq!(decode(&encoded).unwrap(), text.as_str());
            let query = format!("{encoded}={encoded}");
            proptest::prop_assert_eq!(find(&query, &text).unwrap().unwrap(), text.as_str());
        }
    }
}
