//! Patterns of the channel listing: `*` any characters, `?` one, a backslash takes the next one as it is.
//!
//! The cost is at most pattern × text steps: on a mismatch only the last `*` is tried again, one place further.

/// Whether the whole text matches the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star does not fit: behind the star, one byte further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        let fits = match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'\\') => (pattern.get(p + 1) == Some(&text[t])).then_some(2),
            Some(byte) => (*byte == text[t]).then_some(1),
            None => None,
        };
        match (fits, retry) {
            (Some(width), _) => {
                p += width;
                t += 1;
            }
            (None, Some((after_star, from))) => {
                p = after_star;
                t = from + 1;
                retry = Some((after_star, t));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
