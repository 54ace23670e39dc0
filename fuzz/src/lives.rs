//! Where a fuzzer of connections starts: one input for each way in which a connection usually lives, and one world of each
//! kind with each family of faults. Without them it takes hours to find out how a handshake is said.

use crore_sim::family::Family;

/// How a connection opens: its byte in the input chooses active or passive, timestamps, a tiny SYN cache, keep-alive.
const OPENINGS: u8 = 16;

/// Turns in which the peer says nothing, for ARP and the SYN, and its ACK that ends the handshake.
const HANDSHAKE: &[u8] = &[15, 0, 15, 0, 15, 0, 5];

/// What comes after the handshake, in the operations of `connection.rs`.
const LIVES: [&[u8]; 8] = [
    // A request is read, answered and acknowledged; both close, we first, and TIME-WAIT passes.
    &[0, 0, 100, 9, 50, 10, 50, 5, 11, 5, 32, 0, 0, 14, 7, 7],
    // The peer closes first.
    &[0, 0, 100, 32, 0, 10, 9, 50, 10, 5, 5, 28, 5, 7, 4],
    // Segments late, doubled and out of place, and a gap that is filled in the end.
    &[16, 90, 40, 16, 120, 80, 17, 70, 20, 18, 30, 60, 0, 0, 255, 9, 200, 14, 7, 2],
    // Nothing is acknowledged: retransmissions, until we give up.
    &[10, 200, 7, 3, 7, 4, 7, 5, 7, 6, 7, 6, 7, 7, 7, 7],
    // The window closes, probes go out, and it opens again.
    &[6, 0, 10, 100, 7, 4, 7, 5, 7, 6, 6, 200, 5, 5, 5],
    // Duplicate ACKs make it send again at once.
    &[6, 250, 10, 250, 10, 250, 15, 4, 4, 10, 15, 7, 5, 5, 7, 3],
    // Idle for long: keep-alive asks, and is answered or not.
    &[7, 7, 5, 7, 7, 7, 7, 7, 7],
    // More comes than is read; we abort, and strangers' segments are answered.
    &[0, 0, 255, 1, 0, 255, 2, 0, 255, 0, 0, 255, 0, 0, 255, 9, 1, 29, 3, 4, 128, 0, 3, 2, 128, 0],
];

/// Inputs for the target `connection`.
pub fn connections() -> Vec<Vec<u8>> {
    let whole = |opening: u8| LIVES.map(|life| [&[opening], HANDSHAKE, life].concat());
    (0..OPENINGS).flat_map(whole).collect()
}

/// Inputs for the target `pair`: kind, seed, families.
pub fn pairs() -> Vec<Vec<u8>> {
    let each = (0..Family::ALL.len()).map(|family| 1 << family);
    let sets: Vec<u32> = each.chain([0, u32::MAX]).collect();
    let input = |kind: u8, families: u32| {
        let seed = u64::from(families) + u64::from(kind);
        [&[kind][..], &seed.to_le_bytes(), &families.to_le_bytes()].concat()
    };
    (0..3).flat_map(|kind| sets.iter().map(move |&families| input(kind, families))).collect()
}
