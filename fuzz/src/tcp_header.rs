//! A TCP header with its options: reading and writing are inverse.

use crore_wire::emit::{self, Path};
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::tcp::{self, Flags, Header, Options};

/// Reads `bytes` as a segment, and once more as the options of one.
pub fn run(bytes: &[u8]) {
    read(bytes);
    let options = &bytes[..bytes.len().min(40) / 4 * 4];
    let mut segment = vec![0; tcp::LEN];
    segment[12] = (((tcp::LEN + options.len()) / 4) << 4) as u8;
    // Every other input has SYN, with which all options can be written again.
    segment[13] = options.len() as u8 / 4 % 2 * Flags::SYN.0;
    segment.extend(options);
    read(&segment);
}

fn read(segment: &[u8]) {
    let Ok((header, start)) = tcp::parse(segment) else {
        return;
    };
    assert!(start >= tcp::LEN && start <= segment.len() && start % 4 == 0);
    let ranges = tcp::SackBlocks::parse(segment).expect("its header was read");
    assert!(ranges.as_slice().len() <= 4);
    assert!(header.scaled_window(header.options.window_scale.unwrap_or(0)) < 1 << 30);
    assert_eq!(header.urgent_end().is_some(), header.flags.contains(Flags::URG));

    // A reader must not care about the alignment of what it reads.
    let moved = [&[0], segment].concat();
    assert_eq!(tcp::parse(&moved[1..]), Ok((header, start)));

    let header = if header.flags.contains(Flags::SYN) { header } else { without_syn_options(header) };
    write(&header);
}

fn without_syn_options(header: Header) -> Header {
    let options = Options { mss: None, window_scale: None, sack_permitted: false, ..header.options };
    Header { options, ..header }
}

fn write(header: &Header) {
    let path = Path {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        destination_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: Ip::v4([10, 0, 0, 1]),
        destination: Ip::v4([10, 0, 0, 2]),
        hop_limit: 64,
        dscp: 0,
    };
    let mut out = [0xee; 128];
    let len = emit::tcp(&mut out, &path, header, []);
    assert_eq!(len, emit::tcp_len(header, true));
    let segment = &out[emit::ip_len(true)..len];
    assert_eq!(tcp::parse(segment), Ok((*header, segment.len())));
}
