//! The fuzz targets, without a fuzzer: the same functions, on seeds that are cut, flipped, spliced and grown, and on
//! noise. The same inputs every time, so a failure repeats.

use crore_base::random::Rng;

#[path = "../../../fuzz/src/frame.rs"]
pub mod frame;
#[path = "../../../fuzz/src/seeds.rs"]
pub mod seeds;
#[path = "../../../fuzz/src/tcp_header.rs"]
pub mod tcp_header;

const INPUTS: u32 = 50_000;
const INPUT_BYTES_MAX: usize = 1514;

/// Bytes that break parsers more often than others: ends, kinds and lengths of options, and the edges of a byte.
const FAVOURITES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 40, 43, 44, 60, 127, 128, 255];

/// One of `seeds`, changed in one to eight places.
fn mutated(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = pick(seeds, rng).clone();
    for _ in 0..rng.range(1..9) {
        let at = rng.below(input.len() as u64 + 1) as usize;
        match rng.below(7) {
            0 => input.truncate(at),
            1 if at < input.len() => input[at] ^= 1 << rng.below(8),
            2 if at < input.len() => input[at] = rng.next_u64() as u8,
            3 if at < input.len() => input[at] = *pick(&FAVOURITES, rng),
            4 => input.insert(at, *pick(&FAVOURITES, rng)),
            5 => {
                let other = pick(seeds, rng);
                let from = rng.below(other.len() as u64) as usize;
                input.truncate(at);
                input.extend(&other[from..]);
            }
            _ => {
                let copied = input[at..].to_vec();
                input.extend(copied);
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }
    input
}

fn pick<'a, T>(from: &'a [T], rng: &mut Rng) -> &'a T {
    &from[rng.below(from.len() as u64) as usize]
}

fn noise(rng: &mut Rng, len_max: u64) -> Vec<u8> {
    let mut input = vec![0; rng.below(len_max + 1) as usize];
    rng.fill(&mut input);
    input
}

/// Runs a target on all seeds, all their prefixes, and many inputs made from them.
fn run(seeds: &[Vec<u8>], target: fn(&[u8]), seed: u64) {
    let mut rng = Rng::from_seed(seed);
    for input in seeds {
        (0..=input.len()).for_each(|len| target(&input[..len]));
    }
    for _ in 0..INPUTS {
        target(&mutated(seeds, &mut rng));
    }
    for _ in 0..INPUTS / 5 {
        target(&noise(&mut rng, 200));
    }
}

#[test]
fn frames_of_strangers_break_no_promise() {
    run(&seeds::frames(), frame::run, 0xf4a3e);
}

#[test]
fn tcp_headers_of_strangers_break_no_promise() {
    run(&seeds::tcp_headers(), tcp_header::run, 0x7c9);
}

#[test]
fn every_reason_to_refuse_a_frame_is_met() {
    let seeds = seeds::frames();
    let mut rng = Rng::from_seed(1);
    let mut met = [0u32; crore_wire::Refused::COUNT];
    for _ in 0..INPUTS {
        if let Err(reason) = crore_wire::packet::Link::parse(&mutated(&seeds, &mut rng)) {
            met[reason as usize] += 1;
        }
    }
    use crore_wire::Refused::*;
    for reason in [EthernetLength, EtherType, Arp, Ipv4Length, Ipv4Version, Ipv4TotalLength, Ipv4Checksum] {
        assert!(met[reason as usize] > 0, "{reason} is never met: the inputs are too tame");
    }
    for reason in [Ipv6Length, Ipv6Version, Ipv6PayloadLength, Ipv6Extension, Ipv6Option, Ipv6Fragment, Ipv6Routing] {
        assert!(met[reason as usize] > 0, "{reason} is never met: the inputs are too tame");
    }
}
