//! AF_XDP on a cable between two namespaces: against itself, and against the kernel's own stack.
//!
//! Each test makes hosts of its own and removes them. Without the rights to that, it says so and passes.

mod beside_kernel;
mod lab;
mod refusals;
mod station;
mod throughput;
mod trouble;

use crore_nic::{Claim, Link, PacketIo, Pcap, Xdp, XdpSettings, open};
use crore_wire::ip::{Ip, Prefix};

use lab::{Lab, interface};
use station::{Station, frame_of, hear, udp};

const NEAR: [u8; 4] = [10, 77, 0, 9];
const FAR: [u8; 4] = [10, 77, 0, 10];

fn whole(address: [u8; 4]) -> XdpSettings {
    XdpSettings::new(Claim::new().whole(Prefix::host(Ip::v4(address))), 2)
}

/// Both ends of the cable, each with an address that its kernel does not know.
fn both_ends(lab: &Lab, change: impl Fn(&mut XdpSettings) + Sync) -> (Vec<Station>, Vec<Station>) {
    let opened = |name: &str, address| {
        let mut settings = whole(address);
        change(&mut settings);
        Station::all(Xdp::open(name, &settings).unwrap())
    };
    (lab.at_near(|| opened("va", NEAR)), lab.at_far(|| opened("vb", FAR)))
}

/// A datagram from the near end to the far end that belongs to a queue, and is one of many.
fn datagram(number: u16) -> Vec<u8> {
    udp([[2; 6], [4; 6]], [NEAR, FAR], [1000 + number, 9], &number.to_be_bytes().repeat(1 + usize::from(number) * 2))
}

/// Sends many frames through each queue and finds them at the same queue of the other end, in order.
fn exchange(near: &mut [Station], far: &mut [Station]) {
    for (queue, station) in near.iter_mut().enumerate() {
        let sent: Vec<Vec<u8>> = (0..100).map(datagram).collect();
        assert_eq!(station.turn(&sent), sent.len());
        for frame in &sent {
            let (at, heard) = hear(far, |bytes| bytes[12..14] == [8, 0]);
            assert_eq!((at, &heard), (queue, frame));
        }
    }
}

#[test]
fn frames_go_from_each_queue_to_its_other_end_and_all_memory_comes_back() {
    let Some(lab) = Lab::new() else { return };
    let (mut near, mut far) = both_ends(&lab, |_| {});
    let mode = near[0].device.mode();
    assert!(mode.native, "{:?}", near[0].device.interface().not_native());
    assert_eq!(mode.to_string(), "filter in the driver, frames copied by the kernel");
    if let Some(said) = lab.at_near(|| interface("va").xdp_support().unwrap()) {
        assert_eq!((said.native, said.zero_copy), (true, false), "the driver said so before anything was attached");
    }
    for round in 0..20 {
        exchange(&mut near, &mut far);
        assert_eq!(near[0].device.statistics().lost_down + near[0].device.statistics().foreign, 0, "round {round}");
    }
    let counts = far[0].device.interface().counts().unwrap();
    assert!(counts.redirected >= 20 * 200 && counts.without_socket == 0, "{counts:?}");
    let statistics = far[1].device.statistics();
    assert!(statistics.kernel.is_some_and(|kernel| kernel.receive_ring_full == 0), "{statistics:?}");
    near.into_iter().chain(far).for_each(Station::close);
    assert!(lab.at_near(|| interface("va").program.is_none()), "the filter goes with the last queue");
}

#[test]
fn frames_go_both_ways_in_the_generic_path_too() {
    let Some(lab) = Lab::new() else { return };
    let (mut near, mut far) = both_ends(&lab, |settings| settings.force_generic = true);
    assert!(!far[0].device.mode().native && far[0].device.interface().not_native().is_some());
    for number in 0..100 {
        let (from, to) = if number % 2 == 0 { (&mut near, &mut far) } else { (&mut far, &mut near) };
        let frame = match number % 2 {
            0 => datagram(number),
            _ => udp([[4; 6], [2; 6]], [FAR, NEAR], [9, number], b"back"),
        };
        from[usize::from(number / 2 % 2)].turn(std::slice::from_ref(&frame));
        hear(to, |bytes| *bytes == frame);
    }
    near.into_iter().chain(far).for_each(Station::close);
}

#[test]
fn where_the_driver_cannot_run_the_filter_the_kernel_does_and_the_reason_is_kept() {
    let Some(lab) = Lab::new() else { return };
    // A veth wants its peer's packets to fit a page.
    lab.ip_far("link set vb mtu 9000");
    let near = lab.at_near(|| Xdp::open("va", &whole(NEAR)).unwrap());
    assert_eq!(near[0].mode().to_string(), "filter in the kernel's generic path (slow), not tied to a pool yet");
    let reason = near[0].interface().not_native().unwrap();
    assert_eq!(reason.raw_os_error(), Some(rustix::io::Errno::RANGE.raw_os_error()), "{reason}");
}

