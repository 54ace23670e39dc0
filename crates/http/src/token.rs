//! Which bytes may stand where in a head (RFC 9110, section 5).

/// Control characters but for the tab: what may stand nowhere in a head.
pub(crate) const fn is_forbidden(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') | (byte == 0x7f)
}

/// How many bytes at the start of `bytes` belong to a token.
pub(crate) fn token_bytes(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !is_token(byte)).unwrap_or(bytes.len())
}

/// Whether `byte` may stand in a token: a method or a header's name (RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether `bytes` is a token.
pub(crate) fn is_whole_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_bytes(bytes) == bytes.len()
}

/// Whether `bytes` may be a header's value: no control character but the tab.
pub(crate) fn is_field_text(bytes: &[u8]) -> bool {
    !bytes.iter().any(|&byte| is_forbidden(byte))
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let punctuation = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < punctuation.len() {
        table[punctuation[at] as usize] = true;
        at += 1;
    }
    table
};
