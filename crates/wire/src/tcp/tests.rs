use super::*;
use crate::ip::Ip;
use crate::protocol;

const TIMESTAMPS: [u8; 10] = [8, 10, 0, 0, 0, 7, 0, 0, 0, 9];

/// A segment with these options, which are a multiple of four, and the payload "data".
fn segment(flags: Flags, options: &[u8]) -> Vec<u8> {
    let header_len = LEN + options.len();
    let mut bytes = vec![0x1f, 0x90, 0xc0, 0x01, 0x80, 0, 0, 1, 0x90, 0, 0, 2];
    bytes.extend([((header_len / 4) << 4) as u8, flags.0, 0xff, 0xff, 0x12, 0x34, 0, 3]);
    bytes.extend(options);
    bytes.extend(b"data");
    bytes
}

fn options(bytes: &[u8]) -> Result<Options, Refused> {
    let segment = segment(Flags::ACK, bytes);
    parse(&segment).map(|(header, start)| {
        assert_eq!(&segment[start..], b"data");
        header.options
    })
}

/// The ranges of SACK in these options, which are in order.
fn ranges(bytes: &[u8]) -> Vec<(Seq, Seq)> {
    assert!(options(bytes).is_ok());
    SackBlocks::parse(&segment(Flags::ACK, bytes)).unwrap().as_slice().to_vec()
}

fn with_timestamps() -> Options {
    Options { timestamps: Some(super::Timestamps { value: 7, echo: 9 }), ..Options::NONE }
}

#[test]
fn a_header_gives_its_fields_and_where_its_payload_starts() {
    let bytes = segment(Flags::ACK | Flags::PSH, &[]);
    let expected = Header {
        source_port: 8080,
        destination_port: 0xc001,
        seq: Seq(0x8000_0001),
        ack: Seq(0x9000_0002),
        flags: Flags::ACK | Flags::PSH,
        window: 0xffff,
        urgent: 3,
        options: Options::NONE,
    };
    assert_eq!(parse(&bytes), Ok((expected, 20)));
}

#[test]
fn the_bits_beside_the_header_length_do_not_matter() {
    let mut bytes = segment(Flags::ACK, &[]);
    bytes[12] |= 0x0f;
    assert_eq!(parse(&bytes), parse(&segment(Flags::ACK, &[])));
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let whole = segment(Flags::ACK, &[1; 12]);
    for len in 0..32 {
        assert_eq!(parse(&whole[..len]), Err(Refused::TcpLength), "cut to {len}");
    }
    assert!(parse(&whole[..32]).is_ok());
    for words in 0..5 {
        let mut bytes = whole.clone();
        bytes[12] = words << 4;
        assert_eq!(parse(&bytes), Err(Refused::TcpLength), "a header of {words} words");
    }
    let mut bytes = whole.clone();
    bytes[12] = 0xf0;
    assert_eq!(parse(&bytes), Err(Refused::TcpLength), "a header longer than the segment");
}

/// RFC 9293 MUST-1
#[test]
fn a_window_is_never_negative() {
    let header = parse(&segment(Flags::ACK, &[])).unwrap().0;
    assert_eq!(header.scaled_window(0), 65_535);
    assert_eq!(header.scaled_window(14), 65_535 << 14);
    assert_eq!(header.scaled_window(15), 65_535 << 14, "a larger shift counts as 14");
    assert_eq!(header.scaled_window(255), 65_535 << 14);
    assert!(header.scaled_window(14) < 1 << 30);
    let half = Header { window: 0x8000, ..header };
    assert_eq!(half.scaled_window(0), 32_768);
}

/// RFC 9293 MUST-3
#[test]
fn any_flipped_bit_of_a_segment_or_its_addresses_is_noticed() {
    let [source, destination] = ["192.0.2.1", "198.51.100.2"].map(|text| text.parse::<Ip>().unwrap());
    let mut bytes = segment(Flags::ACK, &[1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9]);
    bytes.push(b'!');
    let pseudo = Sum::pseudo_header(&source, &destination, protocol::TCP, bytes.len() as u32);
    bytes[16..18].fill(0);
    let mut sum = pseudo;
    sum.add(&bytes);
    bytes[16..18].copy_from_slice(&sum.finish().to_be_bytes());
    assert!(verify(&bytes, &pseudo));
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(!verify(&damaged, &pseudo), "bit {bit}");
    }
    let elsewhere = "198.51.100.3".parse().unwrap();
    assert!(!verify(&bytes, &Sum::pseudo_header(&source, &elsewhere, protocol::TCP, bytes.len() as u32)));
    assert!(!verify(&bytes, &Sum::pseudo_header(&source, &destination, 17, bytes.len() as u32)));
    assert!(!verify(&bytes, &Sum::pseudo_header(&source, &destination, protocol::TCP, bytes.len() as u32 + 1)));
}