#[test]
fn what_is_no_frame_is_dropped_and_counted_and_the_rest_goes_on() {
    let Some(lab) = Lab::new() else { return };
    let (mut near, mut far) = both_ends(&lab, |_| {});
    let good = datagram(7);
    let burst = [good.clone(), vec![], vec![0; 13], vec![0; 1515], good.clone()];
    assert_eq!(near[0].turn(&burst), burst.len());
    for _ in 0..2 {
        assert_eq!(hear(&mut far, |bytes| bytes[12..14] == [8, 0]).1, good);
    }
    assert_eq!(near[0].device.statistics().unfit, 3);
    let largest = udp([[2; 6], [4; 6]], [NEAR, FAR], [1, 9], &[5; 1472]);
    assert_eq!(largest.len(), 1514);
    near[1].turn(std::slice::from_ref(&largest));
    assert_eq!(hear(&mut far, |bytes| bytes.len() == 1514), (1, largest));
    near.into_iter().chain(far).for_each(Station::close);
}

#[test]
fn a_device_opened_by_name_takes_the_networks_addresses_that_the_kernel_has_not() {
    let Some(lab) = Lab::new() else { return };
    lab.ip_near("route add default via 10.77.0.2");
    let mut near = lab.at_near(|| open("xdp:va", 2).unwrap());
    let found = lab.at_near(|| interface("va"));
    let capabilities = near[1].capabilities();
    assert_eq!((capabilities.name.as_str(), capabilities.queue, capabilities.queues), ("xdp:va", 1, 2));
    assert_eq!((capabilities.mac, u32::from(capabilities.mtu)), (found.mac, found.mtu));
    assert_eq!((found.queues, found.mtu, found.is_up, found.has_carrier), (2, 1500, true, true));
    assert!(found.has_address(Ip::v4([10, 77, 0, 1])) && found.has_address("2001:db8::1".parse().unwrap()));
    assert_eq!(found.gateways, [Ip::v4([10, 77, 0, 2])]);
    assert!(found.program.is_some() && lab.at_far(|| interface("vb").program.is_none()));

    assert_eq!(near[0].link(), Link::Waiting, "no queue has a pool yet");
    assert!(!near[0].prepare_sleep());
    let mut stations: Vec<_> = near.drain(..).map(Station::new).collect();
    stations.iter_mut().for_each(|station| assert_eq!(station.turn(&[]), 0));
    // The far kernel asks who has an address that nobody has, and we hear it; the near kernel answers for its own.
    lab.at_far(|| std::net::UdpSocket::bind("10.77.0.2:0").unwrap().send_to(b"anybody?", "10.77.3.4:9").unwrap());
    hear(&mut stations, |bytes| bytes[12..14] == [8, 6] && bytes[38..42] == [10, 77, 3, 4]);
    assert!(lab.at_far(|| ping("10.77.0.1")) && lab.at_far(|| ping("2001:db8::1")));
    let neighbours = lab.at_near(|| interface("va").neighbours().unwrap());
    let far = lab.at_far(|| interface("vb"));
    assert!(neighbours.iter().any(|it| it.ip == Ip::v4([10, 77, 0, 2]) && it.mac == far.mac), "{neighbours:?}");
}

#[test]
fn what_goes_through_is_captured_by_a_wrapper_around_it() {
    let Some(lab) = Lab::new() else { return };
    let (near, mut far) = both_ends(&lab, |_| {});
    let mut file = Vec::new();
    let Station { device, mut frames, .. } = near.into_iter().next().unwrap();
    let mut captured = Pcap::new(device, &mut file, 1 << 20, 0).unwrap();
    let mut burst = vec![frame_of(&mut frames, &datagram(3))];
    assert_eq!(captured.transmit(&mut frames, &mut burst).unwrap(), 1);
    assert_eq!(hear(&mut far, |bytes| bytes[12..14] == [8, 0]), (0, datagram(3)));
    assert_eq!(captured.captured(), 1);
    drop(captured);
    let sent = datagram(3);
    assert!(file.windows(sent.len()).any(|bytes| bytes == sent), "the frame is in the file");
}

/// Whether the kernel of this namespace gets an answer to one ping.
fn ping(address: &str) -> bool {
    std::process::Command::new("ping").args(["-c1", "-W5", address]).output().unwrap().status.success()
}
