//! The filter, run by the kernel on packets that are made here: no interface, no traffic. A second version of the same
//! decisions, in Rust, says what must come out.

mod model;
mod packets;

use crore_base::random::Rng;
use crore_wire::ip::{Ip, Prefix};

use super::super::bpf;
use super::super::claim::Claim;
use super::super::error::XdpError;
use super::super::program::{FilterCounts, Program};
use model::is_ours;
use packets::*;

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

/// The program of a claim, or `None` where there is no right to load one.
fn loaded(claim: &Claim) -> Option<Program> {
    match Program::load(claim) {
        Ok(program) => Some(program),
        Err(XdpError::Rights { what }) => {
            println!("skipped: needs CAP_BPF and CAP_NET_ADMIN ({what})");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Each kind of claim, by what it has.
fn claims() -> Vec<(&'static str, Claim)> {
    let shared = || Claim::new().share(ip("10.77.0.1")).share(ip("2001:db8::1")).ports(80..=80).ports(40_000..=49_999);
    vec![
        ("an address", Claim::new().whole(Prefix::host(ip("10.77.0.9")))),
        ("a network", Claim::new().whole(prefix("10.77.8.0/21"))),
        ("an IPv6 network", Claim::new().whole(prefix("2001:db8:1::/49"))),
        ("both", Claim::new().whole(prefix("10.77.8.0/21")).whole(prefix("2001:db8:1::/48"))),
        ("everything", Claim::new().whole(Prefix::ALL)),
        ("everything of IPv4", Claim::new().whole(prefix("0.0.0.0/0"))),
        ("all but the host", Claim::new().whole(Prefix::ALL).except(ip("10.77.0.1")).except(ip("2001:db8::1"))),
        ("shared", shared()),
        ("shared, IPv4 only", Claim::new().share(ip("10.77.0.1")).ports(80..=80)),
        ("shared, IPv6 only", Claim::new().share(ip("2001:db8::1")).ports(80..=80)),
        ("shared without ports", Claim::new().share(ip("10.77.0.1"))),
        ("all kinds", shared().whole(prefix("10.77.0.0/16")).except(ip("10.77.0.1")).whole(prefix("2001:db8:1::/48"))),
    ]
}

#[test]
fn the_kernel_takes_the_filter_of_every_kind_of_claim_up_to_the_limits() {
    for (_, claim) in claims() {
        let Some(_program) = loaded(&claim) else { return };
    }
    let mut largest = Claim::new();
    for n in 0..16 {
        let (v4, v6) = (Ip::v4([10, n, 0, 0]), ip(&format!("2001:db8:{n}::")));
        largest =
            largest.whole(Prefix::new(if n % 2 == 0 { v4 } else { v6 }, 113)).share(if n % 2 == 0 { v6 } else { v4 });
        largest = largest.except(v4).except(v6);
    }
    loaded(&largest.ports(0..=65_535));
}

#[test]
fn frames_are_ours_or_the_kernels_as_the_claim_says() {
    for (name, claim) in claims() {
        let Some(program) = loaded(&claim) else { return };
        for (what, frame) in samples() {
            let verdict = bpf::run(program.as_fd(), &frame).unwrap();
            let expected = if is_ours(&claim, &frame) { XDP_DROP } else { XDP_PASS };
            assert_eq!(verdict, expected, "a claim of {name}, a frame that is {what}");
        }
    }
}

#[test]
fn what_is_ours_is_what_a_reader_of_the_documentation_expects() {
    let shared = Claim::new().share(ip("10.77.0.1")).share(ip("2001:db8::1")).ports(80..=80);
    let whole = Claim::new().whole(prefix("10.77.8.0/21")).whole(prefix("2001:db8:1::/48"));
    let names = |claim: &Claim| -> Vec<&str> {
        let Some(program) = loaded(claim) else { return Vec::new() };
        let ours = |frame: &Vec<u8>| bpf::run(program.as_fd(), frame).unwrap() == XDP_DROP;
        samples().into_iter().filter(|(_, frame)| ours(frame)).map(|(name, _)| name).collect()
    };
    let ours = names(&shared);
    if ours.is_empty() {
        return;
    }
    assert_eq!(
        ours,
        [
            "TCP to port 80 of the host",
            "TCP with IP options to port 80 of the host",
            "the first fragment to port 80 of the host",
            "an error about our port 80",
            "an error about our port 80, with IP options inside",
            "IPv6 TCP to port 80 of the host",
            "an IPv6 error about our port 80",
        ]
    );
    assert_eq!(
        names(&whole),
        [
            "ARP for an address of our network",
            "a ping to our network",
            "UDP to our network",
            "a later fragment to our network",
            "TCP to our network",
            "an IPv6 ping to our network",
            "a solicitation of our IPv6 network",
            "a neighbour's answer to our IPv6 network",
        ]
    );
}

#[test]
fn random_frames_get_the_verdict_of_the_model() {
    let mut random = Rng::from_seed(7);
    let samples = samples();
    for (name, claim) in claims() {
        let Some(program) = loaded(&claim) else { return };
        for _ in 0..2_000 {
            let mut frame = samples[random.below(samples.len() as u64) as usize].1.clone();
            for _ in 0..random.below(4) {
                let at = random.below(frame.len() as u64) as usize;
                frame[at] = random.next_u64() as u8;
            }
            // The kernel runs programs on whole Ethernet headers only, as drivers do.
            frame.truncate(14.max(random.below(2 * frame.len() as u64) as usize));
            let expected = if is_ours(&claim, &frame) { XDP_DROP } else { XDP_PASS };
            assert_eq!(bpf::run(program.as_fd(), &frame).unwrap(), expected, "a claim of {name}: {frame:02x?}");
        }
    }
}

#[test]
fn every_frame_is_counted_once_and_blocked_sources_lose_only_what_is_ours() {
    let claim = Claim::new().share(ip("10.77.0.1")).share(ip("2001:db8::1")).ports(80..=80);
    let Some(program) = loaded(&claim) else { return };
    let run = |frame: &[u8]| bpf::run(program.as_fd(), frame).unwrap();
    let counts = || program.counts().unwrap();
    let ours = tcp_v4([192, 0, 2, 7], [10, 77, 0, 1], 80);
    let ours_v6 = tcp_v6(ip("2001:db8:bad::1"), ip("2001:db8::1"), 80);
    let kernels = tcp_v4([192, 0, 2, 7], [10, 77, 0, 1], 22);

    assert_eq!((run(&ours), run(&kernels), run(&ours_v6)), (XDP_DROP, XDP_PASS, XDP_DROP));
    assert_eq!(counts(), FilterCounts { passed: 1, without_socket: 2, ..FilterCounts::default() });

    assert!(program.block(prefix("192.0.2.128/24")).unwrap() && !program.block(prefix("192.0.2.0/24")).unwrap());
    assert!(program.block(prefix("2001:db8:bad::/48")).unwrap());
    assert_eq!((run(&ours), run(&kernels), run(&ours_v6)), (XDP_DROP, XDP_PASS, XDP_DROP));
    assert_eq!(counts(), FilterCounts { passed: 2, blocked: 2, without_socket: 2, redirected: 0 });
    assert_eq!(run(&tcp_v4([192, 0, 3, 7], [10, 77, 0, 1], 80)), XDP_DROP);
    assert_eq!(counts().without_socket, 3, "a neighbour of the blocked is not");

    assert!(program.unblock(prefix("192.0.2.0/24")).unwrap() && !program.unblock(prefix("192.0.2.0/24")).unwrap());
    run(&ours);
    assert_eq!((counts().without_socket, counts().blocked), (4, 2));
}

#[test]
fn ports_can_be_changed_while_the_filter_runs() {
    let claim = Claim::new().share(ip("10.77.0.1")).ports(80..=80);
    let Some(program) = loaded(&claim) else { return };
    let verdict = |port| bpf::run(program.as_fd(), &tcp_v4([192, 0, 2, 7], [10, 77, 0, 1], port)).unwrap();
    assert_eq!((verdict(80), verdict(443)), (XDP_DROP, XDP_PASS));
    let mut ports = claim.port_set().clone();
    ports.remove(80..=80);
    ports.insert(443..=443);
    program.set_ports(ports).unwrap();
    assert_eq!((verdict(80), verdict(443)), (XDP_PASS, XDP_DROP));
}

#[test]
fn what_the_kernel_does_not_take_comes_with_the_reason() {
    // Reads a result that nobody has written.
    let mut code = super::Assembler::new();
    code.exit();
    match bpf::load_program(&code.finish()) {
        Ok(_) => panic!("the kernel has taken a program without a result"),
        Err((errno, log)) if log.is_empty() => println!("skipped: needs CAP_BPF and CAP_NET_ADMIN ({errno})"),
        Err((errno, log)) => {
            let text = XdpError::Program { error: errno.into(), log }.to_string();
            assert!(text.contains("R0 !read_ok"), "{text}");
        }
    }
}
