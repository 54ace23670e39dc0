//! A host's own address, shared with its kernel: ours are some TCP ports and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crore_nic::{Claim, PortSet, Xdp, XdpSettings};
use crore_wire::ip::Ip;

use super::lab::{Lab, interface};
use super::ping;
use super::station::{Station, eventually, hear, is_to_port, udp};

const TCP: u8 = 6;
const UDP: u8 = 17;
const OURS: u16 = 80;
const KERNELS: u16 = 2222;

fn shared() -> XdpSettings {
    let claim = Claim::new().share(Ip::v4([10, 77, 0, 1])).share("2001:db8::1".parse().unwrap());
    XdpSettings::new(claim.ports(OURS..=OURS).ports(40_000..=40_999), 2)
}

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Whether the near kernel still serves the far one, over TCP.
fn kernel_serves(lab: &Lab, address: &str) -> bool {
    let listener = lab.at_near(|| TcpListener::bind(at(address, KERNELS)).unwrap());
    let mut client = lab.at_far(|| TcpStream::connect_timeout(&at(address, KERNELS), Duration::from_secs(10)).unwrap());
    let mut server = listener.accept().unwrap().0;
    let mut heard = [0; 5];
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut heard).unwrap();
    server.write_all(&heard).unwrap();
    client.read_exact(&mut heard).unwrap();
    &heard == b"hello"
}

