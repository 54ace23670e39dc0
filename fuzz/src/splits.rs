//! Ways to cut an input: an incremental reader must say the same whichever it is given.

/// `input` whole, byte by byte, and in pieces whose lengths follow from its bytes, so that a fuzzer can change them.
pub fn ways(input: &[u8]) -> [Vec<&[u8]>; 3] {
    [vec![input], input.chunks(1).collect(), pieces(input)]
}

fn pieces(input: &[u8]) -> Vec<&[u8]> {
    // The hash FNV-1a: any change of the input gives other pieces.
    let mut hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| mix(hash, *byte));
    let (mut rest, mut pieces) = (input, Vec::new());
    while !rest.is_empty() {
        hash = mix(hash, 0);
        let longest = if hash >> 40 & 1 == 0 { 4 } else { 64 };
        let (piece, more) = rest.split_at(rest.len().min(1 + (hash >> 33) as usize % longest));
        pieces.push(piece);
        rest = more;
    }
    pieces
}

fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
}
