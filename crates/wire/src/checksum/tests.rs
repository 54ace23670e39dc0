use super::*;
use crate::protocol;
use proptest::prelude::*;

/// RFC 1071 as it reads: word by word, a last odd byte followed by zero.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn the_example_of_rfc_1071_comes_out() {
    assert_eq!(Sum::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).finish(), !0xddf2);
}

#[test]
fn nothing_and_zeros_sum_to_zero() {
    assert_eq!(Sum::new().finish(), 0xffff);
    assert_eq!(Sum::of(&[0; 100]).finish(), 0xffff);
}

#[test]
fn bytes_that_contain_their_checksum_finish_at_zero() {
    let mut bytes = *b"\x45\x00\x00\x73\x00\x00\x40\x00\x40\x11\x00\x00\xc0\xa8\x00\x01\xc0\xa8\x00\xc7";
    let checksum = Sum::of(&bytes).finish();
    assert_eq!(checksum, 0xb861);
    bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!((Sum::of(&bytes).finish(), Sum::of_array(&bytes).finish()), (0, 0));
}

#[test]
fn every_length_and_alignment_sums_as_the_rfc_reads() {
    let bytes: Vec<u8> = (0..400u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for start in 0..17 {
        for end in start..bytes.len() {
            let slice = &bytes[start..end];
            assert_eq!(Sum::of(slice).finish(), naive(slice), "{start}..{end}");
        }
    }
}

#[test]
fn carries_are_never_lost() {
    for len in [2, 20, 31, 32, 33, 1460, 1461, 9000] {
        let ones = vec![0xff; len];
        assert_eq!(Sum::of(&ones).finish(), naive(&ones), "{len} bytes");
    }
    // The top of the accumulator overflows, and comes back in at the bottom.
    let mut sum = Sum { words: u64::MAX, odd: true };
    sum.add(&[0x12, 0x34, 0x56]);
    let mut same = Sum { words: 0, odd: true };
    same.add(&[0x12, 0x34, 0x56]);
    assert_eq!(sum.finish(), same.finish());
}

#[test]
fn a_pseudo_header_is_the_sum_of_its_fields() {
    let [source, destination] = ["192.0.2.1", "198.51.100.7"].map(|text| text.parse::<Ip>().unwrap());
    let bytes = [192, 0, 2, 1, 198, 51, 100, 7, 0, 6, 0x12, 0x34];
    assert_eq!(Sum::pseudo_header(&source, &destination, protocol::TCP, 0x1234).finish(), naive(&bytes));

    let [source, destination] = ["2001:db8::1", "fe80::2"].map(|text| text.parse::<Ip>().unwrap());
    let mut bytes = [*source.octets(), *destination.octets()].concat();
    bytes.extend([0, 1, 0x23, 0x45, 0, 0, 0, 58]);
    assert_eq!(Sum::pseudo_header(&source, &destination, protocol::ICMPV6, 0x1_2345).finish(), naive(&bytes));
}

#[test]
#[should_panic(expected = "a copy has the length of what is copied")]
fn a_copy_of_another_length_is_a_bug() {
    Sum::new().copy_from(&mut [0; 3], &[0; 4]);
}

proptest! {
    #[test]
    fn pieces_sum_as_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..3000), cuts: [prop::sample::Index; 4]) {
        let mut cuts = cuts.map(|cut| cut.index(bytes.len() + 1));
        cuts.sort_unstable();
        let pieces = [0..cuts[0], cuts[0]..cuts[1], cuts[1]..cuts[2], cuts[2]..cuts[3], cuts[3]..bytes.len()];
        let (mut added, mut copied, mut appended) = (Sum::new(), Sum::new(), Sum::new());
        let mut copy = vec![0; bytes.len()];
        for piece in pieces {
            added.add(&bytes[piece.clone()]);
            copied.copy_from(&mut copy[piece.clone()], &bytes[piece.clone()]);
            appended.append(Sum::of(&bytes[piece]));
        }
        prop_assert_eq!(added.finish(), naive(&bytes));
        prop_assert_eq!(copied.finish(), naive(&bytes));
        prop_assert_eq!(appended.finish(), naive(&bytes));
        prop_assert_eq!(copy, bytes);
    }

    #[test]
    fn numbers_sum_as_their_bytes(before in prop::collection::vec(any::<u8>(), 0..3), short: u16, long: u32) {
        let mut sum = Sum::of(&before);
        sum.add_u16(short);
        sum.add_u32(long);
        let bytes = [&before[..], &short.to_be_bytes(), &long.to_be_bytes()].concat();
        prop_assert_eq!(sum.finish(), naive(&bytes));
    }

    #[test]
    fn a_changed_word_updates_the_checksum(mut bytes in prop::collection::vec(any::<u8>(), 4..200), new: u16,
                                           at: prop::sample::Index) {
        let at = at.index(bytes.len() / 2) * 2;
        let check = naive(&bytes);
        let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        let updated = update(check, old, new);
        // Both zeros of one's complement are the same sum; all-zero bytes are the one case in which they differ.
        prop_assert!(updated == naive(&bytes) || bytes.iter().all(|byte| *byte == 0), "{updated:#06x}");
    }
}
