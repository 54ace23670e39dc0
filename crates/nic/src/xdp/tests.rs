//! What needs no interface of our own. Frames through one are in `tests/xdp.rs`.

use crore_wire::ip::Ip;

use super::*;

#[test]
fn an_interface_that_does_not_exist_is_an_error_that_names_those_that_do() {
    let claim = Claim::new().share(Ip::v4([10, 0, 0, 1])).ports(80..=80);
    let error = Xdp::open("crore-none", &XdpSettings::new(claim, 1)).err().unwrap().to_string();
    assert!(error.starts_with("xdp:crore-none: there is no such interface; there are: "), "{error}");
}

#[test]
fn a_claim_of_nothing_is_refused_before_anything_is_done() {
    match Xdp::open("lo", &XdpSettings::new(Claim::new(), 1)) {
        Err(OpenError::Xdp { error: XdpError::Claim(ClaimError::Nothing) | XdpError::NoInterface { .. }, .. }) => {}
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_frame_holds_an_ordinary_packet_behind_the_kernels_headroom() {
    const { assert!(MTU_MAX >= 1500 && MTU_MAX <= u16::MAX as u32) };
    assert_eq!(MTU_MAX, 2048 - 256 - 14);
}
