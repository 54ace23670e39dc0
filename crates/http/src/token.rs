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

/// Whether `byte` may stand in a request target.
pub(crate) const fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// How many bytes at the start of `bytes` may stand in a header's value; eight are looked at in one step.
pub(crate) fn text_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let mut at = 0;
    for word in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        // The highest bit of each byte says whether it is below a space, or DEL (a borrow can only add a false alarm behind it).
        let below = word.wrapping_sub(ONES * 0x20) & !word;
        let del = (word ^ (ONES * 0x7f)).wrapping_sub(ONES) & !(word ^ (ONES * 0x7f));
        let found = (below | del) & (ONES * 0x80);
        if found != 0 {
            break;
        }
        at += 8;
    }
    at + bytes[at..].iter().position(|&byte| is_forbidden(byte)).unwrap_or(bytes.len() - at)
}

/// Whether `bytes` is a token.
pub(crate) fn is_whole_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_bytes(bytes) == bytes.len()
}

/// Whether `bytes` may be a header's value: no control character but the tab.
pub(crate) fn is_field_text(bytes: &[u8]) -> bool {
    // Without an early exit this is done for many bytes at a time.
    !bytes.iter().fold(false, |bad, &byte| bad | is_forbidden(byte))
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
