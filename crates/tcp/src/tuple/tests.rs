use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

use proptest::prelude::*;

use super::*;

/// The tuple of these texts and ports.
pub(crate) fn tuple(local: &str, local_port: u16, remote: &str, remote_port: u16) -> Tuple {
    let address = |text: &str| text.parse::<Ip>().expect("an address");
    Tuple { local: address(local), remote: address(remote), local_port, remote_port }
}

/// Any tuple of either family.
pub(crate) fn any_tuple() -> impl Strategy<Value = Tuple> {
    let addresses = prop_oneof![
        (any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(local, remote)| (Ip::v4(local), Ip::v4(remote))),
        (any::<[u8; 16]>(), any::<[u8; 16]>())
            .prop_map(|(local, remote)| (Ip::from_octets(local), Ip::from_octets(remote))),
    ];
    let families_agree = |(local, remote): &(Ip, Ip)| local.is_v4() == remote.is_v4();
    (addresses.prop_filter("one family", families_agree), any::<u16>(), any::<u16>())
        .prop_map(|((local, remote), local_port, remote_port)| Tuple { local, remote, local_port, remote_port })
}

#[test]
fn the_hash_is_that_of_addresses_and_ports_in_one_piece() {
    let key = HashKey::from_seed(7);
    let v4 = tuple("10.0.0.1", 0x1234, "10.0.0.2", 0xabcd);
    assert_eq!(v4.hash(&key), key.hash(&[10, 0, 0, 2, 10, 0, 0, 1, 0xab, 0xcd, 0x12, 0x34]));
    let v6 = tuple("fe80::1", 1, "fe80::2", 2);
    let mut hasher = key.build_hasher();
    hasher.write(v6.remote.octets());
    hasher.write(v6.local.octets());
    hasher.write(&[0, 2, 0, 1]);
    assert_eq!(v6.hash(&key), hasher.finish());
}

#[test]
fn every_part_of_the_tuple_and_the_key_change_the_hash() {
    let key = HashKey::from_seed(1);
    let base = tuple("10.0.0.1", 80, "10.0.0.2", 5000);
    let others = [
        tuple("10.0.0.3", 80, "10.0.0.2", 5000),
        tuple("10.0.0.1", 81, "10.0.0.2", 5000),
        tuple("10.0.0.1", 80, "10.0.0.3", 5000),
        tuple("10.0.0.1", 80, "10.0.0.2", 5001),
        tuple("10.0.0.2", 5000, "10.0.0.1", 80),
        tuple("10.0.0.1", 5000, "10.0.0.2", 80),
    ];
    let mut hashes: HashSet<u64> = others.iter().map(|other| other.hash(&key)).collect();
    hashes.insert(base.hash(&key));
    hashes.insert(base.hash(&HashKey::from_seed(2)));
    assert_eq!(hashes.len(), others.len() + 2);
}

proptest! {
    #[test]
    fn equal_tuples_hash_alike_and_different_ones_do_not(a in any_tuple(), b in any_tuple(), seed: u64) {
        let key = HashKey::from_seed(seed);
        prop_assert_eq!(a == b, a.hash(&key) == b.hash(&key));
        prop_assert_eq!(a.hash(&key), a.clone().hash(&key));
    }
}

/// Prints what a hash costs; run it in release.
#[test]
#[ignore = "a measurement"]
fn what_a_hash_costs() {
    let key = HashKey::from_seed(1);
    for (family, start) in
        [("IPv4", tuple("10.0.0.1", 80, "10.0.0.2", 1)), ("IPv6", tuple("fe80::1", 80, "fe80::2", 1))]
    {
        const ROUNDS: u32 = 10_000_000;
        let begin = std::time::Instant::now();
        let mut sum = 0;
        for round in 0..ROUNDS {
            let tuple = Tuple { remote_port: round as u16, ..start };
            sum ^= std::hint::black_box(tuple).hash(&key);
        }
        let nanos = begin.elapsed().as_nanos() as f64 / f64::from(ROUNDS);
        println!("{family}: {nanos:.1} ns a hash ({sum:x})");
    }
}
