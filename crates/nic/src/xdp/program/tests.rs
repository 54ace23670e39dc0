//! What needs no kernel. The filter at work is in `filter/tests.rs`.

use super::*;

#[test]
fn a_prefix_is_a_key_as_the_kernels_map_has_it() {
    let of = |text: &str| key(&text.parse().unwrap());
    let v4 = of("192.0.2.9/24");
    assert_eq!((&v4[..4], &v4[4..]), (&24_u32.to_ne_bytes()[..], &[192, 0, 2, 0][..]));
    let v6 = of("2001:db8::/32");
    assert_eq!((v6.len(), &v6[..4], &v6[4..8]), (20, &32_u32.to_ne_bytes()[..], &[0x20, 0x01, 0x0d, 0xb8][..]));
    assert_eq!(&of("0.0.0.0/0")[..4], [0; 4]);
}

#[test]
fn no_right_to_bpf_is_said_with_what_to_do() {
    let text = refused("make a BPF map", Errno::PERM).to_string();
    assert!(text.contains("make a BPF map") && text.contains("setcap cap_net_admin"), "{text}");
}