/// Whether the near kernel refuses a connection to a port.
fn is_refused(lab: &Lab, address: &str, port: u16) -> bool {
    let tried = lab.at_far(|| TcpStream::connect_timeout(&at(address, port), Duration::from_secs(10)));
    tried.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Whether nobody at all answers at a port, for a moment.
fn is_silent(lab: &Lab, address: &str, port: u16) -> bool {
    let tried = lab.at_far(|| TcpStream::connect_timeout(&at(address, port), Duration::from_millis(50)));
    tried.is_err_and(|error| error.kind() == ErrorKind::TimedOut)
}

#[test]
fn our_ports_come_to_us_and_the_kernel_goes_on_as_if_we_were_not_there() {
    let Some(lab) = Lab::new() else { return };
    assert!(is_refused(&lab, "10.77.0.1", OURS), "without us the kernel refuses what has no listener");
    let mut near = Station::all(lab.at_near(|| Xdp::open("va", &shared()).unwrap()));

    assert!(is_silent(&lab, "10.77.0.1", OURS) && is_silent(&lab, "2001:db8::1", OURS));
    let (_, segment) = hear(&mut near, |bytes| is_to_port(bytes, TCP, OURS));
    assert_eq!((&segment[26..30], segment[47] & 0x3f), (&[10, 77, 0, 2][..], 0x02), "it asks to connect");
    hear(&mut near, |bytes| bytes[12..14] == [0x86, 0xdd] && bytes[20] == TCP && bytes[56..58] == OURS.to_be_bytes());

    assert!(is_refused(&lab, "10.77.0.1", 81), "other ports are the kernel's");
    for address in ["10.77.0.1", "2001:db8::1"] {
        assert!(kernel_serves(&lab, address) && lab.at_far(|| ping(address)), "{address}");
    }
    for station in &mut near {
        station.turn(&[]);
        assert!(station.heard.iter().all(|bytes| bytes[12..14] != [8, 6]), "ARP is the kernel's");
    }
    let counts = near[0].device.interface().counts().unwrap();
    assert!(counts.redirected >= 2 && counts.passed >= 10 && counts.blocked == 0, "{counts:?}");
    near.into_iter().for_each(Station::close);
    assert!(is_refused(&lab, "10.77.0.1", OURS), "after us it is as before");
}

#[test]
fn an_error_about_a_segment_of_ours_comes_to_us() {
    let Some(lab) = Lab::new() else { return };
    let (mac_near, mac_far) = (lab.at_near(|| interface("va").mac.0), lab.at_far(|| interface("vb").mac.0));
    let mut near = Station::all(lab.at_near(|| Xdp::open("va", &shared()).unwrap()));
    // To a place behind the far host that it has no way to: it says so.
    lab.ip_far("route add unreachable 192.0.2.0/24");
    lab.at_far(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    let mut segment = udp([mac_near, mac_far], [[10, 77, 0, 1], [192, 0, 2, 1]], [40_007, 80], &[0x50; 20]);
    segment[23] = TCP;
    let checksum = crore_wire::checksum::Sum::of(&[&segment[14..24], &[0, 0], &segment[26..34]].concat()).finish();
    segment[24..26].copy_from_slice(&checksum.to_be_bytes());
    near[0].turn(&[segment.clone()]);
    let (_, error) = hear(&mut near, |bytes| bytes[12..14] == [8, 0] && bytes[23] == 1 && bytes[34] == 3);
    assert_eq!(error[42 + 12..42 + 22], segment[26..36], "it quotes our segment");
    near.into_iter().for_each(Station::close);
}

#[test]
fn blocked_sources_lose_what_is_ours_and_keep_what_is_the_kernels() {
    let Some(lab) = Lab::new() else { return };
    let mut near = Station::all(lab.at_near(|| Xdp::open("va", &shared()).unwrap()));
    let filter = near[0].device.interface().clone();
    assert!(filter.block("10.77.0.2/31".parse().unwrap()).unwrap());
    assert!(is_silent(&lab, "10.77.0.1", OURS), "it is dropped, not refused");
    eventually("a dropped segment", || filter.counts().unwrap().blocked > 0);
    assert!(kernel_serves(&lab, "10.77.0.1") && lab.at_far(|| ping("10.77.0.1")));
    for station in &mut near {
        station.turn(&[]);
        assert_eq!(station.heard, Vec::<Vec<u8>>::new());
    }
    assert!(filter.unblock("10.77.0.2/31".parse().unwrap()).unwrap());
    assert!(is_silent(&lab, "10.77.0.1", OURS));
    hear(&mut near, |bytes| is_to_port(bytes, TCP, OURS));

    let mut ports = PortSet::default();
    ports.insert(443..=443);
    filter.set_ports(ports).unwrap();
    assert!(is_refused(&lab, "10.77.0.1", OURS) && is_silent(&lab, "10.77.0.1", 443));
    near.into_iter().for_each(Station::close);
}

#[test]
fn what_is_ours_is_dropped_while_its_queue_has_no_socket() {
    let Some(lab) = Lab::new() else { return };
    let near = lab.at_near(|| Xdp::open("va", &shared()).unwrap());
    assert!(is_silent(&lab, "10.77.0.1", OURS), "the kernel must not answer for us");
    assert!(near[0].interface().counts().unwrap().without_socket > 0);
}

#[test]
fn datagrams_go_both_ways_between_an_address_of_ours_and_the_kernel() {
    let Some(lab) = Lab::new() else { return };
    let (mac_near, mac_far) = (lab.at_near(|| interface("va").mac.0), lab.at_far(|| interface("vb").mac.0));
    let mut near = Station::all(lab.at_near(|| Xdp::open("va", &super::whole(super::NEAR)).unwrap()));
    let kernel = lab.at_far(|| UdpSocket::bind("10.77.0.2:7777").unwrap());
    kernel.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for number in 0..50_u8 {
        let hosts = [super::NEAR, [10, 77, 0, 2]];
        near[usize::from(number % 2)].turn(&[udp([mac_near, mac_far], hosts, [5000, 7777], &[number; 100])]);
        let mut bytes = [0; 200];
        assert_eq!(kernel.recv_from(&mut bytes).unwrap(), (100, "10.77.0.9:5000".parse().unwrap()));
        assert_eq!(bytes[..100], [number; 100]);
    }
    let mac: Vec<String> = mac_near.iter().map(|byte| format!("{byte:02x}")).collect();
    lab.ip_far(&format!("neigh replace 10.77.0.9 lladdr {} dev vb", mac.join(":")));
    kernel.send_to(b"and back", "10.77.0.9:5000").unwrap();
    let (_, frame) = hear(&mut near, |bytes| is_to_port(bytes, UDP, 5000));
    assert_eq!(&frame[42..], b"and back");
    near.into_iter().for_each(Station::close);
}
