//! What the hot path costs on this machine. Asserts nothing, so it is ignored; run it in release mode:
//! `cargo test --release -p crore-wire --test speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crore_wire::checksum::Sum;
use crore_wire::emit::{self, Path};
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::packet::Packet;
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags, Options, Timestamps};

/// The best of several runs: what the code costs when nothing else disturbs it.
fn measure(what: &str, mut work: impl FnMut()) {
    const ROUNDS: u32 = 200_000;
    let mut best = Duration::MAX;
    for _ in 0..9 {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        best = best.min(start.elapsed());
    }
    println!("{what:56} {:7.1} ns", best.as_secs_f64() * 1e9 / f64::from(ROUNDS));
}

fn path(v4: bool) -> Path {
    let (source, destination) = if v4 { ("10.1.2.3", "10.3.2.1") } else { ("2001:db8::1", "2001:db8::2") };
    Path {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        destination_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: source.parse::<Ip>().unwrap(),
        destination: destination.parse::<Ip>().unwrap(),
        hop_limit: 64,
        dscp: 0,
    }
}

fn header() -> tcp::Header {
    let options = Options { timestamps: Some(Timestamps { value: 7, echo: 9 }), ..Options::NONE };
    tcp::Header {
        source_port: 80,
        destination_port: 40_000,
        seq: Seq(1),
        ack: Seq(2),
        flags: Flags::ACK | Flags::PSH,
        window: 500,
        urgent: 0,
        options,
    }
}

fn receive(frame: &[u8]) -> Option<(Packet, tcp::Header, usize)> {
    let packet = Packet::parse(frame).ok()?;
    let segment = packet.payload(frame);
    let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, packet.protocol, segment.len() as u32);
    if !tcp::verify(segment, &pseudo) {
        return None;
    }
    let (header, start) = tcp::parse(segment).ok()?;
    Some((packet, header, start))
}

#[test]
#[ignore = "measures, and asserts nothing"]
fn the_hot_path() {
    let bytes = vec![0x5a; 2048];
    let mut out = vec![0; 2048];
    for len in [20, 64, 96, 536, 1460] {
        measure(&format!("sum of {len} bytes"), || {
            black_box(Sum::of(black_box(&bytes[..len])).finish());
        });
    }
    measure("sum of 1460 bytes, odd address", || {
        black_box(Sum::of(black_box(&bytes[1..1461])).finish());
    });
    for len in [64, 1460] {
        measure(&format!("copy and sum of {len} bytes"), || {
            let mut sum = Sum::new();
            sum.copy_from(black_box(&mut out[..len]), black_box(&bytes[..len]));
            black_box(sum.finish());
        });
        measure(&format!("copy of {len} bytes"), || {
            black_box(&mut out[..len]).copy_from_slice(black_box(&bytes[..len]));
        });
    }
    for (family, v4) in [("IPv4", true), ("IPv6", false)] {
        for len in [0, 64, 1428] {
            let (path, header, payload) = (path(v4), header(), &bytes[..len]);
            let mut frame = vec![0; 2048];
            measure(&format!("{family}: emit a segment with {len} bytes"), || {
                black_box(emit::tcp(black_box(&mut frame), black_box(&path), black_box(&header), [black_box(payload)]));
            });
            let used = emit::tcp(&mut frame, &path, &header, [payload]);
            measure(&format!("{family}: parse, verify, parse one with {len} bytes"), || {
                black_box(receive(black_box(&frame[..used])));
            });
            measure(&format!("{family}: tcp::parse only, {len} bytes"), || {
                black_box(tcp::parse(black_box(&frame[emit::ip_len(v4)..used])).is_ok());
            });
            measure(&format!("{family}: tcp::verify with its pseudo-header only, {len} bytes"), || {
                let segment = black_box(&frame[emit::ip_len(v4)..used]);
                let path = black_box(&path);
                let pseudo = Sum::pseudo_header(&path.source, &path.destination, 6, segment.len() as u32);
                black_box(tcp::verify(segment, &pseudo));
            });
            measure(&format!("{family}: Packet::parse only, {len} bytes"), || {
                black_box(Packet::parse(black_box(&frame[..used])).is_ok());
            });
        }
    }
}