/// RFC 9293 MUST-4
#[test]
fn end_no_operation_and_mss_are_known_in_every_order() {
    let mss = Options { mss: Some(1460), ..Options::NONE };
    assert_eq!(options(&[2, 4, 5, 0xb4]), Ok(mss));
    assert_eq!(options(&[1, 1, 1, 1, 2, 4, 5, 0xb4]), Ok(mss));
    assert_eq!(options(&[2, 4, 5, 0xb4, 0, 0, 0, 0]), Ok(mss));
    assert_eq!(options(&[1, 2, 4, 5, 0xb4, 1, 1, 0]), Ok(mss));
    assert_eq!(options(&[0, 2, 4, 5, 0xb4, 0, 0, 0]), Ok(Options::NONE), "behind the end is nothing");
    assert_eq!(options(&[0, 255, 255, 255]), Ok(Options::NONE), "not even nonsense");
    assert_eq!(options(&[1, 1, 1, 1]), Ok(Options::NONE));
}

/// RFC 9293 MUST-5
#[test]
fn options_are_read_in_any_segment() {
    let bytes = [2, 4, 5, 0xb4, 3, 3, 7, 1];
    for flags in [Flags::SYN, Flags::ACK, Flags::ACK | Flags::PSH, Flags::FIN | Flags::ACK, Flags::RST, Flags::NONE] {
        let (header, start) = parse(&segment(flags, &bytes)).unwrap();
        assert_eq!((header.options.mss, header.options.window_scale, start), (Some(1460), Some(7), 28), "{flags}");
    }
}

/// RFC 9293 MUST-6
#[test]
fn unknown_options_are_passed_over_by_their_length() {
    let between = [2, 4, 5, 0xb4, 200, 6, 2, 4, 0, 1, 3, 3, 7, 253, 2, 0];
    let expected = Options { mss: Some(1460), window_scale: Some(7), ..Options::NONE };
    assert_eq!(options(&between), Ok(expected));
    let mut longest = [0xaa; 40];
    longest[..2].copy_from_slice(&[77, 40]);
    assert_eq!(options(&longest), Ok(Options::NONE));
}

/// RFC 9293 MUST-7
#[test]
fn impossible_lengths_are_refused() {
    for bytes in [
        &[200, 0, 0, 0][..],
        &[200, 1, 0, 0],
        &[200, 5, 0, 0],
        &[1, 1, 200, 3],
        &[200, 255, 0, 0],
        &[2, 0, 5, 0xb4],
        &[2, 3, 5, 0],
        &[2, 5, 5, 0xb4, 0, 0, 0, 0],
        &[1, 2, 4, 5],
        &[3, 2, 1, 1],
        &[3, 4, 7, 7],
        &[4, 3, 0, 0],
        &[8, 9, 0, 0, 0, 7, 0, 0, 0, 1, 1, 1],
        &[8, 10, 0, 0, 0, 7, 0, 0],
        &[5, 2, 1, 1],
        &[5, 9, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1],
        &[5, 10, 0, 0, 0, 1, 0, 0],
    ] {
        assert_eq!(options(bytes), Err(Refused::TcpOption), "{bytes:?}");
    }
}

