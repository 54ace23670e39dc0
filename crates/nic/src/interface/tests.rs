//! What every machine has: the loopback interface. Others are looked at in `tests/xdp.rs`, which makes them.

use super::*;

#[test]
fn the_loopback_interface_is_found_as_it_is() {
    let names = Interface::names().unwrap();
    let Some(name) = names.iter().find(|name| *name == "lo") else {
        println!("skipped: no loopback interface here");
        return;
    };
    let lo = Interface::find(name).unwrap().unwrap();
    assert_eq!((lo.name.as_str(), lo.mac, lo.queues, lo.program), ("lo", Mac([0; 6]), 1, None));
    assert!(lo.index > 0 && lo.mtu >= 1500);
    if lo.is_up {
        assert!(lo.has_address(Ip::v4([127, 0, 0, 1])) && !lo.has_address(Ip::v4([127, 0, 0, 2])));
        assert!(lo.addresses.contains(&"127.0.0.1/8".parse().unwrap()));
    }
    assert_eq!(lo.gateways, []);
    assert_eq!(lo.neighbours().unwrap().iter().filter(|neighbour| neighbour.mac != Mac([0; 6])).count(), 0);
}

#[test]
fn the_loopback_interface_leaves_checksums_out_and_runs_no_xdp_program_itself() {
    let Some(lo) = Interface::find("lo").unwrap() else {
        println!("skipped: no loopback interface here");
        return;
    };
    let offloads = lo.offloads().unwrap();
    assert!(offloads.checksums && offloads.segmentation, "its driver begins with them: {offloads:?}");
    if let Some(support) = lo.xdp_support().unwrap() {
        assert_eq!(support, XdpSupport { native: false, zero_copy: false });
    }
}

#[test]
fn a_name_that_no_interface_has_is_none() {
    for name in ["", "crore-no-such", "a-name-that-is-too-long-for-an-interface", "l\0o"] {
        assert_eq!(Interface::find(name).unwrap(), None, "{name}");
    }
}

#[test]
fn what_the_kernel_would_never_send_is_no_interface() {
    let mut message = vec![0; LINK_BYTES];
    assert_eq!(Interface::of_link(&message[1..]), None);
    assert_eq!(Interface::of_link(&message), None);
    put(&mut message, LINK_NAME, b"x\0");
    put(&mut message, LINK_ADDRESS, &[1; 20]);
    put(&mut message, LINK_MTU, &9000_u32.to_ne_bytes());
    let found = Interface::of_link(&message).unwrap();
    assert_eq!((found.name.as_str(), found.mac, found.mtu), ("x", Mac([0; 6]), 9000));
    assert_eq!(prefix(Ip::v4([0; 4]), 33), None);
}
