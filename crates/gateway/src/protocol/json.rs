//! Small pieces of JSON text.

use serde::{Deserialize, Deserializer, Serialize};

/// Raw JSON on one line. Line ends can stand only between tokens, where a space means the same.
pub(crate) fn one_line(raw: &str) -> Vec<u8> {
    raw.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }).collect()
}

/// How deep valid JSON is nested: 0 for a bare value. Looks at each byte once.
pub(crate) fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for &byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// For a field whose value may be `null`: there, `Some` of it; `None` only when it is not there at all.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Appends a value that always has a JSON form: text, numbers, and structures of them.
pub(crate) fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("text and numbers have a JSON form, and a Vec takes every byte");
}
