//! Small pieces of JSON text.

use serde::Serialize;

/// Raw JSON on one line. Line ends can stand only between tokens, where a space means the same.
pub(crate) fn one_line(raw: &str) -> Vec<u8> {
    raw.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }).collect()
}

/// Appends a value that always has a JSON form: text, numbers, and structures of them.
pub(crate) fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("text and numbers have a JSON form, and a Vec takes every byte");
}