/// RFC 9293 MUST-64
#[test]
fn options_may_start_at_any_byte() {
    for padding in 0..4 {
        let mut bytes = vec![1; padding];
        bytes.extend(TIMESTAMPS);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        assert_eq!(options(&bytes), Ok(with_timestamps()), "behind {padding} no-operations");
        let mut sack = vec![1; padding];
        sack.extend([5, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        sack.resize(sack.len().next_multiple_of(4), 1);
        assert_eq!(ranges(&sack), [(Seq(1), Seq(2))]);
    }
}

/// RFC 9293 MUST-68
#[test]
fn every_kind_but_two_has_a_length() {
    for kind in 2..=255 {
        assert_eq!(options(&[1, 1, 1, kind]), Err(Refused::TcpOption), "kind {kind} without a length");
        assert_eq!(options(&[1, 1, kind, 0]), Err(Refused::TcpOption), "kind {kind} with length zero");
    }
}

/// The pointer counts from the segment's own number, whatever its payload: urgent data may be longer than one segment.
///
/// RFC 9293 MUST-30
/// RFC 9293 MUST-31
/// RFC 9293 MUST-62
#[test]
fn urgent_data_ends_where_the_pointer_says() {
    let mut bytes = segment(Flags::ACK | Flags::URG, &[]);
    assert_eq!(parse(&bytes).unwrap().0.urgent_end(), Some(Seq(0x8000_0004)));
    bytes[18..20].fill(0xff);
    assert_eq!(parse(&bytes).unwrap().0.urgent_end(), Some(Seq(0x8001_0000)));
    bytes[4..8].fill(0xff);
    assert_eq!(parse(&bytes).unwrap().0.urgent_end(), Some(Seq(0xfffe)));
    bytes[13] = Flags::ACK.0;
    assert_eq!(parse(&bytes).unwrap().0.urgent_end(), None);
}

#[test]
fn the_usual_layout_of_timestamps_reads_as_any_other() {
    let usual = [&[1, 1][..], &TIMESTAMPS].concat();
    assert_eq!(options(&usual), Ok(with_timestamps()));
    let unusual = [&TIMESTAMPS[..], &[1, 1]].concat();
    assert_eq!(options(&unusual), Ok(with_timestamps()));
    let followed = [&usual[..], &[1, 3, 3, 7]].concat();
    assert_eq!(options(&followed), Ok(Options { window_scale: Some(7), ..with_timestamps() }));
}

#[test]
fn the_options_of_a_linux_syn_are_read() {
    let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7];
    let expected = Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, ..with_timestamps() };
    assert_eq!(options(&bytes), Ok(expected));
}

#[test]
fn up_to_four_ranges_are_read() {
    for count in 1..=4u8 {
        let mut bytes = vec![5, 2 + count * 8];
        let mut expected = Vec::new();
        for range in 0..u32::from(count) {
            bytes.extend((range * 10).to_be_bytes());
            bytes.extend((range * 10 + 5).to_be_bytes());
            expected.push((Seq(range * 10), Seq(range * 10 + 5)));
        }
        bytes.resize(bytes.len().next_multiple_of(4), 1);
        assert_eq!(ranges(&bytes), expected);
    }
}

#[test]
fn of_an_option_that_comes_twice_the_last_counts() {
    assert_eq!(options(&[2, 4, 1, 1, 2, 4, 2, 2]).unwrap().mss, Some(0x0202));
    let two = [5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4];
    assert_eq!(ranges(&two), [(Seq(3), Seq(4))]);
}

#[test]
fn a_large_shift_is_reported_as_it_is() {
    assert_eq!(options(&[3, 3, 200, 0]).unwrap().window_scale, Some(200));
}

#[test]
fn syn_and_fin_take_a_number_each() {
    let len = |flags| Header { flags, ..Header::default() }.sequence_len(10);
    assert_eq!((len(Flags::ACK), len(Flags::SYN), len(Flags::FIN)), (10, 11, 11));
    assert_eq!(len(Flags::SYN | Flags::FIN), 12);
}

#[test]
fn flags_are_a_set_with_names() {
    let both = Flags::SYN | Flags::ACK;
    assert!(both.contains(Flags::SYN) && both.contains(both) && both.contains(Flags::NONE));
    assert!(!both.contains(Flags::SYN | Flags::FIN) && both.intersects(Flags::SYN | Flags::FIN));
    assert!(!both.intersects(Flags::RST | Flags::NONE));
    assert_eq!(both.without(Flags::SYN), Flags::ACK);
    assert_eq!(both & Flags::SYN, Flags::SYN);
    assert_eq!(format!("{both:?} {} {:?}", Flags::NONE, Flags(255)), "SYN|ACK NONE FIN|SYN|RST|PSH|ACK|URG|ECE|CWR");
}
