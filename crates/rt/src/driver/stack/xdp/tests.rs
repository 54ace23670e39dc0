//! What the name of an interface says beside the interface.

use super::{XDP_RING_FRAMES, apart, ring_frames};

#[test]
fn a_name_is_taken_apart_into_interface_namespace_and_size_of_rings() {
    let rows = [
        ("xdp:eth0", ("xdp:eth0", None), XDP_RING_FRAMES),
        ("xdp:eth0:0:1", ("xdp:eth0:0:1", None), XDP_RING_FRAMES),
        ("xdp:eth0@there", ("xdp:eth0", Some("there")), XDP_RING_FRAMES),
        ("xdp:eth0,rings=64", ("xdp:eth0", None), 64),
        ("xdp:eth0@there,rings=64", ("xdp:eth0", Some("there")), 64),
    ];
    for (name, place, frames) in rows {
        assert_eq!((apart(name), ring_frames(name)), (place, Ok(frames)), "{name}");
    }
}

#[test]
fn what_is_no_setting_of_an_interface_is_named_with_what_there_is() {
    for (name, wrong) in [("xdp:eth0,cups=4", "\"cups=4\""), ("xdp:eth0,", "\"\""), ("xdp:eth0,rings=-1", "\"-1\"")] {
        let said = ring_frames(name).unwrap_err();
        assert!(said.starts_with(wrong), "{name}: {said}");
    }
}

#[test]
fn other_devices_keep_a_comma_in_their_names_and_are_refused_for_it() {
    assert_eq!(apart("tap:t0,rings=64"), ("tap:t0,rings=64", None));
}
