//! What goes wrong while frames are moved: interfaces that go and come, processes that die, peers with odd habits.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crore_nic::{Claim, Link, PacketIo, Xdp, XdpSettings};
use crore_wire::ip::Ip;

use super::lab::{Lab, interface};
use super::station::{Station, eventually, hear};
use super::{NEAR, both_ends, datagram, exchange, whole};

const INSIDE: &str = "CRORE_XDP_TEST_INSIDE";

#[test]
fn an_interface_that_goes_down_loses_frames_and_works_again_when_it_is_up() {
    let Some(lab) = Lab::new() else { return };
    let (mut near, mut far) = both_ends(&lab, |_| {});
    exchange(&mut near, &mut far);
    lab.ip_near("link set va down");
    for _ in 0..50 {
        assert_eq!(near[0].turn(&[datagram(1), datagram(2)]), 2, "frames are lost, not kept");
        near[0].sleep();
    }
    assert_eq!(near[0].device.link(), Link::Lost);
    let lost = near[0].device.statistics().lost_down;
    assert!((98..=100).contains(&lost), "{lost}: all but the first, with which it was noticed");
    // The other end still is up; what it sends is lost in the cable.
    for _ in 0..50 {
        far[1].turn(&[datagram(3)]);
    }
    lab.ip_near("link set va up");
    eventually("a link that is up", || {
        near[0].turn(&[]);
        near[0].device.link() == Link::Up
    });
    // What was in the ring when the interface went down comes first, and is not waited for. Links come up by and by.
    for (queue, number) in [(0, 200), (1, 201)] {
        let is_it = |bytes: &Vec<u8>| *bytes == datagram(number);
        eventually("a frame that gets through", || {
            near[queue].turn(&[datagram(number)]);
            far[queue].turn(&[]);
            far[queue].heard.iter().any(is_it)
        });
        // Behind the last of those that were tried nothing else is on its way.
        near[queue].turn(&[datagram(100 + number)]);
        hear(&mut far, |bytes| *bytes == datagram(100 + number));
        far[queue].heard.clear();
    }
    exchange(&mut near, &mut far);
    near.into_iter().chain(far).for_each(Station::close);
}

#[test]
fn an_interface_that_is_taken_away_is_an_error_that_stays() {
    let Some(lab) = Lab::new() else { return };
    let mut near = Station::all(lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap()));
    let Station { device, frames, .. } = &mut near[0];
    assert!(device.prepare_sleep());
    lab.ip_near("link del va");
    let mut error = None;
    eventually("an error", || {
        error = device.receive(frames, &mut Vec::new(), 64).err();
        device.prepare_sleep();
        error.is_some()
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::NotConnected);
    assert!(device.receive(frames, &mut Vec::new(), 64).is_err() && device.link() == Link::Lost);
    near.into_iter().for_each(Station::close);
}

#[test]
fn a_process_that_is_killed_leaves_nothing() {
    let Some(lab) = Lab::new() else { return };
    let this = std::env::current_exe().unwrap();
    let test = ["--ignored", "--exact", "--nocapture", "trouble::a_process_to_be_killed"];
    let mut child = Command::new("ip")
        .args(["netns", "exec", &lab.near])
        .arg(this)
        .args(test)
        .env(INSIDE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ready =
        BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).any(|line| line.contains("ready"));
    let program = lab.at_near(|| interface("va").program);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready && program.is_some(), "the process has come so far: {program:?}");
    eventually("an interface without a program", || lab.at_near(|| interface("va").program.is_none()));
    // Its queues can be had at once, the kernel's delay included.
    let (mut near, mut far) = both_ends(&lab, |_| {});
    exchange(&mut near, &mut far);
    near.into_iter().chain(far).for_each(Station::close);
}

#[test]
#[ignore = "runs inside a namespace, started and killed by another test"]
fn a_process_to_be_killed() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let mut stations = Station::all(Xdp::open("va", &whole(NEAR)).unwrap());
    println!("ready");
    loop {
        stations.iter_mut().for_each(|station| {
            station.turn(&[]);
            station.sleep();
        });
    }
}

