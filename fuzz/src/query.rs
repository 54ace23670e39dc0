//! A query string: pairs are found, decoded, encoded and found again.

use crore_http::query::{decode, encode, find, pairs};

/// Reads `bytes` as a query and as a path; what is not UTF-8 cannot come so far.
pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    assert_eq!(decode(&encode(text)).as_deref(), Ok(text), "decoding undoes encoding");
    if let Ok(decoded) = decode(text) {
        assert!(decoded.len() <= text.len(), "decoding never lengthens");
        assert_eq!(decode(&encode(&decoded)).as_deref(), Ok(&*decoded));
    }
    let Ok(found) = pairs(text).collect::<Result<Vec<_>, _>>() else { return };
    for (name, _) in &found {
        let first = found.iter().find(|pair| pair.0 == *name).map(|pair| pair.1.clone());
        assert_eq!(find(text, name), Ok(first), "the first of a name");
    }
    let encoded: Vec<_> = found.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let again = encoded.join("&");
    let again: Vec<_> = pairs(&again).map(|pair| pair.expect("it was encoded")).collect();
    assert_eq!(again, found, "pairs that were encoded");
}
