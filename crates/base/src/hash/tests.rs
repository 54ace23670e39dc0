//! The judges: the test vectors of SipHash's authors (2-4 rounds), and std's own SipHash, which is 1-3 with a zero key in
//! `DefaultHasher` and keyed 2-4 in the old `SipHasher`. The rounds are a parameter of one implementation.
#![expect(deprecated, reason = "std's keyed SipHash is deprecated for tables, and still the judge that we need")]

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::SipHasher;

use proptest::prelude::*;

use super::*;

fn sip24(k0: u64, k1: u64, bytes: &[u8]) -> u64 {
    let mut sip = Sip::<2, 4>::new(k0, k1);
    sip.write(bytes);
    sip.finish()
}

#[test]
fn siphash_2_4_gives_the_vectors_of_its_authors() {
    // Key 00 01 02 .. 0f, message 00 01 02 .. of lengths 0, 1, 2, 3 and 15 (the last is the paper's appendix A).
    let (k0, k1) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    let message: Vec<u8> = (0..15).collect();
    let vectors = [
        (0, 0x726f_db47_dd0e_0e31),
        (1, 0x74f8_39c5_93dc_67fd),
        (2, 0x0d6c_8009_d9a9_4f5a),
        (3, 0x8567_6696_d7fb_7e2d),
        (15, 0xa129_ca61_49be_45e5),
    ];
    for (length, hash) in vectors {
        assert_eq!(sip24(k0, k1, &message[..length]), hash, "length {length}");
    }
}

proptest! {
    #[test]
    fn keyed_siphash_2_4_agrees_with_std(k0: u64, k1: u64, bytes: Vec<u8>) {
        let mut theirs = SipHasher::new_with_keys(k0, k1);
        theirs.write(&bytes);
        prop_assert_eq!(sip24(k0, k1, &bytes), theirs.finish());
    }

    #[test]
    fn siphash_1_3_with_a_zero_key_agrees_with_std(bytes: Vec<u8>) {
        let mut theirs = DefaultHasher::new();
        theirs.write(&bytes);
        prop_assert_eq!(HashKey { k0: 0, k1: 0 }.hash(&bytes), theirs.finish());
    }

    #[test]
    fn how_bytes_are_cut_does_not_change_their_hash(pieces: Vec<Vec<u8>>) {
        let key = HashKey::from_seed(1);
        let mut hasher = key.build_hasher();
        pieces.iter().for_each(|piece| hasher.write(piece));
        prop_assert_eq!(hasher.finish(), key.hash(&pieces.concat()));
    }
}

#[test]
fn another_seed_is_another_hash() {
    let hashes = |bytes: &[u8]| (HashKey::from_seed(1).hash(bytes), HashKey::from_seed(2).hash(bytes));
    for bytes in [&b""[..], b"a", b"channel:news", &[0; 100]] {
        let (one, two) = hashes(bytes);
        assert_ne!(one, two);
    }
}

#[test]
fn a_key_builds_a_standard_map() {
    let mut map = HashMap::with_hasher(HashKey::from_seed(3));
    map.insert("news", 1);
    map.insert("sport", 2);
    assert_eq!((map.get("news"), map.get("sport"), map.get("weather")), (Some(&1), Some(&2), None));
}

#[test]
fn debug_forms_do_not_show_the_key() {
    let key = HashKey { k0: 0xdead_beef, k1: 0xdead_beef };
    let text = format!("{key:?} {:?}", key.build_hasher());
    assert_eq!(text, "HashKey(secret) KeyedHasher(secret)");
}