#[test]
fn a_peer_that_leaves_checksums_to_a_device_is_noticed_and_named() {
    let Some(lab) = Lab::new() else { return };
    let claim = Claim::new().share(Ip::v4([10, 77, 0, 1])).ports(80..=80);
    let mut near = Station::all(lab.at_near(|| Xdp::open("va", &XdpSettings::new(claim, 2)).unwrap()));
    let partial = |near: &mut [Station], connects: usize| -> u64 {
        let address = "10.77.0.1:80".parse().unwrap();
        (0..connects).for_each(|_| {
            let tried = lab.at_far(|| TcpStream::connect_timeout(&address, Duration::from_millis(5)));
            assert!(tried.is_err());
        });
        near.iter_mut().for_each(|station| {
            station.turn(&[]);
        });
        near.iter_mut().map(|station| station.device.statistics().partial_checksums).sum()
    };
    assert_eq!(partial(&mut near, 5), 0);
    assert!(!lab.at_far(|| interface("vb").offloads().unwrap().checksums), "the laboratory has turned them off");
    lab.at_far(|| interface("vb").set_checksum_offload(true).unwrap());
    assert!(lab.at_far(|| interface("vb").offloads().unwrap().checksums));
    assert!(partial(&mut near, 40) >= 30);
    let advice: Vec<String> = near.iter().flat_map(|station| station.device.statistics().advice()).collect();
    assert!(advice.iter().any(|line| line.contains("ethtool -K PEER tx off")), "{advice:?}");
    near.into_iter().for_each(Station::close);
}

#[test]
fn frames_on_another_queue_than_that_of_their_flow_are_counted() {
    let Some(lab) = Lab::new() else { return };
    let (mut near, mut far) = both_ends(&lab, |_| {});
    let at_home = |number: &u16| crore_nic::steering::queue_of(&datagram(*number), 2) == 1;
    let (right, wrong): (Vec<u16>, Vec<u16>) = (0..60).partition(at_home);
    for number in right.iter().chain(&wrong) {
        near[1].turn(&[datagram(*number)]);
        hear(&mut far, |bytes| *bytes == datagram(*number));
    }
    let statistics = far[1].device.statistics();
    assert_eq!((statistics.flows_seen, statistics.flows_misdirected), (60, wrong.len() as u64));
    assert!(statistics.advice().iter().any(|line| line.contains("another queue")), "{:?}", statistics.advice());
    near.into_iter().chain(far).for_each(Station::close);
}

#[test]
fn a_pool_that_runs_dry_is_counted_and_heard_again_when_frames_are_freed() {
    let Some(lab) = Lab::new() else { return };
    let (mut near, mut far) = both_ends(&lab, |_| {});
    // The far core holds on to everything that it can get, and to everything that it receives.
    let mut held = Vec::new();
    while let Some(frame) = far[0].frames.alloc() {
        held.push(frame);
    }
    let until_quiet = |near: &mut Station, far: &mut Station, held: &mut Vec<_>| {
        for number in 0..600 {
            near.turn(&[datagram(number % 7)]);
            far.device.receive(&mut far.frames, held, 64).unwrap();
        }
    };
    until_quiet(&mut near[0], &mut far[0], &mut held);
    assert_eq!(far[0].frames.available(), 0);
    let statistics = far[0].device.statistics();
    assert!(statistics.starved > 0 && statistics.kernel.unwrap().fill_ring_empty > 0, "{statistics:?}");
    assert!(statistics.advice().iter().any(|line| line.contains("larger pool")));
    // They are freed in a turn that has received already: the end of the turn sees to it that it hears again.
    let Station { device, frames, .. } = &mut far[0];
    held.drain(..).for_each(|frame| frames.free(frame));
    device.recycle(frames);
    assert!(device.prepare_sleep());
    near[0].turn(&[datagram(11)]);
    far[0].sleep();
    hear(&mut far, |bytes| *bytes == datagram(11));
    near.into_iter().chain(far).for_each(Station::close);
}
