//! What a fuzzer has found worth keeping, one file a target in `corpora/`: inputs with their lengths before them, so that a
//! thousand of them are one file in the repository. `examples/pack.rs` writes them; tests read them again.

/// Bytes that an input may have: its length has two bytes.
pub const INPUT_BYTES_MAX: usize = 0xffff;

/// Inputs as one file; those that are too long are left out.
pub fn pack(inputs: &[Vec<u8>]) -> Vec<u8> {
    let fitting = inputs.iter().filter(|input| input.len() <= INPUT_BYTES_MAX);
    fitting.flat_map(|input| [&(input.len() as u16).to_be_bytes()[..], input].concat()).collect()
}

/// The inputs in such a file.
///
/// # Panics
/// If it is cut: whoever packs it anew mends it.
pub fn inputs(packed: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut inputs) = (packed, Vec::new());
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().expect("a length has two bytes");
        let (input, next) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        inputs.push(input.to_vec());
        rest = next;
    }
    inputs
}
