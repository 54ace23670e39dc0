//! The mask of client frames.

/// Masks or unmasks `bytes`, which begin at `offset` of their payload. Sixteen bytes at a time.
pub(super) fn apply(bytes: &mut [u8], key: [u8; 4], offset: u64) {
    let mut key = key;
    key.rotate_left((offset % 4) as usize);
    let word = u32::from_ne_bytes(key);
    let wide = u128::from(word) * (1 << 96 | 1 << 64 | 1 << 32 | 1);
    let mut blocks = bytes.chunks_exact_mut(16);
    for block in &mut blocks {
        let block: &mut [u8; 16] = block.try_into().expect("chunks_exact_mut(16) gives blocks of 16");
        *block = (u128::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in blocks.into_remainder().iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn blocks_and_single_bytes_agree_at_any_offset() {
        let key = [1, 20, 200, 99];
        for offset in 0..9_u64 {
            for length in 0..70 {
                let mut bytes: Vec<u8> = (0..length).collect();
                apply(&mut bytes, key, offset);
                let expected: Vec<u8> = (0..length).map(|at| at ^ key[(u64::from(at) + offset) as usize % 4]).collect();
                assert_eq!(bytes, expected);
            }
        }
    }
}
