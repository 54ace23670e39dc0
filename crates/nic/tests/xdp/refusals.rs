//! What cannot be opened, and what the errors say.

use crore_base::frame::FramePool;
use crore_nic::{OpenError, PacketIo, Xdp, XdpError, XdpSettings, open};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::lab::Lab;
use super::{NEAR, whole};

/// The error of opening the near end.
fn refused(lab: &Lab, settings: &XdpSettings) -> String {
    lab.at_near(|| Xdp::open("va", settings)).err().expect("this cannot be opened").to_string()
}

#[test]
fn another_number_of_queues_than_the_interface_has_is_refused_with_both_numbers() {
    let Some(lab) = Lab::new() else { return };
    let error = lab.at_near(|| open("xdp:va", 1)).err().unwrap().to_string();
    assert!(error.starts_with("xdp:va: 1 queues were asked for and the interface has 2"), "{error}");
    let error = lab.at_near(|| open("xdp:va:0:2", 2)).err().unwrap().to_string();
    assert!(error.contains("no queue 2"), "{error}");
    assert_eq!(lab.at_near(|| open("xdp:va:1", 1)).unwrap()[0].capabilities().queues, 1);
}

#[test]
fn a_second_program_is_refused_while_the_first_is_there() {
    let Some(lab) = Lab::new() else { return };
    let first = lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap());
    let error = refused(&lab, &whole(NEAR));
    assert!(error.contains("an XDP program (number ") && error.contains("ip link set NAME xdp off"), "{error}");
    let generic = XdpSettings { force_generic: true, ..whole(NEAR) };
    assert!(refused(&lab, &generic).contains("is attached already"));
    drop(first);
    lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap());
}

#[test]
fn an_interface_that_is_down_or_carries_too_large_packets_is_refused() {
    let Some(lab) = Lab::new() else { return };
    lab.ip_near("link set va down");
    assert!(refused(&lab, &whole(NEAR)).contains("ip link set NAME up"));
    lab.ip_near("link set va up mtu 9000");
    let error = refused(&lab, &whole(NEAR));
    assert!(error.contains("MTU of 9000") && error.contains("mtu 1500"), "{error}");
}

#[test]
fn without_rights_the_error_says_which_are_needed() {
    let Some(lab) = Lab::new() else { return };
    let opened = lab.at_near(|| {
        // Rights belong to a thread, so the others keep theirs.
        let none = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).unwrap();
        Xdp::open("va", &whole(NEAR))
    });
    let error = opened.err().unwrap();
    assert!(matches!(error, OpenError::Xdp { error: XdpError::Rights { .. }, .. }), "{error}");
    assert!(error.to_string().contains("setcap cap_net_admin,cap_net_raw,cap_bpf+ep"), "{error}");
}

#[test]
fn a_pool_that_is_too_small_is_refused_and_the_queue_stays_unusable() {
    let Some(lab) = Lab::new() else { return };
    let mut queues = lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap());
    let mut small = FramePool::new(100, 0).unwrap();
    let error = queues[0].attach(&mut small).unwrap_err();
    assert!(error.to_string().contains("100 frames is too small"), "{error}");
    let error = queues[0].receive(&mut small, &mut Vec::new(), 1).unwrap_err();
    assert!(error.to_string().contains("open it anew"), "{error}");
    assert!(queues[0].prepare_sleep() && queues[0].recycle(&mut small) == 0 && small.in_use() == 0);
}

#[test]
fn a_queue_that_another_socket_has_is_refused_after_some_patience() {
    let Some(lab) = Lab::new() else { return };
    let mut frames = FramePool::new(512, 0).unwrap();
    let mut first = lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap());
    first[1].attach(&mut frames).unwrap();
    // The filter goes with its owner, the socket with the last who has its descriptor.
    let kept = first[1].descriptor().unwrap().try_clone_to_owned().unwrap();
    drop(first);
    let mut second = lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap());
    let mut frames = FramePool::new(512, 0).unwrap();
    second[0].attach(&mut frames).unwrap();
    let error = second[1].attach(&mut frames).unwrap_err();
    assert!(error.to_string().contains("another AF_XDP socket has queue 1"), "{error}");
    drop(kept);
    assert!(second[1].attach(&mut frames).is_err(), "what has failed stays so");
}
